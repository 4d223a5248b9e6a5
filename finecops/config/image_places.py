"""Where the user keeps the images of datasets: remembered by name, in `images.json` of the user's folder."""

from __future__ import annotations

import json
import logging
import os
import uuid
from pathlib import Path

from finecops.config.home import home
from finecops.errors import ConfigError
from finecops.strict_json import parse_json

log = logging.getLogger(__name__)

FILE = "images.json"


def remembered_place(dataset: str) -> Path | None:
    """The folder or zip file of a dataset's images; None: none is remembered.

    Raises:
        ConfigError: the file is broken.
    """
    place = _read().get(dataset)
    return Path(place) if place is not None else None


def remember_place(dataset: str, place: Path | None) -> None:
    """Remember a folder or zip file; None: forget it. Where the user's folder may not be written to, a warning says so.

    Raises:
        ConfigError: the file is broken.
    """
    from filelock import FileLock

    path = home() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two commands at the same time shall not forget each other's dataset.
        with FileLock(f"{path}.lock"):
            places = _read()
            before = dict(places)
            if place is None:
                places.pop(dataset, None)
            else:
                places[dataset] = str(place.absolute())
            if places != before:
                partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
                partial.write_text(json.dumps(places, indent=2) + "\n", encoding="utf-8")
                os.replace(partial, path)
    except OSError as error:
        log.warning("%s cannot be written (%s): --images is not remembered", path, error.strerror or error)


def _read() -> dict[str, str]:
    path = home() / FILE
    try:
        places = parse_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}. Delete it, and give --images again") from error
    if isinstance(places, dict) and all(isinstance(place, str) and "\0" not in place for place in places.values()):
        return places
    raise ConfigError(f"{path} does not map datasets to folders. Delete it, and give --images again")

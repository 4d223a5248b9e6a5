"""The folder of a report, and its one-file form: written whole and in one step, and never over what is not a report."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from finecops.archives.zip_images import write_atomically
from finecops.errors import RunError
from finecops.strict_json import parse_json

PAGE: Final = "report.html"
DATA: Final = "report_data"
MARKER: Final = f"{DATA}/report.json"
"""Says that a folder is a report, and which files are its own."""
GENERATOR: Final = "finecops report"
"""What the page's head says of who made it; in the first bytes of a one-file report it is the marker."""
_HEAD = 2048


@contextmanager
def new_report_folder(folder: Path) -> Iterator[Path]:
    """A new folder to write a report into; it takes the place of `folder` when nothing went wrong.

    Raises:
        RunError: `folder` holds something that is not a report's.
    """
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two commands may write the same report at once, and the later one wins whole.
    partial = _beside(folder, "partial")
    partial.mkdir()
    try:
        yield partial
        files = sorted(str(path.relative_to(partial).as_posix()) for path in partial.rglob("*") if path.is_file())
        marker = partial / MARKER
        marker.parent.mkdir(exist_ok=True)
        marker.write_text(json.dumps({"finecops_report": 1, "files": files}, indent=0), encoding="utf-8")
        # Somebody may have put a file there in the meantime.
        check_replaceable(folder)
        _replace(folder, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_replaceable(folder: Path) -> None:
    """Check that a report may take the place of a folder: it is not there, empty, or a report and nothing else.

    Raises:
        RunError: it is not so.
    """
    if not os.path.lexists(folder):
        return
    # Behind a link is a folder that somebody else may use.
    if folder.is_symlink() or not folder.is_dir():
        raise RunError(f"{folder} is no folder, and a report is one. Choose another --out")
    own = _own_files(folder)
    if own is None:
        # Not a look at everything below: it may be a disk.
        first = next(folder.iterdir(), None)
        if first is not None:
            raise RunError(f"{folder}/ is no report, and holds for example {first.name}. Choose another --out")
        return
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if foreign := sorted(there - own):
        raise RunError(
            f"{folder}/ holds a report and a file that is not its own: {foreign[0]}. Move it away, or choose another "
            "--out"
        )


def check_replaceable_file(path: Path) -> None:
    """Check that a one-file report may take the place of a file: it is not there, or is one.

    Raises:
        RunError: it is not so.
    """
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_file():
        raise RunError(f"{path} is no file, and with --single a report is one. Choose another --out")
    with path.open("rb") as file:
        if f'name="generator" content="{GENERATOR}'.encode() not in file.read(_HEAD):
            raise RunError(f"{path} is no report of finecops. Choose another --out")


def write_report_file(path: Path, content: bytes) -> None:
    """Write a one-file report in one step.

    Raises:
        RunError: the file there is no report.
    """
    check_replaceable_file(path)
    write_atomically(path, content)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _own_files(folder: Path) -> frozenset[str] | None:
    """The files that a report in a folder says are its own; None: there is no report."""
    try:
        found = parse_json((folder / MARKER).read_bytes())
    except (OSError, ValueError):
        return None
    files = found.get("files") if isinstance(found, dict) and found.get("finecops_report") == 1 else None
    if not isinstance(files, list):
        return None
    return frozenset({MARKER, *(str(PurePosixPath(name)) for name in files if isinstance(name, str))})


def _replace(folder: Path, new: Path) -> None:
    """Put a new folder in the place of an old one, which is there again if that fails."""
    # Renamed, not deleted: if the new one cannot take its place, the old one comes back.
    old = _beside(folder, "old")
    there = folder.exists()
    if there:
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if there:
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(folder: Path, what: str) -> Path:
    # In the same folder, so that renaming moves no bytes.
    return folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.{what}")

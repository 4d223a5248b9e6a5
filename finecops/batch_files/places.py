"""How requests have their images: in them as data, as the path of a file, or as a URL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from finecops.config.schema import MllmConfig
from finecops.errors import UsageError
from finecops.images import Picture
from finecops.models.openai_requests import as_sent, image_url

DATA: Final = "data"
FILE: Final = "file"


class ImageUrls:
    """Makes the URLs of images.

    Args:
        config: the model, which says in which size an image is sent.
        how: `data`, `file`, or the beginning of a URL, to which an image's name in the annotations is joined.

    Attributes:
        names: the names of images in the annotations, by path; for URLs.
        embedded: images of paths or URLs that are data nevertheless, because they are not sent as their files are.

    Raises:
        UsageError: `how` is none of the three.
    """

    def __init__(self, config: MllmConfig, how: str) -> None:
        if how not in (DATA, FILE) and not (urlsplit(how).scheme in ("http", "https") and urlsplit(how).netloc):
            raise UsageError(
                f"--images-as {how}: it is 'data', 'file', or the beginning of a URL, as https://HOST/FOLDER/"
            )
        self._config, self._how = config, how
        self.names: Mapping[Path, str] = {}
        self.embedded = 0
        self._last: tuple[Picture, str] | None = None

    def __call__(self, image: Picture) -> str:
        """The URL of an image as a stage has it."""
        if self._last is None or self._last[0] is not image:
            self._last = image, self._url(as_sent(self._config, image))
        return self._last[1]

    def _url(self, image: Picture) -> str:
        if self._how == DATA:
            return image_url(image)
        if image.original is None:
            self.embedded += 1
            return image_url(image)
        path = image.original.path
        return path.absolute().as_uri() if self._how == FILE else f"{self._how.rstrip('/')}/{quote(self.names[path])}"

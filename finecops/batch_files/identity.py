"""The id of a request: a checksum of all that it asks, so that an answer can never be taken for that to another one."""

from __future__ import annotations

import hashlib
import json

from finecops.config.schema import MllmConfig
from finecops.images import Picture
from finecops.models.openai_requests import Asked, Mode, body_of, request_of
from finecops.replies.box_text import seen_size


class RequestIds:
    """Makes the ids of requests to a model in one mode.

    The id does not depend on how a request has its image (data, path or URL): it is of the image's own bytes. Two equal
    questions have one id, and need one answer.
    """

    def __init__(self, config: MllmConfig, mode: Mode) -> None:
        self._config, self._mode = config, mode
        self._last: tuple[Picture, str] | None = None

    def __call__(self, asked: Asked) -> str:
        """32 hexadecimal digits."""
        body = body_of(self._config.weights, request_of(self._config, asked, self._image(asked.image), self._mode))
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]

    def _image(self, image: Picture) -> str:
        """A checksum of the image, and the size in which it is sent."""
        # Questions about one image come together.
        if self._last is None or self._last[0] is not image:
            content = image.original.read_bytes() if image.original is not None else image.pixels.tobytes()
            # Of the image and its size, not of the resized pixels: these may differ between versions of Pillow.
            size = seen_size(self._config, image.size)
            self._last = image, f"{hashlib.sha256(content).hexdigest()} {image.size} as {size}"
        return self._last[1]

"""Requests for chat completions: from a question about an image to the body that a server, or a batch of one, gets.

The bytes of an image file are sent unchanged if the file is a JPEG, PNG or WebP and decoding changed nothing (EXIF
rotation, marks); otherwise a PNG of the decoded pixels is sent. The server is asked to keep special tokens
(`skip_special_tokens: false`), because the markers of boxes are such tokens.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from PIL import Image

from finecops.config.schema import MllmConfig
from finecops.images import Picture
from finecops.replies.box_text import seen_size

CHAT = "/chat/completions"
"""The path of chat completions behind a server's URL."""
Request: TypeAlias = Mapping[str, Any]
"""The body of a request for a chat completion, except the model."""


class Mode(NamedTuple):
    """Which optional parameters a request has."""

    special_tokens: bool
    logprobs: bool

    def missing(self) -> str:
        """What a request of this mode goes without, as text."""
        names = (("special tokens", self.special_tokens), ("log-probabilities", self.logprobs))
        return " and ".join(name for name, asked in names if not asked)


@dataclass(frozen=True)
class Asked:
    """A question about an image.

    Attributes:
        image: as the stage has it.
        prompt: the whole text.
        max_tokens: the longest answer.
        top: how many alternatives of each token are wanted, where log-probabilities are.
        sample_id: of the sample that asks.
    """

    image: Picture
    prompt: str
    max_tokens: int
    top: int = 0
    sample_id: str | None = None


def modes_of(config: MllmConfig) -> tuple[Mode, ...]:
    """The modes in which a server may be asked, from most to least."""
    # `skip_special_tokens` is first to go: fewer servers know it, and OpenAI's own has no such parameter.
    special = (True, False) if config.has_own_server else (False,)
    return tuple(Mode(tokens, logprobs) for logprobs in (True, False) for tokens in special)


def request_of(config: MllmConfig, asked: Asked, url: str, mode: Mode) -> Request:
    """The request, with the image's URL."""
    # The image first: what the server computed for it serves the next question too.
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": asked.prompt}]
    messages: list[dict[str, object]] = [{"role": "user", "content": content}]
    if config.system is not None:
        messages.insert(0, {"role": "system", "content": config.system})
    request: dict[str, object] = {"messages": messages, "temperature": 0}
    if mode.special_tokens:
        request["skip_special_tokens"] = False
    if config.chat_options:
        request["chat_template_kwargs"] = dict(config.chat_options)
    request["max_tokens"] = asked.max_tokens
    if mode.logprobs:
        request["logprobs"] = True
        if asked.top:
            request["top_logprobs"] = asked.top
    return request


def body_of(model: str, request: Request) -> Request:
    """The whole body: a request to a model."""
    return {"model": model, **request}


def as_sent(config: MllmConfig, image: Picture) -> Picture:
    """The image as the model gets it.

    If boxes are in pixels of the resized image, or there is a budget of visual tokens, it is resized here: the server
    then keeps its size, and the size is known. Servers differ in whether a request may name it.
    """
    size = seen_size(config, image.size)
    return image if size == image.size else Picture(image.pixels.resize(size, Image.Resampling.BICUBIC))


def image_url(image: Picture) -> str:
    """An image as a data URL: the bytes of its file, or a PNG of the decoded pixels."""
    if image.original is not None:
        content, kind = image.original.read_bytes(), image.original.media_type
    else:
        buffer = io.BytesIO()
        image.pixels.save(buffer, "PNG")
        content, kind = buffer.getvalue(), "image/png"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

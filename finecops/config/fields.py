"""The types of the settings in a configuration file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, Strict

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}")


def is_plain(name: str) -> bool:
    """Whether a name may become part of a file's name.

    >>> is_plain("qwen2.5-vl-7b"), is_plain("x/../../evil")
    (True, False)
    """
    return _PLAIN.fullmatch(name) is not None


def plain_fault(name: str) -> str:
    """What to say of a name that is not plain."""
    return f"{name[:80]!r} is no plain name (letters, digits and ._+-)"


def _plain(name: str) -> str:
    if not is_plain(name):
        raise ValueError(plain_fault(name))
    return name


def _printable(text: str) -> str:
    # Messages show these texts, and the operating system gets some of them as paths.
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _text(value: object) -> object:
    if not isinstance(value, str | Path):
        raise ValueError("is no text")
    return value


def _whole(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("is no whole number")
    return value


def _server(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError("is not the URL of a server (http://… or https://…)")
    # A URL stands in messages and in run.json. `port` raises a ValueError of its own.
    if "@" in parts.netloc or parts.query or parts.fragment or parts.port == 0:
        raise ValueError("holds more than a host and a path: the key belongs in the variable of `api_key_env`")
    return url


Plain: TypeAlias = Annotated[str, AfterValidator(_plain)]
"""A name that may become part of a file's name."""
Line: TypeAlias = Annotated[str, AfterValidator(_printable), Field(max_length=4096)]
"""A text of one line: a name, a path, an argument."""
Constant: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=200)]
"""The name of a constant, or of an environment variable."""
Server: TypeAlias = Annotated[str, AfterValidator(_server), Field(max_length=2048)]
"""The URL of a server, without user, password, query and fragment."""
Torch: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
"""A name of torch or transformers. With a "/", transformers would take it for code on the Hub."""
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=1_000_000)]
"""A duration."""
Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""How many there may be."""
Requests: TypeAlias = Annotated[int, Field(ge=1, le=10_000)]
"""How many requests a server gets at the same time."""
Lines: TypeAlias = Annotated[tuple[Line, ...], Strict(False)]
"""Texts of one line. YAML has lists, which are no tuples."""
Names: TypeAlias = Annotated[tuple[str, ...], Strict(False)]
"""Texts, in the same way."""
Folder: TypeAlias = Annotated[Path, Strict(False), BeforeValidator(_text)]
"""A path, which YAML has as text."""
RouterLevel: TypeAlias = Annotated[Literal[1, 2], BeforeValidator(_whole)]
"""A level. Python takes `true` and 1.0 for 1."""

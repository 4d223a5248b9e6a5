"""Texts of files and models: as they are stored, and as a terminal may get them; and ids."""

from __future__ import annotations

import re
import unicodedata

MAX_ID_CHARS = 300
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BLANKS = re.compile(r"[\t\n\r]")


def clean_text(text: str) -> str:
    r"""The text as it can be stored: half a character (a lone surrogate) becomes its escape sequence.

    No file and no server takes half a character; JSON can name one.

    >>> print(clean_text("a\ud800b"))
    a\ud800b
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def clean_line(text: str) -> str:
    r"""A text of one line: `clean_text`, with a blank for every line end and control character, and none around it.

    >>> clean_line(" the red\x00\ncar ")
    'the red  car'
    """
    if text.isprintable():
        return text.strip() if text.isascii() else clean_text(text).strip()
    return _CONTROLS.sub(" ", clean_text(text)).strip()


def has_odd_characters(text: str) -> bool:
    """Whether `clean_line` changes more of a text than blanks and line ends."""
    return not text.isprintable() and (clean_text(text) != text or _CONTROLS.search(_BLANKS.sub(" ", text)) is not None)


def plain_id(value: object) -> str | None:
    """An id of a file as a text; None for what is none: an empty or very long text, a fraction, a boolean, an object.

    >>> plain_id(7), plain_id("a b"), plain_id(True), plain_id(None)
    ('7', 'a b', None, None)
    """
    if type(value) is int:
        # A comparison: the digits of a number can take longer than anything else in the file.
        return str(value) if -(10**30) < value < 10**30 else None
    if not isinstance(value, str) or len(value) > MAX_ID_CHARS:
        return None
    return (value if value.isascii() and value.isprintable() else clean_line(value)) or None


def plain_ids(values: list[object]) -> list[str | None]:
    """`plain_id` of many values at once.

    >>> plain_ids([7, 8]), plain_ids(["a", 7, None])
    (['7', '8'], ['a', '7', None])
    """
    types = set(map(type, values))
    if types == {int}:
        numbers: list[int] = values  # type: ignore[assignment]
        if -(10**30) < min(numbers) <= max(numbers) < 10**30:
            return list(map(str, numbers))
    elif types == {str}:
        texts: list[str] = values  # type: ignore[assignment]
        together, lengths = "".join(texts), list(map(len, texts))
        if together.isascii() and together.isprintable() and 1 <= min(lengths) <= max(lengths) <= MAX_ID_CHARS:
            return list(texts)
    return list(map(plain_id, values))


def counted(count: int, one: str, more: str = "") -> str:
    """A number with its word, in the singular for 1.

    >>> counted(1, "sample"), counted(3, "entry", "entries"), counted(2984, "image")
    ('1 sample', '3 entries', '2984 images')
    """
    return f"{count} {one if count == 1 else more or one + 's'}"


def shortly(value: object, most: int = 80) -> str:
    """A value of a file in a message: not longer than `most` characters, without control characters."""
    # A number's digits or a list's elements may be very many; the text of neither is made.
    if isinstance(value, int) and not -(10**30) < value < 10**30:
        return "a very long number"
    if isinstance(value, list | dict | tuple) and len(value) > most:
        return f"a {type(value).__name__} of {len(value)}"
    try:
        text = repr(value[: most + 1] if isinstance(value, str) else value)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__}"
    return printable(text if len(text) <= most else text[: most - 1] + "…")


def printable(text: str) -> str:
    """The text with every control character (terminal escapes, line ends, direction marks) replaced.

    >>> printable("a" + chr(27) + "[31mb")
    'a\ufffd[31mb'
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_safe, text))


def _safe(char: str) -> str:
    # C: control, format, surrogate, private; Zl and Zp end a line.
    category = unicodedata.category(char)
    return "\N{REPLACEMENT CHARACTER}" if category[0] == "C" or category in ("Zl", "Zp") else char

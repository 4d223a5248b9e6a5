"""Data as scripts: a page from the file system may load those, and may read no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import JsonValue

from finecops.text import clean_text

RECEIVER = "finecopsData"
"""The one function of the application that every data file calls."""
_ESCAPES: Mapping[int, str] = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\N{LINE SEPARATOR}": "\\u2028",
        "\N{PARAGRAPH SEPARATOR}": "\\u2029",
    }
)


def data_script(name: str, data: Mapping[str, object] | JsonValue) -> str:
    """A script that hands data to the application under a name.

    The data are JSON in a string literal, which browsers read faster than a literal of the same data. No character of
    it can end a script element.

    Raises:
        ValueError: a number is not finite.

    >>> data_script("a", {"text": "</script>"})
    'finecopsData("a", "{\\\\"text\\\\":\\\\"\\\\u003c/script\\\\u003e\\\\"}");\\n'
    """
    text = clean_text(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    return f"{RECEIVER}({_literal(name)}, {_literal(text)});\n"


def _literal(text: str) -> str:
    """A text as a JavaScript string."""
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPES)

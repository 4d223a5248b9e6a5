"""A dictionary that a text model was asked for, in whatever it wrote."""

from __future__ import annotations

import ast
import json

_MOST_CHARACTERS = 200_000
"""The longest dictionary that is read. One for 8 expressions has some 500 characters."""
_MOST_LITERAL_CHARACTERS, _MOST_LITERAL_BRACKETS = 20_000, 100
"""The same for a dictionary as Python writes it, which needs one bracket."""


def reply_dictionary(reply: str) -> dict[object, object]:
    """The dictionary in a reply, from its first brace to its last; empty if there is none.

    It may be JSON or Python, in a code fence or with words around it.

    >>> reply_dictionary("Sure: {'1': 'the cup'}.")
    {'1': 'the cup'}
    """
    start, end = reply.find("{"), reply.rfind("}") + 1
    if start < 0 or end <= start or end - start > _MOST_CHARACTERS:
        return {}
    text = reply[start:end]
    raw: object
    try:
        raw = json.loads(text)
    except RecursionError:
        return {}
    except ValueError:
        # Python's own parser needs far more memory and stack than that of JSON.
        if len(text) > _MOST_LITERAL_CHARACTERS or sum(map(text.count, "([{")) > _MOST_LITERAL_BRACKETS:
            return {}
        # literal_eval accepts single quotes and evaluates literals only, never code.
        try:
            raw = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return {}
    return raw if isinstance(raw, dict) else {}

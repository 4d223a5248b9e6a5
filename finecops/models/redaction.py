"""Keys never leave this process but in a request to their own server.

All text from outside (a server's replies and errors, a worker's output) goes through `redact` where it comes in, and
all log messages through `RedactingFilter`. A server may echo its key as it was sent, URL-encoded, or in base64.
"""

from __future__ import annotations

import base64
import logging
import os
import re
from functools import lru_cache
from urllib.parse import quote, quote_plus

HIDDEN = "[key]"
"""What stands in place of a key."""
_VARIABLES = ("OPENAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Variables whose values are keys, whether a model uses them or not."""
_SHORTEST = 6
"""A shorter key is a word like "none" for a server without keys. Hiding it would change replies."""
_NO_KEYS = frozenset({"unused", "dummy-key", "no-key", "nokey", "not-needed"})
_SHOWN_URL = re.compile(r"(?<=://)[^/\s@]{1,500}@")
_MOST_CHARACTERS = 100_000
_known: set[str] = set()


def keep_secret(key: str | None) -> None:
    """Hide this key in all text from now on."""
    if key is not None and key.strip():
        _known.add(key.strip())


def redact(text: str) -> str:
    """The text without any key, as it is or encoded, and without the user and password of a URL.

    >>> keep_secret("sk-sesame-open")
    >>> redact("Incorrect key: Bearer sk-sesame-open, at http://me:pass@host/v1")
    'Incorrect key: Bearer [key], at http://[key]@host/v1'
    """
    keys = frozenset(_known) | {value.strip() for name in _VARIABLES if (value := os.environ.get(name))}
    pattern = _pattern(keys)
    hidden = pattern.sub(HIDDEN, text) if pattern is not None else text
    return _SHOWN_URL.sub(f"{HIDDEN}@", hidden)


def one_line(text: str, most: int = 500) -> str:
    """A foreign text for a message: without keys, on one line, without control characters, and cut.

    >>> one_line("a\\x1b[2J\\n b")
    'a?[2J b'
    """
    # Keys are hidden before anything is cut: half a key is no longer found.
    joined = " ".join(redact(text[:_MOST_CHARACTERS]).split())
    return "".join(c if c.isprintable() else "?" for c in joined)[:most]


class RedactingFilter(logging.Filter):
    """Hides keys in log messages and their tracebacks. Add it to each handler: a logger's filters miss its children."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without keys."""
        try:
            message = record.getMessage()
        # A message whose arguments do not fit; the handler reports it.
        except (TypeError, ValueError):
            return True
        record.msg, record.args = redact(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True


@lru_cache(maxsize=8)
def _pattern(keys: frozenset[str]) -> re.Pattern[str] | None:
    """A pattern for every form of the keys, the longest first; None without keys."""
    forms = {form for key in keys if len(key) >= _SHORTEST and key.lower() not in _NO_KEYS for form in _forms(key)}
    # Case is ignored: URL encoding has two, and some servers write headers in lower case.
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None


def _forms(key: str) -> set[str]:
    forms = {key, quote(key, safe=""), quote_plus(key), repr(key)[1:-1], key.encode("unicode_escape").decode()}
    content = key.encode("utf-8", "surrogateescape")
    forms.add(content.hex())
    for before in range(3):
        # In base64, three bytes give four characters. Beside other bytes ("Bearer …"), a key's first and last
        # characters mix with theirs: what is the key's alone is found at each of the three places it may begin.
        encoded = base64.b64encode(b"\0" * before + content).decode().rstrip("=")
        alone = encoded[(0, 2, 3)[before] : len(encoded) - (1 if (before + len(content)) % 3 else 0)]
        if len(alone) >= _SHORTEST:
            forms |= {alone, alone.replace("+", "-").replace("/", "_")}
    return forms

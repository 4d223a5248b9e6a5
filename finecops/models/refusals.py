"""What a server says when it refuses, as a message: without keys, and with the same text for the same fault."""

from __future__ import annotations

import json
import re

from finecops.models.redaction import one_line

# What differs between two errors for one fault: ids of requests, times of day, durations, ports.
_VARYING = re.compile(
    r"\b(?:req|request|chatcmpl|trace|cmpl)[-_][\w-]{6,100}|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{12,64}\b"
    r"|\b\d{4}-\d\d-\d\d[T ][\d:.]{5,20}Z?|\b\d+(?:\.\d+)? ?(?:ms|s|sec|seconds|minutes)\b|(?<=:)\d{4,5}\b",
    re.IGNORECASE,
)


def without_varying(text: str) -> str:
    """The text without what differs between two errors for one fault."""
    return _VARYING.sub("…", text)


def detail_of(body: object) -> str:
    """What a refusal says, on one line: OpenAI's `message` (the client has unpacked `error`), FastAPI's `detail`, else
    all of it."""
    if isinstance(body, dict):
        said = next((body[key] for key in ("message", "detail", "error") if body.get(key)), body)
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    else:
        # A proxy's page says no more than its status.
        text = "" if not isinstance(body, str) or body.lstrip().startswith("<") else body
    return without_varying(one_line(text))

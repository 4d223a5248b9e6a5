"""The document as JSON: a form for programs that stays as it is (`docs/metrics.md`)."""

from __future__ import annotations

import json
import math

from pydantic import JsonValue

from finecops.report.document import Document


def write_json(document: Document) -> str:
    """The document's data; infinite numbers and NaN are null."""
    return json.dumps(_finite(document.data), indent=1, allow_nan=False)


def _finite(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    # JSON has neither infinity nor NaN; other languages refuse them.
    return None if isinstance(value, float) and not math.isfinite(value) else value

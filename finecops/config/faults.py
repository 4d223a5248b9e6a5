"""All faults of a configuration file, a line each: the key, what is wrong, and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from finecops.config.schema import Config, ModelConfig
from finecops.names import meant

_MOST = 20


def faults_of(error: ValidationError, raw: Mapping[str, object], expected: type[Config]) -> list[str]:
    """What is wrong in a file.

    Args:
        error: what the validation found.
        raw: the file's settings. Which of them do not fit each other is looked up here where single ones are wrong:
            pydantic then does not go on to that.
        expected: what the settings should be.
    """
    faults = []
    for found in error.errors(include_url=False, include_input=False):
        loc = found["loc"]
        # The second part is the tag of a union, which stands in no file.
        where = ".".join(str(part) for part in (loc[:1] + loc[2:] if loc[:1] == ("box_format",) else loc)) or "settings"
        text = found["msg"].removeprefix("Value error, ")
        if found["type"] == "extra_forbidden" and len(loc) == 1:
            hint = meant(str(loc[0]), expected.model_fields) or "`finecops models new` writes a file with all settings"
            text = f"there is no such setting; {hint}" if issubclass(expected, ModelConfig) else text
        faults.append(f"{where[:200]}: {text[:500]}")
    if issubclass(expected, ModelConfig) and any(found["loc"] for found in error.errors()):
        faults += [f"settings: {fault}" for fault in expected.faults_between(raw)]
    return faults


def faults_message(path: Path, faults: list[str]) -> str:
    """The message about a file: one line for one fault, else a line each."""
    if len(faults) == 1:
        return f"{path}: {faults[0]}"
    shown = [f"  {fault}" for fault in faults[:_MOST]]
    more = [f"  … and {len(faults) - _MOST} more"] if len(faults) > _MOST else []
    return "\n".join([f"{path} has {len(faults)} faults:", *shown, *more])

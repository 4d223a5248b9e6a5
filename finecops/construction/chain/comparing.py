"""Whether a stage that is there is the one that is asked for: its settings, what it read, what it wrote beside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from finecops.construction.chain.folder import BuildFolder, StageRecord
from finecops.construction.chain.stage import Stage
from finecops.errors import RunError
from finecops.runs.checksums import sha256_of
from finecops.text import shortly

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def compare(stage: Stage[Any], record: StageRecord, inputs: Mapping[str, str] | None = None) -> None:
    """See whether a stage that is there has the same settings, and files with the same content.

    Raises:
        RunError: something differs; it says what.
    """
    differ = list(_differences(record.settings, stage.settings))
    if inputs is not None:
        names = sorted(name for name in record.inputs.keys() | inputs.keys() if name not in stage.reads)
        differ += [f"{name} has another content" for name in names if record.inputs.get(name) != inputs.get(name)]
    if differ:
        raise RunError(
            f"{stage.name} was made with other settings: {'; '.join(differ)}. "
            f"--again {stage.name} makes it and what follows anew; or choose another --out"
        )


def _differences(before: Mapping[str, JsonValue], now: Mapping[str, JsonValue]) -> Iterator[str]:
    """What differs, each with its two values; of two dictionaries what differs in them."""
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from (f"{name}: {inner}" for inner in _differences(old, new))
        elif old != new:
            yield f"{name} {_shown(old)} → {_shown(new)}"


def _shown(value: JsonValue) -> str:
    if isinstance(value, dict):
        return str(value.get("name", "other settings"))
    if isinstance(value, str) and _SHA256.fullmatch(value):
        return f"{value[:12]}…"
    if isinstance(value, list) and value:
        return " ".join(map(_shown, value))
    if isinstance(value, str) and value.isprintable():
        return value if len(value) < 80 else f"{value[:79]}…"
    return "none" if value in (None, [], "") else shortly(value)


def check_beside(folder: BuildFolder, name: str, record: StageRecord) -> None:
    """See whether the other files of a stage are as it wrote them.

    Raises:
        RunError: a file beside a stage's rows is gone, or is not as it was written.
    """
    for file, sha256 in record.beside.items():
        path = folder.path / file
        if not path.is_file():
            raise RunError(f"{path} is missing: --again {name} makes it anew")
        if sha256_of(path) != sha256:
            raise RunError(f"{path} was changed since it was finished: --again {name} makes it anew")

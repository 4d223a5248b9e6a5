"""When a run ends: the pace of stages that come later is remembered from runs before.

Paces are kept in `cache/paces.json` of the user's folder, by everything that makes a stage slow or fast: its settings
and device. They change nothing but what is said of the time left.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

from finecops.config.home import home
from finecops.runs.jsonl import write_json_atomically
from finecops.runs.specification import StageSpec

log = logging.getLogger(__name__)

FEWEST: Final = 32
"""Rows from which a pace is remembered: the first ones are slower."""
_MOST: Final = 500
"""Paces that are kept; the oldest go."""


def remember_pace(spec: StageSpec[Any], rows: int, seconds: float) -> None:
    """Keep how many samples per second a stage made. A disk that does not take it is no matter."""
    if rows < FEWEST or seconds <= 0:
        return
    paces = {key: pace for key, pace in _paces().items() if key != _key(spec)}
    # One place is for the new pace, which is the newest.
    kept = list(paces.items())[-_MOST + 1 :]
    path = home() / "cache" / "paces.json"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomically(path, dict([*kept, (_key(spec), round(rows / seconds, 4))]))


def seconds_of(stages: Iterable[tuple[StageSpec[Any], int]]) -> float | None:
    """How long some stages take with so many samples each; None if the pace of one is not known."""
    paces, seconds = _paces(), 0.0
    for spec, samples in stages:
        # A stage without a model takes next to no time.
        if spec.remake:
            continue
        pace = paces.get(_key(spec))
        if pace is None:
            return None
        seconds += samples / pace
    return seconds


def place_of(
    spec: StageSpec[Any], plan: Sequence[StageSpec[Any]], samples_of: Callable[[StageSpec[Any]], int]
) -> dict[str, Any]:
    """Which of the planned stages one is, and how long those after it take; nothing if it is none of them.

    Args:
        spec: the stage.
        plan: all that are planned, in their order.
        samples_of: how many samples a stage is for.
    """
    names = [planned.name for planned in plan]
    if spec.name not in names:
        return {}
    at = names.index(spec.name)
    after = [(later, samples_of(later)) for later in plan[at + 1 :]]
    place = f"{at + 1} of {len(names)}" if len(names) > 1 else ""
    return {"place": place, "seconds_after": seconds_of(after)}


def _paces() -> dict[str, float]:
    try:
        found = json.loads((home() / "cache" / "paces.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: float(pace) for key, pace in found.items() if isinstance(pace, int | float) and pace > 0}


def _key(spec: StageSpec[Any]) -> str:
    about = [spec.name, spec.settings.model_dump(mode="json"), spec.resources.device, spec.resources.batch_size]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]

"""What a method's answers were made with: the adapter's card, and what makes two lists of answers those of one setting.

Answers of one setting differ in the seeds of tuning alone, so they have a mean and a spread.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from pydantic import JsonValue

from finecops.config.find import resolve
from finecops.config.fingerprint import weights_fingerprint
from finecops.errors import FinecopsError
from finecops.evaluation.reading import RunData
from finecops.models.adapters import ADAPTER_CARD
from finecops.paths import open_regular
from finecops.records import Record
from finecops.runs.manifest import StageEntry

Json: TypeAlias = Mapping[str, JsonValue]
_USUAL_SPLIT = "train"
_PATHWAYS = ("easy", "hard")
"""Settings of a merge that name its inputs."""
_OF_ONE_ADAPTER = frozenset({"name", "adapter", "adapter_fingerprint"})
"""Settings of an MLLM that are other ones with every adapter."""


class Tuned(Record):
    """What the card of an adapter says; nothing is known where the adapter is gone or was tuned again since."""

    rows: int | None = None
    """How many rows it was tuned on."""
    positives: int | None = None
    """How many positives were asked for; rows are fewer where no more questions were possible."""
    source: str | None = None
    """Their dataset, with its split where that is not `train`."""
    seeds: tuple[int, ...] | None = None
    """Of the tuning and, where they are known, of the draw of its rows."""


def mllm_of(run: RunData, stage: str) -> Json:
    """The configuration of the MLLM that answers in a stage, or on the slow pathway of a merge; else nothing."""
    entry = run.stages[stage]
    named = entry.settings.get("mllm")
    if isinstance(named, dict):
        return named
    hard = entry.settings.get("hard")
    return mllm_of(run, hard) if isinstance(hard, str) and hard in run.stages else {}


def tuned_of(mllm: Json) -> Tuned:
    """What is known of an MLLM's adapter."""
    card = _card(mllm)
    data, tuning, size = _part(card, "data"), _part(card, "tuning"), card.get("rows")
    dataset, split, asked = data.get("dataset"), data.get("split"), _part(data, "plan").get("positives")
    named = [name for name in (dataset, split if split != _USUAL_SPLIT else None) if isinstance(name, str)]
    seeds = [value.get("seed") for value in (tuning, _part(data, "plan"))]
    known = tuple(seed for seed in seeds if isinstance(seed, int))
    return Tuned(
        rows=size if isinstance(size, int) else None,
        positives=asked if isinstance(asked, int) else None,
        source=" ".join(named) or None,
        seeds=known if known else None,
    )


def setting_of(run: RunData, stage: str) -> str:
    """A text that is equal for answers which differ in the seeds of their adapter's tuning alone."""
    content = json.dumps(_made(run, stage), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _made(run: RunData, stage: str) -> JsonValue:
    """All that a stage's rows follow from, without its share: a sample's answer is the same in any."""
    entry = run.stages[stage]
    settings: dict[str, JsonValue] = {key: value for key, value in entry.settings.items() if key not in _PATHWAYS}
    mllm = entry.settings.get("mllm")
    if isinstance(mllm, dict):
        settings["mllm"] = _without_seed(mllm)
    inputs: list[JsonValue] = [_made(run, name) for name in _inputs(entry) if name in run.stages]
    return {"role": entry.role, "settings": settings, "inputs": inputs}


def _inputs(entry: StageEntry) -> Iterator[str]:
    yield from entry.inputs
    for way in _PATHWAYS:
        name = entry.settings.get(way)
        if isinstance(name, str) and name not in entry.inputs:
            yield name


def _without_seed(mllm: Json) -> JsonValue:
    """A model's configuration with its adapter's card, without seeds, in place of the adapter."""
    if mllm.get("adapter") is None:
        return dict(mllm)
    card = _card(mllm)
    rest: dict[str, JsonValue] = {key: value for key, value in mllm.items() if key not in _OF_ONE_ADAPTER}
    if not card:
        return rest | {"adapter": mllm.get("adapter_fingerprint")}
    data, tuning = _part(card, "data"), _part(card, "tuning")
    # Where the images lay changes nothing; other rows of the same plan are another seed.
    about: dict[str, JsonValue] = {k: v for k, v in data.items() if k not in ("plan", "image_root")}
    plan, how = _no_seed(_part(data, "plan")), _no_seed(tuning)
    return rest | {"card": [card.get("base_fingerprint"), card.get("rows"), about, plan, how]}


def _no_seed(settings: Json) -> dict[str, JsonValue]:
    return {key: value for key, value in settings.items() if key != "seed"}


def _part(settings: Json, name: str) -> Json:
    part = settings.get(name)
    return part if isinstance(part, dict) else {}


def _card(mllm: Json) -> Json:
    """What an adapter's folder says of its tuning; nothing where it is not here, or was tuned again since."""
    adapter = mllm.get("adapter")
    if not isinstance(adapter, str):
        return {}
    try:
        if weights_fingerprint(adapter) != mllm.get("adapter_fingerprint"):
            return {}
        with open_regular(resolve(adapter) / ADAPTER_CARD) as file:
            found = json.loads(file.read())
    except (OSError, ValueError, FinecopsError):
        return {}
    return found if isinstance(found, dict) else {}

"""The rows of the paper's Tables VIII (rejection), X (tuning data) and XI (number of candidates) that runs have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from pydantic import JsonValue

from finecops.config.find import resolve
from finecops.config.fingerprint import weights_fingerprint
from finecops.errors import FinecopsError, RunError
from finecops.evaluation.reading import RunData
from finecops.evaluation.results import MethodResult
from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.settings import MetricSettings
from finecops.metrics.values import EVERYTHING, MEAN_OF_COLUMNS, Subset
from finecops.models.adapters import ADAPTER_CARD
from finecops.paths import open_regular
from finecops.records import NegativeKind, Record
from finecops.runs.manifest import ALL

Json: TypeAlias = Mapping[str, JsonValue]
UNTUNED, BASELINE, CRS = "w/o tuning", "baseline", "CRS"
"""The settings of Table VIII."""


class CrsRow(Record):
    """One list of answers, as far as it belongs to one of the tables."""

    run: str
    label: str
    dataset: str
    alone: bool
    """Whether an MLLM answers alone, with a box; else it chooses among candidates."""
    none: bool
    """Whether None is an option, or the prompt allows it."""
    tuned: bool
    topk: int | None = None
    usual: bool = True
    """Options in the order of rank, as text: what the tables are about."""
    rows: int | None = None
    """How many rows the adapter was tuned on, if its card is here."""
    source: str | None = None
    """The dataset of these rows."""
    n: int = 0
    """How many positives precision@1 is over."""
    precision_at_1: float | None = None
    negative_accuracy: float | None = None
    recall_text: float | None = None
    recall_image: float | None = None

    @property
    def setting(self) -> str | None:
        """Which of Table VIII's it is; None: none of them."""
        if not self.none or (self.alone and not self.tuned):
            return None
        return BASELINE if self.alone else CRS if self.tuned else UNTUNED


def crs_rows(folders: Iterable[Path]) -> list[CrsRow]:
    """Every answer of CRS, and of an MLLM alone, in some runs; those of a share of the samples are left out.

    Raises:
        RunError: a folder is no run, or was changed; none of them has such answers.
    """
    folders = list(folders)
    found = [row for folder in folders for row in _of_run(folder)]
    if not found:
        named = ", ".join(f"{folder}/" for folder in folders)
        raise RunError(f"{named}: no answers of CRS or an MLLM on every sample; `finecops crs run --both` makes them")
    return found


def _of_run(folder: Path) -> Iterator[CrsRow]:
    run = RunData(folder)
    evaluation = evaluate_run(run, MetricSettings(metrics=("p1", "r1", "reject")), write=False)
    for method in evaluation.methods:
        if method.share != ALL or method.answering is None or method.answering.method not in ("crs", "mllm"):
            continue
        settings = run.stages[method.stage].settings
        named = settings.get("mllm")
        mllm: Json = named if isinstance(named, dict) else {}
        alone, card = method.answering.method == "mllm", _card(mllm)
        topk, size = settings.get("topk"), card.get("rows")
        yield CrsRow(
            run=str(folder),
            label=method.label,
            dataset=evaluation.dataset.name,
            alone=alone,
            none=mllm.get("refusal") is not None if alone else settings.get("none") is True,
            tuned=mllm.get("adapter") is not None,
            topk=topk if isinstance(topk, int) else None,
            usual=settings.get("order", "rank") == "rank" and settings.get("show", "text") == "text",
            rows=size if isinstance(size, int) else None,
            source=_source(card),
            n=sum(method.outcomes.positive.values()),
            precision_at_1=_value(method, "precision@1", EVERYTHING),
            negative_accuracy=_value(method, "negative_accuracy", EVERYTHING),
            recall_text=_value(method, "recall@1", _mean("text")),
            recall_image=_value(method, "recall@1", _mean("image")),
        )


def _mean(kind: NegativeKind) -> Subset:
    return Subset(kind=kind, type=MEAN_OF_COLUMNS)


def _value(method: MethodResult, metric: str, subset: Subset) -> float | None:
    return next((v.value for v in method.values if v.metric == metric and v.subset == subset), None)


def _source(card: Json) -> str | None:
    data = card.get("data")
    name = data.get("dataset") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


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

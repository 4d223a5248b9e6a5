"""The answers of runs as the rows of the paper's Tables VI (router levels), VII (focus), VIII (rejection), X (tuning
data) and XI (number of candidates).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from finecops.errors import RunError
from finecops.evaluation.crs_settings import mllm_of, setting_of, tuned_of
from finecops.evaluation.reading import RunData
from finecops.evaluation.results import MethodResult
from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.settings import MetricSettings
from finecops.evaluation.strategy_costs import Cost, strategy_cost
from finecops.metrics.values import EVERYTHING, MEAN_OF_COLUMNS, Subset
from finecops.records import NegativeKind, Record
from finecops.runs.manifest import ALL, Method

UNTUNED, BASELINE, CRS = "w/o tuning", "baseline", "CRS"
"""The settings of Table VIII."""


class CrsRow(Record):
    """One list of answers to every sample."""

    run: str
    stage: str
    label: str
    dataset: str
    split: str
    method: Method
    """Who answers; `alone` and `by_crs` say more of it."""
    setting_id: str
    """The same in rows that differ in the seed of tuning, the run or the test set alone."""
    alone: bool
    """Whether an MLLM answers alone, with a box."""
    by_crs: bool
    """Whether an MLLM chooses among candidates: in CRS, and on the slow pathway of SFA with CRS."""
    focus: bool
    none: bool
    """Whether None is an option, or the prompt allows it."""
    tuned: bool
    topk: int | None = None
    usual: bool = True
    """Options in the order of rank, as text: what the tables are about."""
    rows: int | None = None
    """How many rows the adapter was tuned on, if its card is here."""
    positives: int | None = None
    """How many positives were asked for; without an adapter's card it is not known."""
    source: str | None = None
    """The dataset of these rows."""
    seeds: tuple[int, ...] | None = None
    """Of the tuning, and of the draw of its rows."""
    n: int = 0
    """How many positives precision@1 is over."""
    precision_at_1: float | None = None
    router_1: float | None = None
    router_2: float | None = None
    """Precision@1 by router level."""
    negative_accuracy: float | None = None
    recall_text: float | None = None
    recall_image: float | None = None
    to_mllm: float | None = None
    """Per cent of the samples for which the MLLM is asked."""
    gflops: float | None = None
    """10**9 operations a sample."""

    @property
    def size(self) -> int | None:
        """The amount of tuning data as the paper counts it: the positives asked for, or else the rows."""
        return self.positives or self.rows

    @property
    def setting(self) -> str | None:
        """Which of Table VIII's it is; None: none of them."""
        if not self.none or self.method not in ("crs", "mllm") or (self.alone and not self.tuned):
            return None
        return BASELINE if self.alone else CRS if self.tuned else UNTUNED


def crs_rows(folders: Iterable[Path]) -> list[CrsRow]:
    """Every method's answers in some runs; those to a share of the samples are left out.

    Raises:
        RunError: a folder is no run, or was changed; none of them has such answers.
    """
    folders = list(folders)
    found = [row for folder in folders for row in _of_run(folder)]
    if not found:
        named = ", ".join(f"{folder}/" for folder in folders)
        raise RunError(f"{named}: no answers to every sample; `finecops crs run --both` makes them")
    return found


def _of_run(folder: Path) -> Iterator[CrsRow]:
    run = RunData(folder)
    evaluation = evaluate_run(run, MetricSettings(metrics=("p1", "r1", "reject")), write=False)
    for method in evaluation.methods:
        who = method.answering
        if method.share != ALL or who is None or who.method == "file":
            continue
        settings, mllm = run.stages[method.stage].settings, mllm_of(run, method.stage)
        # Of SFA, how CRS asks is said by the stage of its slow pathway.
        hard = run.stages.get(str(settings.get("hard")))
        asks = settings if hard is None else hard.settings
        topk, cost, tuned = asks.get("topk"), _cost(run, method.stage), tuned_of(mllm)
        by_crs = isinstance(topk, int)
        yield CrsRow(
            run=str(folder),
            stage=method.stage,
            label=f"SFA with {hard.label}" if hard is not None and by_crs else method.label,
            dataset=evaluation.dataset.name,
            split=evaluation.dataset.split,
            method=who.method,
            setting_id=setting_of(run, method.stage),
            alone=who.method == "mllm",
            by_crs=by_crs,
            focus=who.focus,
            none=mllm.get("refusal") is not None or asks.get("none") is True,
            tuned=mllm.get("adapter") is not None,
            topk=topk if isinstance(topk, int) else None,
            usual=asks.get("order", "rank") == "rank" and asks.get("show", "text") == "text",
            rows=tuned.rows,
            positives=tuned.positives,
            source=tuned.source,
            seeds=tuned.seeds,
            n=sum(method.outcomes.positive.values()),
            precision_at_1=_value(method, "precision@1", EVERYTHING),
            router_1=_value(method, "precision@1", Subset(router_level=1)),
            router_2=_value(method, "precision@1", Subset(router_level=2)),
            negative_accuracy=_value(method, "negative_accuracy", EVERYTHING),
            recall_text=_value(method, "recall@1", _mean("text")),
            recall_image=_value(method, "recall@1", _mean("image")),
            to_mllm=None if cost is None else cost.to_mllm,
            gflops=None if cost is None else cost.gflops,
        )


def _cost(run: RunData, stage: str) -> Cost | None:
    """What an answer costs; None where the files of a stage that it needs are gone."""
    pending = [stage]
    while pending:
        name = pending.pop()
        if name not in run.stages:
            return None
        pending += run.stages[name].inputs
    return strategy_cost(run, stage)


def _mean(kind: NegativeKind) -> Subset:
    return Subset(kind=kind, type=MEAN_OF_COLUMNS)


def _value(method: MethodResult, metric: str, subset: Subset) -> float | None:
    return next((v.value for v in method.values if v.metric == metric and v.subset == subset), None)

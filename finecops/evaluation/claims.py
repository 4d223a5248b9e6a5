"""The paper's claims as a table of aims: what was aimed at, what runs on one test split show, and whether it is met.

Rows are found by what the answers are, not by the names of runs. A claim whose answers are not there has no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from finecops.errors import RunError
from finecops.evaluation.crs_tables import CrsRow, crs_rows
from finecops.evaluation.seed_means import Part, SeedDifference, SharedAnswers
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.metrics.values import Cluster
from finecops.records import Record

Rows: TypeAlias = Sequence[CrsRow]
"""The answers of one setting, a row for each seed; none where it is not there."""
USUAL_K, OTHER_K = 5, (3, 8, 10)
SMALL, LARGE, USUAL_ROWS = 2000, 12_000, 10_000
MOST_CALLS = 60.0
"""Per cent of the samples for which SFA with CRS may ask the MLLM."""
Unit: TypeAlias = Literal["points", "%"]


class Claim(Record):
    """A claim of the paper on one test split."""

    claim: str
    aim: str
    unit: Unit = "points"
    """`points`: a difference of two rates; `%`: a share."""
    value: float | None = None
    ci_low: float | None = None
    """Of the 95% bootstrap interval over samples, paired where it is of a difference."""
    ci_high: float | None = None
    deviation: float | None = None
    """Over the seeds of tuning."""
    seeds: int = 1
    n: int | None = None
    met: bool | None = None
    """None: the answers are not there."""
    said: str = ""
    """What is missing, or which rows were compared."""


class Claims(Record):
    """All of them."""

    version: Literal[1] = 1
    dataset: str
    split: str
    positives: int
    negatives: int
    iou: float
    claims: tuple[Claim, ...]
    notes: tuple[str, ...]


def measure_claims(runs: Sequence[Path], iou: float = IOU_THRESHOLD, cluster: Cluster = "positive") -> Claims:
    """The claims on the samples that all runs have.

    Raises:
        RunError: a folder is no run, or the runs are about several splits or different samples.
    """
    rows = crs_rows(runs)
    splits = list(dict.fromkeys(f"{row.dataset} {row.split}" for row in rows))
    if len(splits) > 1:
        raise RunError(f"these runs are on {', '.join(splits)}; claims are about one split: call it once for each")
    shared = SharedAnswers(runs, iou, cluster)
    found = _Found([row for row in rows if row.usual])
    notes = [
        f"{row.label} ({row.run}): {n} samples without an answer, which count as wrong."
        for row, n in _faults(shared, rows)
    ]
    main = found.main
    return Claims(
        dataset=rows[0].dataset,
        split=rows[0].split,
        positives=sum(sample.positive for sample in shared.samples),
        negatives=sum(sample.absent for sample in shared.samples),
        iou=iou,
        claims=tuple(_claims(found, shared)),
        notes=(*([f"CRS is {', '.join(row.label for row in main)}."] if main else []), *notes),
    )


def _faults(shared: SharedAnswers, rows: Rows) -> Iterator[tuple[CrsRow, int]]:
    for row in rows:
        if number := shared.without_answer(row):
            yield row, number


class _Found:
    """Which rows are what."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.main = self._most_seeds(self._choices(none=False, k=USUAL_K))
        """CRS as it is meant: with the most seeds, then with the paper's number of rows."""
        self.none = self._most_seeds(self._choices(none=True, k=USUAL_K))
        self.baseline = self._most_seeds([r for r in rows if r.method == "mllm" and r.none and r.tuned])
        self.sfa_crs = self._most_seeds([r for r in rows if r.method == "sfa" and r.by_crs and r.tuned and not r.none])

    def alone(self, method: str, focus: bool) -> Rows:
        """A plain model, or SFA of plain models."""
        found = [r for r in self._rows if r.method == method and r.focus == focus and not r.by_crs]
        return [r for r in found if not r.none and not r.tuned][:1]

    def of_size(self, size: int) -> Rows:
        """CRS tuned on so many rows of the same source."""
        return [r for r in self._choices(none=False, k=USUAL_K) if r.size == size and self._same_source(r)][:1]

    def of_k(self, k: int) -> Rows:
        """One adapter of the main setting with another number of candidates; of five, the one that has the others."""
        asked = [r for r in self._choices(none=False, k=k) if self._same_source(r) and r.size == self._size_of_main]
        # One seed is enough for the others; the usual k has several.
        if k != USUAL_K:
            return asked[:1]
        # Paired by adapter: another seed's answers would differ by more than k.
        others = {r.seeds for other in OTHER_K for r in self.of_k(other)}
        return [r for r in asked if r.seeds in others][:1]

    @property
    def _size_of_main(self) -> int | None:
        return self.main[0].size if self.main else None

    def _same_source(self, row: CrsRow) -> bool:
        return bool(self.main) and row.source == self.main[0].source

    def _choices(self, none: bool, k: int) -> list[CrsRow]:
        return [r for r in self._rows if r.method == "crs" and r.tuned and r.none == none and r.topk == k]

    def _most_seeds(self, rows: Rows) -> Rows:
        settings: dict[str, list[CrsRow]] = {}
        for row in rows:
            settings.setdefault(row.setting_id, []).append(row)
        return max(settings.values(), key=lambda some: (len(some), some[0].size == USUAL_ROWS), default=[])


def _claims(found: _Found, shared: SharedAnswers) -> Iterator[Claim]:
    yield from _of_routing(found, shared)
    for focus in (False, True):
        end = ", all with focus" if focus else ""
        for other in ("specialist", "mllm"):
            pair = (found.alone(other, focus), found.alone("sfa", focus))
            yield _precision(shared, f"SFA above the {_name(other)} alone{end}", pair, 3, clear=True)
    for method in ("specialist", "mllm"):
        pair = (found.alone(method, False), found.alone(method, True))
        yield _precision(shared, f"focus helps the {_name(method)}", pair, 1)
    for method in ("specialist", "mllm"):
        pair = (found.alone(method, False), found.main)
        yield _precision(shared, f"tuned CRS above the {_name(method)} alone", pair, 5)
    pair = (found.of_size(SMALL), found.of_size(LARGE))
    yield _precision(shared, f"CRS tuned on {LARGE} rows above {SMALL} (Table X)", pair, None, clear=True)
    yield from _of_candidates(found, shared)
    yield from _of_none(found, shared)
    yield from _of_sfa_crs(found, shared)


def _of_routing(found: _Found, shared: SharedAnswers) -> Iterator[Claim]:
    specialist, mllm = found.alone("specialist", False), found.alone("mllm", False)
    easy, hard = "specialist above the MLLM on router level 1", "MLLM above the specialist on router level 2"
    yield _precision(shared, easy, (mllm, specialist), 5, level=1)
    yield _precision(shared, hard, (specialist, mllm), 15, level=2)


def _of_candidates(found: _Found, shared: SharedAnswers) -> Iterator[Claim]:
    """Each other k minus five; five is the best, or within its interval, where none of them is clearly above it."""
    usual = found.of_k(USUAL_K)
    for k in OTHER_K:
        claim, aim = f"k = {k} not above k = {USUAL_K} (Table XI)", "≤ 0, or interval not above 0"
        yield _judged(
            claim, aim, (usual, found.of_k(k)), shared.precision, lambda value: value.value <= 0 or value.ci_low <= 0
        )


def _of_none(found: _Found, shared: SharedAnswers) -> Iterator[Claim]:
    share = shared.rejected(found.none) if found.none else None
    yield _claim(
        "None rejects negatives",
        "≥ 60%",
        share,
        share is not None and share.value >= 60,
        seeds=len(found.none),
        unit="%",
        missing="no CRS with None by a tuned model" if not found.none else "no negatives",
    )
    yield _judged(
        "None as an option costs positives",
        "≥ −3 points",
        (found.main, found.none),
        shared.precision,
        lambda value: value.value >= -3,
    )
    for kind, name in (("text", "expressions"), ("image", "images")):
        yield _judged(
            f"CRS with None above the baseline with None, recall@1 on negative {name}",
            "≥ 5 points",
            (found.baseline, found.none),
            lambda a, b, kind=kind: shared.recall(a, b, kind),  # type: ignore[misc]
            lambda value: value.value >= 5,
        )


def _of_sfa_crs(found: _Found, shared: SharedAnswers) -> Iterator[Claim]:
    others = [found.alone(method, focus) for method in ("specialist", "mllm", "sfa") for focus in (False, True)]
    # The best of what is there; a missing row cannot be beaten, and the claim names which one it was.
    there = [rows for rows in (*others, found.main) if rows]
    best = max(there, key=_mean_precision, default=())
    name = f" ({best[0].label if best is not found.main else 'CRS'})" if best else ""
    claim = f"SFA with CRS on hard samples above the best other row{name}"
    yield _judged(claim, "> 0 points", (best, found.sfa_crs), shared.precision, lambda value: value.value > 0)
    calls = [row.to_mllm for row in found.sfa_crs if row.to_mllm is not None]
    yield Claim(
        claim="of the MLLM's calls, SFA with CRS makes",
        aim=f"≤ {MOST_CALLS:.0f}%",
        unit="%",
        value=sum(calls) / len(calls) if calls else None,
        seeds=max(1, len(found.sfa_crs)),
        # Every seed has to keep the limit, not their mean.
        met=max(calls) <= MOST_CALLS if calls else None,
        said="" if calls else "no SFA with CRS by a tuned model",
    )


def _mean_precision(rows: Rows) -> float:
    return sum(row.precision_at_1 or 0.0 for row in rows) / len(rows)


def _precision(
    shared: SharedAnswers,
    claim: str,
    pair: tuple[Rows, Rows],
    least: float | None,
    clear: bool = False,
    level: Part = None,
) -> Claim:
    """Second minus first of precision@1, at least so many points, perhaps with an interval above zero."""
    aims = [f"≥ {least:g} points"] if least is not None else []
    aims += ["interval above 0"] if clear else []

    def met(value: SeedDifference) -> bool:
        return (least is None or value.value >= least) and (not clear or value.ci_low > 0)

    return _judged(claim, ", ".join(aims), pair, lambda a, b: shared.precision(a, b, level), met)


def _judged(
    claim: str,
    aim: str,
    pair: tuple[Rows, Rows],
    differ: Callable[[Rows, Rows], SeedDifference | None],
    met: Callable[[SeedDifference], bool],
) -> Claim:
    first, second = pair
    if not first or not second:
        return _claim(claim, aim, None, False, missing="answers that it is about are not in these runs")
    found = differ(first, second)
    seeds = max(len(first), len(second))
    return _claim(claim, aim, found, found is not None and met(found), seeds, missing="no such sample, or no scores")


def _claim(
    claim: str,
    aim: str,
    found: SeedDifference | None,
    met: bool,
    seeds: int = 1,
    unit: Unit = "points",
    missing: str = "",
) -> Claim:
    if found is None:
        return Claim(claim=claim, aim=aim, unit=unit, said=missing)
    return Claim(
        claim=claim,
        aim=aim,
        unit=unit,
        value=found.value,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        deviation=found.deviation,
        seeds=seeds,
        n=found.n,
        met=met,
    )


def _name(method: str) -> str:
    return "MLLM" if method == "mllm" else method

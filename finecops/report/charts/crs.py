"""Charts of Candidate Region Selection: the ceiling of any choice, and where positives are lost."""

from __future__ import annotations

from collections.abc import Sequence

from finecops.metrics.ledgers import CRS_ENTRIES
from finecops.metrics.values import EVERYTHING
from finecops.report.charts.chart import MUTED, Axis, Chart, Missing, Point, Series
from finecops.report.charts.subject import ChartMethod, ChartRun

_WORDS = {"removed_by_nms": "removed by NMS", "cut_by_top_k": "cut by top-k", "wrong_none": "wrong None"}
_NO_CANDIDATES = "no run has candidates: `finecops crs run` makes them"


def candidate_recall(runs: Sequence[ChartRun], methods: Sequence[ChartMethod]) -> Chart | Missing:
    """Candidate recall@k of each run, before NMS too, and what each choice among k candidates made of it."""
    name, title = "candidate-recall", "Candidate recall@k, and precision@1 of the choice"
    series: list[Series] = []
    for i, run in enumerate(runs):
        found = run.evaluation.candidates or {}
        ranks = [int(key) for key in found if key.isdecimal() and found[key] is not None]
        if not found.get("n") or not ranks:
            continue
        prefix = f"{run.name}: " if len(runs) > 1 else ""
        points = tuple(Point(k, found[str(k)]) for k in ranks)
        colour = len(methods) + i
        series.append(
            Series(f"{prefix}candidate recall@k (n = {found['n']} positives)", points, "line", colour, dots=True)
        )
        everything = tuple(Point(k, found["all"]) for k in (ranks[0], ranks[-1]))
        series.append(Series(f"{prefix}all proposals, before NMS", everything, colour=MUTED))
    if not series:
        return Missing(name, title, _NO_CANDIDATES)
    for method in methods:
        topk, value = method.stage.entry.settings.get("topk"), method.values.get(("precision@1", EVERYTHING))
        if isinstance(topk, int) and value is not None and value.value is not None:
            chosen = (Point(topk, value.value, value.ci_low, value.ci_high, value.n),)
            series.append(Series(f"{method.name}: precision@1", chosen, "marks", method.colour))
    axes = Axis("k candidates", 0.0), Axis("positives (%)", 0.0, 100.0)
    return Chart(name, title, *axes, tuple(series), ("Recall@k is the highest precision@1 of any choice among k.",))


def crs_losses(methods: Sequence[ChartMethod]) -> list[Chart | Missing]:
    """A waterfall of each selection: from all positives, over what each step lost, to what is right."""
    name, title = "crs-losses", "Where CRS loses positives"
    ledgers = [(method, method.result.ledger) for method in methods if method.result.ledger]
    if not ledgers:
        return [Missing(name, title, "no run has a selection among candidates: `finecops crs run` makes one")]
    return [
        _waterfall(name if len(ledgers) == 1 else f"{name}-{i}", f"{title}: {method.name}", ledger, method.colour)
        for i, (method, ledger) in enumerate(ledgers, start=1)
    ]


def _waterfall(name: str, title: str, ledger: dict[str, int], colour: int) -> Chart:
    total = left = sum(ledger.values())
    steps, losses = [("positives", total)], []
    # Each bar hangs where the one before it ended, and the last end is what is right.
    for i, entry in enumerate((e for e in CRS_ENTRIES if e != "correct"), start=1):
        lost = ledger[entry]
        losses.append(Point(i, 100 * left / total, n=lost, base=100 * (left - lost) / total))
        steps.append((_WORDS.get(entry, entry.replace("_", " ")), lost))
        left -= lost
    steps.append(("correct", left))
    ends = (Point(0, 100.0, n=total), Point(len(steps) - 1, 100 * left / total, n=left))
    axis = Axis("", names=tuple(name for name, _ in steps), details=tuple(f"n = {n}" for _, n in steps))
    series = (Series("left", ends, "bars", colour), Series("lost at this step", tuple(losses), "bars", MUTED))
    return Chart(name, title, axis, Axis("positives (%)", 0.0, 100.0), series)

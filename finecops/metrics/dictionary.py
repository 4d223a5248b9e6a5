"""The metrics that `--metrics` can name.

To add one, write a function from a `Scene` to its values and enter it here: `finecops eval --metrics NAME` computes it,
and the tables, the tidy rows and the reports show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from finecops.errors import UsageError
from finecops.metrics.boxes import ACCURACY, MEAN_IOU, precision
from finecops.metrics.confidence import CALIBRATION, RISK
from finecops.metrics.metric import Metric
from finecops.metrics.pairs import recall
from finecops.metrics.rejection import REJECTION
from finecops.metrics.separation import AUPR, AUROC, FPR95
from finecops.names import no_such

FAMILIES: dict[str, Callable[[int], Metric]] = {"p": precision, "r": recall}
"""Metrics with a rank: `p3` is the family `p` at 3."""

METRICS: dict[str, Metric] = {
    "p1": precision(1),
    "p5": precision(5),
    "p10": precision(10),
    "acc": ACCURACY,
    "miou": MEAN_IOU,
    "r1": recall(1),
    "r5": recall(5),
    "r10": recall(10),
    "auroc": AUROC,
    "aupr": AUPR,
    "fpr95": FPR95,
    "reject": REJECTION,
    "aurc": RISK,
    "ece": CALIBRATION,
}
"""What is computed where nothing is named, in this order; families take any other rank too."""

_RANKED = re.compile(r"([a-z]+)([1-9]\d{0,2})")


def find_metric(name: str) -> Metric | None:
    """The metric of a name, or None."""
    match = _RANKED.fullmatch(name)
    if name not in METRICS and match and match[1] in FAMILIES:
        return FAMILIES[match[1]](int(match[2]))
    return METRICS.get(name)


def check_metrics(names: Iterable[str]) -> tuple[str, ...]:
    """The names, if each is a metric's.

    Raises:
        UsageError: one is not, or there is none.
    """
    wanted = tuple(names)
    unknown = [name for name in wanted if find_metric(name) is None]
    if unknown or not wanted:
        said = no_such(f"unknown metric {', '.join(unknown) or '(none)'}", "".join(unknown[:1]), METRICS)
        raise UsageError(f"{said}; {' and '.join(FAMILIES)} take any rank")
    return wanted


def metric_of_value(name: str) -> Metric | None:
    """The metric that gives values of a name (`precision@3`), or None."""
    if name in METRICS:
        return METRICS[name]
    # `precision@7` is in no entry: a family gives it.
    of_rank = [
        family(int(k)) for k in re.findall(r"@(\d+)$", name) if 0 < int(k) < 1000 for family in FAMILIES.values()
    ]
    return next((metric for metric in (*METRICS.values(), *of_rank) if name in metric.values), None)


def title_of_value(name: str) -> str:
    """What tables call the values of a name."""
    metric = metric_of_value(name)
    return name if metric is None else metric.values.get(name, metric.title)

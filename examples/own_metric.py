"""Add a metric of one's own and print it beside the others: the median IoU of the answers on positives.

    finecops sfa run --both --limit 60 --run example
    python examples/own_metric.py outputs/example

With the entry in the dictionary, the tables, the JSON and the CSV have the metric too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.settings import MetricSettings
from finecops.metrics.dictionary import METRICS
from finecops.metrics.metric import Metric
from finecops.metrics.scene import Scene
from finecops.metrics.values import MetricValue
from finecops.report.tidy import evaluation_document
from finecops.report.writers import find_writer


def median_iou(scene: Scene) -> Sequence[MetricValue]:
    """One value per subset of positives: all, each level, each router level, each tuple type."""
    found = []
    for subset, chosen in scene.positive_subsets.items():
        iou = scene.data.answered_iou[chosen, 0]
        median = 100 * float(np.median(iou)) if len(iou) else None
        found.append(MetricValue(metric="median_iou", value=median, n=len(iou), **dict(subset)))
    return found


def main(run: str) -> None:
    """Enter the metric, evaluate the run, and print its tables."""
    # `shown="boxes"` gives it a table by level, as precision has.
    METRICS["median_iou"] = Metric(title="median IoU", measure=median_iou, shown="boxes")
    evaluation = evaluate_run(Path(run), MetricSettings(metrics=("p1", "median_iou")))
    print(find_writer("text")(evaluation_document([evaluation])))


if __name__ == "__main__":
    main(sys.argv[1])

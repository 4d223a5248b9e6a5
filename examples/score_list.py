"""Score a list of predictions against an annotation file.

    python examples/score_list.py data/finecops-mini/test_expression_all_coco_format.json

The "model" here always answers with the middle of the image. Put your own boxes in its place.
"""

from __future__ import annotations

import sys
from pathlib import Path

from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.files import read_annotations
from finecops.evaluation.settings import MetricSettings
from finecops.metrics.values import EVERYTHING
from finecops.records import Prediction, Sample


def middle_of_the_image(sample: Sample) -> Prediction:
    """A box of half the image's sides; `xyxy` in pixels of the original image."""
    width, height = sample.width, sample.height
    box = (width / 4, height / 4, width * 3 / 4, height * 3 / 4)
    return Prediction(sample_id=sample.id, status="box", boxes=(box,), scores=(0.5,), source="middle")


def main(annotations: str) -> None:
    """Print metrics of all samples, each with its denominator."""
    samples, problems = read_annotations([Path(annotations)])
    predictions = {sample.id: middle_of_the_image(sample) for sample in samples}
    settings = MetricSettings(metrics=("p1", "miou", "r1", "reject"))
    measured = evaluate(samples, predictions, settings=settings)
    for value in measured.values:
        if value.subset == EVERYTHING and value.value is not None:
            print(f"{value.metric}: {value.value:.2f}% of {value.n}")
    for name, reason in measured.absent.items():
        print(f"{name} is absent: {reason}")
    print(f"outcomes of positives: {measured.outcomes.positive}")
    print(f"problems in the annotations: {len(problems)}")


if __name__ == "__main__":
    main(sys.argv[1])

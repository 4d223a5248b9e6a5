"""The COCO export read by pycocotools: what it counts beside what this project counts."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finecops.errors import DataError
from finecops.install import install_line
from finecops.metrics.answers import Floats
from finecops.strict_json import parse_json


@dataclass(frozen=True)
class CocoFigures:
    """Figures of pycocotools in per cent, over all sizes of boxes."""

    ar1: float | None
    """Average recall of the best box at IoU 0.5: precision@1 of the positives, with IoU >= 0.5. None: no positive."""
    ap50: float | None
    """Average precision at IoU 0.5 of up to 100 boxes. A box on a negative is a false positive."""


def coco_figures(truth: Path, results: Path, image_ids: Sequence[int] | None = None) -> CocoFigures | None:
    """Load both files with pycocotools and evaluate; None if there is no box, since pycocotools takes no empty list.

    Args:
        truth: the annotations.
        results: the results of one method.
        image_ids: evaluate on these images alone.

    Raises:
        DataError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise DataError(f"--check needs pycocotools: {install_line('coco')}") from error
    # It prints as it goes.
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        if not parse_json(results.read_bytes()):
            return None
        found = coco.loadRes(str(results))
        evaluation = COCOeval(coco, found, "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.maxDets = [1, 10, 100]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        if image_ids is not None:
            evaluation.params.imgIds = list(image_ids)
        evaluation.evaluate()
        evaluation.accumulate()
    # Recall is [threshold, category, area, boxes per image], precision has the recall levels after the threshold.
    return CocoFigures(
        _per_cent(evaluation.eval["recall"][0, :, 0, 0]), _per_cent(evaluation.eval["precision"][0, :, :, 0, 2])
    )


def _per_cent(values: Floats) -> float | None:
    # -1 stands for a figure of nothing.
    known = values[values > -1]
    return float(100 * known.mean()) if known.size else None

"""Candidates: what the specialist proposes for an expression, before and after NMS (paper, IV-B)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from finecops.boxes import nms_xyxy
from finecops.models.protocols import Detections, Specialist
from finecops.records import Candidates, Route, Sample, Target
from finecops.runs.runner import ImageGroup
from finecops.stages.answers import query_groups, rounded_boxes, rounded_scores

NMS_IOU = 0.7
MOST = 25
"""Candidates are kept up to this rank: there are 26 letters, and one is None's."""


class CandidateStage:
    """Proposes boxes for each sample, with target focus if `targets` are given."""

    def __init__(self, model: Specialist, targets: Mapping[str, Target] | None, nms_iou: float = NMS_IOU) -> None:
        self.model, self.targets, self.nms_iou = model, targets, nms_iou

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Candidates]:
        """One row per sample."""
        found = self.model.detect(query_groups(groups, self.targets))
        return [
            candidates_of(sample, detections, self.nms_iou)
            for group, results in zip(groups, found, strict=True)
            for sample, detections in zip(group.samples, results, strict=True)
        ]


class RoutedCandidateStage:
    """The instances of the target that the router counted as candidates: they cost nothing, it has looked already.

    They are the things of the target's kind, those that the rest of the expression must tell apart. Where it counted
    none, its detections below the threshold are taken; where it has none either (no target phrase, nothing found) a
    specialist proposes, which is loaded if there is such a sample.
    """

    def __init__(self, routes: Mapping[str, Route], nms_iou: float, load: Callable[[], CandidateStage]) -> None:
        self.routes, self.nms_iou, self._load = routes, nms_iou, load
        self._propose: CandidateStage | None = None

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Candidates]:
        """One row per sample."""
        missing = [
            ImageGroup(group.image, rest)
            for group in groups
            if (rest := tuple(sample for sample in group.samples if not self.routes[sample.id].all_boxes))
        ]
        if missing and self._propose is None:
            self._propose = self._load()
        proposed = {row.sample_id: row for row in self._propose(missing)} if self._propose and missing else {}
        return [
            proposed[sample.id] if sample.id in proposed else self._row(sample)
            for group in groups
            for sample in group.samples
        ]

    def _row(self, sample: Sample) -> Candidates:
        route = self.routes[sample.id]
        boxes, scores = (route.boxes, route.scores) if route.boxes else (route.all_boxes, route.all_scores)
        return candidates_of(sample, Detections(np.array(boxes), np.array(scores)), self.nms_iou)


def candidates_of(sample: Sample, detections: Detections, nms_iou: float) -> Candidates:
    """The row of a sample: what was detected, and which of it NMS keeps."""
    kept = nms_xyxy(detections.xyxy, detections.scores, nms_iou)[:MOST]
    return Candidates(
        sample_id=sample.id,
        status="proposed",
        boxes=rounded_boxes(detections),
        scores=rounded_scores(detections),
        kept=tuple(kept.tolist()),
        reason=detections.note,
    )


def failed_candidates(sample: Sample, reason: str) -> Candidates:
    """The row of a sample for which nothing could be proposed."""
    return Candidates(sample_id=sample.id, status="failed", boxes=(), scores=(), kept=(), reason=reason)

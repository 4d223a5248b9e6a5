"""Routing: detect the target phrase alone, count what is left above the threshold after NMS (paper, IV-A).

Exactly one instance is level 1, for the specialist; several, or none (`zero_is`), are level 2, for the MLLM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from finecops.boxes import nms_xyxy
from finecops.images import read_image
from finecops.models.protocols import Detections, Query, QueryGroup, Specialist
from finecops.records import Route, Sample, Target
from finecops.runs.runner import ImageGroup
from finecops.stages.answers import rounded_boxes, rounded_scores

KEPT_SCORE = 0.05
"""Detections above this score are kept in the row, whatever the router's threshold."""


def counted(detections: Detections, score_threshold: float, nms_iou: float) -> Detections:
    """The detections that count as instances: score above the threshold, then NMS on xyxy boxes."""
    above = np.flatnonzero(detections.scores > score_threshold)
    kept = above[nms_xyxy(detections.xyxy[above], detections.scores[above], nms_iou)]
    return Detections(detections.xyxy[kept], detections.scores[kept], detections.note)


def level_of_count(count: int, zero_is: Literal[1, 2]) -> Literal[1, 2]:
    """Router level of a number of instances."""
    if count == 0:
        return zero_is
    return 1 if count == 1 else 2


class RouteStage:
    """Counts each sample's target with a detector."""

    def __init__(
        self,
        router: Specialist,
        targets: Mapping[str, Target],
        score_threshold: float,
        nms_iou: float,
        zero_is: Literal[1, 2],
    ) -> None:
        self.router, self.targets = router, targets
        self.score_threshold, self.nms_iou, self.zero_is = score_threshold, nms_iou, zero_is

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Route]:
        """One row per sample. Samples of an image that share a target phrase are detected once."""
        asked: list[QueryGroup] = []
        for group in groups:
            first: dict[str, str] = {}
            for sample in group.samples:
                if self._phrase(sample):
                    first.setdefault(self._phrase(sample), sample.id)
            queries = tuple(Query(phrase, sample_id=sample_id) for phrase, sample_id in first.items())
            asked.append(QueryGroup(read_image(group.image), queries))
        found = self.router.detect(asked)
        rows = []
        for group, query_group, results in zip(groups, asked, found, strict=True):
            by_phrase = dict(zip((q.text for q in query_group.queries), results, strict=True))
            rows += [self._row(sample, by_phrase.get(self._phrase(sample))) for sample in group.samples]
        return rows

    def _phrase(self, sample: Sample) -> str:
        target = self.targets.get(sample.id)
        return target.phrase if target is not None else ""

    def _row(self, sample: Sample, detections: Detections | None) -> Route:
        if detections is None:
            return failed_route(sample, "no target phrase to count")
        if detections.status == "failed" or not detections.scored:
            return failed_route(sample, detections.note or "the router's boxes have no scores to count by")
        instances = counted(detections, self.score_threshold, self.nms_iou)
        kept = detections.scores > KEPT_SCORE
        everything = Detections(detections.xyxy[kept], detections.scores[kept])
        return Route(
            sample_id=sample.id,
            status="routed",
            level=level_of_count(len(instances.scores), self.zero_is),
            boxes=rounded_boxes(instances),
            scores=rounded_scores(instances),
            all_boxes=rounded_boxes(everything),
            all_scores=rounded_scores(everything),
        )


def failed_route(sample: Sample, reason: str) -> Route:
    """The row of a sample that could not be routed: to the MLLM, which can do without the router."""
    return Route(sample_id=sample.id, status="failed", level=2, boxes=(), scores=(), reason=reason)

"""Stages that answer: a specialist with its boxes, an MLLM with box text. Shared by the baselines and by SFA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finecops.config import MllmConfig
from finecops.models.confidence import CONFIDENCES, Confidence, box_confidence
from finecops.models.dialects import DIALECTS, decode
from finecops.models.images import read_image
from finecops.models.protocols import Detections, Mllm, Query, QueryGroup, Reply, Specialist
from finecops.records import Prediction, Sample, Target, Xyxy
from finecops.runner import ImageGroup

_DIGITS = 4
"""Boxes are kept to a ten-thousandth of a pixel."""
_SCORE_DIGITS = 6


def rounded_boxes(detections: Detections) -> tuple[Xyxy, ...]:
    """Boxes of detections as rows keep them."""
    boxes = detections.xyxy.round(_DIGITS).tolist()
    return tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes)


def rounded_scores(detections: Detections) -> tuple[float, ...]:
    """Scores of detections as rows keep them."""
    return tuple(detections.scores.round(_SCORE_DIGITS).tolist())


def expression_query(sample: Sample, targets: Mapping[str, Target] | None) -> Query:
    """The query of a sample; with `targets`, one that focuses on its target."""
    target = targets.get(sample.id) if targets is not None else None
    if target is None or target.status == "failed":
        return Query(sample.expression)
    return Query(sample.expression, target.phrase, target.span)


def query_groups(groups: Sequence[ImageGroup], targets: Mapping[str, Target] | None) -> list[QueryGroup]:
    """Decode the images of groups and make their queries."""
    return [
        QueryGroup(read_image(group.image), tuple(expression_query(sample, targets) for sample in group.samples))
        for group in groups
    ]


class SpecialistStage:
    """Specialist inference, with target-focus matching if `targets` are given (paper, IV-A, Fig. 3)."""

    def __init__(self, model: Specialist, targets: Mapping[str, Target] | None) -> None:
        self.model, self.targets = model, targets

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample, boxes best first."""
        found = self.model.detect(query_groups(groups, self.targets))
        return [
            self._row(sample, detections)
            for group, results in zip(groups, found, strict=True)
            for sample, detections in zip(group.samples, results, strict=True)
        ]

    def _row(self, sample: Sample, detections: Detections) -> Prediction:
        focus = self.targets is not None
        note = detections.note
        target = self.targets.get(sample.id) if self.targets is not None else None
        if focus and (target is None or target.span is None):
            note = "the target has no place in the expression: scored without focus"
        return Prediction(
            sample_id=sample.id,
            status="box",
            boxes=rounded_boxes(detections),
            scores=rounded_scores(detections),
            score_kind="sigmoid, mean over the target's tokens" if focus else "sigmoid, maximum over tokens",
            source="specialist",
            note=note,
        )


class MllmStage:
    """MLLM inference, with the focus sentence if `targets` are given (paper, IV-A, Fig. 4)."""

    def __init__(
        self, model: Mllm, config: MllmConfig, targets: Mapping[str, Target] | None, confidence: Confidence
    ) -> None:
        self.model, self.targets, self.confidence = model, targets, confidence
        self.dialect = DIALECTS[config.box_format]

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample: a box, a rejection, or an answer nobody could read."""
        replies = self.model.ground(query_groups(groups, self.targets))
        return [
            self._row(sample, reply)
            for group, results in zip(groups, replies, strict=True)
            for sample, reply in zip(group.samples, results, strict=True)
        ]

    def _row(self, sample: Sample, reply: Reply) -> Prediction:
        if reply.error is not None:
            return failed_prediction("mllm", sample, reply.error)
        decoded = decode(self.dialect, reply.text, (sample.width, sample.height))
        boxes = tuple(
            (round(x1, _DIGITS), round(y1, _DIGITS), round(x2, _DIGITS), round(y2, _DIGITS))
            for x1, y1, x2, y2 in decoded.boxes
        )
        found = [box_confidence(reply, span, self.confidence) for span in decoded.at]
        scores = tuple(round(s, _SCORE_DIGITS) for s in found if s is not None)
        has_scores = bool(boxes) and len(scores) == len(boxes)
        return Prediction(
            sample_id=sample.id,
            status=decoded.status,
            boxes=boxes,
            scores=scores if has_scores else None,
            score_kind=CONFIDENCES[self.confidence] if has_scores else None,
            source="mllm",
            prompt=reply.prompt,
            reply=reply.text,
            reason=decoded.reason,
        )


def failed_prediction(source: str, sample: Sample, reason: str) -> Prediction:
    """The row of a sample that could not be answered."""
    return Prediction(sample_id=sample.id, status="failed", source=source, reason=reason)

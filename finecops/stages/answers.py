"""Stages that answer: a specialist with its boxes, an MLLM with box text. Shared by the baselines and by SFA."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.images import read_image
from finecops.models.protocols import Detections, Mllm, Query, QueryGroup, ReadAnswer, Reply, Specialist
from finecops.records import Prediction, Sample, Target, Xyxy
from finecops.replies.box_text import read_boxes
from finecops.replies.confidence import CONFIDENCES, Confidence, box_confidence
from finecops.replies.formats.florence import target_first
from finecops.runs.runner import ImageGroup

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
        return Query(sample.expression, sample_id=sample.id)
    return Query(sample.expression, target.phrase, target.span, sample.id)


def query_groups(groups: Sequence[ImageGroup], targets: Mapping[str, Target] | None) -> list[QueryGroup]:
    """Decode the images of groups and make their queries."""
    return [
        QueryGroup(read_image(group.image), tuple(expression_query(sample, targets) for sample in group.samples))
        for group in groups
    ]


class SpecialistStage:
    """Specialist inference, with target-focus matching if `targets` are given (paper, IV-A, Fig. 3)."""

    def __init__(self, model: Specialist, config: SpecialistConfig, targets: Mapping[str, Target] | None) -> None:
        self.model, self.config, self.targets = model, config, targets

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
        if focus and self.config.reads == "expression" and (target is None or target.span is None):
            note = "the target has no place in the expression: scored without focus"
        if detections.status != "box":
            return Prediction(sample_id=sample.id, status=detections.status, source="specialist", reason=note)
        return Prediction(
            sample_id=sample.id,
            status="box",
            boxes=rounded_boxes(detections),
            scores=rounded_scores(detections) if detections.scored else None,
            score_kind=self._score_kind() if detections.scored else None,
            source="specialist",
            note=note,
        )

    def _score_kind(self) -> str:
        if self.config.backend not in ("grounding-dino", "mmdet"):
            return self.config.score
        return "sigmoid, mean over the target's tokens" if self.targets is not None else "sigmoid, maximum over tokens"


class MllmStage:
    """MLLM inference, with the focus sentence if `targets` are given (paper, IV-A, Fig. 4)."""

    def __init__(
        self, model: Mllm, config: MllmConfig, targets: Mapping[str, Target] | None, confidence: Confidence
    ) -> None:
        self.model, self.config, self.targets, self.confidence = model, config, targets, confidence

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
        answer = reply.read or self._read(sample, reply)
        boxes = tuple(
            (round(x1, _DIGITS), round(y1, _DIGITS), round(x2, _DIGITS), round(y2, _DIGITS))
            for x1, y1, x2, y2 in answer.boxes
        )
        scores = None if answer.scores is None else tuple(round(s, _SCORE_DIGITS) for s in answer.scores)
        return Prediction(
            sample_id=sample.id,
            status=answer.status,
            boxes=boxes,
            scores=scores,
            score_kind=answer.score_kind,
            source="mllm",
            prompt=reply.prompt,
            reply=reply.text,
            reason=answer.reason,
        )

    def _read(self, sample: Sample, reply: Reply) -> ReadAnswer:
        decoded = read_boxes(self.config, reply.text, (sample.width, sample.height))
        order = self._order(sample, reply.text, [start for start, _ in decoded.at])
        boxes = tuple(decoded.boxes[i] for i in order)
        found = [box_confidence(reply, decoded.at[i], self.confidence) for i in order]
        scores = tuple(s for s in found if s is not None)
        if not boxes or len(scores) < len(boxes):
            return ReadAnswer(decoded.status, boxes, reason=decoded.reason)
        return ReadAnswer(decoded.status, boxes, scores, CONFIDENCES[self.confidence], decoded.reason)

    def _order(self, sample: Sample, text: str, starts: list[int]) -> list[int]:
        target = self.targets.get(sample.id) if self.targets is not None else None
        if target is None or target.phrase is None or self.config.box_format != "loc_tokens_xyxy1000":
            return list(range(len(starts)))
        return target_first(text, starts, target.phrase)


def failed_prediction(source: str, sample: Sample, reason: str) -> Prediction:
    """The row of a sample that could not be answered."""
    return Prediction(sample_id=sample.id, status="failed", source=source, reason=reason)

"""Routing as a stage: detect the target phrase alone, count what is left above the threshold after NMS (paper, IV-A).

Exactly one instance is level 1, for the specialist; several, or none (`zero_is`), are level 2, for the MLLM.
`routes.jsonl`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from finecops.boxes import nms_xyxy
from finecops.models.backends import load_specialist_model
from finecops.models.protocols import Query, QueryGroup, Specialist
from finecops.records import Route, Sample, Target
from finecops.replies.answer import Answer
from finecops.runs.specification import ImageGroup, Resources, StageContext, StageSettings, StageSpec
from finecops.stages.rows import SpecialistSetting, picture_of, rounded_boxes, rounded_scores

Doubtful: TypeAlias = Literal["route", "mllm"]
"""A sample with a doubtful target is routed by its detections like any other, or goes to the MLLM."""
KEPT_SCORE = 0.05
"""Detections above this score are kept in the row, whatever the router's threshold."""


class RouteSettings(StageSettings):
    """The router and its thresholds (paper, IV-A)."""

    router: SpecialistSetting
    score_threshold: float
    """A detection counts above this score."""
    nms_iou: float
    """Of two detections above this IoU the better one counts."""
    zero_is: Literal[1, 2]
    """The level of a target that is not detected."""
    doubtful: Doubtful = "route"
    """What happens to a sample whose target is doubtful."""


def counted(answer: Answer, score_threshold: float, nms_iou: float) -> Answer:
    """The detections that count as instances: score above the threshold, then NMS on xyxy boxes."""
    scores = np.array(answer.scores or ())
    above = np.flatnonzero(scores > score_threshold)
    kept = above[nms_xyxy(answer.xyxy[above], scores[above], nms_iou)]
    return answer.chosen(kept.tolist())


def level_of_count(count: int, zero_is: Literal[1, 2]) -> Literal[1, 2]:
    """Router level of a number of instances."""
    if count == 0:
        return zero_is
    return 1 if count == 1 else 2


class RouteStage:
    """Counts each sample's target with a detector."""

    def __init__(self, router: Specialist, targets: Mapping[str, Target], settings: RouteSettings) -> None:
        self.router, self.targets, self.settings = router, targets, settings

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Route]:
        """One row per sample. Samples of an image that share a target phrase are detected once."""
        asked: list[QueryGroup] = []
        for group in groups:
            first: dict[str, str] = {}
            for sample in group.samples:
                if self._phrase(sample):
                    first.setdefault(self._phrase(sample), sample.id)
            queries = tuple(Query(phrase, sample_id=sample_id) for phrase, sample_id in first.items())
            asked.append(QueryGroup(picture_of(group), queries))
        found = self.router.detect(asked)
        rows = []
        for group, query_group, answers in zip(groups, asked, found, strict=True):
            by_phrase = dict(zip((q.text for q in query_group.queries), answers, strict=True))
            rows += [self._row(sample, by_phrase.get(self._phrase(sample))) for sample in group.samples]
        return rows

    def _phrase(self, sample: Sample) -> str:
        target = self.targets.get(sample.id)
        return target.phrase if target is not None else ""

    def _row(self, sample: Sample, answer: Answer | None) -> Route:
        if answer is None:
            return failed_route(sample, "no target phrase to count").model_copy(update={"cause": "input"})
        if answer.status == "failed":
            return failed_route(sample, answer.reason or "the router gave no answer")
        if answer.boxes and answer.scores is None:
            return failed_route(sample, "the router's boxes have no scores to count by")
        instances = counted(answer, self.settings.score_threshold, self.settings.nms_iou)
        everything = answer.chosen([i for i, score in enumerate(answer.scores or ()) if score > KEPT_SCORE])
        doubtful = self.settings.doubtful == "mllm" and self.targets[sample.id].status == "doubtful"
        return Route(
            sample_id=sample.id,
            status="doubtful" if doubtful else "routed",
            level=2 if doubtful else level_of_count(len(instances.boxes), self.settings.zero_is),
            boxes=rounded_boxes(instances),
            scores=rounded_scores(instances) or (),
            all_boxes=rounded_boxes(everything),
            all_scores=rounded_scores(everything) or (),
        )


def failed_route(sample: Sample, reason: str) -> Route:
    """The row of a sample that could not be routed: to the MLLM, which can do without the router."""
    return Route(sample_id=sample.id, status="failed", level=2, boxes=(), scores=(), reason=reason)


def make(settings: RouteSettings, context: StageContext) -> RouteStage:
    """The stage with its router loaded."""
    router = load_specialist_model(settings.router, context.device)
    return RouteStage(router, context.rows("targets", Target), settings)


def route_spec(settings: RouteSettings, resources: Resources, targets: StageSpec[Target]) -> StageSpec[Route]:
    """The stage of the routes."""
    return StageSpec(
        name="routes",
        row_type=Route,
        role="routes",
        label=f"Router {settings.router.name}",
        settings=settings,
        make=make,
        failure=failed_route,
        inputs=(targets,),
        resources=resources,
        command="finecops sfa route",
        model=settings.router,
    )

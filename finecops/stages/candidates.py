"""Candidates: what the specialist proposes for an expression, before and after NMS (paper, IV-B).

`candidates.jsonl`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np

from finecops.boxes import nms_xyxy
from finecops.models.backends import load_specialist_model
from finecops.models.protocols import Specialist
from finecops.records import Candidates, Route, Sample, Target
from finecops.replies.answer import Answer
from finecops.runs.manifest import ALL, Share
from finecops.runs.specification import ImageGroup, Resources, StageContext, StageSettings, StageSpec
from finecops.stages.rows import SpecialistSetting, query_groups, rounded_boxes, rounded_scores

Proposer = Literal["specialist", "router"]
NMS_IOU = 0.7
MOST = 25
"""Candidates are kept up to this rank: there are 26 letters, and one is None's."""


class CandidateSettings(StageSettings):
    """Who proposes, and which proposals are alike."""

    specialist: SpecialistSetting
    nms_iou: float = NMS_IOU
    """Of two proposals above this IoU the better one stays."""
    focus: bool = False
    """Focus the specialist on the target of the expression."""
    proposer: Proposer = "specialist"
    """With `router`, the instances of the target that it counted are the candidates, and only where it has found
    nothing the specialist proposes."""


class CandidateStage:
    """Proposes boxes for each sample, with target focus if `targets` are given."""

    def __init__(self, model: Specialist, targets: Mapping[str, Target] | None, nms_iou: float = NMS_IOU) -> None:
        self.model, self.targets, self.nms_iou = model, targets, nms_iou

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Candidates]:
        """One row per sample."""
        answers = self.model.detect(query_groups(groups, self.targets))
        return [
            candidates_of(sample, answer, self.nms_iou)
            for group, found in zip(groups, answers, strict=True)
            for sample, answer in zip(group.samples, found, strict=True)
        ]


class RoutedCandidateStage:
    """The instances of the target that the router counted as candidates: they cost nothing, it has looked already.

    They are the objects of the target's kind: the rest of the expression must distinguish them. Where it counted
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
        return candidates_of(sample, Answer("box", boxes, scores), self.nms_iou)


def candidates_of(sample: Sample, answer: Answer, nms_iou: float) -> Candidates:
    """The row of a sample: what was detected, and which of it NMS keeps."""
    if answer.status == "failed":
        return failed_candidates(sample, answer.reason or "the specialist gave no answer")
    # Proposals without scores stand in the model's order, and NMS keeps the order of equal scores.
    scores = np.array(answer.scores if answer.scores is not None else [0.0] * len(answer.boxes))
    kept = nms_xyxy(answer.xyxy, scores, nms_iou)[:MOST]
    return Candidates(
        sample_id=sample.id,
        status="proposed",
        boxes=rounded_boxes(answer),
        scores=rounded_scores(answer) or (0.0,) * len(answer.boxes),
        kept=tuple(kept.tolist()),
        reason=answer.note,
    )


def failed_candidates(sample: Sample, reason: str) -> Candidates:
    """The row of a sample for which nothing could be proposed."""
    return Candidates(sample_id=sample.id, status="failed", boxes=(), scores=(), kept=(), reason=reason)


def make(settings: CandidateSettings, context: StageContext) -> CandidateStage | RoutedCandidateStage:
    """The stage with its specialist loaded, or with what loads it where it is needed."""
    load = partial(_specialist, settings, context)
    if settings.proposer == "specialist":
        return load()
    return RoutedCandidateStage(context.rows("routes", Route), settings.nms_iou, load)


def _specialist(settings: CandidateSettings, context: StageContext) -> CandidateStage:
    targets = context.rows("targets", Target) if settings.focus else None
    return CandidateStage(load_specialist_model(settings.specialist, context.device), targets, settings.nms_iou)


def candidate_spec(
    settings: CandidateSettings,
    resources: Resources,
    targets: StageSpec[Target] | None = None,
    share: Share = ALL,
    routes: StageSpec[Route] | None = None,
) -> StageSpec[Candidates]:
    """The stage of the candidates. `routes` are there where the router proposes, or where they decide the share."""
    proposer = "router" if settings.proposer == "router" else settings.specialist.name
    return StageSpec(
        name="candidates",
        row_type=Candidates,
        role="candidates",
        label=f"Candidates of {proposer}",
        settings=settings,
        make=make,
        failure=failed_candidates,
        inputs=tuple(spec for spec in (targets, routes) if spec is not None),
        share=share,
        resources=resources,
        command="finecops crs candidates",
        model=settings.specialist,
    )

"""Specialist inference as a stage: `specialist.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from finecops.config.schema import SpecialistConfig
from finecops.models.backends import backend_of, load_specialist_model
from finecops.models.protocols import Specialist
from finecops.records import Prediction, Route, Sample, Target
from finecops.replies.answer import Answer
from finecops.runs.manifest import ALL, Answering, Share
from finecops.runs.specification import (
    ImageGroup,
    Resources,
    StageContext,
    StageSettings,
    StageSpec,
    Watched,
)
from finecops.stages.rows import (
    SpecialistSetting,
    failed_prediction,
    query_groups,
    rounded_boxes,
    rounded_scores,
)

SOURCE = "specialist"


class SpecialistSettings(StageSettings):
    """Who detects, and whether it is focused."""

    specialist: SpecialistSetting
    focus: bool
    """Target-focus matching (paper, IV-A, Fig. 3)."""


class SpecialistStage:
    """Detects each sample's expression, with target-focus matching if `targets` are given (paper, IV-A, Fig. 3)."""

    def __init__(self, model: Specialist, config: SpecialistConfig, targets: Mapping[str, Target] | None) -> None:
        self.model, self.config, self.targets = model, config, targets

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample, boxes best first."""
        answers = self.model.detect(query_groups(groups, self.targets))
        return [
            self._row(sample, answer)
            for group, found in zip(groups, answers, strict=True)
            for sample, answer in zip(group.samples, found, strict=True)
        ]

    def _row(self, sample: Sample, answer: Answer) -> Prediction:
        if answer.status != "box":
            return Prediction(sample_id=sample.id, status=answer.status, source=SOURCE, reason=answer.reason)
        if not answer.boxes:
            return Prediction(sample_id=sample.id, status="unparsed", source=SOURCE, reason="no box at all")
        score_kind = backend_of(self.config).score(self.config, self.targets is not None)
        return Prediction(
            sample_id=sample.id,
            status="box",
            boxes=rounded_boxes(answer),
            scores=rounded_scores(answer),
            score_kind=score_kind if answer.scores is not None else None,
            source=SOURCE,
            note=self._note(sample) or answer.note,
        )

    def _note(self, sample: Sample) -> str | None:
        """Which fallback was taken before the model was asked."""
        if self.targets is None or self.config.reads != "expression":
            return None
        target = self.targets.get(sample.id)
        if target is None or target.span is None:
            return "the target is not in the expression: scored without focus"
        return None


def make(settings: SpecialistSettings, context: StageContext) -> SpecialistStage:
    """The stage with its model loaded."""
    model = load_specialist_model(settings.specialist, context.device)
    targets = context.rows("targets", Target) if settings.focus else None
    return SpecialistStage(model, settings.specialist, targets)


def specialist_spec(
    settings: SpecialistSettings,
    resources: Resources,
    targets: StageSpec[Target] | None = None,
    share: Share = ALL,
    routes: StageSpec[Route] | None = None,
) -> StageSpec[Prediction]:
    """The stage of the specialist's answers: on all samples, or on a share that the routes decide."""
    config = settings.specialist
    return StageSpec(
        name="specialist",
        row_type=Prediction,
        role="answers",
        label=f"Specialist {config.name}{' + focus' if settings.focus else ''}",
        settings=settings,
        make=make,
        failure=partial(failed_prediction, source=SOURCE),
        inputs=tuple(spec for spec in (targets, routes) if spec is not None),
        share=share,
        answering=Answering(method="specialist", model=config.name, paper_row=config.paper_row, focus=settings.focus),
        resources=resources,
        command="finecops infer specialist",
        watched=Watched(config.name),
        model=config,
    )

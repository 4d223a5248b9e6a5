"""MLLM inference as a stage: `mllm.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from finecops.config.schema import MllmConfig
from finecops.models.backends import load_mllm_model
from finecops.models.protocols import Mllm
from finecops.records import Prediction, Route, Sample, Target
from finecops.replies.answer import Reply
from finecops.replies.confidence import Confidence
from finecops.replies.parse import parse_reply
from finecops.runs.manifest import ALL, Answering, Share
from finecops.runs.specification import (
    ImageGroup,
    Resources,
    StageContext,
    StageSettings,
    StageSpec,
    Watched,
    width_of,
)
from finecops.stages.rows import MllmSetting, failed_prediction, query_groups, rounded_boxes, rounded_scores

SOURCE = "mllm"


class MllmSettings(StageSettings):
    """Who answers, whether it is focused, and what its score is."""

    mllm: MllmSetting
    focus: bool
    """The focus sentence in the prompt (paper, IV-A, Fig. 4)."""
    confidence: Confidence
    """How the probabilities of a box's tokens become its score (paper, V-A.3)."""


class MllmStage:
    """Asks for a box, with the focus sentence if `targets` are given (paper, IV-A, Fig. 4)."""

    def __init__(
        self, model: Mllm, config: MllmConfig, targets: Mapping[str, Target] | None, confidence: Confidence
    ) -> None:
        self.model, self.config, self.targets, self.confidence = model, config, targets, confidence

    def width(self) -> int:
        """As its model's."""
        return width_of(self.model)

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample: a box, a rejection, or an answer nobody could read."""
        replies = self.model.ground(query_groups(groups, self.targets))
        return [
            self._row(sample, reply)
            for group, found in zip(groups, replies, strict=True)
            for sample, reply in zip(group.samples, found, strict=True)
        ]

    def _row(self, sample: Sample, reply: Reply) -> Prediction:
        target = self.targets.get(sample.id) if self.targets is not None else None
        phrase = target.phrase if target is not None else None
        answer = parse_reply(self.config, reply, (sample.width, sample.height), self.confidence, phrase)
        if answer.status == "failed":
            return failed_prediction(sample, answer.reason or "no reply", SOURCE)
        return Prediction(
            sample_id=sample.id,
            status="unparsed" if answer.status == "box" and not answer.boxes else answer.status,
            boxes=rounded_boxes(answer),
            scores=rounded_scores(answer),
            score_kind=answer.score_kind,
            source=SOURCE,
            prompt=reply.prompt,
            reply=reply.text,
            reason=answer.reason,
            note=answer.note,
        )


def make(settings: MllmSettings, context: StageContext) -> MllmStage:
    """The stage with its model loaded."""
    return make_with(load_mllm_model(settings.mllm, context.device), settings, context)


def make_with(model: Mllm, settings: MllmSettings, context: StageContext) -> MllmStage:
    """The stage with a model that is there."""
    targets = context.rows("targets", Target) if settings.focus else None
    return MllmStage(model, settings.mllm, targets, settings.confidence)


def mllm_spec(
    settings: MllmSettings,
    resources: Resources,
    targets: StageSpec[Target] | None = None,
    share: Share = ALL,
    routes: StageSpec[Route] | None = None,
) -> StageSpec[Prediction]:
    """The stage of the MLLM's answers: on all samples, or on a share that the routes decide."""
    config = settings.mllm
    return StageSpec(
        name="mllm",
        row_type=Prediction,
        role="answers",
        label=f"MLLM {config.name}{' + focus' if settings.focus else ''}",
        settings=settings,
        make=make,
        failure=partial(failed_prediction, source=SOURCE),
        inputs=tuple(spec for spec in (targets, routes) if spec is not None),
        share=share,
        answering=Answering(method="mllm", model=config.name, paper_row=config.paper_row, focus=settings.focus),
        resources=resources,
        command="finecops infer mllm",
        watched=Watched(config.name, config.box_format),
        model=config,
    )

"""SFA's answers: each sample has that of the pathway it was routed to (paper, IV-A). `sfa.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from finecops.records import Prediction, Route
from finecops.runs.manifest import Answering
from finecops.runs.specification import ImageGroup, StageContext, StageSettings, StageSpec
from finecops.stages.rows import failed_prediction


class MergeSettings(StageSettings):
    """Whose answers are taken: names of two of the inputs."""

    easy: str
    """The stage that answers router level 1."""
    hard: str
    """The stage that answers router level 2."""


class MergeStage:
    """Takes each sample's answer from the pathway that its route names."""

    def __init__(
        self, routes: Mapping[str, Route], easy: Mapping[str, Prediction], hard: Mapping[str, Prediction]
    ) -> None:
        self.routes, self.easy, self.hard = routes, easy, hard

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample, as the pathway made it."""
        return [
            (self.easy if self.routes[sample.id].level == 1 else self.hard)[sample.id]
            for group in groups
            for sample in group.samples
        ]


def make(settings: MergeSettings, context: StageContext) -> MergeStage:
    """The stage; no model is loaded."""
    easy, hard = (context.rows(name, Prediction) for name in (settings.easy, settings.hard))
    return MergeStage(context.rows("routes", Route), easy, hard)


def merge_spec(
    routes: StageSpec[Route],
    easy: StageSpec[Prediction],
    hard: StageSpec[Prediction],
    focus: bool,
    name: str = "sfa",
    label: str = "SFA",
) -> StageSpec[Prediction]:
    """The stage of SFA's answers; one with other pathways in the same run has a name of its own."""
    model = hard.answering
    return StageSpec(
        name=name,
        row_type=Prediction,
        role="answers",
        label=f"{label} + focus" if focus else label,
        settings=MergeSettings(easy=easy.name, hard=hard.name),
        make=make,
        failure=partial(failed_prediction, source="sfa"),
        inputs=(routes, easy, hard),
        answering=Answering(method="sfa", paper_row=model.paper_row if model else None, focus=focus),
        command="finecops sfa infer",
        reads_images=False,
        # Merging takes no model: it follows its inputs instead of refusing them.
        remake=True,
    )

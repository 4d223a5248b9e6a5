"""The router's box as the answer to level 1, which saves the specialist's pass: `specialist.jsonl`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from finecops.records import Prediction, Route, Sample
from finecops.runs.manifest import Answering, Share
from finecops.runs.specification import ImageGroup, StageContext, StageSettings, StageSpec
from finecops.stages.rows import failed_prediction
from finecops.stages.specialist import SOURCE


class ReuseSettings(StageSettings):
    """Who answers: the router, with what it detected."""

    fast: str = "router"


class ReuseStage:
    """Answers level 1 with the one box that the router found."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self.routes = routes

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample; scores are the router's on the target phrase."""
        return [self._row(sample) for group in groups for sample in group.samples]

    def _row(self, sample: Sample) -> Prediction:
        route = self.routes[sample.id]
        if not route.boxes:
            return Prediction(sample_id=sample.id, status="reject", source=SOURCE, note="the router found none")
        return Prediction(
            sample_id=sample.id,
            status="box",
            boxes=route.boxes,
            scores=route.scores,
            score_kind="sigmoid, maximum over the target phrase's tokens (the router's)",
            source=SOURCE,
        )


def make(settings: ReuseSettings, context: StageContext) -> ReuseStage:
    """The stage; no model is loaded."""
    return ReuseStage(context.rows("routes", Route))


def reuse_spec(routes: StageSpec[Route], model: str) -> StageSpec[Prediction]:
    """The stage of level 1's answers by the router `model`."""
    return StageSpec(
        name="specialist",
        row_type=Prediction,
        role="answers",
        label=f"Router {model}",
        settings=ReuseSettings(),
        make=make,
        failure=partial(failed_prediction, source=SOURCE),
        inputs=(routes,),
        share=Share(router_level=1),
        reads_images=False,
        answering=Answering(method="specialist", model=model),
    )

"""Target extraction as a stage: `targets.jsonl`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from finecops.config.schema import ExtractorConfig
from finecops.extraction.phrases import with_article
from finecops.extraction.rules import RULES_VERSION
from finecops.models.backends import load_extractor_model
from finecops.models.extractors import failed_target
from finecops.models.protocols import Extractor
from finecops.records import Sample, Target
from finecops.runs.specification import ImageGroup, Resources, StageContext, StageSettings, StageSpec, width_of


class TargetSettings(StageSettings):
    """Who finds the targets, and how much of them is kept."""

    extractor: ExtractorConfig
    article: bool
    """Whether a phrase has its article, as in the paper's examples ("the white truck")."""
    rules: int = RULES_VERSION
    """The version of the rules, with which every extractor's phrases are looked up."""


class TargetStage:
    """Finds the phrase of each expression that names its target. Images are not looked at."""

    def __init__(self, extractor: Extractor, article: bool) -> None:
        self.extractor, self.article = extractor, article

    def width(self) -> int:
        """As its model's."""
        return width_of(self.extractor)

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Target]:
        """One row per sample."""
        return self.of_samples([sample for group in groups for sample in group.samples])

    def of_samples(self, samples: Sequence[Sample]) -> list[Target]:
        """One row per sample."""
        rows = self.extractor.extract(samples)
        return [_with_article(*pair) for pair in zip(samples, rows, strict=True)] if self.article else rows


def _with_article(sample: Sample, row: Target) -> Target:
    # Of a `matched` phrase only the head noun is in the expression: the words before it are others.
    if row.span is None or row.status == "matched":
        return row
    phrase, span = with_article(sample.expression, row.span)
    return row.model_copy(update={"phrase": phrase, "span": span})


def make(settings: TargetSettings, context: StageContext) -> TargetStage:
    """The stage with its extractor loaded."""
    return TargetStage(load_extractor_model(settings.extractor, context.device), settings.article)


def target_spec(settings: TargetSettings, resources: Resources) -> StageSpec[Target]:
    """The stage of the targets."""
    return StageSpec(
        name="targets",
        row_type=Target,
        role="targets",
        label=f"Targets by {settings.extractor.name}",
        settings=settings,
        make=make,
        failure=partial(failed_target, extractor=settings.extractor.name),
        resources=resources,
        command="finecops sfa extract",
        reads_images=False,
    )

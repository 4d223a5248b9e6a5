"""Target extraction as a stage: `targets.jsonl`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from finecops.config.schema import ExtractorConfig
from finecops.models.backends import load_extractor_model
from finecops.models.extractors import failed_target
from finecops.models.protocols import Extractor
from finecops.records import Target
from finecops.runs.specification import ImageGroup, Resources, StageContext, StageSettings, StageSpec


class TargetSettings(StageSettings):
    """Who finds the targets."""

    extractor: ExtractorConfig


class TargetStage:
    """Finds the phrase of each expression that names its target. Images are not looked at."""

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Target]:
        """One row per sample."""
        return self.extractor.extract([sample for group in groups for sample in group.samples])


def make(settings: TargetSettings, context: StageContext) -> TargetStage:
    """The stage with its extractor loaded."""
    return TargetStage(load_extractor_model(settings.extractor, context.device))


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

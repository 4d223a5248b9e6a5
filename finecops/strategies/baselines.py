"""The stages that strategies share, and the baselines: one model alone on every sample."""

from __future__ import annotations

from finecops.records import Prediction, Route, Target
from finecops.runs.manifest import ALL, Share
from finecops.runs.specification import StageSpec
from finecops.stages.mllm import MllmSettings, mllm_spec
from finecops.stages.route import RouteSettings, route_spec
from finecops.stages.specialist import SpecialistSettings, specialist_spec
from finecops.stages.targets import TargetSettings, target_spec
from finecops.strategies.parts import Parts


def targets(parts: Parts) -> StageSpec[Target]:
    """The target of every expression."""
    config = parts.extractor
    settings = TargetSettings(extractor=config, article=parts.article)
    return target_spec(settings, parts.resources(config.batch_size * config.concurrency))


def focus_targets(parts: Parts) -> StageSpec[Target] | None:
    """The targets where models are focused on them."""
    return targets(parts) if parts.options.focus else None


def routes(parts: Parts) -> StageSpec[Route]:
    """The router's level of every sample."""
    settings = RouteSettings(
        router=parts.router,
        score_threshold=parts.preset.score_threshold,
        nms_iou=parts.preset.nms_iou,
        zero_is=parts.preset.zero_is,
        doubtful=parts.options.doubtful,
    )
    return route_spec(settings, parts.resources(parts.router.batch_size), targets(parts))


def specialist(parts: Parts, share: Share = ALL) -> StageSpec[Prediction]:
    """The specialist's answers."""
    return specialist_spec(
        SpecialistSettings(specialist=parts.specialist, focus=parts.options.focus),
        parts.resources(parts.specialist.batch_size),
        targets=focus_targets(parts),
        share=share,
        routes=routes(parts) if share.router_level else None,
    )


def mllm(parts: Parts, share: Share = ALL) -> StageSpec[Prediction]:
    """The plain MLLM's answers."""
    return mllm_spec(
        MllmSettings(mllm=parts.mllm, focus=parts.options.focus, confidence=parts.options.confidence),
        parts.mllm_resources(parts.mllm),
        targets=focus_targets(parts),
        share=share,
        routes=routes(parts) if share.router_level else None,
    )


def mllm_baseline(parts: Parts) -> StageSpec[Prediction]:
    """The MLLM alone, as the options change it (paper, Table VIII)."""
    config = parts.baseline
    return mllm_spec(
        MllmSettings(mllm=config, focus=parts.options.focus, confidence=parts.options.confidence),
        parts.mllm_resources(config),
        targets=focus_targets(parts),
    )

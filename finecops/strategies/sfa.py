"""The chain of SFA's stages on a run folder: extract, route, infer on each pathway, merge."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from finecops.config.fingerprint import model_settings
from finecops.config.schema import ExtractorConfig, MllmConfig, PresetConfig, SpecialistConfig
from finecops.errors import RunError
from finecops.models.backends import load_mllm_model, load_specialist_model, load_text_llm
from finecops.records import Prediction, Route, Sample, Target
from finecops.replies.confidence import Confidence
from finecops.runs.folder import Run
from finecops.runs.jsonl import append_rows, read_rows
from finecops.runs.runner import ImageGroup, Stage
from finecops.runs.watch import Watch
from finecops.stages import answers as infer
from finecops.stages.route import RouteStage, failed_route
from finecops.stages.targets import LlmStage, RulesStage, failed_target
from finecops.strategies.crs import CrsPipeline, CrsSettings

log = logging.getLogger(__name__)

Fast = Literal["specialist", "router"]
Slow = Literal["mllm", "crs"]


@dataclass(frozen=True)
class SfaSettings:
    """Everything SFA can be asked to do differently.

    Attributes:
        preset: thresholds.
        extractor, router, specialist, mllm: the models.
        focus: focus both pathways on the target (paper, IV-A).
        confidence: what an MLLM's score means.
        both: run both pathways on every sample, so that each can be measured alone.
        slow: who answers level 2: the MLLM, which writes a box (the paper), or CRS, in which it picks a candidate.
        crs: how CRS asks, if it does.
        fast: who answers level 1: the specialist, which reads the whole expression (the paper), or the router
            with the one box it found, which saves the second pass.
        device: of the models in this process.
        batch_size: samples per batch, instead of each model's own.
        upstream: run the stages before a stage if they are not done.
        watch: stop where the first answers show that something is wrong with a model.
    """

    preset: PresetConfig
    extractor: ExtractorConfig
    router: SpecialistConfig
    specialist: SpecialistConfig
    mllm: MllmConfig
    focus: bool = True
    confidence: Confidence = "mean_prob"
    both: bool = False
    fast: Fast = "specialist"
    slow: Slow = "mllm"
    crs: CrsSettings | None = None
    device: str = "cpu"
    batch_size: int | None = None
    upstream: bool = True
    watch: bool = True


class ReuseStage:
    """Answers level 1 with the one box the router found."""

    def __init__(self, routes: dict[str, Route]) -> None:
        self.routes = routes

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample; scores are the router's on the target phrase."""
        return [self._row(sample) for group in groups for sample in group.samples]

    def _row(self, sample: Sample) -> Prediction:
        route = self.routes[sample.id]
        if not route.boxes:
            return Prediction(sample_id=sample.id, status="reject", source="specialist", note="the router found none")
        return Prediction(
            sample_id=sample.id,
            status="box",
            boxes=route.boxes,
            scores=route.scores,
            score_kind="sigmoid, maximum over the target phrase's tokens (the router's)",
            source="specialist",
        )


class SfaPipeline:
    """Runs SFA's stages in a run folder; each makes what it needs first, and says so."""

    def __init__(self, run: Run, settings: SfaSettings) -> None:
        self.run, self.settings = run, settings

    def extract(self) -> dict[str, Target]:
        """`targets.jsonl`."""
        config = self.settings.extractor
        batch = self.settings.batch_size or config.batch_size * config.concurrency

        def load() -> Stage[Target]:
            if config.backend == "rules":
                return RulesStage()
            return LlmStage(load_text_llm(config, self.settings.device), config.name, config.batch_size)

        self.run.do(
            "targets",
            Target,
            self.run.samples,
            {"extractor": config.model_dump(mode="json")},
            lambda sample, reason: failed_target(sample, reason, config.name),
            batch,
            load,
        )
        return self._targets()

    def route(self) -> dict[str, Route]:
        """`routes.jsonl`."""
        self._need("targets", self.extract, "finecops sfa extract")
        s = self.settings
        self.run.do(
            "routes",
            Route,
            self.run.samples,
            {
                "router": model_settings(s.router),
                "score_threshold": s.preset.score_threshold,
                "nms_iou": s.preset.nms_iou,
                "zero_is": s.preset.zero_is,
                "targets_sha256": self.run.checksum("targets"),
            },
            failed_route,
            s.batch_size or s.router.batch_size,
            lambda: RouteStage(
                load_specialist_model(s.router, s.device),
                self._targets(),
                s.preset.score_threshold,
                s.preset.nms_iou,
                s.preset.zero_is,
            ),
        )
        return self._routes()

    def specialist(self, routed: bool) -> None:
        """`specialist.jsonl`: all samples, or with `routed` those of level 1."""
        s = self.settings
        settings = self._pathway_settings(routed, level=1) | {"specialist": model_settings(s.specialist)}
        reuse = routed and s.fast == "router"
        if reuse:
            settings["fast"] = "router"

        def load() -> Stage[Prediction]:
            if reuse:
                return ReuseStage(self._routes())
            model = load_specialist_model(s.specialist, s.device)
            return infer.SpecialistStage(model, s.specialist, self._targets() if s.focus else None)

        self._predict("specialist", self._samples(routed, 1), settings, s.batch_size or s.specialist.batch_size, load)

    def mllm(self, routed: bool) -> None:
        """`mllm.jsonl`: all samples, or with `routed` those of level 2."""
        s = self.settings
        settings = self._pathway_settings(routed, level=2)
        settings |= {"mllm": model_settings(s.mllm), "confidence": s.confidence}
        self._predict(
            "mllm",
            self._samples(routed, 2),
            settings,
            s.batch_size or s.mllm.batch_size,
            lambda: infer.MllmStage(
                load_mllm_model(s.mllm, s.device), s.mllm, self._targets() if s.focus else None, s.confidence
            ),
        )

    def infer(self) -> None:
        """Both pathways and `sfa.jsonl`, in which each sample has the answer of the pathway it was routed to."""
        self._need("routes", self.route, "finecops sfa route")
        routed = not self.settings.both
        self.specialist(routed)
        if self.settings.both or self.settings.slow == "mllm":
            self.mllm(routed)
        slow = self._select(routed) if self.settings.slow == "crs" else "mllm"
        answers = {path: self._predictions(path) for path in ("specialist", slow)}
        routes = self._routes()
        rows = []
        for sample in self.run.samples:
            path = "specialist" if routes[sample.id].level == 1 else slow
            rows.append(answers[path][sample.id])
        temporary = self.run.file("sfa").with_suffix(".writing")
        with temporary.open("w", encoding="utf-8") as file:
            append_rows(file, rows)
        temporary.replace(self.run.file("sfa"))

    def _select(self, routed: bool) -> str:
        """CRS on all samples, or on those of level 2; the name of its stage."""
        assert self.settings.crs is not None
        share = "router level 2" if routed else "all"
        samples = self._samples(routed, 2)
        return CrsPipeline(self.run, self.settings.crs, self.extract, samples, share, self._routes()).select()

    def _need(self, stage: str, make: Callable[[], Any], command: str) -> None:
        if not self.run.has(stage):
            if not self.settings.upstream:
                raise RunError(f"{self.run.file(stage)} is not there; `{command}` makes it")
            log.info("%s.jsonl is not there yet: making it first", stage)
        if self.settings.upstream:
            make()

    def _pathway_settings(self, routed: bool, level: int) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "focus": self.settings.focus,
            "samples": f"router level {level}" if routed else "all",
        }
        if self.settings.focus:
            self._need("targets", self.extract, "finecops sfa extract")
            settings["targets_sha256"] = self.run.checksum("targets")
        if routed:
            settings["routes_sha256"] = self.run.checksum("routes")
        return settings

    def _predict(
        self,
        stage: str,
        samples: Sequence[Sample],
        settings: dict[str, Any],
        batch_size: int,
        load: Callable[[], Stage[Prediction]],
    ) -> None:
        failure = partial(infer.failed_prediction, stage)
        s = self.settings
        name, box_format = (s.mllm.name, s.mllm.box_format) if stage == "mllm" else (s.specialist.name, None)
        watch = Watch(name, box_format, samples) if s.watch else None
        self.run.do(stage, Prediction, samples, settings, failure, batch_size, load, watch)

    def _samples(self, routed: bool, level: int) -> list[Sample]:
        if not routed:
            return list(self.run.samples)
        routes = self._routes()
        return [sample for sample in self.run.samples if routes[sample.id].level == level]

    def _targets(self) -> dict[str, Target]:
        return {row.sample_id: row for row in read_rows(self.run.file("targets"), Target)}

    def _routes(self) -> dict[str, Route]:
        return {row.sample_id: row for row in read_rows(self.run.file("routes"), Route)}

    def _predictions(self, stage: str) -> dict[str, Prediction]:
        return {row.sample_id: row for row in read_rows(self.run.file(stage), Prediction)}

"""`finecops bench models`: finecops beside what a user writes with the library, on the same weights in one process.

Every stage that asks a model, and the whole of `sfa run` and `crs run` with models that are loaded, in three variants:
one sample at a time; batches of sixteen with padding, as a careful user writes them; and as finecops runs it.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from finecops.bench.library import LibraryDetector, LibraryMllm
from finecops.bench.rounds import Variant, VariantTiming, time_in_turns
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import Dataset
from finecops.errors import UsageError
from finecops.images import forget_images
from finecops.models.backends import load_extractor_model, load_mllm_model, load_specialist_model, use_torch
from finecops.models.grounding_dino import GroundingDino
from finecops.models.protocols import Mllm, Specialist
from finecops.models.transformers_mllm import TransformersMllm
from finecops.names import unknown_name
from finecops.records import Candidates, Prediction, Route, Sample, StageRow, Target
from finecops.runs.batches import Batch, make_batches
from finecops.runs.folder import open_run
from finecops.runs.run import RunOptions
from finecops.runs.specification import ImageGroup, Stage, StageSpec
from finecops.stages.candidates import CandidateStage
from finecops.stages.mllm import MllmStage
from finecops.stages.route import RouteSettings, RouteStage
from finecops.stages.select import Selecting, SelectionStage
from finecops.stages.specialist import SpecialistStage
from finecops.stages.targets import TargetStage
from finecops.strategies.crs import crs
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.running import dataset_for, do_all
from finecops.strategies.sfa import sfa

BATCH: Final = 16
"""Samples of a batch, as a careful user writes it."""
WORK: Final = ("router", "specialist", "candidates", "mllm", "sfa", "select", "crs")
"""What is timed, in this order: an MLLM is loaded for its stage and for the run that follows."""


_SELECT: Final = ("select", "crs")
"""What the selector does, which may be another MLLM."""


class _Way(NamedTuple):
    """How a variant asks models, and in which batches."""

    name: str
    detector: Callable[[SpecialistConfig], Specialist]
    mllm: Callable[[MllmConfig], Mllm]
    cut: Callable[[Sequence[Sample], int], Sequence[Batch]]
    """From samples, and the batch size of the model's file."""
    keeps_images: bool = False
    """Whether decoded images are kept from batch to batch."""

    def rows(self, stage: Stage[Any], samples: Sequence[Sample], size: int) -> list[Any]:
        """What a stage makes of some samples."""
        found: list[Any] = []
        for batch in self.cut(samples, size):
            # A script opens the images of a batch, and does not hold those of a whole dataset.
            if not self.keeps_images:
                forget_images()
            found += stage(batch)
        return found


@dataclass(frozen=True)
class ModelTimings:
    """What was measured, and on what."""

    samples: int
    images: int
    timings: tuple[VariantTiming, ...]


def time_models(options: Options, work: Sequence[str], repeats: int) -> ModelTimings:
    """Time some work.

    Args:
        options: dataset, limit, models, device.
        work: names in `WORK`; they are done in its order.
        repeats: timed runs of each variant.

    Raises:
        UsageError: a name is unknown, or a model is not one that the library calls in this process.
    """
    for name in work:
        if name not in WORK:
            raise UsageError(unknown_name("work", name, WORK))
    dataset = dataset_for(Parts(options))
    samples = choose_samples(dataset.samples, options.limit)
    bench = _Bench(dataset, samples, options, repeats)
    timings = tuple(timing for name in WORK if name in work for timing in bench(name))
    return ModelTimings(len(samples), len({sample.image for sample in samples}), timings)


class _Bench:
    """Times one piece of work after the other."""

    def __init__(self, dataset: Dataset, samples: Sequence[Sample], options: Options, repeats: int) -> None:
        self._dataset, self._samples, self._repeats = dataset, samples, repeats
        self._parts = Parts(options)
        self._device = use_torch(self._parts.device)
        self._detectors: dict[SpecialistConfig, LibraryDetector] = {}
        self._mllms: dict[MllmConfig, LibraryMllm] = {}
        self._ways = [
            _Way("one at a time", self._library_detector, partial(self._library_mllm, None), self._alone),
            # Whoever is careful does not let the model write on behind the letter.
            _Way(f"batches of {BATCH}", self._library_detector, partial(self._library_mllm, 1), self._sorted),
            _Way("finecops", self._detector, self._mllm, self._as_runs, keeps_images=True),
        ]
        extractor = TargetStage(load_extractor_model(self._parts.extractor, self._parts.device), self._parts.article)
        self._targets = {row.sample_id: row for row in extractor.of_samples(samples)}

    def __call__(self, work: str) -> list[VariantTiming]:
        """Time a name in `WORK`."""
        parts, selector = self._parts, self._parts.selector
        known: dict[str, tuple[str, Callable[[_Way], Variant]]] = {
            "router": (f"router {parts.router.name}", self._router),
            "specialist": (f"specialist {parts.specialist.name}", self._specialist),
            "candidates": (f"candidates {parts.specialist.name}", self._candidates),
            "mllm": (f"MLLM {parts.mllm.name}", self._grounding),
            "sfa": ("sfa run", self._sfa),
            "select": (f"CRS {selector.name}", self._select),
            "crs": ("crs run", self._crs),
        }
        title, make = known[work]
        # Of one MLLM at a time the weights are in memory.
        self._mllms = {config: one for config, one in self._mllms.items() if (config == selector) == (work in _SELECT)}
        return time_in_turns(title, [make(way) for way in self._ways], self._device, self._repeats)

    def _router(self, way: _Way) -> Variant:
        return self._stage(way, self._parts.router, partial(self._route_stage, way, self._targets))

    def _specialist(self, way: _Way) -> Variant:
        config = self._parts.specialist
        return self._stage(way, config, lambda: SpecialistStage(way.detector(config), config, None))

    def _candidates(self, way: _Way) -> Variant:
        config = self._parts.specialist
        return self._stage(way, config, lambda: CandidateStage(way.detector(config), None))

    def _grounding(self, way: _Way) -> Variant:
        config = self._parts.mllm
        return self._stage(way, config, lambda: MllmStage(way.mllm(config), config, None, "mean_prob"))

    def _select(self, way: _Way) -> Variant:
        config, proposer = self._parts.selector, self._parts.specialist
        # The same questions for all.
        propose = CandidateStage(self._detector(proposer), None)
        found = _by_id(self._ways[-1].rows(propose, self._samples, proposer.batch_size))
        return self._stage(way, config, lambda: SelectionStage(way.mllm(config), config, found, Selecting()))

    def _route_stage(self, way: _Way, targets: Mapping[str, Target]) -> RouteStage:
        preset = self._parts.preset
        thresholds = {name: getattr(preset, name) for name in ("score_threshold", "nms_iou", "zero_is")}
        settings = RouteSettings(router=self._parts.router, **thresholds)
        return RouteStage(way.detector(self._parts.router), targets, settings)

    def _stage(self, way: _Way, config: SpecialistConfig | MllmConfig, make: Callable[[], Stage[StageRow]]) -> Variant:
        stage = make()
        asked = way.detector(config) if isinstance(config, SpecialistConfig) else way.mllm(config)
        return Variant(way.name, lambda: way.rows(stage, self._samples, config.batch_size), _modules(asked))

    def _sfa(self, way: _Way) -> Variant:
        parts = self._parts
        detectors = (way.detector(parts.router), way.detector(parts.specialist))
        models = _modules(*detectors, way.mllm(parts.mllm))
        if way.name == "finecops":
            return Variant(way.name, lambda: self._run(sfa(parts)[-1]), models)

        def run() -> list[Prediction]:
            # Targets are a part of the run, and there is no other way to find them.
            extractor = TargetStage(load_extractor_model(parts.extractor, parts.device), parts.article)
            targets = _by_id(extractor.of_samples(self._samples))
            router = self._route_stage(way, targets)
            routes: Mapping[str, Route] = _by_id(way.rows(router, self._samples, parts.router.batch_size))
            # As SFA itself: each pathway is asked about its own samples alone.
            easy, hard = ([s for s in self._samples if routes[s.id].level == level] for level in (1, 2))
            fast = SpecialistStage(way.detector(parts.specialist), parts.specialist, targets)
            slow = MllmStage(way.mllm(parts.mllm), parts.mllm, targets, "mean_prob")
            found = way.rows(fast, easy, parts.specialist.batch_size)
            return [*found, *way.rows(slow, hard, parts.mllm.batch_size)]

        return Variant(way.name, run, models)

    def _crs(self, way: _Way) -> Variant:
        parts = Parts(self._parts.options.model_copy(update={"focus": False}))
        models = _modules(way.detector(parts.specialist), way.mllm(parts.selector))
        if way.name == "finecops":
            return Variant(way.name, lambda: self._run(crs(parts)[0]), models)

        def run() -> list[Prediction]:
            propose = CandidateStage(way.detector(parts.specialist), None)
            found: Mapping[str, Candidates] = _by_id(way.rows(propose, self._samples, parts.specialist.batch_size))
            select = SelectionStage(way.mllm(parts.selector), parts.selector, found, Selecting())
            return way.rows(select, self._samples, parts.selector.batch_size)

        return Variant(way.name, run, models)

    def _run(self, spec: StageSpec[Prediction]) -> list[Prediction]:
        """The rows of a whole run in a folder of its own, which is then removed."""
        # A new folder each time: a finished run would have nothing to do.
        with tempfile.TemporaryDirectory() as folder, _quiet():
            run = open_run(Path(folder) / "run", self._dataset, self._parts.options.limit, RunOptions(watch=False))
            do_all(run, [spec])
            return list(run.rows(spec).values())

    def _detector(self, config: SpecialistConfig) -> GroundingDino:
        model = load_specialist_model(config, self._parts.device)
        if not isinstance(model, GroundingDino):
            raise UsageError(f"{config.name}: the baselines are for specialists of the backend grounding-dino")
        return model

    def _mllm(self, config: MllmConfig) -> TransformersMllm:
        model = load_mllm_model(config, self._parts.device)
        if not isinstance(model, TransformersMllm):
            raise UsageError(
                f"{config.name}: the baselines are for MLLMs of the backend transformers; `finecops bench server` "
                "times a server"
            )
        return model

    def _library_detector(self, config: SpecialistConfig) -> LibraryDetector:
        if config not in self._detectors:
            self._detectors[config] = LibraryDetector(self._detector(config))
        return self._detectors[config]

    def _library_mllm(self, letter_tokens: int | None, config: MllmConfig) -> LibraryMllm:
        if config not in self._mllms:
            self._mllms[config] = LibraryMllm(self._mllm(config))
        return self._mllms[config].with_letters_of(letter_tokens)

    def _group(self, sample: Sample) -> ImageGroup:
        return ImageGroup(self._dataset.image_path(sample), (sample,))

    def _alone(self, samples: Sequence[Sample], size: int) -> list[Batch]:
        return [(self._group(sample),) for sample in samples]

    def _sorted(self, samples: Sequence[Sample], size: int) -> list[Batch]:
        # What is as long as its neighbours needs little padding: images first, then texts.
        ordered = sorted(samples, key=lambda sample: (sample.width, sample.height, len(sample.expression)))
        return [tuple(map(self._group, ordered[i : i + BATCH])) for i in range(0, len(ordered), BATCH)]

    def _as_runs(self, samples: Sequence[Sample], size: int) -> Sequence[Batch]:
        return make_batches(samples, self._dataset.image_path, size)


def _by_id(rows: Sequence[Any]) -> Mapping[str, Any]:
    return {row.sample_id: row for row in rows}


def _modules(*models: Any) -> tuple[Any, ...]:
    return tuple({id(one): one.model for one in models}.values())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what a run says of its stages."""
    logger = logging.getLogger("finecops")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)

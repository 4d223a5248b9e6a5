"""The models that options name, each looked up when it is needed."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import cast

from finecops.config.budget import with_visual_tokens
from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import (
    load_dataset,
    load_extractor,
    load_mllm,
    load_preset,
    load_specialist,
    with_permissions,
)
from finecops.config.schema import ExtractorConfig, MllmConfig, PresetConfig, SpecialistConfig
from finecops.config.server import ServerOptions, placed
from finecops.datasets.given_files import dataset_of_files
from finecops.errors import UsageError
from finecops.models.backends import backend_of
from finecops.models.readiness import AUTO
from finecops.models.server_status import is_behind_server
from finecops.runs.specification import Resources
from finecops.strategies.options import DEFAULT_DATASET, Options

_OF_RUNS = frozenset(
    {"dataset", "split", "annotations", "boxes", "images", "run", "limit", "preset", "engine", "upstream", "watch"}
)
_OF_RUNS |= {"max_failed", "retry_failed", "keep_failed", "workers", "gpus_per_worker", "address", "shard", "threads"}
"""Options of the run folder and its name; they have a use in every command."""
_FLAGS = {"router_nms_iou": "--nms-iou", "candidate_nms_iou": "--nms-iou", "watch": "--no-watch"}


class _Recorder:
    """Options that remember which of them were read."""

    def __init__(self, options: Options) -> None:
        self._options, self.read = options, set[str]()

    def __getattr__(self, name: str) -> object:
        self.read.add(name)
        return getattr(self._options, name)


class Parts:
    """What stages are made of, by the options: each part is looked up when a strategy asks for it.

    Which options were read is remembered, so that what no stage uses can be refused instead of ignored.
    """

    def __init__(self, options: Options) -> None:
        self._recorder, self._given = _Recorder(options), options
        self.options = cast(Options, self._recorder)

    @property
    def models(self) -> list[SpecialistConfig | MllmConfig]:
        """The models that were looked up so far."""
        found = (self.__dict__.get(name) for name in ("router", "specialist", "mllm", "baseline", "selector"))
        return [config for config in found if config is not None]

    @property
    def read(self) -> frozenset[str]:
        """The options that were read so far."""
        return frozenset(self._recorder.read)

    def refuse_unused(self, besides: frozenset[str] = frozenset()) -> None:
        """To be called when all stages are specified.

        Args:
            besides: options that others read, who have the same options.

        Raises:
            UsageError: an option was given that none of them uses.
        """
        usual = Options()
        unused = [
            _FLAGS.get(name, f"--{name.replace('_', '-')}")
            for name in Options.model_fields
            if getattr(self._given, name) != getattr(usual, name)
            and name not in self._recorder.read
            and name not in besides
            and name not in _OF_RUNS
        ]
        if unused:
            raise UsageError(f"{', '.join(unused)}: not used with these options: no stage of this command reads it")

    @cached_property
    def dataset(self) -> DatasetConfig:
        """The dataset's configuration."""
        o = self.options
        return dataset_of_files(load_dataset(o.dataset), o.annotations, o.boxes, named=o.dataset != DEFAULT_DATASET)

    @cached_property
    def preset(self) -> PresetConfig:
        """The preset, with the thresholds that the options set instead."""
        o = self.options
        preset = load_preset(o.preset or self.dataset.preset)
        given = {"score_threshold": o.score_threshold, "nms_iou": o.router_nms_iou, "zero_is": o.zero_is}
        # Validated again: a threshold of the command line has the same limits as one of a file.
        return PresetConfig.model_validate(preset.model_dump() | {k: v for k, v in given.items() if v is not None})

    @cached_property
    def extractor(self) -> ExtractorConfig:
        """Who finds targets."""
        named = load_extractor(self.options.extractor or self.preset.extractor)
        config = with_permissions(named, trust_remote_code=False, allow_pickle=self.options.allow_pickle)
        backend_of(config)
        return config

    @cached_property
    def article(self) -> bool:
        """Whether targets have their article."""
        return self.preset.article if self.options.article is None else self.options.article

    @cached_property
    def router(self) -> SpecialistConfig:
        """Who counts targets."""
        return self._specialist(self.options.router or self.preset.router)

    @cached_property
    def specialist(self) -> SpecialistConfig:
        """Who answers easy samples, and proposes candidates."""
        return self._specialist(self.options.specialist or self.preset.specialist)

    @cached_property
    def mllm(self) -> MllmConfig:
        """Who answers hard samples with a box: the plain model."""
        return self._mllm(self.options.mllm or self.preset.mllm)

    @cached_property
    def baseline(self) -> MllmConfig:
        """The MLLM alone: with the adapter, and with a prompt that allows "None" (paper, Table VIII), if asked for."""
        changed = {"adapter": self.options.adapter, "refusal": "NONE_BASELINE" if self.options.none else None}
        return self.mllm.model_copy(update={key: value for key, value in changed.items() if value is not None})

    @cached_property
    def selector(self) -> MllmConfig:
        """Who chooses among candidates: the named MLLM, else the preset's tuned one, else the preset's."""
        o = self.options
        tuned = self.preset.selector_none if o.none else self.preset.selector
        # A named adapter goes onto the plain model, not onto a tuned one.
        config = self._mllm(o.mllm or (None if o.adapter else tuned) or self.preset.mllm)
        if o.adapter is None:
            return config
        return config.model_copy(update={"adapter": o.adapter, "name": f"{config.name}+{Path(o.adapter).name}"})

    @cached_property
    def device(self) -> str:
        """Where models in this process run."""
        return self.options.device or AUTO

    def resources(self, batch_size: int) -> Resources:
        """What a stage needs whose model likes batches of that size."""
        return Resources(self.options.batch_size or batch_size, self.device)

    def mllm_resources(self, config: MllmConfig) -> Resources:
        """What a stage needs that asks an MLLM. A server gains nothing by batches: with one image in each, what is
        stopped or fails concerns few questions."""
        resources = self.resources(config.batch_size)
        return replace(resources, images=1) if is_behind_server(config) else resources

    def _specialist(self, name: str) -> SpecialistConfig:
        config = with_permissions(load_specialist(name), self.options.trust_remote_code, self.options.allow_pickle)
        backend_of(config)
        return config

    def _mllm(self, name: str) -> MllmConfig:
        o = self.options
        config = with_permissions(load_mllm(name), o.trust_remote_code, o.allow_pickle)
        backend_of(config)
        asked = ServerOptions(o.base_url, o.api_model, o.servers, o.serve)
        return with_visual_tokens(placed(config, asked), o.visual_tokens)

"""Everything that SFA, CRS and the baselines can be asked to do differently: one record from command line to stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from finecops.datasets.conventions import CONVENTIONS
from finecops.errors import UsageError
from finecops.names import unknown_name
from finecops.replies.confidence import CONFIDENCES, Confidence
from finecops.replies.options import Order, Show
from finecops.runs.engines import ENGINE_OPTIONS, ENGINES
from finecops.runs.failures import MAX_FAILED, Retry
from finecops.runs.shards import parse_shard
from finecops.stages.candidates import NMS_IOU, Proposer
from finecops.stages.route import Doubtful

DEFAULT_DATASET = "finecops-mini"


def require_known(what: str, value: str, known: Iterable[str]) -> None:
    """
    Raises:
        UsageError: the value is none of the known ones, which it lists.
    """
    names = list(known)
    if value not in names:
        raise UsageError(unknown_name(what, value, names))


_CHOICES = {
    "boxes": ("convention of boxes", tuple(CONVENTIONS)),
    "confidence": ("confidence", tuple(CONFIDENCES)),
    "candidates": ("source of candidates", ("router", "specialist")),
    "doubtful": ("way for doubtful targets", ("route", "mllm")),
    "order": ("order", ("rank", "shuffle")),
    "show": ("form of candidates", ("text", "marks", "both")),
}


def _refuse_of_engine(given: Mapping[str, Any]) -> None:
    """
    Raises:
        UsageError: an option was given that the engine does not use, or a device that does not fit it.
    """
    engine, device = given.get("engine", "local"), given.get("device")
    used = ENGINE_OPTIONS.get(engine, ())
    every = dict.fromkeys(name for names in ENGINE_OPTIONS.values() for name in names)
    for name in every:
        if given.get(name) is not None and name not in used:
            those = " or ".join(other for other, names in ENGINE_OPTIONS.items() if name in names)
            raise UsageError(
                f"--{name.replace('_', '-')} goes with --engine {those}; --engine {engine} does not use it"
            )
    if used and device and ":" in device:
        kind = device.partition(":")[0]
        raise UsageError(
            f"--device {device} is one device; --engine {engine} gives each worker its own: --device {kind}"
        )
    if device == "cpu" and given.get("gpus_per_worker"):
        raise UsageError("--gpus-per-worker has no use with --device cpu")
    if used and given.get("serve"):
        raise UsageError(
            f"--serve goes with --engine local: the workers of --engine {engine} would have servers each. Start them "
            "yourself: --servers URL,URL"
        )


class Options(BaseModel):
    """What a command was asked for. A command sets the fields that are its options; the others keep their defaults.

    Raises:
        UsageError: a choice is unknown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = DEFAULT_DATASET
    """A dataset's name or YAML file."""
    split: str | None = None
    """None: the dataset's default."""
    annotations: tuple[Path, ...] = ()
    """Annotation files in place of the split's own."""
    images: Path | None = None
    """A folder or zip file of the dataset's images; None: the remembered one, or the dataset's own."""
    boxes: str | None = None
    """What the numbers of a box mean in such a file of rows (`finecops.datasets.conventions`)."""
    run: str | None = None
    """The run's name below `outputs/`, or a folder. None: named after dataset, preset and what differs."""
    limit: int = 0
    """So many samples, the same ones each time; 0: all."""
    preset: str | None = None
    """Models and thresholds; None: the dataset's."""
    extractor: str | None = None
    router: str | None = None
    specialist: str | None = None
    mllm: str | None = None
    """Models instead of the preset's, by name or YAML file."""
    base_url: str | None = None
    api_model: str | None = None
    """Of an MLLM behind a server: its address, and the model's name there."""
    servers: str | None = None
    """Addresses of several servers with the MLLM, with commas between them."""
    serve: str | None = None
    """The program that finecops starts to serve the MLLM, and more arguments for it."""
    adapter: str | None = None
    """A LoRA adapter for the MLLM."""
    visual_tokens: int | None = Field(default=None, ge=1, le=65_536)
    """At most so many visual tokens an image for the MLLM; None: as its file or its checkpoint says."""
    focus: bool = True
    """Focus the models on the expression's target (paper, IV-A)."""
    article: bool | None = None
    """Whether targets have their article, as in the paper's examples; None: as the preset says."""
    both: bool = False
    """Run both pathways on every sample, so that each can be compared alone."""
    fast: str = "specialist"
    """Who answers router level 1 (`finecops.strategies.sfa.FAST`)."""
    slow: str = "mllm"
    """Who answers router level 2 (`finecops.strategies.sfa.SLOW`)."""
    candidates: Proposer = "router"
    """Of CRS within SFA: whose boxes are the options."""
    confidence: Confidence = "mean_prob"
    """What an MLLM's score is."""
    topk: int = Field(default=5, ge=1, le=25)
    """Of CRS: how many candidates are options."""
    none: bool = False
    """Of CRS: None is an option too. Of the MLLM alone: the prompt says that the target may not be there."""
    order: Order = "rank"
    show: Show = "text"
    """Of CRS: the options' order, and how they are shown."""
    orders: int = 0
    """Of CRS: ask again in so many orders."""
    score_threshold: float | None = Field(default=None, ge=0, le=1)
    router_nms_iou: float | None = Field(default=None, ge=0, le=1)
    zero_is: Literal[1, 2] | None = None
    """Of the router, instead of the preset's."""
    doubtful: Doubtful = "route"
    """Of the router: where samples go whose target the extractor is not sure of."""
    candidate_nms_iou: float = Field(default=NMS_IOU, ge=0, le=1)
    """Of the candidates."""
    device: str | None = None
    """Of models in this process; None: the best there is."""
    threads: int | None = Field(default=None, ge=1)
    """Of a computation on the processor; None: as it is (`finecops.runs.engines.cores.use_threads`)."""
    batch_size: int | None = Field(default=None, ge=1)
    """Samples per batch, instead of each model's own."""
    engine: str = "local"
    """Where batches are worked through (`finecops.runs.engines.ENGINES`)."""
    workers: int | None = Field(default=None, ge=1, le=4096)
    gpus_per_worker: float | None = Field(default=None, ge=0, le=64)
    address: str | None = None
    """Of an engine with several workers (`finecops.runs.specification.Workers`)."""
    shard: str | None = None
    """Which part of the run, as I/N; None: all of it."""
    upstream: bool = True
    watch: bool = True
    """How stages are run (`finecops.runs.folder.RunOptions`)."""
    max_failed: float = MAX_FAILED
    """A stage with a larger share of failed rows stops the run."""
    retry_failed: bool = False
    """Ask also the failed samples again whose own data has not changed."""
    keep_failed: bool = False
    """Ask no failed sample again."""
    trust_remote_code: bool = False
    allow_pickle: bool = False
    """The user's permission to run a model's own code, and to unpickle tensors."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: dict[str, Any]) -> dict[str, Any]:
        for field, (what, known) in _CHOICES.items():
            if given.get(field) is not None:
                require_known(what, given[field], known)
        # Asked for at run time: an engine may be entered by a program that imports finecops.
        require_known("engine", given.get("engine", "local"), ENGINES)
        _refuse_of_engine(given)
        if given.get("shard") is not None:
            parse_shard(given["shard"])
        if given.get("retry_failed") and given.get("keep_failed"):
            raise UsageError("--retry-failed asks failed samples again and --keep-failed does not: choose one")
        # An option that was not given at all is None on the command line.
        return given | {"annotations": tuple(given.get("annotations") or ())}

    @property
    def retry(self) -> Retry:
        """Which failed rows are asked again."""
        return "all" if self.retry_failed else "none" if self.keep_failed else "changed"

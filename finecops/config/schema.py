"""The settings of datasets, models and presets: YAML files in `configs/`, validated.

`finecops.config.find` says where a file is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from finecops.config.box_pattern import BoxFormatSetting, in_resized_pixels
from finecops.config.budget import budget_faults
from finecops.config.choices import one_of
from finecops.config.fields import (
    Constant,
    Count,
    Line,
    Lines,
    Names,
    Plain,
    Requests,
    RouterLevel,
    Seconds,
    Server,
    Torch,
)
from finecops.config.serve_args import server_faults
from finecops.config.templates import FocusSentence, Prompt, Sentence

NOT_STATED = "not stated"


class Config(BaseModel):
    """A configuration file. It is frozen, and an unknown key is an error."""

    # Strict: a truth value or a text is no number, and a number is no truth value.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    name: Plain
    """What the command line calls it. It is the name of the file without `.yaml`."""


class ModelConfig(Config):
    """What a specialist and an MLLM have in common.

    Raises:
        ValueError: `command` or `file_format` is given for a backend that does not use it, or is missing for one that
            does.
    """

    weights: Line
    """A folder or a Hub id. For a server: the model's name there. For the backend replay: a file of predictions."""
    revision: Line | None = None
    """Revision on the Hub. With `remote_code` it must be a commit."""
    licence: str | None = None
    """Licence of the weights. None: not stated."""
    score: str | None = None
    """What the model's score means. Each row states it as `score_kind`. None: not stated."""
    seen: Names | None = None
    """Sources of the benchmarks that were in its training data (RefCOCO, GQA, …), as its authors state. None: not
    known."""
    domain: Line | None = None
    """What pictures it knows, where that is not photographs in general; said when it is asked about others."""
    proved: str = "not run here"
    """How finecops' code for the model was tested, and with which weights."""
    paper_row: str | None = None
    """Its row in the paper's tables."""
    remote_code: bool = False
    """The model needs code from the Hub."""
    trust_remote_code: bool = False
    """The user allows that code to run."""
    allow_pickle: bool = False
    """The user allows weights in pickle form. Only tensors are loaded from them."""
    device_map: Line | None = None
    """How transformers distributes the weights ("auto": over all GPUs). None: all on one device."""
    dtype: Torch = "auto"
    """Number type of the weights, by its name in torch. `auto`: as in the checkpoint."""
    batch_size: Count = 8
    """Samples per batch."""
    command: Lines = ()
    """Of a worker: the program in the model's own environment, and its arguments. `$NAME` stands for an environment
    variable. A program in `finecops/models/workers/` may be named without its folder."""
    start_seconds: Seconds = 900.0
    """How long a worker, or a server that finecops starts, may take to load."""
    timeout_seconds: Seconds = 120.0
    """How long a worker or a server may take to answer a request."""
    file_format: Annotated[str, one_of("file_format")] | None = None
    """Of the backend replay: the file's format, as `finecops eval --predictions --format` names it."""
    file_score: str | None = None
    """Of the backend replay: the field of the file that holds the scores."""

    @property
    def score_meaning(self) -> str:
        """What rows and tables say of the score."""
        return self.score or NOT_STATED

    @classmethod
    def faults_between(cls, given: Mapping[str, object]) -> list[str]:
        """Which settings do not fit each other, as sentences; of a file's settings too, whose types may be wrong."""
        needed = (("worker", "command"), ("replay", "file_format"))
        return [
            f"the backend {backend} needs `{key}`; no other backend uses it"
            for backend, key in needed
            if (given.get("backend") == backend) != bool(given.get(key))
        ]

    @model_validator(mode="after")
    def _fits_together(self) -> ModelConfig:
        faults = self.faults_between(dict(self))
        if faults:
            raise ValueError("; ".join(faults))
        return self


class SpecialistConfig(ModelConfig):
    """A detector that takes text."""

    kind: Literal["specialist"]
    backend: Annotated[str, one_of("specialist backend")]
    """How the model is reached: a key of `finecops.models.backends.SPECIALIST_BACKENDS`."""
    dtype: Torch = "float32"
    """Number type of the weights, by its name in torch."""
    batch_size: Count = 16
    """Samples per batch."""
    reads: Literal["expression", "category"] = "expression"
    """What its text may be: a whole expression, or the name of a category. A detector of categories is asked for the
    target alone where there is one."""
    max_boxes: Count = 20
    """How many boxes are kept per query, best first."""
    max_tokens: Count = 256
    """The longest text that it takes, in tokens."""
    long_text: Literal["error", "cut"] = "error"
    """What happens to a longer text: it is an error, or it is cut and the row gets a note."""
    mmdet_config: Line | None = None
    """Of the backend mmdet: a configuration file, or the name of one that mmdet contains."""


class MllmConfig(ModelConfig):
    """A multimodal language model, in this process or behind a server.

    Raises:
        ValueError: the box format is in pixels of the resized image, and how it is resized is not given; or there are
            `visual_tokens` for a model that has no such budget.
    """

    kind: Literal["mllm"]
    backend: Annotated[str, one_of("mllm backend")]
    """How the model is reached: a key of `finecops.models.backends.MLLM_BACKENDS`."""
    base_url: Server | None = None
    """URL of an OpenAI-compatible server. None: OpenAI's own."""
    servers: Annotated[tuple[Server, ...], Strict(False)] = ()
    """URLs of several servers with the same model, which share the requests. Instead of `base_url`."""
    serve: Literal["vllm"] | None = None
    """The program that finecops starts to serve `weights`, instead of a server that runs already."""
    gpus_per_server: Annotated[int, Field(ge=1, le=64)] = 1
    """GPUs of each server that finecops starts; there are as many servers as there are GPUs for."""
    serve_args: Lines = ()
    """More arguments of a server that finecops starts."""
    api_key_env: Constant = "OPENAI_API_KEY"
    """The environment variable that holds the server's key. The key itself is never written to a file."""
    concurrency: Requests | Literal["auto"] = "auto"
    """How many requests a server gets at the same time. `auto`: more and more, as long as that brings more answers a
    second (`finecops.models.window`)."""
    prompt: Prompt
    """The prompt: a text with {expression}, or the name of a constant in `finecops.prompts`."""
    focus: FocusSentence
    """The sentence added for target focus: a text with {target} ("the white truck") or {phrase} ("white truck"), or the
    name of a constant in `finecops.prompts`. An empty text adds nothing."""
    box_format: BoxFormatSetting
    """How the model writes a box: a key of `finecops.replies.formats.BOX_FORMATS`, or a declared format with `text` and
    `coordinates` (`finecops.config.box_pattern`)."""
    chat: bool = True
    """True: the processor has a chat template, and the prompt is a user message. False: the prompt is the whole
    text."""
    chat_options: dict[str, bool | int | str] = Field(default_factory=dict)
    """More arguments of the chat template (`enable_thinking: false`), here or on a server."""
    system: str | None = None
    """A system message."""
    padded_batches: bool = True
    """Whether prompts of different lengths may share a batch. False where padding shifts the positions of generated
    tokens (Kosmos-2 in transformers)."""
    plain_commas: bool = False
    """Whether commas are removed from the expression, because the model reads a comma as the end of a category."""
    max_new_tokens: Count = 256
    """The longest answer, in tokens."""
    min_pixels: int | None = Field(default=None, ge=1, le=4_000_000)
    """Smallest area that an image is resized to."""
    max_pixels: int | None = Field(default=None, ge=1, le=100_000_000)
    """Largest area that an image is resized to."""
    resize_factor: Count | None = None
    """The sides of the resized image are multiples of this, the side of a visual token. Needed where boxes are in
    pixels of that image, and for `visual_tokens`."""
    visual_tokens: int | None = Field(default=None, ge=1, le=65_536)
    """The model gets at most so many visual tokens of an image: a larger image is made smaller, and a smaller one stays
    as it is. Instead of `max_pixels`, which is then this times `resize_factor`². None: as in the checkpoint."""
    attention: Torch = "sdpa"
    """The attention implementation of transformers."""
    adapter: Line | None = None
    """A LoRA adapter: a folder or a Hub id."""
    option_step: int = Field(default=1, ge=1, le=100)
    """In a multiple-choice question, boxes are rounded to this many thousandths of the image's sides."""
    option_markers: bool = False
    """Whether boxes in a multiple-choice question keep the box format's markers. The paper's have none."""
    refusal: Sentence | None = None
    """A sentence added to the prompt that allows a refusal (baseline of the paper's Table VIII): a text, or the name of
    a constant in `finecops.prompts`."""

    @classmethod
    def faults_between(cls, given: Mapping[str, object]) -> list[str]:
        """As in the base class; boxes in pixels of the resized image need its size, a budget that of a token."""
        faults = super().faults_between(given)
        needed = ("resize_factor", "min_pixels", "visual_tokens" if given.get("visual_tokens") else "max_pixels")
        if in_resized_pixels(given.get("box_format")) and not all(given.get(key) for key in needed):
            faults.append("boxes in pixels of the resized image need `resize_factor`, `min_pixels` and `max_pixels`")
        return [*faults, *budget_faults(given), *server_faults(given)]

    @property
    def has_own_server(self) -> bool:
        """Whether its server, if it is behind one, is not OpenAI's."""
        return bool(self.base_url or self.servers or self.serve)

    @property
    def pixel_bounds(self) -> tuple[int | None, int | None]:
        """The smallest and the largest area in pixels to which an image is resized; None: as in the checkpoint."""
        if self.visual_tokens is None or self.resize_factor is None:
            return self.min_pixels, self.max_pixels
        most = self.visual_tokens * self.resize_factor**2
        # A budget below the smallest area lowers that too.
        return (None if self.min_pixels is None else min(self.min_pixels, most)), most

    def __hash__(self) -> int:
        # pydantic's own hash fails on the dictionary `chat_options`, and the loaders cache by configuration.
        return hash(self.model_dump_json())


class ExtractorConfig(Config):
    """A target extractor: rules, a parser, an OpenAI-compatible server, or a local text model."""

    kind: Literal["extractor"]
    backend: Annotated[str, one_of("extractor backend")]
    """How the model is reached: a key of `finecops.models.backends.EXTRACTOR_BACKENDS`."""
    licence: str | None = None
    """Licence of the weights."""
    proved: str = "not run here"
    """How finecops' code for the model was tested, and with which weights."""
    model: Line | None = None
    """The model's name on the server, or a folder or Hub id. Rules and parser have none."""
    base_url: Server | None = None
    """URL of an OpenAI-compatible server. None: OpenAI's own."""
    api_key_env: Constant = "OPENAI_API_KEY"
    """The environment variable that holds the server's key. The key itself is never written to a file."""
    batch_size: Count = 8
    """Expressions per request."""
    concurrency: Requests = 8
    """How many requests a server gets at the same time."""
    timeout_seconds: Seconds = 60.0
    """How long a server may take to answer a request."""
    max_new_tokens: Count = 512
    """The longest answer, in tokens."""
    dtype: Torch = "auto"
    """Number type of the weights, by its name in torch. `auto`: as in the checkpoint."""
    allow_pickle: bool = Field(default=False, exclude=True)
    """The user allows weights in pickle form. Only tensors are loaded from them."""


class PresetConfig(Config):
    """Which model plays which part, and the router's thresholds (paper, IV-A)."""

    extractor: str
    """Names the target phrase of an expression."""
    article: bool = True
    """Whether targets have their article, as in the paper's examples ("the white truck")."""
    router: str
    """The specialist that counts instances of the target."""
    specialist: str
    """Answers easy samples, and proposes the candidates of CRS."""
    mllm: str
    """Answers the other samples."""
    selector: str | None = None
    """An MLLM tuned to choose a letter, without the option None. Not given: `mllm`."""
    selector_none: str | None = None
    """An MLLM tuned to choose a letter, with the option None. Not given: `mllm`."""
    score_threshold: float = Field(default=0.2, ge=0, le=1)
    """The router counts detections with a score above this."""
    nms_iou: float = Field(default=0.7, gt=0, le=1)
    """IoU threshold of the non-maximum suppression before counting."""
    zero_is: RouterLevel = 2
    """The level of a sample whose target is not detected at all."""


AnyModelConfig: TypeAlias = SpecialistConfig | MllmConfig | ExtractorConfig

"""The settings of datasets, models and presets: YAML files in `configs/`, validated.

`finecops.config.find` says where a file is looked up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator


def _printable(text: str) -> str:
    # Messages show these texts, and the operating system gets some of them as paths.
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _text(value: object) -> object:
    if not isinstance(value, str | Path):
        raise ValueError("is no text")
    return value


def _whole(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("is no whole number")
    return value


def _server(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise ValueError("is not the URL of a server (http://… or https://…)")
    # A URL stands in messages and in run.json. `port` raises a ValueError of its own.
    if "@" in parts.netloc or parts.query or parts.fragment or parts.port == 0:
        raise ValueError("holds more than a host and a path: the key belongs in the variable of `api_key_env`")
    return url


Line: TypeAlias = Annotated[str, AfterValidator(_printable), Field(max_length=4096)]
"""A text of one line: a name, a path, an argument."""
Constant: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=200)]
"""The name of a constant, or of an environment variable."""
Server: TypeAlias = Annotated[str, AfterValidator(_server), Field(max_length=2048)]
"""The URL of a server, without user, password, query and fragment."""
Torch: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
"""A name of torch or transformers. With a "/", transformers would take it for code on the Hub."""
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=1_000_000)]
"""A duration."""
Count: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""How many there may be."""
Lines: TypeAlias = Annotated[tuple[Line, ...], Strict(False)]
"""Texts of one line. YAML has lists, which are no tuples."""
Names: TypeAlias = Annotated[tuple[str, ...], Strict(False)]
"""Texts, in the same way."""
Folder: TypeAlias = Annotated[Path, Strict(False), BeforeValidator(_text)]
"""A path, which YAML has as text."""
RouterLevel: TypeAlias = Annotated[Literal[1, 2], BeforeValidator(_whole)]
"""A level. Python takes `true` and 1.0 for 1."""


class Config(BaseModel):
    """A configuration file. It is frozen, and an unknown key is an error."""

    # Strict: a truth value or a text is no number, and a number is no truth value.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    name: str
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
    licence: str
    """Licence of the weights."""
    score: str
    """What the model's score means. Each row states it as `score_kind`."""
    seen: Names | None = None
    """Sources of the benchmarks that were in its training data (RefCOCO, GQA, …), as its authors state. None: not
    known."""
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
    """How long a worker may take to load."""
    timeout_seconds: Seconds = 120.0
    """How long a worker or a server may take to answer a request."""
    file_format: str | None = None
    """Of the backend replay: the file's format, as `finecops eval --predictions --format` names it."""
    file_score: str | None = None
    """Of the backend replay: the field of the file that holds the scores."""

    @model_validator(mode="after")
    def _has_what_its_backend_needs(self) -> ModelConfig:
        backend = getattr(self, "backend", None)
        if (backend == "worker") != bool(self.command):
            raise ValueError("the backend worker needs `command`; no other backend uses it")
        if (backend == "replay") != bool(self.file_format):
            raise ValueError("the backend replay needs `file_format`; no other backend uses it")
        return self


class SpecialistConfig(ModelConfig):
    """A detector that takes text."""

    kind: Literal["specialist"]
    backend: str
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
        ValueError: the box format is in pixels of the resized image, and how it is resized is not given.
    """

    kind: Literal["mllm"]
    backend: str
    """How the model is reached: a key of `finecops.models.backends.MLLM_BACKENDS`."""
    base_url: Server | None = None
    """URL of an OpenAI-compatible server. None: OpenAI's own."""
    api_key_env: Constant = "OPENAI_API_KEY"
    """The environment variable that holds the server's key. The key itself is never written to a file."""
    concurrency: int = Field(default=16, ge=1, le=10_000)
    """How many requests a server gets at the same time."""
    prompt: Constant
    """The prompt: the name of a constant in `finecops.prompts`."""
    focus: Constant
    """The sentence added for target focus: the name of a constant in `finecops.prompts`."""
    box_format: str
    """How the model writes a box: a key of `finecops.replies.formats.BOX_FORMATS`."""
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
    """The sides of the resized image are multiples of this. Needed where boxes are in pixels of that image."""
    attention: Torch = "sdpa"
    """The attention implementation of transformers."""
    adapter: Line | None = None
    """A LoRA adapter: a folder or a Hub id."""
    option_step: int = Field(default=1, ge=1, le=100)
    """In a multiple-choice question, boxes are rounded to this many thousandths of the image's sides."""
    option_markers: bool = False
    """Whether boxes in a multiple-choice question keep the box format's markers. The paper's have none."""
    refusal: Constant | None = None
    """A sentence added to the prompt that allows a refusal (baseline of the paper's Table VIII): the name of a constant
    in `finecops.prompts`."""

    @model_validator(mode="after")
    def _knows_the_resized_size(self) -> MllmConfig:
        if self.box_format.endswith("_resized") and not (self.resize_factor and self.min_pixels and self.max_pixels):
            raise ValueError(f"{self.box_format} needs `resize_factor`, `min_pixels` and `max_pixels`")
        return self

    def __hash__(self) -> int:
        # pydantic's own hash fails on the dictionary `chat_options`, and the loaders cache by configuration.
        return hash(self.model_dump_json())


class ExtractorConfig(Config):
    """A target extractor: rules, a parser, an OpenAI-compatible server, or a local text model."""

    kind: Literal["extractor"]
    backend: str
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
    concurrency: int = Field(default=8, ge=1, le=10_000)
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

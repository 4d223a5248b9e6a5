"""Datasets, models and presets: YAML files in `configs/`, validated.

A name is looked up in `./configs/<kind>/<name>.yaml` first, then in the ones that come with finecops. A path to a
YAML file works wherever a name does. Relative folders in them are looked up from the working directory first,
then from the project's folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Config(BaseModel):
    """Frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str


class DatasetConfig(Config):
    """Where a dataset's files are.

    Attributes:
        root: its folder.
        format: how its annotation files are written (`finecops.datasets.formats`).
        image_folders: folders below the root in which an annotation's `file_name` is looked up, in this order.
        splits: split → annotation files below the root; those that exist are read together.
        default_split: the split to run on.
        preset: the models to run with.
        get: what to fetch from where, and where to put it; shown when nothing is there.
    """

    root: Path
    format: str = "coco"
    image_folders: tuple[str, ...]
    splits: dict[str, tuple[str, ...]]
    default_split: str = "test"
    preset: str
    get: str


class ModelConfig(Config):
    """What a specialist and an MLLM have in common.

    Attributes:
        weights: a folder or a Hub id; the name that a server knows the model by; a file of predictions to replay.
        revision: of the Hub; `remote_code` needs it to be a commit.
        licence: of the weights.
        score: what its score means.
        seen: which of the benchmarks' sources it saw in training (RefCOCO, GQA, …), by its makers; None: not known.
        proved: how finecops' way to it was tried, and on what.
        paper_row: its row in the paper's tables.
        remote_code: the model needs code from the Hub; `trust_remote_code` is the user's permission to run it.
        allow_pickle: the user's permission to load weights in pickle form (tensors only).
        device_map: how transformers spreads the weights ("auto" over all GPUs); None: all on one device.
        batch_size: samples per batch.
        command: of a worker: the program in the model's own environment and its arguments. `$NAME` stands for an
            environment variable, and a program below `finecops/models/workers/` may be named without its folder.
        start_seconds, timeout_seconds: how long a worker may take to load, and a request to be answered.
        file_format, file_score: of a file to replay, as `finecops eval --predictions` reads it.
    """

    weights: str
    revision: str | None = None
    licence: str
    score: str
    seen: tuple[str, ...] | None = None
    proved: str = "not run here"
    paper_row: str | None = None
    remote_code: bool = False
    trust_remote_code: bool = False
    allow_pickle: bool = False
    device_map: str | None = None
    dtype: str = "auto"
    batch_size: int = Field(default=8, ge=1)
    command: tuple[str, ...] = ()
    start_seconds: float = Field(default=900.0, gt=0)
    timeout_seconds: float = Field(default=120.0, gt=0)
    file_format: str | None = None
    file_score: str | None = None

    @model_validator(mode="after")
    def _has_what_its_backend_needs(self) -> ModelConfig:
        backend = getattr(self, "backend", None)
        if (backend == "worker") != bool(self.command):
            raise ValueError("`command` goes with the backend worker, and with no other")
        if (backend == "replay") != bool(self.file_format):
            raise ValueError("`file_format` goes with the backend replay, and with no other")
        return self


class SpecialistConfig(ModelConfig):
    """A detector that takes text.

    Attributes:
        backend: how it is reached (`finecops.models.backends`).
        reads: what its text may be: a whole `expression`, or the name of a `category`; a category's detector is asked
            for the target alone where there is one.
        max_boxes: so many best boxes are kept per query.
        max_tokens: its text limit.
        long_text: a longer text is an `error`, or is `cut` and counted.
        mmdet_config: of the backend mmdet: a configuration file, or the name of one in mmdet.
    """

    kind: Literal["specialist"]
    backend: str
    dtype: str = "float32"
    batch_size: int = Field(default=16, ge=1)
    reads: Literal["expression", "category"] = "expression"
    max_boxes: int = Field(default=20, ge=1)
    max_tokens: int = Field(default=256, ge=1)
    long_text: Literal["error", "cut"] = "error"
    mmdet_config: str | None = None


class MllmConfig(ModelConfig):
    """A multimodal language model that answers with box text, in this process or behind an OpenAI-compatible server.

    Attributes:
        backend: how it is reached (`finecops.models.backends`).
        base_url, api_key_env, concurrency: of a server; `api_key_env` names the variable that holds its key.
        prompt, focus: constants of `finecops.prompts`.
        box_format: a dialect (`finecops.replies.formats`).
        chat: the processor has a chat template and the prompt is a user's turn; else the prompt is the whole text.
        chat_options: what the chat template is given besides (`enable_thinking: false`), here or on a server.
        system: a system message.
        padded_batches: prompts of different lengths may be answered together; not where padding shifts the positions of
            generated tokens (Kosmos-2 in transformers).
        plain_commas: commas are taken out of the expression: the model reads them as the end of a category.
        min_pixels, max_pixels: bounds of the area that an image is resized to.
        resize_factor: sides of the resized image are multiples of it; needed where boxes are in its pixels.
        attention: transformers' implementation.
        adapter: a LoRA adapter.
        option_step, option_markers: as an option of a question a box is rounded to `option_step` thousandths, with
            the format's markers around it or without (the paper's are without).
        refusal: a sentence added to the prompt that allows a refusal (the paper's baseline of Table VIII).
    """

    kind: Literal["mllm"]
    backend: str
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: int = Field(default=16, ge=1)
    prompt: str
    focus: str
    box_format: str
    chat: bool = True
    chat_options: dict[str, bool | int | str] = Field(default_factory=dict)
    system: str | None = None
    padded_batches: bool = True
    plain_commas: bool = False
    max_new_tokens: int = Field(default=256, ge=1)
    min_pixels: int | None = None
    max_pixels: int | None = None
    resize_factor: int | None = None
    attention: str = "sdpa"
    adapter: str | None = None
    option_step: int = Field(default=1, ge=1, le=100)
    option_markers: bool = False
    refusal: str | None = None

    @model_validator(mode="after")
    def _knows_what_is_resized(self) -> MllmConfig:
        if self.box_format.endswith("_resized") and not (self.resize_factor and self.min_pixels and self.max_pixels):
            raise ValueError(f"{self.box_format} needs `resize_factor`, `min_pixels` and `max_pixels`")
        return self

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


class ExtractorConfig(Config):
    """A way to find the target phrase: `rules`, an OpenAI-compatible server, or a local text model.

    `api_key_env` names the environment variable that holds the server's key; keys are never written anywhere.
    """

    kind: Literal["extractor"]
    backend: str
    licence: str | None = None
    proved: str = "not run here"
    model: str | None = None
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    batch_size: int = Field(default=8, ge=1)
    concurrency: int = Field(default=8, ge=1)
    timeout_seconds: float = 60.0
    max_new_tokens: int = 512
    dtype: str = "auto"


class PresetConfig(Config):
    """Which models play which part, and the router's thresholds (paper, IV-A).

    `selector` and `selector_none` are MLLMs tuned to pick a letter, without and with None; if not given, the MLLM.
    """

    extractor: str
    router: str
    specialist: str
    mllm: str
    selector: str | None = None
    selector_none: str | None = None
    score_threshold: float = Field(default=0.2, ge=0, le=1)
    nms_iou: float = Field(default=0.7, gt=0, le=1)
    zero_is: Literal[1, 2] = 2


AnyModelConfig: TypeAlias = SpecialistConfig | MllmConfig | ExtractorConfig

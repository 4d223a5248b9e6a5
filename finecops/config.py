"""Datasets, models and presets: YAML files in `configs/`, validated.

A name is looked up in `./configs/<kind>/<name>.yaml` first, then in the ones that come with finecops. A path to a
YAML file works wherever a name does. Relative folders in them are looked up from the working directory first,
then from the project's folder.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finecops.errors import ConfigError

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent


class Config(BaseModel):
    """Frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str


class DatasetConfig(Config):
    """Where a dataset's files are.

    Attributes:
        root: its folder.
        image_folders: folders below the root in which an annotation's `file_name` is looked up, in this order.
        splits: split → annotation files below the root; those that exist are read together.
        default_split: the split to run on.
        preset: the models to run with.
        get: what to fetch from where, and where to put it; shown when nothing is there.
    """

    root: Path
    image_folders: tuple[str, ...]
    splits: dict[str, tuple[str, ...]]
    default_split: str = "test"
    preset: str
    get: str


class SpecialistConfig(Config):
    """A detector that takes text. `max_boxes` best boxes are kept per query; `max_tokens` is its text limit.
    `paper_row` is its row in the paper's tables."""

    kind: Literal["specialist"]
    backend: Literal["grounding-dino"]
    weights: str
    revision: str | None = None
    licence: str
    score: str
    max_boxes: int = Field(default=20, ge=1)
    max_tokens: int = Field(default=256, ge=1)
    text_prefix: str = ""
    dtype: str = "float32"
    batch_size: int = Field(default=16, ge=1)
    paper_row: str | None = None


class MllmConfig(Config):
    """A multimodal language model that answers with box text, in this process or behind an OpenAI-compatible server.

    `weights` is a folder or a Hub id, or the name that the server at `base_url` knows it by (`api_key_env` names the
    variable that holds its key). `box_format` names a dialect (`finecops.models.dialects`), `prompt` and `focus`
    constants of `finecops.prompts`. `max_pixels` and `min_pixels`, where given, bound the area an image is resized to.
    `adapter` is a LoRA adapter of it. As an option of a question a box is rounded to `option_step` thousandths, with
    the format's markers around it or without (`option_markers`; the paper's are without). `refusal` names a sentence
    that is added to the prompt and allows a refusal (the paper's baseline of Table VIII). `paper_row` is its row in
    the paper's tables.
    """

    kind: Literal["mllm"]
    backend: Literal["transformers", "openai"]
    weights: str
    revision: str | None = None
    base_url: str | None = None
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: int = Field(default=16, ge=1)
    timeout_seconds: float = 120.0
    licence: str
    score: str
    prompt: str
    focus: str
    box_format: str
    max_new_tokens: int = Field(default=256, ge=1)
    min_pixels: int | None = None
    max_pixels: int | None = None
    dtype: str = "auto"
    attention: str = "sdpa"
    batch_size: int = Field(default=8, ge=1)
    adapter: str | None = None
    option_step: int = Field(default=1, ge=1, le=100)
    option_markers: bool = False
    refusal: str | None = None
    paper_row: str | None = None


class ExtractorConfig(Config):
    """A way to find the target phrase: `rules`, an OpenAI-compatible server, or a local text model.

    `api_key_env` names the environment variable that holds the server's key; keys are never written anywhere.
    """

    kind: Literal["extractor"]
    backend: Literal["rules", "openai", "llm"]
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


_MODEL_KINDS: dict[str, type[Config]] = {
    "specialist": SpecialistConfig,
    "mllm": MllmConfig,
    "extractor": ExtractorConfig,
}
C = TypeVar("C", bound=Config)
_HASHED_WHOLE_BYTES = 200_000_000


def names(kind: str) -> list[str]:
    """All names of a kind of configuration (`datasets`, `models`, `presets`), sorted."""
    found = {path.stem for folder in _folders(kind) if folder.is_dir() for path in folder.glob("*.yaml")}
    return sorted(found)


def load_dataset(name: str) -> DatasetConfig:
    """A dataset by name or path."""
    return _load("datasets", name, DatasetConfig)


def load_preset(name: str) -> PresetConfig:
    """A preset by name or path."""
    return _load("presets", name, PresetConfig)


def load_specialist(name: str) -> SpecialistConfig:
    """A specialist by name or path."""
    return _load("models", name, SpecialistConfig)


def load_mllm(name: str) -> MllmConfig:
    """An MLLM by name or path."""
    return _load("models", name, MllmConfig)


def load_extractor(name: str) -> ExtractorConfig:
    """A target extractor by name or path."""
    return _load("models", name, ExtractorConfig)


def resolve(path: Path | str) -> Path:
    """A relative path from the working directory if it is there, else from the project's folder."""
    path = Path(path)
    if path.is_absolute() or path.exists() or not (PROJECT / path).exists():
        return path
    return PROJECT / path


def resolve_weights(weights: str) -> str:
    """What a configuration's `weights` stand for: a folder that is here, or the id of a model on the Hub.

    Raises:
        ConfigError: it is written as a folder (`checkpoints/…`, or with a leading `.`, `/` or `~`) that is not here.
    """
    path = resolve(Path(weights).expanduser())
    if path.is_dir():
        return str(path)
    if weights.startswith(("checkpoints/", ".", "/", "~")):
        raise ConfigError(f"no model in {weights}/: put its files there, or name a folder or a Hub id as `weights`")
    return weights


def _folders(kind: str) -> list[Path]:
    return [Path("configs") / kind, PROJECT / "configs" / kind, PACKAGE / "configs" / kind]


def _load(kind: str, name: str, expected: type[C]) -> C:
    raw, path = _read(kind, name)
    actual = _MODEL_KINDS.get(str(raw.get("kind")), expected) if kind == "models" else expected
    if actual is not expected:
        raise ConfigError(f"{name} is a model of kind {raw['kind']}; a {expected.__name__[:-6].lower()} is needed here")
    try:
        return expected.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where}: {first['msg']}") from error


def _read(kind: str, name: str) -> tuple[dict[str, Any], Path]:
    given = Path(name)
    candidates = [given] if given.suffix in (".yaml", ".yml") else [f / f"{name}.yaml" for f in _folders(kind)]
    for path in candidates:
        if path.is_file():
            try:
                raw = yaml.safe_load(path.read_text(encoding="utf-8"))
            except yaml.YAMLError as error:
                raise ConfigError(f"{path} is not YAML: {error}") from error
            if not isinstance(raw, dict):
                raise ConfigError(f"{path} is not a mapping of settings")
            return raw, path
    raise ConfigError(f"unknown {kind[:-1]} {name!r}; there are: {', '.join(names(kind)) or 'none'}")


def weights_fingerprint(weights: str) -> str:
    """What tells one set of local weights from another: a checksum, or names and sizes where they are large."""
    folder = resolve(weights)
    if not folder.is_dir():
        return "hub"
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin"))
    if sum(path.stat().st_size for path in files) <= _HASHED_WHOLE_BYTES:
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    return ", ".join(f"{path.name} {path.stat().st_size}" for path in files)


_NOT_ANSWERS = {"batch_size", "licence", "paper_row", "base_url", "api_key_env", "concurrency", "timeout_seconds"}


def model_settings(config: SpecialistConfig | MllmConfig) -> dict[str, Any]:
    """What of a model's configuration changes what it answers, with a fingerprint of its weights."""
    told = config.model_dump(mode="json", exclude=_NOT_ANSWERS, exclude_none=True)
    if isinstance(config, MllmConfig) and config.adapter is not None:
        told["adapter_fingerprint"] = weights_fingerprint(config.adapter)
    return told | {"weights_fingerprint": weights_fingerprint(config.weights)}

"""Finding configurations by name or path, and the folders that they name.

A name is looked up in `./configs/<kind>/<name>.yaml` first, then in the user's folder (`finecops.config.home`), then in
the package. A path to a YAML file works wherever a name does. A relative folder in a configuration is looked up from
the working directory first, then from the project's folder, the user's folder, and the package of the small models
(`finecops.config.companion`). A dataset's `root` that is `.` or begins with `./` is looked up from the file itself.

The command line may give any path: of a YAML file, or behind `@` of weights. What a file itself may name is in
`finecops.config.plain`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from finecops.config.building import EditorConfig, ScorerConfig
from finecops.config.companion import companion, is_of_companion
from finecops.config.dataset_schema import DatasetConfig
from finecops.config.faults import faults_message, faults_of
from finecops.config.fields import is_plain
from finecops.config.home import home
from finecops.config.hub import PREFIX, folder_dataset, hub_dataset, parse_hub_name
from finecops.config.plain import check_names
from finecops.config.read_yaml import read_settings
from finecops.config.schema import AnyModelConfig, Config, ExtractorConfig, MllmConfig, PresetConfig, SpecialistConfig
from finecops.config.writing import WriterConfig
from finecops.errors import ConfigError, UsageError
from finecops.install import is_checkout, mini_line
from finecops.names import meant, unknown_name

PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parent
"""The repository, if this is a checkout. Beside an installed package lie others, whose files are none of ours."""

_MODEL_KINDS: dict[str, type[AnyModelConfig]] = {
    "specialist": SpecialistConfig,
    "mllm": MllmConfig,
    "extractor": ExtractorConfig,
}
_LOADED_HERE = frozenset({"transformers", "grounding-dino", "category-detector"})
"""Backends whose weights may be a Hub id."""
_LISTS = {"models": "finecops models list", "datasets": "finecops data list"}
"""Kind of configuration → the command that lists all of them."""
C = TypeVar("C", bound=Config)
W = TypeVar("W", SpecialistConfig, MllmConfig)
log = logging.getLogger(__name__)


def with_permissions(config: C, trust_remote_code: bool, allow_pickle: bool) -> C:
    """The configuration with the user's permissions: to run a model's own code, and to unpickle tensors.

    An extractor never runs code of its own: that permission does not concern it.
    """
    permissions = {"trust_remote_code": trust_remote_code, "allow_pickle": allow_pickle}
    return config.model_copy(update={key: True for key, given in permissions.items() if given and hasattr(config, key)})


def names(kind: str) -> list[str]:
    """All names of a kind of configuration (`datasets`, `models` or `presets`), sorted."""
    found = {path.stem for folder in _folders(kind) if folder.is_dir() for path in folder.glob("*.yaml")}
    return sorted(found)


def load_dataset(name: str) -> DatasetConfig:
    """A dataset by name, path of its YAML file, folder of parquet files, or Hub id (`hf:ID[:split][@revision]`)."""
    if name.startswith(PREFIX):
        return hub_dataset(parse_hub_name(name), _readable_datasets())
    if name not in names("datasets") and _is_dir(Path(name)):
        return folder_dataset(Path(name))
    return _load("datasets", name, DatasetConfig)


def _readable_datasets() -> Iterator[DatasetConfig]:
    for name in names("datasets"):
        # A broken file of the user is no reason to refuse another dataset.
        with suppress(ConfigError):
            yield _load("datasets", name, DatasetConfig)


def load_preset(name: str) -> PresetConfig:
    """A preset by name or path."""
    return _load("presets", name, PresetConfig)


def load_specialist(name: str) -> SpecialistConfig:
    """A specialist by name or path; `name@weights` gives it other weights."""
    name, weights = _split_weights(name)
    config = _load("models", name, SpecialistConfig)
    return config.model_copy(update={"weights": weights}) if weights else _from_checkpoints(config)


def load_mllm(name: str) -> MllmConfig:
    """An MLLM by name or path; `name@weights` gives it other weights."""
    name, weights = _split_weights(name)
    config = _load("models", name, MllmConfig)
    return config.model_copy(update={"weights": weights}) if weights else _from_checkpoints(config)


def load_model(name: str) -> AnyModelConfig:
    """A model of any kind by name or path; `name@weights` gives it other weights."""
    name, weights = _split_weights(name)
    raw, path = _read("models", name)
    kind = str(raw.get("kind", ""))
    if kind not in _MODEL_KINDS:
        hint = f" ({said})" if (said := meant(kind, _MODEL_KINDS)) else ""
        raise ConfigError(f"{path}: kind: {kind[:80]!r} is not one of {', '.join(_MODEL_KINDS)}{hint}")
    config = _load("models", name, _MODEL_KINDS[kind])
    field = "model" if isinstance(config, ExtractorConfig) else "weights"
    return config.model_copy(update={field: weights}) if weights else config


def load_as_runs_do(name: str) -> AnyModelConfig:
    """A model of any kind, with weights in `checkpoints/NAME` where a run would take them."""
    config = load_model(name)
    if isinstance(config, ExtractorConfig):
        return config
    return load_mllm(name) if isinstance(config, MllmConfig) else load_specialist(name)


def load_extractor(name: str) -> ExtractorConfig:
    """A target extractor by name or path; `name@model` gives it another model."""
    name, model = _split_weights(name)
    config = _load("models", name, ExtractorConfig)
    return config.model_copy(update={"model": model}) if model else config


def load_editor(name: str) -> EditorConfig:
    """An editor of images by name or path; `name@weights` gives it other weights."""
    name, weights = _split_weights(name)
    config = _load("editors", name, EditorConfig)
    return config.model_copy(update={"weights": weights}) if weights else config


def load_scorer(name: str) -> ScorerConfig:
    """A model that judges images by name or path; `name@weights` gives it other weights."""
    name, weights = _split_weights(name)
    config = _load("scorers", name, ScorerConfig)
    return config.model_copy(update={"weights": weights}) if weights else config


def load_writer(name: str) -> WriterConfig:
    """A text model that words sentences, by name or path; `name@model` gives it another model."""
    name, model = _split_weights(name)
    config = _load("writers", name, WriterConfig)
    return config.model_copy(update={"model": model}) if model else config


def _split_weights(name: str) -> tuple[str, str]:
    # A path to a YAML file may contain "@"; an existing file is never split.
    first, _, weights = name.partition("@")
    return (first, weights) if weights and not _is_file(Path(name)) else (name, "")


def resolve(path: Path | str) -> Path:
    """A relative path from the working directory if it exists there, else from the first of the other places that has
    it: the repository, the user's folder, the package of the small models. `~` is the user's."""
    path = Path(os.path.expanduser(path))
    if path.is_absolute() or path.exists():
        return path
    places = (PROJECT if is_checkout() else None, home(), companion())
    return next((place / path for place in places if place is not None and (place / path).exists()), path)


def resolve_weights(weights: str) -> str:
    """What a configuration's `weights` stand for: an existing folder, or the id of a model on the Hub.

    Raises:
        ConfigError: it is written as a folder (`checkpoints/…`, or with a leading `.`, `/` or `~`), and there is none.
    """
    path = resolve(weights)
    if path.is_dir():
        return str(path)
    if weights.startswith(("checkpoints/", ".", "/", "~")):
        raise ConfigError(
            f"no model in {weights}/: "
            + (advice_on(weights) or "put its files there, or name a folder or a Hub id as `weights`")
        )
    return weights


def advice_on(path: Path | str) -> str:
    """How a missing file or folder of the small models and benchmark comes here; empty for any other path."""
    return mini_line() if is_of_companion(path) else ""


def _from_checkpoints(config: W) -> W:
    """The configuration with the weights in `checkpoints/NAME`, if they are there: NAME is the last part of the Hub id.

    The README of the paper's scripts puts weights there. Only for backends that load them in this process.
    """
    owner, _, last = config.weights.partition("/")
    if config.backend not in _LOADED_HERE or owner == "checkpoints" or not (is_plain(owner) and is_plain(last)):
        return config
    local = f"checkpoints/{last}"
    if resolve(config.weights).exists() or not (resolve(local) / "config.json").is_file():
        return config
    log.info("%s: weights from %s", config.name, local)
    return config.model_copy(update={"weights": local})


def _folders(kind: str) -> list[Path]:
    # PACKAGE has the files of an installed wheel.
    return [folder / "configs" / kind for folder in (Path(), home(), PROJECT if is_checkout() else PACKAGE)]


def _load(kind: str, name: str, expected: type[C]) -> C:
    # The class is called `SpecialistConfig` where its kind is `specialist`.
    wanted = expected.__name__.removesuffix("Config").lower()
    raw, path = _read(kind, name, wanted if kind == "models" else "")
    actual: type[Config] = _MODEL_KINDS.get(str(raw.get("kind")), expected) if kind == "models" else expected
    if actual is not expected:
        raise ConfigError(f"{name} is a model of kind {raw['kind']}; a {wanted} is needed here")
    if kind == "datasets" and isinstance(root := raw.get("root"), str) and (root == "." or root.startswith("./")):
        # The folder of the file itself, so that both may be moved together.
        raw = raw | {"root": str(path.parent / root)}
    try:
        config = expected.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(faults_message(path, faults_of(error, raw, expected))) from error
    check_names(config, path)
    return config


def config_file(kind: str, name: str) -> Path | None:
    """The YAML file of a name, or of a path to one; None: there is none."""
    given = Path(name)
    candidates = [given] if given.suffix in (".yaml", ".yml") else [f / f"{name}.yaml" for f in _folders(kind)]
    return next((path for path in candidates if _is_file(path)), None)


def _read(kind: str, name: str, role: str = "") -> tuple[dict[str, object], Path]:
    path = config_file(kind, name)
    if path is not None:
        return read_settings(path), path
    if name.endswith((".yaml", ".yml")):
        raise ConfigError(f"no such file: {name[:200]!r}")
    known = [known for known in names(kind) if not role or _kind_of(known) == role]
    lists = _LISTS.get(kind, "") + (f" --kind {role}" if role else "")
    raise ConfigError(unknown_name(role or kind[:-1], name, known, lists, _hint(kind, name[:200], known)))


def _kind_of(model: str) -> str:
    """The kind of a model; empty where its file is broken, which is no reason to refuse another one."""
    with suppress(ConfigError):
        return str(_read("models", model)[0].get("kind"))
    return ""


def _hint(kind: str, name: str, known: Sequence[str]) -> str:
    """What a name that is not known was meant to be, where it is another thing; empty: perhaps one that is alike."""
    if kind == "models" and "/" in name:
        return f"weights stand behind the name of a model: NAME@{name}; `finecops models new` describes another model"
    if kind == "datasets":
        first, _, split = name.partition(":")
        if split and first in known:
            return f"the split is given with --split {split}"
        if name.lower().endswith((".csv", ".tsv", ".jsonl", ".json")):
            return "a file is given with --annotations"
        with suppress(UsageError):
            return f"did you mean {PREFIX}{name}?" if parse_hub_name(name) and "/" in name else ""
        if "/" in name:
            return "there is no such folder"
    return ""


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    # A name that is too long for the file system, or in a folder that may not be read, is an error of its own.
    try:
        return path.is_file()
    except OSError:
        return False

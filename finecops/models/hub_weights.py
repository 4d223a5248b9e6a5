"""Weights on the Hub: which files a model needs, how large they are, and what is in the cache already.

`huggingface_hub` downloads into the cache that transformers reads. Its variables hold here too: `HF_HOME` and
`HF_HUB_CACHE` (where), `HF_ENDPOINT` (a mirror), `HF_TOKEN` (the user), `HF_HUB_OFFLINE`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from finecops.config.find import load_as_runs_do, resolve
from finecops.config.schema import AnyModelConfig, ExtractorConfig, MllmConfig
from finecops.errors import ModelError, first_line
from finecops.hub_faults import hub_fault
from finecops.install import install_line
from finecops.text import printable

_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?", re.ASCII)
_SETTINGS = (".json", ".txt", ".model", ".jinja", ".tiktoken")
"""Endings of a model's files beside its weights: settings, words, chat templates."""
_WEIGHTS = re.compile(r"(?:adapter_)?model(?:-\d+-of-\d+)?\.safetensors")
_PICKLED = re.compile(r"(?:adapter_model|pytorch_model)(?:-\d+-of-\d+)?\.bin")
_ADAPTER = "adapter_config.json"
_TIMEOUT = 20.0
"""Seconds that the Hub may take to answer."""
_SPARE_BYTES = 200_000_000
"""What is left free on the disk."""
_ELSEWHERE = {
    "openai": "its weights are where its server is",
    "worker": "its own program loads its weights (docs/models/workers.md)",
    "mmdet": "OpenMMLab's model zoo has its checkpoint",
    "replay": "it has no weights here: it replays a file of predictions",
    "rules": "it has no weights",
}


@dataclass(frozen=True)
class HubFile:
    """A file that a model needs."""

    name: str
    size: int | None
    """Bytes; None where the Hub does not say."""
    cached: bool
    """It is in the cache already."""

    @property
    def holds_weights(self) -> bool:
        """Whether it has weights, and not settings or words."""
        return self.name.endswith((".safetensors", ".bin"))


@dataclass(frozen=True)
class Wanted:
    """A repository of weights, and the model that needs it."""

    model: str
    """The model's name, for messages."""
    id: str
    revision: str | None
    """None: the main branch."""
    code: bool = False
    """The model needs code of its own."""
    pickle: bool = False
    """The user allows weights in pickle form."""


@dataclass(frozen=True)
class WeightsPlan:
    """What a repository has for a model."""

    wanted: Wanted
    commit: str
    files: tuple[HubFile, ...]

    @property
    def left(self) -> int:
        """Bytes that are not in the cache yet, as far as the Hub says."""
        return sum(file.size or 0 for file in self.files if not file.cached)

    @property
    def complete(self) -> bool:
        """Everything is in the cache."""
        return all(file.cached for file in self.files)


def wanted_weights(names: Sequence[str], allow_pickle: bool = False) -> list[Wanted]:
    """The repositories that some models need, each once; nothing for a model whose weights are a folder that is there.

    Raises:
        ModelError: a model has no weights on the Hub; the message names each such model, and where its weights are.
        ConfigError: there is no such model.
    """
    found: dict[tuple[str, str | None], Wanted] = {}
    faults = []
    for name in names:
        config = load_as_runs_do(name)
        for weights in _repositories(config):
            if fault := _not_on_hub(config, weights):
                faults.append(f"{config.name}: {fault}")
                continue
            if resolve(weights).is_dir():
                continue
            revision = None if isinstance(config, ExtractorConfig) or weights != config.weights else config.revision
            code = not isinstance(config, ExtractorConfig) and config.remote_code
            wanted = Wanted(config.name, weights, revision, code, allow_pickle)
            found.setdefault((weights, revision), wanted)
    if faults:
        raise ModelError("\n".join(faults))
    return list(found.values())


def _repositories(config: AnyModelConfig) -> Iterator[str]:
    if isinstance(config, ExtractorConfig):
        yield config.model or ""
        return
    yield config.weights
    if isinstance(config, MllmConfig) and config.adapter is not None:
        yield config.adapter


def _not_on_hub(config: AnyModelConfig, weights: str) -> str | None:
    """Why there is nothing to download; None where there is."""
    if config.backend in ("parser", "combined"):
        return f"its parser is a package: {install_line('parser')}"
    if config.backend in _ELSEWHERE:
        return _ELSEWHERE[config.backend]
    is_path = weights.startswith(("checkpoints/", ".", "/", "~")) or _ID.fullmatch(weights) is None
    if is_path and not resolve(weights).is_dir():
        return f"{weights} is a folder that is not there, and no id of the Hub"
    return None


def plan_weights(wanted: Wanted) -> WeightsPlan:
    """Ask the Hub which files there are.

    Raises:
        ModelError: the Hub has no such model or revision, does not let the user in, cannot be reached, or has weights
            in pickle form alone, which the user does not allow.
    """
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        info = HfApi().model_info(wanted.id, revision=wanted.revision, files_metadata=True, timeout=_TIMEOUT)
    except OfflineModeIsEnabled as error:
        raise ModelError(f"{wanted.id}: HF_HUB_OFFLINE is set, so nothing is downloaded") from error
    except Exception as error:
        # huggingface_hub lets every error of its HTTP library through.
        fault = hub_fault(error, wanted.id, "model", wanted.revision)
        said = printable(first_line(error))[:200]
        where = f"the Hub cannot be reached at {constants.ENDPOINT}: {said}. HF_ENDPOINT names a mirror"
        raise ModelError(fault or f"{wanted.id}: {where} (docs/models.md)") from error
    sizes = {printable(one.rfilename): one.size for one in info.siblings or ()}
    names = _needed(wanted, sorted(sizes))
    files = []
    for name in names:
        path = try_to_load_from_cache(wanted.id, name, revision=info.sha)
        files.append(HubFile(name, sizes[name], isinstance(path, str) and Path(path).is_file()))
    return WeightsPlan(wanted, str(info.sha), tuple(files))


def _needed(wanted: Wanted, names: Sequence[str]) -> list[str]:
    """The files of a repository that are loaded: no second copy of the weights in another form, no pictures.

    Raises:
        ModelError: there are no weights, or only pickled ones.
    """
    weights = [name for name in names if _WEIGHTS.fullmatch(name)]
    # Rarely they are called otherwise.
    weights = weights or [name for name in names if name.endswith(".safetensors") and "/" not in name]
    if not weights:
        weights = [name for name in names if _PICKLED.fullmatch(name)]
        if weights and not wanted.pickle:
            raise ModelError(f"{wanted.id} has its weights in pickle form alone; --allow-pickle loads tensors of them")
    if not weights:
        raise ModelError(f"{wanted.id} has no weights that transformers could load")
    top = [name for name in names if "/" not in name or name.startswith("additional_chat_templates/")]
    kinds = (*_SETTINGS, ".py") if wanted.code else _SETTINGS
    # An index belongs to one form of the weights.
    other = ".bin.index.json" if weights[0].endswith(".safetensors") else ".safetensors.index.json"
    return [*weights, *(name for name in top if name.endswith(kinds) and not name.endswith(other))]


def check_room(plans: Sequence[WeightsPlan]) -> None:
    """See whether the cache's disk has room for what is missing.

    Raises:
        ModelError: it has not.
    """
    needed, folder = sum(plan.left for plan in plans), cache_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if needed and needed + _SPARE_BYTES > free:
        raise ModelError(
            f"{folder} is on a disk with {free / 1e9:.1f} GB free; {needed / 1e9:.1f} GB are needed. HF_HOME names "
            "another folder"
        )


def cache_folder() -> Path:
    """Where `huggingface_hub` keeps what it downloads."""
    from huggingface_hub import constants

    return Path(os.path.abspath(constants.HF_HUB_CACHE))


def get_weights(plan: WeightsPlan) -> None:
    """Download the missing files of a model. Files that have come whole are kept whatever happens.

    Raises:
        ModelError: a file cannot be downloaded.
    """
    from huggingface_hub import snapshot_download

    wanted = plan.wanted
    # Names are patterns there: one with brackets would match itself no longer.
    exactly = [file.name.replace("[", "[[]") for file in plan.files]
    try:
        # By the revision's name: transformers looks it up in the cache by that name when there is no network.
        folder = Path(snapshot_download(wanted.id, revision=wanted.revision, allow_patterns=exactly))
    except Exception as error:
        fault = hub_fault(error, wanted.id, "model", wanted.revision)
        said = fault or f"{wanted.id}: {printable(first_line(error))[:300].rstrip('.')}"
        raise ModelError(f"{said}. Whole files are kept, and the same command continues") from error
    _note_absent(plan)
    lacking = [file.name for file in plan.files if not (folder / file.name).is_file()]
    if lacking:
        raise ModelError(f"{wanted.id}: {', '.join(lacking[:3])} did not come; the same command continues")


def _note_absent(plan: WeightsPlan) -> None:
    """Let the cache know that a model has no adapter: without network, transformers would ask for one for a minute."""
    from huggingface_hub import hf_hub_download

    if _ADAPTER not in {file.name for file in plan.files}:
        # The refusal is what is noted.
        with suppress(Exception):
            hf_hub_download(plan.wanted.id, _ADAPTER, revision=plan.wanted.revision)

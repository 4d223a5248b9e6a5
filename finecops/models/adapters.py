"""LoRA adapters of MLLMs: loading an adapter and merging it into its base model."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finecops.config.find import resolve_weights
from finecops.config.fingerprint import weights_fingerprint
from finecops.config.schema import MllmConfig
from finecops.errors import ModelError, first_line, panics_as_errors
from finecops.models.checkpoint_folder import check_adapter

log = logging.getLogger(__name__)

ADAPTER_CARD = "finecops.json"
"""A file in the adapter's folder: the tuning data, and a fingerprint of the base model."""
_FILES = ("adapter_config.json", "adapter_model.safetensors", ADAPTER_CARD)
"""What is downloaded of an adapter on the Hub."""
_PATTERNS = {
    "target_modules": "%s",
    "exclude_modules": "%s",
    "modules_to_save": r"(^|.*\.)%s($|\..*)",
    "layers_pattern": r"(?:^|.*?\.)%s\.(?P<idx>\d+)\.",
    "rank_pattern": r"(.*\.)?(%s)$",
    "alpha_pattern": r"(.*\.)?(%s)$",
}
"""Settings that peft takes as regular expressions for names of layers, and the forms that it gives them
(peft 0.21, `tuners/tuners_utils.py` and `utils/other.py`)."""
_NAMES = ("target_modules", "exclude_modules")
"""Those of which a list holds names, and no expressions."""
_SECONDS = 10.0
"""How long all of an adapter's patterns may take for all layers. They take a tenth of a second."""
_TRIAL = """
import json, re, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
except (ImportError, ValueError, OSError):
    pass
given = json.load(sys.stdin)
for pattern in given["patterns"]:
    try:
        compiled = re.compile(pattern)
    except re.error:
        continue
    for name in given["names"]:
        compiled.match(name)
        compiled.fullmatch(name)
"""
"""Matches patterns with names. What is no pattern is left for peft to find."""


def load_adapter(model: Any, config: MllmConfig) -> Any:
    """The model with the LoRA adapter of `config` merged into its weights.

    Raises:
        ModelError: the adapter cannot be read, has not all of its weights, was tuned on another base model, or is
            pickled and that is not allowed.
    """
    assert config.adapter is not None
    from peft import PeftModel

    folder = _folder(config)
    check_adapter(config.name, folder, config.allow_pickle)
    _check_base(config, folder)
    _try_patterns(config, folder, [name for name, _ in model.named_modules()])
    try:
        with panics_as_errors(), warnings.catch_warnings():
            # Where the file has no weights for a layer, peft only warns, and the layer has no effect.
            warnings.filterwarnings("error", message="Found missing adapter keys")
            # From a folder, peft takes safetensors where there are any; it reads a pickle with `weights_only`.
            return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except UserWarning as error:
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} is broken: some of its weights are missing"
        ) from error
    # As in `loading`: peft raises many kinds of errors for a broken folder, and all concern this adapter.
    except Exception as error:
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} does not fit {config.weights}: {first_line(error)}"
        ) from error


def _folder(config: MllmConfig) -> Path:
    """The adapter's folder; one on the Hub is downloaded, without any file that is not needed."""
    assert config.adapter is not None
    found = resolve_weights(config.adapter)
    if Path(found).is_dir():
        return Path(found)
    from huggingface_hub import snapshot_download

    wanted = [*_FILES, "adapter_model.bin"] if config.allow_pickle else [*_FILES]
    try:
        return Path(snapshot_download(found, allow_patterns=wanted))
    # The Hub's client has its own errors for a bad id, a missing repository, and no connection.
    except Exception as error:
        raise ModelError(f"{config.name}: cannot load the adapter {config.adapter}: {first_line(error)}") from error


def _try_patterns(config: MllmConfig, folder: Path, names: Sequence[str]) -> None:
    """Match an adapter's patterns with the names of layers in a process that can be ended: a match cannot be stopped.

    Raises:
        ModelError: it takes too long, or the process that matches them fails.
    """
    path = folder / "adapter_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    given = {"patterns": [one for key in _PATTERNS for one in _patterns(key, settings.get(key))], "names": names}
    where = f"{config.name}: {path}: its patterns for the names of layers"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _TRIAL],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"{where} take more than {_SECONDS:g} s to match: the adapter is refused") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
        raise ModelError(f"{where} cannot be matched ({said[:200]}): the adapter is refused")


def _patterns(key: str, setting: object) -> list[str]:
    """The regular expressions of a setting as peft matches them."""
    if isinstance(setting, list) and key in _NAMES:
        return []
    members = setting if isinstance(setting, list | dict) else [setting]
    return [_PATTERNS[key] % member for member in members if isinstance(member, str)]


def _check_base(config: MllmConfig, folder: Path) -> None:
    card = folder / ADAPTER_CARD
    if not card.is_file():
        return
    try:
        said = json.loads(card.read_text(encoding="utf-8"))
        tuned_on, tokens = said.get("base_fingerprint"), said.get("visual_tokens", config.visual_tokens)
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise ModelError(f"{config.name}: {card} cannot be read: {first_line(error)}") from error
    # An adapter fits the shapes of every model of its class; on other weights it would only answer badly.
    if tuned_on not in (None, weights_fingerprint(config.weights)):
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} was tuned on other weights than {config.weights}"
        )
    # Not refused: how an adapter does at another budget is a question that one can ask.
    if isinstance(tokens, int | None) and tokens != config.visual_tokens:
        log.warning(
            "%s: the adapter %s was tuned at %s, and images are seen at %s",
            config.name,
            config.adapter,
            _budget(tokens),
            _budget(config.visual_tokens),
        )


def _budget(tokens: int | None) -> str:
    return "the model's own number of visual tokens" if tokens is None else f"{tokens} visual tokens"

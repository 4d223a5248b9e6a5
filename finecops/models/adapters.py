"""LoRA adapters of MLLMs: loading an adapter and merging it into its base model."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from finecops.config.find import resolve_weights
from finecops.config.fingerprint import weights_fingerprint
from finecops.config.schema import MllmConfig
from finecops.errors import ModelError, first_line
from finecops.models.checkpoint_folder import check_adapter

ADAPTER_CARD = "finecops.json"
"""A file in the adapter's folder: the tuning data, and a fingerprint of the base model."""
_FILES = ("adapter_config.json", "adapter_model.safetensors", ADAPTER_CARD)
"""What is downloaded of an adapter on the Hub."""


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
    try:
        with warnings.catch_warnings():
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


def _check_base(config: MllmConfig, folder: Path) -> None:
    card = folder / ADAPTER_CARD
    if not card.is_file():
        return
    try:
        tuned_on = json.loads(card.read_text(encoding="utf-8")).get("base_fingerprint")
    except (OSError, ValueError, RecursionError, AttributeError) as error:
        raise ModelError(f"{config.name}: {card} cannot be read: {first_line(error)}") from error
    # An adapter fits the shapes of every model of its class; on other weights it would only answer badly.
    if tuned_on not in (None, weights_fingerprint(config.weights)):
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} was tuned on other weights than {config.weights}"
        )

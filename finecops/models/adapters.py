"""LoRA adapters of MLLMs: loading an adapter and merging it into its base model."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from finecops.config.find import resolve_weights
from finecops.config.fingerprint import weights_fingerprint
from finecops.config.schema import MllmConfig
from finecops.errors import ModelError, first_line

ADAPTER_CARD = "finecops.json"
"""A file in the adapter's folder: the tuning data, and a fingerprint of the base model."""


def load_adapter(model: Any, config: MllmConfig) -> Any:
    """The model with the LoRA adapter of `config` merged into its weights.

    Raises:
        ModelError: the adapter cannot be read, has not all of its weights, or was tuned on another base model.
    """
    assert config.adapter is not None
    from peft import PeftModel

    adapter = resolve_weights(config.adapter)
    card = Path(adapter) / ADAPTER_CARD
    if card.is_file():
        tuned_on = json.loads(card.read_text(encoding="utf-8")).get("base_fingerprint")
        # An adapter fits the shapes of every model of its class; on other weights it would only answer badly.
        if tuned_on not in (None, weights_fingerprint(config.weights)):
            raise ModelError(
                f"{config.name}: the adapter {config.adapter} was tuned on other weights than {config.weights}"
            )
    try:
        with warnings.catch_warnings():
            # Where the file has no weights for a layer, peft only warns, and the layer has no effect.
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(model, adapter).merge_and_unload()
    except UserWarning as error:
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} is broken: some of its weights are missing"
        ) from error
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} does not fit {config.weights}: {first_line(error)}"
        ) from error

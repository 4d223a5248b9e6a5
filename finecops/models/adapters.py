"""LoRA adapters of MLLMs: loading one into its base model."""

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
"""Beside an adapter's weights: what it was tuned on and for which base model."""


def load_adapter(model: Any, config: MllmConfig) -> Any:
    """The model with a LoRA adapter merged into it.

    Raises:
        ModelError: the adapter cannot be read, lacks weights, or was made for another base model.
    """
    assert config.adapter is not None
    from peft import PeftModel

    adapter = resolve_weights(config.adapter)
    card = Path(adapter) / ADAPTER_CARD
    if card.is_file():
        made_for = json.loads(card.read_text(encoding="utf-8")).get("base_fingerprint")
        if made_for not in (None, weights_fingerprint(config.weights)):
            raise ModelError(
                f"{config.name}: the adapter {config.adapter} was tuned on other weights than {config.weights}"
            )
    try:
        with warnings.catch_warnings():
            # peft leaves a part that the file lacks without effect, and only warns.
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(model, adapter).merge_and_unload()
    except UserWarning as error:
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} lacks weights of its own: it is broken"
        ) from error
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"{config.name}: the adapter {config.adapter} does not fit {config.weights}: {first_line(error)}"
        ) from error

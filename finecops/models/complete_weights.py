"""Loading a checkpoint of transformers whole, or not at all."""

from __future__ import annotations

from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForZeroShotObjectDetection

from finecops.config.schema import SpecialistConfig
from finecops.errors import ModelError, first_line


def load_complete(auto_class: Any, weights: str, name: str, **options: Any) -> Any:
    """A model by `auto_class.from_pretrained`, all of whose weights came from the checkpoint.

    transformers fills what a checkpoint lacks with random numbers and a warning; a detector or an MLLM with them
    answers as if nothing were wrong.

    Args:
        auto_class: `AutoModelFor…`.
        weights: folder or Hub id.
        name: the model's, for messages.
        options: of `from_pretrained`.

    Raises:
        ModelError: the checkpoint is not there or broken, lacks weights, or has some of other shapes.
    """
    try:
        model, about = auto_class.from_pretrained(weights, output_loading_info=True, **options)
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{name}: cannot load {weights}: {first_line(error)}") from error
    missing = sorted(about["missing_keys"])
    if missing:
        raise ModelError(
            f"{name}: {weights} lacks {len(missing)} of the model's weights ({', '.join(missing[:3])}): it is broken, "
            "or a checkpoint of another kind of model"
        )
    return model


def load_detector(config: SpecialistConfig, weights: str, **options: Any) -> Any:
    """A detector that takes text, as its configuration says; see `load_complete`."""
    return load_complete(
        AutoModelForZeroShotObjectDetection,
        weights,
        config.name,
        revision=config.revision,
        dtype=getattr(torch, config.dtype),
        device_map=config.device_map,
        **options,
    )

"""Loading a checkpoint of transformers, and refusing one with missing weights."""

from __future__ import annotations

from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForZeroShotObjectDetection

from finecops.config.schema import SpecialistConfig
from finecops.errors import ModelError, first_line


def load_complete(auto_class: Any, weights: str, name: str, **options: Any) -> Any:
    """Load a model by `auto_class.from_pretrained`, with every weight from the checkpoint.

    transformers fills missing weights with random numbers and only warns. The model then gives wrong answers that look
    like answers.

    Args:
        auto_class: a class `AutoModelFor…`.
        weights: a folder or a Hub id.
        name: the model's name, for messages.
        options: more arguments of `from_pretrained`.

    Raises:
        ModelError: the checkpoint does not exist, is broken, or has missing weights or weights of other shapes.
    """
    # Each of these is what transformers raises for one fault: a missing folder, an unknown class, other shapes, a cut
    # file.
    try:
        model, loading = auto_class.from_pretrained(weights, output_loading_info=True, **options)
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{name}: cannot load {weights}: {first_line(error)}") from error
    missing = sorted(loading["missing_keys"])
    if missing:
        raise ModelError(
            f"{name}: {weights} lacks {len(missing)} of the model's weights ({', '.join(missing[:3])}): it is broken, "
            "or belongs to another kind of model"
        )
    return model


def load_detector(config: SpecialistConfig, weights: str, **options: Any) -> Any:
    """Load a detector that takes text, with the revision, dtype and device map of its configuration.

    Raises:
        ModelError: as `load_complete`.
    """
    return load_complete(
        AutoModelForZeroShotObjectDetection,
        weights,
        config.name,
        revision=config.revision,
        dtype=getattr(torch, config.dtype),
        device_map=config.device_map,
        **options,
    )

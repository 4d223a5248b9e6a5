"""How large the images are that a model in this process gets: the bounds of its configuration, in its processor."""

from __future__ import annotations

import math
from typing import Any

from finecops.config.schema import MllmConfig
from finecops.errors import ModelError


def bound_images(config: MllmConfig, processor: Any) -> None:
    """Give an image processor the bounds of a configuration; others stay as in the checkpoint.

    Raises:
        ModelError: the processor has no budget of visual tokens, or another one than the configuration says.
    """
    least, most = config.pixel_bounds
    bounds = {key: value for key, value in (("shortest_edge", least), ("longest_edge", most)) if value}
    if not bounds:
        return
    size = dict(processor.size) | bounds
    if config.visual_tokens is None:
        processor.size = size
        return
    # The checkpoint's smallest area may be above the budget.
    if size.get("shortest_edge"):
        size["shortest_edge"] = min(size["shortest_edge"], size["longest_edge"])
    processor.size = size
    _prove(config, processor)


def _prove(config: MllmConfig, processor: Any) -> None:
    """Ask the processor how many tokens a large image has: a setting that it does not know would change nothing."""
    budget = config.visual_tokens or 1
    patch, merge = getattr(processor, "patch_size", None), getattr(processor, "merge_size", None)
    counts = getattr(processor, "get_number_of_image_patches", None)
    if counts is None or not isinstance(patch, int) or not isinstance(merge, int):
        raise ModelError(
            f"{config.name}: its image processor has no budget of visual tokens: leave out `visual_tokens`"
        )
    if patch * merge != config.resize_factor:
        raise ModelError(
            f"{config.name}: a visual token is {patch * merge} pixels wide, and `resize_factor` is "
            f"{config.resize_factor}"
        )
    # A square image that is too large for the budget gets the largest square number of tokens that it allows.
    root = math.isqrt(budget)
    tokens = counts(*[(root + 2) * patch * merge] * 2, {}) // merge**2
    if tokens != root**2:
        raise ModelError(f"{config.name}: with `visual_tokens` {budget} a square image has {tokens} tokens")

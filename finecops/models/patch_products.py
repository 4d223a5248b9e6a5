"""Patch embeddings as matrix products.

A vision tower that gets an image as patches embeds each with a convolution whose kernel is as large as the patch. That
is a product of matrices, and libraries of convolutions are slow at it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn


def multiply_patches(model: Any) -> int:
    """Let every such convolution of a model multiply instead; how many there are. Its weights stay as they are."""
    found = [module for module in model.modules() if isinstance(module, nn.Conv3d) and _steps_by_kernel(module)]
    for module in found:
        module.forward = partial(_product, module)  # type: ignore[method-assign]
    return len(found)


def _steps_by_kernel(module: nn.Conv3d) -> bool:
    # A module with a `forward` of its own is moved between devices by it.
    plain = module.groups == 1 and module.padding == (0, 0, 0) and module.dilation == (1, 1, 1)
    return plain and module.kernel_size == module.stride and "forward" not in vars(module)


def _product(module: nn.Conv3d, patches: torch.Tensor) -> torch.Tensor:
    """The convolution's result, `[patches, channels, 1, 1, 1]` where its input is patches of the kernel's size."""
    if patches.shape[2:] != torch.Size(module.kernel_size):
        return nn.Conv3d.forward(module, patches)
    product = nn.functional.linear(patches.flatten(1), module.weight.flatten(1), module.bias)
    return product[:, :, None, None, None]

"""Running an image processor once per image, and not once per question about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


class SharedProcessing:
    """Replaces a method of an image processor, which gets an image for every question about it.

    Repetitions get a copy of what the first one became. This is possible for processors that make one entry of each
    image (CLIP's and alike); others get all images, as they would.
    """

    def __init__(self, image_processor: Any) -> None:
        self.calls = 0
        """How many images were processed."""
        self._possible = True
        self._original = image_processor.preprocess
        image_processor.preprocess = self._preprocess

    def _preprocess(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        given = images if isinstance(images, list | tuple) else [images]
        # Some processors get one list per image.
        keys = [tuple(map(id, one)) if isinstance(one, list | tuple) else id(one) for one in given]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        if self._possible and len(numbers) < len(keys):
            distinct = list(dict(zip(keys, given, strict=True)).values())
            output = self._original(distinct, *args, **kwargs)
            self._possible = _one_entry_each(output, len(distinct))
            if self._possible:
                self.calls += len(distinct)
                rows = [numbers[key] for key in keys]
                output.data = {name: _chosen(value, rows) for name, value in output.items()}
                return output
        self.calls += len(keys)
        return self._original(images, *args, **kwargs)


def _one_entry_each(output: Any, count: int) -> bool:
    """Whether everything in a processor's output has one entry per image. Patches of all images stand in one row."""
    if "image_grid_thw" in output:
        return False
    return all(isinstance(value, torch.Tensor | list) and len(value) == count for value in output.values())


def _chosen(value: Any, rows: Sequence[int]) -> Any:
    return value[list(rows)] if isinstance(value, torch.Tensor) else [value[row] for row in rows]

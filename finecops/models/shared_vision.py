"""The vision tower once per image, however many questions are asked about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


class SharedVision:
    """Runs the vision tower once per image instead of once per question on it.

    The processor repeats an image for every question; while sharing, the model is given the features of the first
    one for all. Only for models whose features come image by image with their grids (the Qwen-VL family).
    """

    def __init__(self, model: Any) -> None:
        self.core: Any = getattr(model, "model", None)
        self.calls = 0
        self._first: list[int] | None = None
        self.possible = hasattr(self.core, "get_image_features") and hasattr(self.core, "visual")
        if self.possible:
            core: Any = self.core
            self._original = core.get_image_features
            core.get_image_features = self._features

    @contextmanager
    def sharing(self, images: Sequence[int]) -> Iterator[None]:
        """While active, questions on one image share its features; question i is about image `images[i]`."""
        seen: dict[int, int] = {}
        first = [seen.setdefault(image, i) for i, image in enumerate(images)]
        self._first = first if len(seen) < len(first) else None
        try:
            yield
        finally:
            self._first = None

    def _features(self, pixel_values: torch.Tensor, image_grid_thw: torch.Tensor, **kwargs: Any) -> Any:
        first = self._first
        if first is None or len(first) != len(image_grid_thw):
            self.calls += len(image_grid_thw)
            return self._original(pixel_values, image_grid_thw, **kwargs)
        parts = torch.split(pixel_values, image_grid_thw.prod(-1).tolist())
        unique = sorted(set(first))
        self.calls += len(unique)
        output = self._original(torch.cat([parts[i] for i in unique]), image_grid_thw[unique], **kwargs)
        place = {i: k for k, i in enumerate(unique)}
        output.pooler_output = [output.pooler_output[place[i]] for i in first]
        # Qwen3-VL also hands features of earlier layers to the language model, image by image in each.
        if getattr(output, "deepstack_features", None) is not None:
            output.deepstack_features = [[layer[place[i]] for i in first] for layer in output.deepstack_features]
        return output


class SharedBackbone:
    """Runs a Grounding DINO's backbone once per image instead of once per text on it.

    The model is given every row's pixels and `sharing` says which rows have one image; the features that come after
    the backbone depend on the text and are made per row.
    """

    def __init__(self, model: Any) -> None:
        self.calls = 0
        self._rows: torch.Tensor | None = None
        self.backbone: Any = model.model.backbone
        self._original = self.backbone.forward
        self.backbone.forward = self._features

    @contextmanager
    def sharing(self, rows: torch.Tensor) -> Iterator[None]:
        """While active, row i of a batch has the image `rows[i]`; rows of an image are alike in pixels and mask."""
        self._rows = rows
        try:
            yield
        finally:
            self._rows = None

    def _features(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor) -> Any:
        rows = self._rows
        if rows is None or len(rows) != len(pixel_values):
            self.calls += len(pixel_values)
            return self._original(pixel_values, pixel_mask)
        count = int(rows.max()) + 1
        first = torch.stack([(rows == image).nonzero()[0, 0] for image in range(count)])
        self.calls += count
        maps, positions = self._original(pixel_values[first], pixel_mask[first])
        return [(features[rows], mask[rows]) for features, mask in maps], [position[rows] for position in positions]

"""Running the vision part of a model once per image, and not once per question about it.

Both classes replace a method of the model. They change what is computed twice, not what is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch


class SharedVision:
    """Runs an MLLM's vision tower once per image.

    The processor repeats an image for every question about it. While `sharing` is active, all repetitions get the
    features of the first one. This is possible for models whose `get_image_features` takes patches and grids of several
    images (the Qwen-VL and GLM-V families); for others nothing is changed.
    """

    def __init__(self, model: Any) -> None:
        self.core: Any = getattr(model, "model", None)
        self.calls = 0
        """How many images went through the vision tower."""
        # For each question, the index of the first question about the same image; None: not active.
        self._first: list[int] | None = None
        self.possible = hasattr(self.core, "get_image_features") and hasattr(self.core, "visual")
        if self.possible:
            core: Any = self.core
            self._original = core.get_image_features
            core.get_image_features = self._features

    @contextmanager
    def sharing(self, images: Sequence[int]) -> Iterator[None]:
        """Share features inside the `with` block; question i of the batch is about image `images[i]`."""
        seen: dict[int, int] = {}
        # setdefault: image → index of the first question about it.
        first = [seen.setdefault(image, i) for i, image in enumerate(images)]
        self._first = first if len(seen) < len(first) else None
        try:
            yield
        finally:
            self._first = None

    def _features(self, pixel_values: torch.Tensor, image_grid_thw: torch.Tensor, **kwargs: Any) -> Any:
        first = self._first
        # Another length: the call is not about the batch that `sharing` was given.
        if first is None or len(first) != len(image_grid_thw):
            self.calls += len(image_grid_thw)
            return self._original(pixel_values, image_grid_thw, **kwargs)
        # The patches of all images are one tensor; an image has as many as its grid (t, h, w) has cells.
        parts = torch.split(pixel_values, image_grid_thw.prod(-1).tolist())
        unique = sorted(set(first))
        self.calls += len(unique)
        output = self._original(torch.cat([parts[i] for i in unique]), image_grid_thw[unique], **kwargs)
        position = {i: k for k, i in enumerate(unique)}
        output.pooler_output = [output.pooler_output[position[i]] for i in first]
        # Qwen3-VL also passes features of earlier vision layers to the language model: one list of images per layer.
        if getattr(output, "deepstack_features", None) is not None:
            output.deepstack_features = [[layer[position[i]] for i in first] for layer in output.deepstack_features]
        return output


class SharedBackbone:
    """Runs a Grounding DINO's image backbone once per image.

    The model gets the pixels of every row of the batch. Inside `sharing`, rows with the same image share the backbone's
    feature maps. Later features depend on the text and are computed for each row.
    """

    def __init__(self, model: Any) -> None:
        self.calls = 0
        """How many images went through the backbone."""
        self._rows: torch.Tensor | None = None
        self.backbone: Any = model.model.backbone
        self._original = self.backbone.forward
        self.backbone.forward = self._features

    @contextmanager
    def sharing(self, rows: torch.Tensor) -> Iterator[None]:
        """Share features inside the `with` block; row i of the batch has image `rows[i]`, counted from 0.

        Rows with the same image must have the same pixels and mask.
        """
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
        # For each image, the first row that has it.
        first = torch.stack([(rows == image).nonzero()[0, 0] for image in range(count)])
        self.calls += count
        maps, positions = self._original(pixel_values[first], pixel_mask[first])
        # Indexing with `rows` repeats each image's maps for all of its rows.
        return [(features[rows], mask[rows]) for features, mask in maps], [position[rows] for position in positions]

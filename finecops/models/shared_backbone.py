"""Running a Grounding DINO's image backbone once per image, and not once per text about it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image

from finecops.image_memory import ImageMemory

Maps = list[torch.Tensor]
"""The feature maps of an image, one per level, `[channels, height, width]`."""


class SharedBackbone:
    """Computes the part of the model that depends on the image alone, and gives it to every text.

    That is the backbone with its projections. It runs without padding, and on an accelerator for each image alone:
    features depend neither on the other images of a batch nor on which stage asks. On a CPU, images of one size go
    through together, which is twice as fast there; since the last digits depend on who goes together, only a call
    about the very same images finds them again. Maps of different sizes are padded behind the projections, where the
    model's masks keep padding out of everything that follows.
    """

    def __init__(self, model: Any) -> None:
        self._core: Any = model.model
        self.images: ImageMemory[Maps] = ImageMemory(together=self._core.device.type == "cpu")
        # Inside `sharing`: of every level the maps of all rows, [rows, channels, height, width], and their masks.
        self._maps: Maps | None = None
        self._masks: Maps = []
        # Where they are padded, all levels in a row, [rows, positions]; None: nowhere.
        self._padding: torch.Tensor | None = None
        self._backbone = self._core.backbone.forward
        self._core.backbone.forward = self._prepared
        self._projections: list[Callable[[torch.Tensor], torch.Tensor]] = []
        for projection in self._core.input_proj_vision:
            self._projections.append(projection.forward)
            projection.forward = self._projected(projection.forward)
        proposals = self._core.encoder_output_class_embed
        self._classes = proposals.forward
        proposals.forward = self._without_padding
        # How much of the padded maps is an image's own, [rows, levels, 4]: width, height, width, height.
        self._ratios: torch.Tensor | None = None
        self._decoder = self._core.decoder.forward
        self._core.decoder.forward = self._decoded
        for layer in self._core.decoder.layers:
            layer.encoder_attn.forward = self._looked(layer.encoder_attn.forward)

    def maps_of(
        self, images: Sequence[Image.Image], preprocess: Callable[[Image.Image], tuple[torch.Tensor, torch.Tensor]]
    ) -> list[Maps]:
        """The maps of each image; `preprocess` gives its pixels and mask as the backbone takes them."""

        def compute(missing: list[tuple[Image.Image, Hashable]]) -> list[Maps]:
            prepared = [preprocess(image) for image, _ in missing]
            alike: dict[object, list[int]] = {}
            for number, (pixels, _) in enumerate(prepared):
                alike.setdefault(pixels.shape if pixels.device.type == "cpu" else number, []).append(number)
            found: dict[int, Maps] = {}
            for numbers in alike.values():
                pixels, mask = (torch.cat([prepared[i][part] for i in numbers]) for part in (0, 1))
                found |= zip(numbers, self._computed(pixels, mask), strict=True)
            return [found[number] for number in range(len(prepared))]

        return self.images.of([(image, None) for image in images], compute)

    @contextmanager
    def sharing(self, maps: Sequence[Maps]) -> Iterator[dict[str, torch.Tensor]]:
        """Inside the `with` block, row i of the batch has `maps[i]`.

        Yields:
            What the model gets as pixels and mask of such a batch: nothing but its size and device.
        """
        levels = list(zip(*maps, strict=True))
        self._maps = [_padded(level) for level in levels]
        self._masks = [_valid(level) for level in levels]
        first = self._maps[0]
        if len({one.shape for one in levels[0]}) > 1:
            self._padding = ~torch.cat([mask.flatten(1) for mask in self._masks], dim=1)
        try:
            yield {"pixel_values": first.new_zeros(len(maps), 3, 1, 1), "pixel_mask": self._masks[0][:, :1, :1]}
        finally:
            self._maps, self._masks, self._padding = None, [], None

    def _computed(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor) -> list[Maps]:
        """The maps of each image, of all levels: the model makes its smallest ones from the backbone's last."""
        found, _ = self._backbone(pixel_values, pixel_mask)
        maps = [project(source) for project, (source, _) in zip(self._projections, found, strict=False)]
        for project in self._projections[len(found) :]:
            maps.append(project(found[-1][0] if len(maps) == len(found) else maps[-1]))
        return [list(levels) for levels in zip(*maps, strict=True)]

    def _prepared(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor) -> Any:
        """In place of the backbone: maps of every level, so that the model makes no more."""
        if self._maps is None:
            return self._backbone(pixel_values, pixel_mask)
        pairs = list(zip(self._maps, self._masks, strict=True))
        return pairs, [self._core.backbone.position_embedding(*pair).to(pair[0].dtype) for pair in pairs]

    def _projected(self, original: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        """In place of a projection: these maps were projected."""
        return lambda source: original(source) if self._maps is None else source

    def _without_padding(self, hidden: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """In place of the scores of proposals: those in the padding would take places among the best."""
        scores: torch.Tensor = self._classes(hidden, *args, **kwargs)
        if self._padding is None or self._padding.shape[1] != hidden.shape[1]:
            return scores
        return scores.masked_fill(self._padding[..., None], -torch.inf)

    def _decoded(self, *args: Any, valid_ratios: torch.Tensor, **kwargs: Any) -> Any:
        """In place of the decoder, which makes of a box's place in the padded maps what its query is: of its place in
        the image, here, and the maps are looked up by their ratios."""
        if self._padding is None:
            return self._decoder(*args, valid_ratios=valid_ratios, **kwargs)
        self._ratios = torch.cat([valid_ratios, valid_ratios], -1)
        try:
            return self._decoder(*args, valid_ratios=torch.ones_like(valid_ratios), **kwargs)
        finally:
            self._ratios = None

    def _looked(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """In place of a decoder layer's look at the maps."""

        def look(*args: Any, reference_points: torch.Tensor, **kwargs: Any) -> Any:
            ratios = self._ratios
            scaled = reference_points if ratios is None else reference_points * ratios[:, None]
            return original(*args, reference_points=scaled, **kwargs)

        return look


def _padded(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Maps as one tensor, zeros below and to the right of the smaller ones."""
    height, width = _largest(maps)
    pads = ((0, width - one.shape[2], 0, height - one.shape[1]) for one in maps)
    return torch.stack([torch.nn.functional.pad(one, pad) for one, pad in zip(maps, pads, strict=True)])


def _valid(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Where `_padded` has the maps' own values, `[maps, height, width]`."""
    height, width = _largest(maps)
    mask = torch.zeros(len(maps), height, width, dtype=torch.bool, device=maps[0].device)
    for row, one in enumerate(maps):
        mask[row, : one.shape[1], : one.shape[2]] = True
    return mask


def _largest(maps: Sequence[torch.Tensor]) -> tuple[int, int]:
    return max(one.shape[1] for one in maps), max(one.shape[2] for one in maps)


def buckets(sizes: Sequence[tuple[int, int]], most: float = 1.25) -> list[list[int]]:
    """Indices of sizes that may share a batch: padded to the largest, they have at most `most` times their own area.

    >>> buckets([(10, 20), (20, 10), (10, 19)])
    [[2, 0], [1]]
    """
    found: list[list[int]] = []
    for index in sorted(range(len(sizes)), key=lambda i: sizes[i]):
        wider = [*found[-1], index] if found else [index]
        height, width = (max(sizes[i][axis] for i in wider) for axis in (0, 1))
        if found and len(wider) * height * width <= most * sum(sizes[i][0] * sizes[i][1] for i in wider):
            found[-1] = wider
        else:
            found.append([index])
    return found

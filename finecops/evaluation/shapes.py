"""Operations of a Grounding DINO and of a Qwen2-VL, from their shapes alone: nothing is loaded or run.

Matrix products, convolutions and attention are counted, a multiply-add as two operations, as torch's counter does
(`tests/evaluation/test_shapes.py` compares both on the mini models). Shapes are those of the published configurations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final


def _linear(rows: float, inner: float, outer: float) -> float:
    return 2 * rows * inner * outer


@dataclass(frozen=True)
class DetectorShape:
    """A Grounding DINO with a Swin backbone."""

    depths: tuple[int, ...]
    embed: int
    window: int
    stages: tuple[int, ...]
    """Of the backbone, whose maps are used; the first is 0."""
    levels: int
    """Of maps: those of the stages, and more at half the size each."""
    width: int
    ffn: int
    heads: int
    layers: tuple[int, int]
    """Of encoder and decoder."""
    queries: int
    text: tuple[int, int, int]
    """BERT's layers, width and inner width."""
    points: int = 4

    def backbone(self, image_wh: tuple[int, int]) -> float:
        """Backbone and projections, which an image needs once."""
        total, sizes, width = 0.0, self._sizes(image_wh), self.embed
        total += _linear(math.prod(sizes[0]), 3 * 4 * 4, self.embed)
        for stage, depth in enumerate(self.depths):
            (height, length), places = sizes[stage], math.prod(sizes[stage])
            window = min(self.window, height, length)
            padded = math.prod(window * math.ceil(side / window) for side in (height, length))
            attention = _linear(padded, width, 4 * width) + 4 * padded * window**2 * width
            total += depth * (attention + 2 * _linear(places, width, 4 * width))
            if stage + 1 < len(self.depths):
                total += _linear(math.prod(sizes[stage + 1]), 4 * width, 2 * width)
            if stage in self.stages:
                total += _linear(places, width, self.width)
            # Each stage has half the places in each direction, and twice the width.
            width *= 2
        # Kernels of 3 x 3, the first one on the backbone's last map, which has the width before the last doubling.
        inputs = 9 * (width // 2)
        for level in range(len(self.stages), self.levels):
            total += _linear(self._places(image_wh)[level], inputs, self.width)
            inputs = 9 * self.width
        return total

    def text_pass(self, image_wh: tuple[int, int], tokens: int) -> float:
        """All that follows for a text of so many tokens about an image."""
        places, width = sum(self._places(image_wh)), self.width
        encoder, decoder = self.layers
        total = self._bert(tokens) + encoder * self._encoder_layer(places, tokens)
        # Proposals: projection, scores and boxes of every place.
        total += _linear(places, width, width) + _linear(places, width, tokens) + self._box_head(places)
        return total + decoder * self._decoder_layer(places, tokens)

    def _sizes(self, image_wh: tuple[int, int]) -> list[tuple[int, int]]:
        width, height = image_wh
        found = [(math.ceil(height / 4), math.ceil(width / 4))]
        for _ in self.depths[1:]:
            found.append((math.ceil(found[-1][0] / 2), math.ceil(found[-1][1] / 2)))
        return found

    def _places(self, image_wh: tuple[int, int]) -> list[int]:
        """Of each level."""
        sizes = self._sizes(image_wh)
        maps = [sizes[stage] for stage in self.stages]
        while len(maps) < self.levels:
            maps.append((math.ceil(maps[-1][0] / 2), math.ceil(maps[-1][1] / 2)))
        return [height * width for height, width in maps]

    def _bert(self, tokens: int) -> float:
        layers, width, inner = self.text
        layer = _linear(tokens, width, 4 * width) + 4 * tokens**2 * width + 2 * _linear(tokens, width, inner)
        return layers * layer + _linear(tokens, width, self.width)

    def _encoder_layer(self, places: int, tokens: int) -> float:
        width, both = self.width, self.ffn // 2
        # Both sides: query or key, value, and output; then attention in both directions, from one table of scores.
        fusion = 3 * (_linear(places, width, both) + _linear(tokens, width, both)) + 6 * places * tokens * both
        text = _linear(tokens, width, 4 * width) + 4 * tokens**2 * width + 2 * _linear(tokens, width, both)
        return fusion + text + self._looking(places, places) + 2 * _linear(places, width, self.ffn)

    def _looking(self, queries: int, places: int) -> float:
        """Deformable attention of queries to the maps; taking samples multiplies no matrices."""
        samples = self.heads * self.levels * self.points
        width = self.width
        return _linear(places + queries, width, width) + _linear(queries, width, 3 * samples)

    def _decoder_layer(self, places: int, tokens: int) -> float:
        n, width = self.queries, self.width
        own = _linear(n, width, 4 * width) + 4 * n**2 * width
        text = _linear(n, width, 2 * width) + _linear(tokens, width, 2 * width) + 4 * n * tokens * width
        position = _linear(n, 2 * width, width) + _linear(n, width, width)
        # Boxes are refined in the decoder, and read once more behind it.
        heads = 2 * self._box_head(n) + _linear(n, width, tokens)
        return own + text + self._looking(n, places) + 2 * _linear(n, width, self.ffn) + position + heads

    def _box_head(self, rows: int) -> float:
        return 2 * _linear(rows, self.width, self.width) + _linear(rows, self.width, 4)


@dataclass(frozen=True)
class MllmShape:
    """A Qwen2-VL."""

    vision_layers: int
    vision_width: int
    vision_ffn: int
    layers: int
    width: int
    key_width: int
    """Of keys and of values: fewer heads than of queries."""
    ffn: int
    vocabulary: int
    patch: int = 14
    merged: int = 2
    """So many patches in each direction become one visual token."""
    frames: int = 2

    def patches(self, image_wh: tuple[int, int]) -> int:
        """Of an image, whose sides are rounded to whole visual tokens."""
        side = self.patch * self.merged
        return math.prod(self.merged * max(1, round(length / side)) for length in image_wh)

    def visual_tokens(self, image_wh: tuple[int, int]) -> int:
        """Of an image."""
        return self.patches(image_wh) // self.merged**2

    def vision(self, image_wh: tuple[int, int]) -> float:
        """The vision tower for an image."""
        patches, width = self.patches(image_wh), self.vision_width
        layer = (
            _linear(patches, width, 4 * width) + 4 * patches**2 * width + 2 * _linear(patches, width, self.vision_ffn)
        )
        tokens, merged = patches // self.merged**2, width * self.merged**2
        merger = _linear(tokens, merged, merged) + _linear(tokens, merged, self.width)
        embedding = _linear(patches, 3 * self.frames * self.patch**2, width)
        return embedding + self.vision_layers * layer + merger

    def reading(self, tokens: int, before: int = 0) -> float:
        """The language model for so many tokens behind others, with the logits of the last one."""
        width = self.width
        products = _linear(tokens, width, 2 * width + 2 * self.key_width) + 3 * _linear(tokens, width, self.ffn)
        # The whole square: kernels that leave out what comes later are counted as if they did not.
        attention = 4 * tokens * (tokens + before) * width
        return self.layers * (products + attention) + _linear(1, width, self.vocabulary)

    def tuning(self, tokens: int, image_wh: tuple[int, int]) -> float:
        """A row of so many tokens, an image's included, in tuning with gradient checkpointing: the language model
        forward, once more, and back through its frozen weights; the vision tower forward; logits of all tokens
        forward and back. The adapter itself is left out.
        """
        # Attention multiplies no weights: back through it are twice the products of forward.
        squares = self.layers * tokens**2 * self.width
        logits = 2 * (tokens - 1) * _linear(1, self.width, self.vocabulary)
        return self.vision(image_wh) + 3 * self.reading(tokens) + 4 * squares + logits

    @property
    def read_for_a_token(self) -> float:
        """Weights of the language model that are read for each token that is written."""
        layer = self.width * (2 * self.width + 2 * self.key_width) + 3 * self.width * self.ffn
        return self.layers * layer + self.width * self.vocabulary


MM_GDINO_L: Final = DetectorShape(
    depths=(2, 2, 18, 2),
    embed=192,
    window=12,
    stages=(0, 1, 2, 3),
    levels=5,
    width=256,
    ffn=2048,
    heads=8,
    layers=(6, 6),
    queries=900,
    text=(12, 768, 3072),
)
"""Swin-L with the maps of all four stages (mmdet's `grounding_dino_swin-l_pretrain_all.py`)."""
QWEN2_VL_7B: Final = MllmShape(
    vision_layers=32,
    vision_width=1280,
    vision_ffn=5120,
    layers=28,
    width=3584,
    key_width=512,
    ffn=18944,
    vocabulary=152064,
)
"""`config.json` of Qwen/Qwen2-VL-7B-Instruct."""

"""Keys and values of an image, computed once for all questions about it.

A prompt begins with the image. A decoder's keys and values of that beginning are the same for every question: they are
computed without padding, and the questions are continued from copies of them, all in one batch. A row is
`[padding, beginning, padding, rest of the prompt]`.
"""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from transformers import DynamicCache

from finecops.errors import ModelError
from finecops.image_memory import ImageMemory


@dataclass(frozen=True)
class _Prefix:
    """The beginning of prompts about an image, up to the image's last token."""

    ids: torch.Tensor
    """`[length]`."""
    layers: list[tuple[torch.Tensor, torch.Tensor]]
    """Keys and values of each layer, `[heads, length, width]`."""
    delta: int
    """What is added to a token's number to have its position: an image's tokens share positions."""


@dataclass(frozen=True)
class Continuation:
    """A batch of prompts whose beginnings are in a cache."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    """`[rows, length]`, of whole prompts."""
    position_ids: torch.Tensor
    """`[3, rows, length]`: time, height and width."""
    cached: int
    """So many columns are in the cache."""
    cache: dict[str, object]
    """The cache, by the name that the model has for it."""

    def whole(self) -> dict[str, object]:
        """Arguments for `generate`, which takes whole prompts and leaves out what is in the cache."""
        named = {"input_ids": self.input_ids, "position_ids": self.position_ids}
        return named | {"attention_mask": self.attention_mask} | self.cache

    def rest(self) -> dict[str, object]:
        """Arguments for a forward pass over what is not in the cache."""
        named = {
            "input_ids": self.input_ids[:, self.cached :],
            "position_ids": self.position_ids[..., self.cached :],
        }
        return named | {"attention_mask": self.attention_mask} | self.cache


class ImagePrefixes:
    """Continues prompts from their images' keys and values.

    This is possible for the Qwen-VL and GLM-V families, whose language model sees nothing but what stands before a
    token, and which count positions of an image in three directions. Where a model cannot, `possible` is False.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self.model, self.processor = model, processor
        self.images: ImageMemory[_Prefix] = ImageMemory(together=model.device.type == "cpu")
        self._core: Any = getattr(model, "model", None)
        self._token: Any = getattr(processor, "image_token", None)
        self._tried = False
        self._text_config = model.config.get_text_config(decoder=True)
        layers = getattr(self._text_config, "layer_types", None) or ()
        self.possible = (
            hasattr(self._core, "get_rope_index")
            and hasattr(self._core, "visual")
            and isinstance(self._token, str)
            and all(kind == "full_attention" for kind in layers)
        )
        names = inspect.signature(type(model).forward).parameters
        self._cache_name = "cache" if "cache" in names else "past_key_values"

    def continued(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Continuation | None:
        """The prompts, each about its image; None if this model's prompts cannot be divided.

        Raises:
            ModelError: a text has the model's token for an image more than once.
        """
        cut = [self._cut(text) for text in texts] if self.possible else []
        if cut and not self._tried:
            self.possible, self._tried = self._divides(*cut[0]), True
        if not cut or not self.possible:
            return None
        asked = [(image, head) for image, (head, _) in zip(images, cut, strict=True)]
        prefixes = self.images.of(asked, self._computed)
        rests = self.processor.tokenizer(
            [rest for _, rest in cut], padding=True, add_special_tokens=False, return_tensors="pt"
        ).to(self.model.device)
        cached = max(len(prefix.ids) for prefix in prefixes)
        pad = self.processor.tokenizer.pad_token_id or 0
        ids = torch.stack([_left_padded(prefix.ids, cached, pad) for prefix in prefixes])
        mask = torch.stack([_left_padded(torch.ones_like(prefix.ids), cached, 0) for prefix in prefixes])
        mask = torch.cat([mask, rests["attention_mask"]], dim=1)
        deltas = torch.tensor([[prefix.delta] for prefix in prefixes], device=mask.device)
        positions = (mask.cumsum(1) - 1).clamp(min=0) + deltas
        return Continuation(
            torch.cat([ids, rests["input_ids"]], dim=1),
            mask,
            positions[None].expand(3, -1, -1),
            cached,
            {self._cache_name: self._cache(prefixes, cached)},
        )

    def _cut(self, text: str) -> tuple[str, str]:
        """A prompt up to its image, with it, and what follows."""
        before, token, after = text.partition(self._token)
        if not token or self._token in after:
            raise ModelError(
                f"the prompt has {text.count(self._token)} times {self._token}, the model's token for an image"
            )
        return before + token, after

    def _divides(self, head: str, rest: str) -> bool:
        """Whether the tokens of a prompt are those of its parts."""
        ids = self.processor.tokenizer
        return bool(
            ids(head + rest)["input_ids"] == ids(head)["input_ids"] + ids(rest, add_special_tokens=False)["input_ids"]
        )

    def _computed(self, asked: list[tuple[Image.Image, Hashable]]) -> list[_Prefix]:
        """On an accelerator each for itself; on a CPU those of one length together, which is faster there."""
        alike: dict[object, list[int]] = {}
        for number, (image, head) in enumerate(asked):
            same = (image.size, head) if self.model.device.type == "cpu" else number
            alike.setdefault(same, []).append(number)
        found: dict[int, _Prefix] = {}
        for numbers in alike.values():
            found |= zip(numbers, self._together([asked[number] for number in numbers]), strict=True)
        return [found[number] for number in range(len(asked))]

    def _together(self, asked: Sequence[tuple[Image.Image, Hashable]]) -> list[_Prefix]:
        """The beginnings of prompts with images of one size, which need no padding."""
        images, heads = zip(*asked, strict=True)
        inputs = self.processor(images=list(images), text=list(heads), return_tensors="pt")
        inputs = inputs.to(self.model.device, dtype=self.model.dtype)
        output = self._core(**inputs, use_cache=True)
        layers = [(layer.keys, layer.values) for layer in output[self._cache_name].layers]
        deltas = self._core.rope_deltas.flatten().tolist()
        return [
            _Prefix(ids, [(keys[row], values[row]) for keys, values in layers], deltas[row])
            for row, ids in enumerate(inputs["input_ids"])
        ]

    def _cache(self, prefixes: Sequence[_Prefix], length: int) -> DynamicCache:
        """A cache with a row for each prefix."""
        cache = DynamicCache(config=self._text_config)
        for number, layers in enumerate(zip(*(prefix.layers for prefix in prefixes), strict=True)):
            keys, values = (
                torch.stack([_padded_rows(part, length) for part in parts]) for parts in zip(*layers, strict=True)
            )
            cache.update(keys, values, number)
        return cache


def _left_padded(values: torch.Tensor, length: int, pad: int) -> torch.Tensor:
    return torch.nn.functional.pad(values, (length - len(values), 0), value=pad)


def _padded_rows(values: torch.Tensor, length: int) -> torch.Tensor:
    """`[heads, n, width]` to `[heads, length, width]`, zeros first."""
    return torch.nn.functional.pad(values, (0, 0, length - values.shape[1], 0))

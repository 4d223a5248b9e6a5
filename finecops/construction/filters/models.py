"""CLIP, DINOv2 and classifiers of synthetic images, through transformers.

All get the whole image as a square. The published processors scale the shorter side and cut out the centre, by which
an edited box near the border would be cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import AutoModel, AutoModelForImageClassification

from finecops.config.building import ScorerConfig
from finecops.config.find import resolve_weights
from finecops.construction.filters.scorers import check_scorer
from finecops.errors import ConfigError, ModelError
from finecops.models.backends import use_torch
from finecops.models.loading import Checkpoint, load_complete, load_image_processor, load_tokenizer
from finecops.models.readiness import dtype_of
from finecops.names import unknown_name
from finecops.records import Xyxy

_TEXT_TOKENS = 77
"""CLIP's limit."""


def _checkpoint(config: ScorerConfig) -> Checkpoint:
    check_scorer(config)
    where = resolve_weights(config.weights)
    return Checkpoint(config.name, config.weights, where, config.revision, code=False, pickle=False)


class _ImageModel:
    """A model, and images as it takes them."""

    def __init__(self, config: ScorerConfig, device: str, auto_class: Any) -> None:
        self.config = config
        self.device = use_torch(device)
        self.checkpoint = _checkpoint(config)
        self._processor = load_image_processor(self.checkpoint)
        self.model = load_complete(auto_class, self.checkpoint, dtype=dtype_of(config)).to(self.device).eval()
        self.side = config.side or _side(config, self._processor)

    def pixels(self, images: Sequence[Image.Image]) -> Any:
        """Images as squares, `[n, 3, side, side]`, on the device."""
        size = {"height": self.side, "width": self.side}
        found = self._processor(
            images=[image.convert("RGB") for image in images],
            size=size,
            do_resize=True,
            do_center_crop=False,
            return_tensors="pt",
        )
        return found["pixel_values"].to(self.device, self.model.dtype)

    def batches(self, images: Sequence[Image.Image]) -> list[Sequence[Image.Image]]:
        """The images in batches."""
        size = self.config.batch_size
        return [images[i : i + size] for i in range(0, len(images), size)]


def _side(config: ScorerConfig, processor: Any) -> int:
    """The side of the squares that a model was made for, by its processor."""
    for sizes in (getattr(processor, "crop_size", None), getattr(processor, "size", None)):
        for key in ("height", "shortest_edge"):
            if sizes is not None and sizes.get(key):
                return int(sizes[key])
    raise ConfigError(f"{config.name}: the checkpoint names no size of images; give `side`")


class TextModel:
    """Similarity of images and texts: the cosine of CLIP's embeddings.

    Raises:
        ModelError: the weights cannot be loaded, or are not those of such a model.
    """

    def __init__(self, config: ScorerConfig, device: str = "auto") -> None:
        self._images = _ImageModel(config, device, AutoModel)
        self._tokenizer = load_tokenizer(self._images.checkpoint)
        if not hasattr(self._images.model, "get_text_features"):
            raise ModelError(f"{config.name}: {config.weights} is no model of images and texts")

    @torch.inference_mode()
    def similarities(self, images: Sequence[Image.Image], texts: Sequence[str]) -> list[list[float]]:
        """`[images, texts]`, from -1 to 1. Texts are cut at the model's length."""
        model, words = self._images.model, self._words(texts)
        said = _unit(model.get_text_features(**words).pooler_output)
        found: list[list[float]] = []
        for batch in self._images.batches(images):
            seen = _unit(model.get_image_features(pixel_values=self._images.pixels(batch)).pooler_output)
            found += (seen @ said.T).tolist()
        return found

    def _words(self, texts: Sequence[str]) -> Any:
        config = self._images.config
        given = [text.lower() for text in texts] if config.lower_case else list(texts)
        length = config.text_length or _TEXT_TOKENS
        padding = "max_length" if config.text_length else True
        words = self._tokenizer(given, padding=padding, truncation=True, max_length=length, return_tensors="pt")
        # SigLIP was trained without an attention mask.
        names = ("input_ids",) if config.text_length else ("input_ids", "attention_mask")
        return {name: words[name].to(self._images.device) for name in names}


def _unit(vectors: Any) -> Any:
    return torch.nn.functional.normalize(vectors.float(), dim=-1)


class FeatureModel:
    """Similarity of two images: the cosine of DINOv2's CLS tokens, and that of the patches inside boxes.

    Raises:
        ModelError: the weights cannot be loaded, or have no patches.
        ConfigError: the side is no multiple of the patches'.
    """

    def __init__(self, config: ScorerConfig, device: str = "auto") -> None:
        self._images = _ImageModel(config, device, AutoModel)
        settings = self._images.model.config
        patch = getattr(settings, "patch_size", None)
        if not isinstance(patch, int) or not hasattr(settings, "hidden_size"):
            raise ModelError(f"{config.name}: {config.weights} has no patches of one size")
        if self._images.side % patch:
            raise ConfigError(
                f"{config.name}: side: {self._images.side} is no multiple of {patch}, the model's patches"
            )
        self._cells = self._images.side // patch

    @torch.inference_mode()
    def similarities(
        self, original: Image.Image, edited: Sequence[Image.Image], boxes: Sequence[Xyxy]
    ) -> list[tuple[float, float]]:
        """For each edited image: the cosine of the CLS tokens, and the mean cosine of the patches inside the boxes.

        Args:
            original: the unedited image.
            edited: of the same size.
            boxes: xyxy in pixels; none: all patches count.
        """
        inside = patches_inside(boxes, original.size, self._cells)
        # Once for all candidates.
        first = self._tokens([original])
        found: list[tuple[float, float]] = []
        for batch in self._images.batches(edited):
            same = torch.cosine_similarity(self._tokens(batch), first, dim=-1)
            found += zip(same[:, 0].tolist(), same[:, 1:][:, inside].mean(dim=1).tolist(), strict=True)
        return found

    def _tokens(self, images: Sequence[Image.Image]) -> Any:
        """`[n, 1 + patches, width]`: the CLS token first. Registers are left out."""
        states = self._images.model(pixel_values=self._images.pixels(images)).last_hidden_state.float()
        return torch.cat([states[:, :1], states[:, -(self._cells**2) :]], dim=1)


def patches_inside(boxes: Sequence[Xyxy], image_wh: tuple[int, int], cells: int) -> list[int]:
    """Indices of the patches whose centre lies in a box; of a box without one, the patch of its own centre.

    Args:
        boxes: xyxy in pixels of the image; none: all patches.
        image_wh: of the image, in pixels.
        cells: patches in a row and in a column.

    >>> patches_inside([(0, 0, 50, 100)], (100, 100), 2), patches_inside([(60, 90, 64, 92)], (100, 100), 2)
    ([0, 2], [3])
    """
    if not boxes:
        return list(range(cells**2))
    found = set()
    for xyxy in boxes:
        # In units of patches, whose centres are at 0.5, 1.5, ….
        left, top, right, bottom = (xyxy[i] / image_wh[i % 2] * cells for i in range(4))
        rows = [y for y in range(cells) if top <= y + 0.5 < bottom] or [_cell((top + bottom) / 2, cells)]
        columns = [x for x in range(cells) if left <= x + 0.5 < right] or [_cell((left + right) / 2, cells)]
        found |= {y * cells + x for y in rows for x in columns}
    return sorted(found)


def _cell(place: float, cells: int) -> int:
    return max(0, min(cells - 1, int(place)))


class SyntheticModel:
    """The probability that an image is synthetic, of a classifier of images.

    Raises:
        ModelError: the weights cannot be loaded.
        ConfigError: the classifier has no such label.
    """

    def __init__(self, config: ScorerConfig, device: str = "auto") -> None:
        self._images = _ImageModel(config, device, AutoModelForImageClassification)
        labels = {str(label): int(i) for i, label in self._images.model.config.id2label.items()}
        # One logit is the chance itself, whatever it is called.
        if len(labels) == 1:
            self._label = None
        elif config.label in labels:
            self._label = labels[config.label]
        elif config.label is None:
            raise ConfigError(f"{config.name}: give the `label` that means synthetic: one of {', '.join(labels)}")
        else:
            raise ConfigError(f"{config.name}: {unknown_name('label', config.label, labels)}")

    @property
    def threshold(self) -> float | None:
        """As in its file."""
        return self._images.config.threshold

    @torch.inference_mode()
    def probabilities(self, images: Sequence[Image.Image]) -> list[float]:
        """For each image: the softmax of the label, or the sigmoid of the only logit."""
        found: list[float] = []
        for batch in self._images.batches(images):
            logits = self._images.model(pixel_values=self._images.pixels(batch)).logits.float()
            chances = logits.sigmoid()[:, 0] if self._label is None else logits.softmax(dim=-1)[:, self._label]
            found += chances.tolist()
        return found

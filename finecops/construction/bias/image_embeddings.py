"""Features of a whole image from a vision model of transformers: DINOv2's class token, CLIP's image embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoImageProcessor, AutoModel

from finecops.config.find import resolve_weights
from finecops.errors import ModelError
from finecops.images import decode_image
from finecops.metrics.answers import Floats
from finecops.models.checkpoint_folder import check_checkpoint
from finecops.models.loading import Checkpoint, load_complete


class ImageEmbedder:
    """A vision model: image files in, one vector each out.

    Args:
        weights: a folder or an id on the Hub.
        device: as torch names it.
        allow_pickle: the user allows weights in pickle form.

    Raises:
        ModelError: it cannot be loaded, or gives no vector for an image.
    """

    def __init__(self, weights: str, device: str = "cpu", allow_pickle: bool = False) -> None:
        self.name = weights
        where = resolve_weights(weights)
        if Path(where).is_dir():
            check_checkpoint(weights, Path(where), allow_pickle)
        checkpoint = Checkpoint(weights, weights, where, revision=None, code=False, pickle=allow_pickle)
        with checkpoint.errors():
            self._processor = AutoImageProcessor.from_pretrained(checkpoint.where, **checkpoint.options)
        self._model = load_complete(AutoModel, checkpoint).to(device).eval()

    @torch.no_grad()
    def __call__(self, path: Path) -> Floats:
        """The vector of one image, `[width]`.

        Raises:
            DataError: the image cannot be read.
        """
        pixels = self._processor(images=decode_image(path), return_tensors="pt")["pixel_values"].to(self._model.device)
        return np.asarray(self._pooled(pixels)[0].float().cpu(), dtype=np.float64)

    def _pooled(self, pixels: torch.Tensor) -> torch.Tensor:
        model: Any = self._model
        found = model.get_image_features(pixels) if hasattr(model, "get_image_features") else model(pixels)
        # CLIP's projected embedding has this name too since transformers 5.
        pooled: torch.Tensor | None = getattr(found, "pooler_output", None)
        if pooled is None:
            raise ModelError(f"{self.name} gives no vector for a whole image; DINOv2 and CLIP do")
        return pooled

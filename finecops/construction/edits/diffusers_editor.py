"""Inpainting by a pipeline of diffusers (extra `edit`): any class that takes an image, a mask and a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

from PIL import Image

from finecops.config.building import EditorConfig
from finecops.construction.edits.crop import crop_around
from finecops.construction.edits.editor import editor_state
from finecops.construction.edits.mask import MaskOptions, grown_box
from finecops.construction.edits.pipeline_loading import check_call, load_pipeline
from finecops.construction.edits.task_words import expand_task_words
from finecops.errors import FinecopsError, ModelError, first_line, panics_as_errors
from finecops.models.backends import use_torch
from finecops.records import Xyxy


class DiffusersEditor:
    """Repaints a box by an inpainting pipeline, which gets the part of the image around it (`crop.py`).

    Args:
        config: which pipeline, and how it is called.
        device: as torch names it; `auto` takes the best one.
        mask: how the mask is made of the box. The pipeline repaints it whole; the pasting fades its edge.
        pipeline: a pipeline that is loaded already; None: it is loaded from `config.weights`.

    Raises:
        ConfigError: the pipeline has no such keyword, or is no inpainting pipeline.
        ModelError: diffusers is not installed, or the weights cannot be loaded.
    """

    def __init__(
        self, config: EditorConfig, device: str = "auto", mask: MaskOptions | None = None, pipeline: Any = None
    ) -> None:
        self.config = config
        self._mask = mask or MaskOptions()
        check_call(config)
        device = use_torch(device)
        self._pipeline = pipeline if pipeline is not None else load_pipeline(config)
        self._pipeline.set_progress_bar_config(disable=True)
        self._place(device)
        # At once: a word that its tokenizer lacks would else be found after the first image.
        self._prompt("")

    @property
    def name(self) -> str:
        """The name of the configuration."""
        return self.config.name

    @cached_property
    def state(self) -> Mapping[str, object]:
        """The settings that change the pixels, and a fingerprint of local weights."""
        return editor_state(self.config) | {"mask": asdict(self._mask)}

    def __call__(self, image: Image.Image, xyxy: Xyxy, prompt: str, seed: int) -> Image.Image:
        """Repaint a box; see `finecops.construction.edits.editor.ImageEditor`.

        Raises:
            ModelError: the pipeline fails, or its safety checker objects to what it painted.
            DataError: the box is not in the image.
        """
        import torch

        box = grown_box(xyxy, image.size, self._mask)
        crop = crop_around(box, image.size, self.config.context, self.config.side, self.config.multiple)
        part, area = crop.shown(image, box, self.config.hide)
        try:
            with panics_as_errors(), torch.inference_mode():
                made = self._pipeline(
                    prompt=self._prompt(prompt),
                    image=part,
                    mask_image=area,
                    # On the CPU: the same noise on every device.
                    generator=torch.Generator("cpu").manual_seed(seed),
                    width=crop.wh[0],
                    height=crop.wh[1],
                    **self.config.call,
                )
        except FinecopsError:
            raise
        # A pipeline raises what its parts raise: no memory, a shape, a value out of range.
        except Exception as error:
            raise ModelError(f"{self.name}: the pipeline failed: {first_line(error)[:300]}") from error
        if any(getattr(made, "nsfw_content_detected", None) or ()):
            raise ModelError(f"{self.name}: the pipeline's safety checker blackened the image")
        return crop.put_back(image, made.images[0])

    def _prompt(self, text: str) -> str:
        prompt = self.config.prompt.format(text=text)
        if not self.config.task_words:
            return prompt
        added = set(self._pipeline.tokenizer.get_added_vocab())
        try:
            return expand_task_words(prompt, self.config.task_words, added)
        except ModelError as error:
            raise ModelError(f"{self.name}: {error}") from error

    def _place(self, device: str) -> None:
        try:
            if self.config.offload == "none":
                self._pipeline.to(device)
            elif self.config.offload == "model":
                self._pipeline.enable_model_cpu_offload(device=device)
            else:
                self._pipeline.enable_sequential_cpu_offload(device=device)
        except (RuntimeError, ImportError, ValueError) as error:
            raise ModelError(
                f"{self.name} cannot be put on {device}: {first_line(error)[:300]}; `offload: model` in its file needs "
                "less of a GPU's memory"
            ) from error

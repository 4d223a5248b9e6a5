"""Inpainting by a pipeline of diffusers (extra `edit`): any class that takes an image, a mask and a prompt.

Nothing is run that a checkpoint brings: no pipeline of its own, no pickles, no other libraries than diffusers and
transformers.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from PIL import Image

from finecops.config.building import EditorConfig
from finecops.config.find import resolve_weights
from finecops.config.fingerprint import weights_fingerprint
from finecops.construction.edits.crop import crop_around
from finecops.construction.edits.mask import MaskOptions, grown_box
from finecops.construction.edits.task_words import expand_task_words
from finecops.errors import ConfigError, FinecopsError, ModelError, first_line, panics_as_errors
from finecops.install import install_line
from finecops.models.backends import use_torch
from finecops.models.hub_access import need_hub, only_downloaded
from finecops.models.readiness import dtype_of
from finecops.names import meant
from finecops.records import Xyxy

_INDEX: Final = "model_index.json"
"""A pipeline's list of its parts."""
_LIBRARIES: Final = frozenset({"diffusers", "transformers"})


class DiffusersEditor:
    """Repaints a box by an inpainting pipeline, on the part of the image around it (`finecops.construction.edits.crop`).

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
        self._pipeline = pipeline if pipeline is not None else _load(config)
        self._pipeline.set_progress_bar_config(disable=True)
        self._place(device)
        # At once: a word that its tokenizer lacks would else be found after the first image.
        self._prompt("")

    @property
    def name(self) -> str:
        """The name of the configuration."""
        return self.config.name

    @property
    def state(self) -> Mapping[str, object]:
        """The settings that change the pixels, and a fingerprint of local weights."""
        settings = self.config.model_dump(mode="json", exclude={"licence", "size", "proved", "offload"})
        folder = Path(resolve_weights(self.config.weights))
        parts = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        return settings | {"fingerprint": {part.name: weights_fingerprint(str(part)) for part in parts}}

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
                    **self._sizes(crop.wh),
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

    def _sizes(self, wh: tuple[int, int]) -> dict[str, int]:
        return {"width": wh[0], "height": wh[1]}

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


def check_call(config: EditorConfig) -> None:
    """Check the pipeline's class and the keywords of its call, before anything is loaded.

    Raises:
        ModelError: diffusers is not installed, or too old for this class.
        ConfigError: the class is no inpainting pipeline, or its call has no such keyword.
    """
    keywords = inspect.signature(_pipeline_class(config).__call__).parameters
    if not {"prompt", "image", "mask_image", "generator", "width", "height"} <= keywords.keys():
        raise ConfigError(f"{config.name}: {config.pipeline} is no inpainting pipeline: it takes no image with a mask")
    for key in config.call:
        if key not in keywords:
            hint = meant(key, keywords)
            raise ConfigError(
                f"{config.name}: call: {config.pipeline} has no keyword {key}" + (f"; {hint}" if hint else "")
            )


def _pipeline_class(config: EditorConfig) -> Any:
    try:
        import diffusers
    except ImportError as error:
        raise ModelError(f"editor {config.name} needs diffusers: {install_line('edit')}") from error
    # Its warnings are about its own code and that of the checkpoints; a user cannot act on them.
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    try:
        # diffusers imports a class when it is asked for; one whose own needs are missing is a dummy.
        found = getattr(diffusers, config.pipeline, None)
    except (ImportError, RuntimeError) as error:
        raise ModelError(f"{config.name}: {config.pipeline} cannot be imported: {first_line(error)}") from error
    if found is None:
        raise ConfigError(
            f"{config.name}: diffusers {diffusers.__version__} has no pipeline {config.pipeline[:80]!r}; a newer version "
            f"may: {install_line('edit')}"
        )
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise ConfigError(f"{config.name}: diffusers.{config.pipeline} is no pipeline")
    return found


def _load(config: EditorConfig) -> Any:
    where = resolve_weights(config.weights)
    if not Path(where).is_dir():
        need_hub(config.name, config.weights, where, config.revision, _INDEX)
    options: dict[str, object] = {"revision": config.revision}
    if only_downloaded(where, config.revision, _INDEX):
        options["local_files_only"] = True
    pipeline_class = _pipeline_class(config)
    try:
        with panics_as_errors():
            _check_index(config, pipeline_class.load_config(where, **options))
            if config.dtype != "auto":
                options["dtype"] = dtype_of(config)
            return pipeline_class.from_pretrained(where, use_safetensors=True, trust_remote_code=False, **options)
    except FinecopsError:
        raise
    # As for the checkpoints of transformers: some twenty kinds of errors, down to a bare `Exception`.
    except Exception as error:
        raise ModelError(f"{config.name}: cannot load {config.weights}: {first_line(error)[:500]}") from error


def _check_index(config: EditorConfig, index: Mapping[str, object]) -> None:
    """Refuse a checkpoint whose parts are classes of other libraries, or of its own.

    diffusers imports whatever library stands there.
    """
    import diffusers

    own = set(dir(diffusers.pipelines))
    for part, value in index.items():
        if part.startswith("_") or not (isinstance(value, list) and len(value) == 2 and value[0] is not None):
            continue
        if value[0] not in _LIBRARIES and value[0] not in own:
            raise ModelError(
                f"{config.name}: {config.weights}/{_INDEX} takes its {part} from {str(value[0])[:80]!r}, which "
                "is neither diffusers nor transformers: it is refused"
            )

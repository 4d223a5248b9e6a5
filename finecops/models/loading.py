"""The one place where checkpoints of transformers are loaded: configurations, processors, tokenizers, models.

Whether a checkpoint's code may run is said each time. Left out, transformers would ask on the terminal, and take `y`
from whatever standard input holds. Weights are safetensors; pickles only where the user allows them, tensors only.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForZeroShotObjectDetection,
    AutoProcessor,
    AutoTokenizer,
)

from finecops.config.find import resolve_weights
from finecops.config.schema import AnyModelConfig, ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.errors import FinecopsError, ModelError, first_line, panics_as_errors
from finecops.models.chat_template import check_template
from finecops.models.checkpoint_folder import PICKLES, check_checkpoint
from finecops.models.checkpoint_limits import image_fault
from finecops.models.hub_access import only_downloaded
from finecops.models.readiness import dtype_of, remote_code

_SPARE_NUMBERS = 50_000_000
"""A model may have so many more numbers than its files hold bytes: 200 MB."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that may be loaded, with the user's permissions."""

    name: str
    """The model's name, for messages."""
    weights: str
    """The folder or Hub id, as configured."""
    where: str
    """The same as an existing folder, or a Hub id."""
    revision: str | None
    """Revision on the Hub."""
    code: bool
    """Its code may run."""
    pickle: bool
    """Its weights may be pickled."""

    @classmethod
    def of(cls, config: AnyModelConfig) -> Checkpoint:
        """The checkpoint of a configuration, after a look into its folder.

        Raises:
            ConfigError: there is no such folder.
            ModelError: the folder is not complete or is refused, or the permission for its code is not given.
        """
        weights = (config.model or "") if isinstance(config, ExtractorConfig) else config.weights
        where = resolve_weights(weights)
        if Path(where).is_dir():
            check_checkpoint(config.name, Path(where), config.allow_pickle)
        revision = None if isinstance(config, ExtractorConfig) else config.revision
        return cls(config.name, weights, where, revision, remote_code(config), config.allow_pickle)

    @property
    def options(self) -> dict[str, object]:
        """Arguments that every `from_pretrained` gets."""
        common: dict[str, object] = {"revision": self.revision, "trust_remote_code": self.code}
        return common | {"local_files_only": True} if only_downloaded(self.where, self.revision) else common

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Every fault of the checkpoint as one `ModelError`."""
        try:
            with panics_as_errors():
                yield
        except FinecopsError:
            raise
        # transformers, safetensors and tokenizers raise some twenty kinds of errors for a broken file, down to a bare
        # `Exception`; none of them concerns anything but this checkpoint.
        except Exception as error:
            raise ModelError(
                f"{self.name}: cannot load {self.weights}: {self._said(error).rstrip('.')}{self._advice(error)}"
            ) from error

    def _advice(self, error: Exception) -> str:
        """What to do where the weights are not on this machine and cannot be fetched."""
        if Path(self.where).is_dir() or not isinstance(error, OSError):
            return ""
        folder = f"checkpoints/{self.weights.rpartition('/')[2]}"
        return f". Put the weights into {folder}, or use --preset mini (small models that are included)"

    def _said(self, error: Exception) -> str:
        text = first_line(error)
        if "custom code" in text:
            return "it needs code of its own, which does not run here without `remote_code` in its configuration"
        if not self.pickle and "safetensors" in text and isinstance(error, OSError):
            return f"{text} (--allow-pickle loads pickled weights, tensors only)"
        return text


def load_model_type(checkpoint: Checkpoint) -> str:
    """The `model_type` of a checkpoint.

    Raises:
        ModelError: it cannot be loaded.
    """
    with checkpoint.errors():
        return str(AutoConfig.from_pretrained(checkpoint.where, **checkpoint.options).model_type)


def load_processor(checkpoint: Checkpoint) -> Any:
    """The processor of a checkpoint. Its chat template was tried.

    Raises:
        ModelError: it cannot be loaded, makes images too large, or its chat template does not end.
    """
    with checkpoint.errors():
        processor = AutoProcessor.from_pretrained(checkpoint.where, **checkpoint.options)
        for part in ("image_processor", "video_processor"):
            _check_sizes(checkpoint, part, getattr(processor, part, None))
        check_template(processor, checkpoint.name)
        return processor


def load_image_processor(checkpoint: Checkpoint) -> Any:
    """The part of a processor that takes images.

    Raises:
        ModelError: it cannot be loaded, or makes images too large.
    """
    with checkpoint.errors():
        processor = AutoImageProcessor.from_pretrained(checkpoint.where, **checkpoint.options)
        _check_sizes(checkpoint, "image processor", processor)
        return processor


def _check_sizes(checkpoint: Checkpoint, what: str, part: Any) -> None:
    if part is None:
        return
    # Its settings stand in one of several files, or in none: what was made of them counts.
    by_area = hasattr(sys.modules[type(part).__module__], "smart_resize")
    fault = image_fault(part.to_dict(), by_area)
    if fault is not None:
        raise ModelError(f"{checkpoint.name}: the {what} of {checkpoint.weights}: {fault}; the checkpoint is refused")


def load_tokenizer(checkpoint: Checkpoint, **options: object) -> Any:
    """The tokenizer of a checkpoint. Its chat template was tried.

    Raises:
        ModelError: it cannot be loaded, or its chat template does not end.
    """
    with checkpoint.errors():
        tokenizer = AutoTokenizer.from_pretrained(checkpoint.where, **checkpoint.options, **options)
        check_template(tokenizer, checkpoint.name)
        return tokenizer


def load_complete(auto_class: Any, checkpoint: Checkpoint, **options: Any) -> Any:
    """Load a model by `auto_class.from_pretrained`, with every weight from the checkpoint.

    transformers fills missing weights with random numbers and only warns. The model then gives wrong answers that look
    like answers.

    Args:
        auto_class: a class `AutoModelFor…`.
        checkpoint: what to load.
        options: more arguments of `from_pretrained`.

    Raises:
        ModelError: the checkpoint does not exist, is broken, or has missing weights or weights of other shapes.
    """
    with checkpoint.errors():
        _check_described(auto_class, checkpoint)
        model, loading = auto_class.from_pretrained(
            checkpoint.where,
            output_loading_info=True,
            # None: safetensors where there are any, else pickles.
            use_safetensors=None if checkpoint.pickle else True,
            weights_only=True,
            **checkpoint.options,
            **options,
        )
    missing = sorted(loading["missing_keys"])
    if missing:
        raise ModelError(
            f"{checkpoint.name}: {checkpoint.where} lacks {len(missing)} of the model's weights "
            f"({', '.join(missing[:3])}): it is broken, or belongs to another kind of model"
        )
    return model


def _check_described(auto_class: Any, checkpoint: Checkpoint) -> None:
    """Refuse settings of a model that is far larger than its files: what is missing would first take its memory."""
    # The user has read what code of its own does.
    if checkpoint.code or not Path(checkpoint.where).is_dir():
        return
    config = AutoConfig.from_pretrained(checkpoint.where, **checkpoint.options)
    # On the device `meta`, a tensor has a shape and no memory.
    with torch.device("meta"), warnings.catch_warnings(action="ignore"):
        described = sum(one.numel() for one in auto_class.from_config(config, trust_remote_code=False).parameters())
    files = [path for path in Path(checkpoint.where).iterdir() if path.suffix in (".safetensors", *PICKLES)]
    stored = sum(path.stat().st_size for path in files)
    # A byte holds at most one number; four where they are packed.
    most = (4 if getattr(config, "quantization_config", None) else 1) * stored + _SPARE_NUMBERS
    if described > most:
        raise ModelError(
            f"{checkpoint.name}: {checkpoint.where}/config.json describes a model of {described:,} numbers; its files "
            f"hold {stored:,} bytes: the checkpoint is refused"
        )


def load_detector(config: SpecialistConfig, checkpoint: Checkpoint, **options: Any) -> Any:
    """Load a detector that takes text, with the dtype and device map of its configuration.

    Raises:
        ModelError: as `load_complete`.
    """
    return load_complete(
        AutoModelForZeroShotObjectDetection,
        checkpoint,
        dtype=dtype_of(config),
        device_map=config.device_map,
        **options,
    )


def mllm_options(config: MllmConfig) -> dict[str, object]:
    """Arguments of `from_pretrained` from the configuration of an MLLM."""
    return {
        "dtype": dtype_of(config),
        "attn_implementation": config.attention,
        "device_map": config.device_map,
    }

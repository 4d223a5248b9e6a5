"""From a configuration to a model. A model that two stages use is loaded once."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from finecops.config.schema import ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from finecops.models.protocols import Mllm, Specialist, TextLlm


@lru_cache(maxsize=2)
def load_specialist_model(config: SpecialistConfig, device: str) -> Specialist:
    """The specialist of a configuration on a device, in its own environment, or in a file."""
    if config.backend == "replay":
        from finecops.models.replay import Replay

        return Replay(config)
    if config.backend == "worker":
        from finecops.models.worker import WorkerModel

        return WorkerModel(config)
    _need_torch(device)
    if config.backend == "mmdet":
        from finecops.models.mmdet_specialist import MmdetSpecialist

        return MmdetSpecialist(config, device)
    if config.backend == "category-detector":
        from finecops.models.category_detector import CategoryDetector

        return CategoryDetector(config, device)
    from finecops.models.grounding_dino import GroundingDino

    return GroundingDino(config, device)


@lru_cache(maxsize=1)
def load_mllm_model(config: MllmConfig, device: str) -> Mllm:
    """The MLLM of a configuration on a device, behind its server, in its own environment, or in a file."""
    if config.backend == "replay":
        from finecops.models.replay import Replay

        return Replay(config)
    if config.backend == "worker":
        from finecops.models.worker import WorkerModel

        return WorkerModel(config)
    if config.backend == "openai":
        try:
            from finecops.models.openai_mllm import OpenAiMllm
        except ImportError as error:
            raise ModelError(f"{config.name} needs the openai package: pip install 'finecops[openai]'") from error

        return OpenAiMllm(config)
    _need_torch(device)
    from finecops.models.transformers_mllm import TransformersMllm

    return TransformersMllm(config, device)


def load_text_llm(config: ExtractorConfig, device: str) -> TextLlm:
    """The text model of an extractor's configuration."""
    if config.model is None:
        raise ConfigError(f"extractor {config.name} names no model")
    if config.backend == "openai":
        try:
            from finecops.models.openai_text import OpenAiText
        except ImportError as error:
            raise ModelError(
                f"extractor {config.name} needs the openai package: pip install 'finecops[openai]'"
            ) from error

        return OpenAiText(config)
    _need_torch(device)
    from finecops.models.text_llm import TransformersText

    return TransformersText(config, device)


def default_device() -> str:
    """`cuda` or `mps` where there is one, else `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _need_torch(device: str) -> None:
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    # Of the libraries among themselves: nobody who runs a model can do anything about them.
    for message in ("You'd better set embed_dim", "`is_gradient_checkpointing` is deprecated"):
        warnings.filterwarnings("ignore", message=message)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error

"""How models are reached: one dictionary of backends per kind of model, from a configuration to a loaded model.

To add a backend, write a file with a class that has the protocol's calls (`finecops.models.protocols`) and enter it
here. A configuration names its backend as `backend`.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from finecops.config.find import resolve
from finecops.config.schema import AnyModelConfig, ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from finecops.models.protocols import Extractor, Mllm, Specialist


def _score_of_config(config: SpecialistConfig | MllmConfig, focus: bool) -> str:
    return config.score


def _score_of_tokens(config: SpecialistConfig | MllmConfig, focus: bool) -> str:
    return "sigmoid, mean over the target's tokens" if focus else "sigmoid, maximum over tokens"


@dataclass(frozen=True)
class Backend:
    """A way to reach models.

    Attributes:
        title: how it is called in tables.
        load: from a configuration and a device to the model. Heavy imports happen inside.
        lacks: from a configuration to what a run would stop at on this machine, None if nothing is known to be missing.
        score: from a configuration and whether the target is focused to what a box's score means.
    """

    title: str
    load: Callable[[Any, str], Any]
    lacks: Callable[[Any], str | None]
    score: Callable[[Any, bool], str] = _score_of_config


def _grounding_dino(config: SpecialistConfig, device: str) -> Specialist:
    use_torch(device)
    from finecops.models.grounding_dino import GroundingDino

    return GroundingDino(config, device)


def _category_detector(config: SpecialistConfig, device: str) -> Specialist:
    use_torch(device)
    from finecops.models.category_detector import CategoryDetector

    return CategoryDetector(config, device)


def _mmdet(config: SpecialistConfig, device: str) -> Specialist:
    use_torch(device)
    from finecops.models.mmdet_specialist import MmdetSpecialist

    return MmdetSpecialist(config, device)


def _transformers_mllm(config: MllmConfig, device: str) -> Mllm:
    use_torch(device)
    from finecops.models.transformers_mllm import TransformersMllm

    return TransformersMllm(config, device)


def _openai_mllm(config: MllmConfig, device: str) -> Mllm:
    _need_openai(config.name)
    from finecops.models.openai_mllm import OpenAiMllm

    return OpenAiMllm(config)


def _worker(config: SpecialistConfig | MllmConfig, device: str) -> Any:
    from finecops.models.worker import WorkerModel

    return WorkerModel(config)


def _replay(config: SpecialistConfig | MllmConfig, device: str) -> Any:
    from finecops.models.replay import Replay

    return Replay(config)


def _rules(config: ExtractorConfig, device: str) -> Extractor:
    from finecops.models.extractors import RulesExtractor

    return RulesExtractor()


def _openai_extractor(config: ExtractorConfig, device: str) -> Extractor:
    _need_model_name(config)
    _need_openai(f"extractor {config.name}")
    from finecops.models.extractors import LlmExtractor
    from finecops.models.openai_text import OpenAiText

    return LlmExtractor(OpenAiText(config), config.name, config.batch_size)


def _llm_extractor(config: ExtractorConfig, device: str) -> Extractor:
    _need_model_name(config)
    use_torch(device)
    from finecops.models.extractors import LlmExtractor
    from finecops.models.text_llm import TransformersText

    return LlmExtractor(TransformersText(config, device), config.name, config.batch_size)


def _lacks_nothing(config: AnyModelConfig) -> str | None:
    return None


def _lacks_weights(config: SpecialistConfig | MllmConfig) -> str | None:
    return _weights_missing(config.weights)


def _lacks_text_model(config: ExtractorConfig) -> str | None:
    return _weights_missing(config.model or "")


def _lacks_file(config: SpecialistConfig | MllmConfig) -> str | None:
    return None if resolve(config.weights).is_file() else f"{config.weights} is not here"


def _lacks_mmdet(config: SpecialistConfig) -> str | None:
    return "pip install 'finecops[mmdet]'" if importlib.util.find_spec("mmdet") is None else _lacks_file(config)


def _lacks_variable(config: SpecialistConfig | MllmConfig) -> str | None:
    unset = [part[1:] for part in config.command if part.startswith("$") and not os.environ.get(part[1:])]
    return f"{unset[0]} is not set" if unset else None


def _lacks_server(config: MllmConfig | ExtractorConfig) -> str | None:
    if importlib.util.find_spec("openai") is None:
        return "pip install 'finecops[openai]'"
    if config.base_url is None and not os.environ.get(config.api_key_env):
        return f"{config.api_key_env} is not set"
    return None


def _weights_missing(weights: str) -> str | None:
    if resolve(weights).is_dir():
        return None
    if weights.startswith(("checkpoints/", ".", "/", "~")):
        return f"{weights} is not here"
    from huggingface_hub import try_to_load_from_cache

    return None if isinstance(try_to_load_from_cache(weights, "config.json"), str) else "downloads at first use"


def _need_openai(name: str) -> None:
    if importlib.util.find_spec("openai") is None:
        raise ModelError(f"{name} needs the openai package: pip install 'finecops[openai]'")


def _need_model_name(config: ExtractorConfig) -> None:
    if config.model is None:
        raise ConfigError(f"extractor {config.name} names no model")


SPECIALIST_BACKENDS: dict[str, Backend] = {
    "grounding-dino": Backend("transformers", _grounding_dino, _lacks_weights, _score_of_tokens),
    "category-detector": Backend("transformers", _category_detector, _lacks_weights),
    "mmdet": Backend("mmdet", _mmdet, _lacks_mmdet, _score_of_tokens),
    "worker": Backend("worker", _worker, _lacks_variable),
    "replay": Backend("replay", _replay, _lacks_file),
}
MLLM_BACKENDS: dict[str, Backend] = {
    "transformers": Backend("transformers", _transformers_mllm, _lacks_weights),
    "openai": Backend("OpenAI-compatible server", _openai_mllm, _lacks_server),
    "worker": Backend("worker", _worker, _lacks_variable),
    "replay": Backend("replay", _replay, _lacks_file),
}
EXTRACTOR_BACKENDS: dict[str, Backend] = {
    "rules": Backend("rules", _rules, _lacks_nothing),
    "openai": Backend("OpenAI-compatible server", _openai_extractor, _lacks_server),
    "llm": Backend("transformers", _llm_extractor, _lacks_text_model),
}
BACKENDS: Mapping[str, dict[str, Backend]] = {
    "specialist": SPECIALIST_BACKENDS,
    "mllm": MLLM_BACKENDS,
    "extractor": EXTRACTOR_BACKENDS,
}


def backend_of(config: AnyModelConfig) -> Backend:
    """The backend that a configuration names.

    Raises:
        ConfigError: there is no such backend for this kind of model.
    """
    known = BACKENDS[config.kind]
    if config.backend not in known:
        raise ConfigError(f"{config.name}: unknown backend {config.backend!r}; there are: {', '.join(known)}")
    return known[config.backend]


# A model that two stages use is loaded once; the router and the specialist may be two.
@lru_cache(maxsize=2)
def load_specialist_model(config: SpecialistConfig, device: str) -> Specialist:
    """The specialist of a configuration.

    Raises:
        FinecopsError: it cannot be loaded.
    """
    model: Specialist = backend_of(config).load(config, device)
    return model


@lru_cache(maxsize=1)
def load_mllm_model(config: MllmConfig, device: str) -> Mllm:
    """The MLLM of a configuration.

    Raises:
        FinecopsError: it cannot be loaded or reached.
    """
    model: Mllm = backend_of(config).load(config, device)
    return model


def load_extractor_model(config: ExtractorConfig, device: str) -> Extractor:
    """The target extractor of a configuration.

    Raises:
        FinecopsError: it cannot be loaded or reached.
    """
    model: Extractor = backend_of(config).load(config, device)
    return model


def default_device() -> str:
    """`cuda` or `mps` where there is one, else `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def use_torch(device: str) -> None:
    """Silence what the libraries say among themselves, and see whether the device can be used.

    Raises:
        ModelError: it cannot.
    """
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    # Nobody who runs a model can do anything about these.
    for message in ("You'd better set embed_dim", "`is_gradient_checkpointing` is deprecated"):
        warnings.filterwarnings("ignore", message=message)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error

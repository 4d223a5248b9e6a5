"""Backends: one dictionary per kind of model, from the name in a configuration to a loaded model.

To add a backend, write a class with the calls of a protocol (`finecops.models.protocols`) in a new file, and add an
entry here. A configuration names its backend as `backend`.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from finecops.config.choices import CHOICES
from finecops.config.find import resolve
from finecops.config.schema import AnyModelConfig, ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.config.server import own_url
from finecops.errors import ConfigError
from finecops.exchange.formats import FORMATS
from finecops.install import install_line
from finecops.models import readiness
from finecops.models.hub_access import use_own_log
from finecops.models.readiness import AUTO, check_device, need_model_name, need_openai
from finecops.models.server_command import lacks_program
from finecops.names import unknown_name
from finecops.replies.box_text import box_format_of

if TYPE_CHECKING:
    from finecops.models.protocols import Extractor, Mllm, Specialist


def _score_of_config(config: SpecialistConfig | MllmConfig, focus: bool) -> str:
    return config.score_meaning


def _score_of_tokens(config: SpecialistConfig | MllmConfig, focus: bool) -> str:
    return "sigmoid, mean over the target's tokens" if focus else "sigmoid, maximum over tokens"


@dataclass(frozen=True)
class Backend:
    """How models are reached."""

    title: str
    """Its name in tables."""
    # `Any`: each backend takes the configuration of its own kind of model, and returns such a model.
    load: Callable[[Any, str], Any]
    """Configuration, device → model. Slow imports happen inside."""
    lacks: Callable[[Any], str | None]
    """Configuration → what is missing on this machine for a run; None if nothing is known to be missing."""
    check: Callable[[Any, str], None] = readiness.check_nothing
    """Configuration, device → a `FinecopsError` if a run would surely stop (`finecops.models.readiness`)."""
    score: Callable[[Any, bool], str] = _score_of_config
    """Configuration, whether there is target focus → what a box's score means."""


def _grounding_dino(config: SpecialistConfig, device: str) -> Specialist:
    device = use_torch(device)
    from finecops.models.grounding_dino import GroundingDino

    return GroundingDino(config, device)


def _category_detector(config: SpecialistConfig, device: str) -> Specialist:
    device = use_torch(device)
    from finecops.models.category_detector import CategoryDetector

    return CategoryDetector(config, device)


def _mmdet(config: SpecialistConfig, device: str) -> Specialist:
    device = use_torch(device)
    from finecops.models.mmdet_specialist import MmdetSpecialist

    return MmdetSpecialist(config, device)


def _transformers_mllm(config: MllmConfig, device: str) -> Mllm:
    device = use_torch(device)
    from finecops.models.transformers_mllm import TransformersMllm

    return TransformersMllm(config, device)


def _openai_mllm(config: MllmConfig, device: str) -> Mllm:
    need_openai(config.name)
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


def _parser(config: ExtractorConfig, device: str) -> Extractor:
    from finecops.models.parser_extractors import load_parser_extractor

    return load_parser_extractor(config)


def _openai_extractor(config: ExtractorConfig, device: str) -> Extractor:
    need_model_name(config)
    need_openai(f"extractor {config.name}")
    from finecops.models.extractors import LlmExtractor
    from finecops.models.openai_text import OpenAiText

    return LlmExtractor(OpenAiText(config), config.name, config.batch_size)


def _llm_extractor(config: ExtractorConfig, device: str) -> Extractor:
    need_model_name(config)
    device = use_torch(device)
    from finecops.models.extractors import LlmExtractor
    from finecops.models.text_llm import TransformersText

    return LlmExtractor(TransformersText(config, device), config.name, config.batch_size)


def _lacks_parser(config: ExtractorConfig) -> str | None:
    from finecops.models.parser_extractors import lacks_parser

    return lacks_parser()


def _lacks_weights(config: AnyModelConfig) -> str | None:
    return _weights_missing((config.model or "") if isinstance(config, ExtractorConfig) else config.weights)


def _lacks_file(config: SpecialistConfig | MllmConfig) -> str | None:
    return None if resolve(config.weights).is_file() else f"{config.weights} does not exist"


def _lacks_mmdet(config: SpecialistConfig) -> str | None:
    return install_line("mmdet") if importlib.util.find_spec("mmdet") is None else _lacks_file(config)


def _lacks_variable(config: SpecialistConfig | MllmConfig) -> str | None:
    # A command's part that begins with "$" is an environment variable.
    unset = [part[1:] for part in config.command if part.startswith("$") and not os.environ.get(part[1:])]
    return f"{unset[0]} is not set" if unset else None


def _lacks_server(config: MllmConfig | ExtractorConfig) -> str | None:
    if importlib.util.find_spec("openai") is None:
        return install_line("openai")
    if isinstance(config, MllmConfig) and config.serve is not None:
        return lacks_program(config.name, config.serve)
    if own_url(config) is None and not os.environ.get(config.api_key_env):
        return f"{config.api_key_env} is not set"
    return None


def _weights_missing(weights: str) -> str | None:
    """What is missing of local weights, or that a download is needed."""
    if resolve(weights).is_dir():
        return None
    if weights.startswith(("checkpoints/", ".", "/", "~")):
        return f"{weights} does not exist"
    from huggingface_hub import try_to_load_from_cache

    # Every model repository of transformers has a config.json; it is cached with the weights.
    return None if isinstance(try_to_load_from_cache(weights, "config.json"), str) else "downloads at first use"


SERVER = "OpenAI-compatible server"
SPECIALIST_BACKENDS: dict[str, Backend] = {
    "grounding-dino": Backend(
        "transformers", _grounding_dino, _lacks_weights, readiness.check_transformers, score=_score_of_tokens
    ),
    "category-detector": Backend("transformers", _category_detector, _lacks_weights, readiness.check_transformers),
    "mmdet": Backend("mmdet", _mmdet, _lacks_mmdet, readiness.check_mmdet, score=_score_of_tokens),
    "worker": Backend("worker", _worker, _lacks_variable, readiness.check_worker),
    "replay": Backend("replay", _replay, _lacks_file, readiness.check_replay),
}
MLLM_BACKENDS: dict[str, Backend] = {
    "transformers": Backend("transformers", _transformers_mllm, _lacks_weights, readiness.check_transformers),
    "openai": Backend(SERVER, _openai_mllm, _lacks_server, readiness.check_server),
    "worker": Backend("worker", _worker, _lacks_variable, readiness.check_worker),
    "replay": Backend("replay", _replay, _lacks_file, readiness.check_replay),
}
EXTRACTOR_BACKENDS: dict[str, Backend] = {
    "rules": Backend("rules", _rules, lambda config: None, readiness.check_nothing),
    "parser": Backend("spaCy", _parser, _lacks_parser, readiness.check_parser),
    "combined": Backend("rules and spaCy", _parser, _lacks_parser, readiness.check_parser),
    "openai": Backend(SERVER, _openai_extractor, _lacks_server, readiness.check_server),
    "llm": Backend("transformers", _llm_extractor, _lacks_weights, readiness.check_text_model),
}
BACKENDS: Mapping[str, dict[str, Backend]] = {
    "specialist": SPECIALIST_BACKENDS,
    "mllm": MLLM_BACKENDS,
    "extractor": EXTRACTOR_BACKENDS,
}


# A configuration file is then checked as a whole, before anything else is looked at.
CHOICES.update({f"{kind} backend": backends for kind, backends in BACKENDS.items()}, file_format=FORMATS)


def backend_of(config: AnyModelConfig) -> Backend:
    """The backend that a configuration names.

    Raises:
        ConfigError: this kind of model has no backend of that name, or an MLLM's box format is none.
    """
    if isinstance(config, MllmConfig):
        box_format_of(config)
    known = BACKENDS[config.kind]
    if config.backend not in known:
        raise ConfigError(f"{config.name}: {unknown_name('backend', config.backend, known)}")
    return known[config.backend]


def check_model_config(config: AnyModelConfig, device: str) -> None:
    """Find what would surely stop a run with this model, without loading it; a server is asked whether it answers.

    Raises:
        FinecopsError: it says what is missing.
    """
    backend_of(config).check(config, device)


# A model that several stages use is loaded once. Two specialists are kept: the router may differ from the specialist.
@lru_cache(maxsize=2)
def load_specialist_model(config: SpecialistConfig, device: str) -> Specialist:
    """Load the specialist of a configuration; the last two stay loaded.

    Raises:
        FinecopsError: it cannot be loaded or reached.
    """
    model: Specialist = backend_of(config).load(config, device)
    return model


@lru_cache(maxsize=1)
def load_mllm_model(config: MllmConfig, device: str) -> Mllm:
    """Load the MLLM of a configuration; the last one stays loaded.

    Raises:
        FinecopsError: it cannot be loaded or reached.
    """
    model: Mllm = backend_of(config).load(config, device)
    return model


def load_extractor_model(config: ExtractorConfig, device: str) -> Extractor:
    """Load the target extractor of a configuration.

    Raises:
        FinecopsError: it cannot be loaded or reached.
    """
    model: Extractor = backend_of(config).load(config, device)
    return model


def default_device() -> str:
    """`cuda` if there is such a device, else `mps`, else `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def use_torch(device: str) -> str:
    """Check that a device can be used, and silence messages of the libraries; `auto` becomes the best there is.

    Raises:
        ModelError: the device cannot be used.
    """
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    use_own_log()
    # These warnings are about the code of the libraries; a user cannot act on them.
    for message in ("You'd better set embed_dim", "`is_gradient_checkpointing` is deprecated"):
        warnings.filterwarnings("ignore", message=message)
    chosen = default_device() if device == AUTO else device
    check_device(chosen)
    return chosen

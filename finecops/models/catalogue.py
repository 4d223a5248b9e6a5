"""What is known of every model that has a configuration, and whether it could run here now."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass

from finecops.config.find import load_model, names, resolve
from finecops.config.schema import ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.models.worker_process import PROGRAMS

_WAYS = {
    "grounding-dino": "transformers",
    "category-detector": "transformers",
    "transformers": "transformers",
    "openai": "OpenAI-compatible server",
    "mmdet": "mmdet",
    "worker": "worker",
    "replay": "replay",
    "rules": "rules",
    "llm": "transformers",
}


@dataclass(frozen=True)
class ModelFact:
    """A row about a model; None where a column does not apply to it. `lacks` is what a run would stop at, if known."""

    name: str
    kind: str
    way: str
    weights: str | None
    prompt: str | None
    box_format: str | None
    score: str | None
    licence: str | None
    seen: str
    remote_code: bool
    paper_row: str | None
    proved: str
    lacks: str | None


def model_facts() -> Iterator[ModelFact]:
    """A row for every configured model, by name."""
    for name in names("models"):
        yield fact_of(load_model(name))


def fact_of(config: SpecialistConfig | MllmConfig | ExtractorConfig) -> ModelFact:
    """The row of a model."""
    if isinstance(config, ExtractorConfig):
        prompt = None if config.backend == "rules" else "EXTRACTION_INSTRUCTION"
        return ModelFact(
            config.name,
            config.kind,
            _WAYS[config.backend],
            config.model,
            prompt,
            None,
            None,
            config.licence,
            "",
            False,
            None,
            config.proved,
            _lacks(config),
        )
    mllm = config if isinstance(config, MllmConfig) else None
    return ModelFact(
        config.name,
        config.kind,
        _WAYS[config.backend],
        config.weights,
        mllm.prompt if mllm else None,
        mllm.box_format if mllm else "boxes",
        config.score,
        config.licence,
        "not known" if config.seen is None else ", ".join(config.seen) or "none of them",
        config.remote_code,
        config.paper_row,
        config.proved,
        _lacks(config),
    )


def _lacks(config: SpecialistConfig | MllmConfig | ExtractorConfig) -> str | None:
    if config.backend == "rules":
        return None
    if config.backend == "openai":
        if importlib.util.find_spec("openai") is None:
            return "pip install 'finecops[openai]'"
        if config.base_url is None and not os.environ.get(config.api_key_env):
            return f"{config.api_key_env} is not set"
        return None
    if isinstance(config, ExtractorConfig):
        return _lacks_weights(config.model or "")
    if config.backend == "worker":
        unset = [part[1:] for part in config.command if part.startswith("$") and not os.environ.get(part[1:])]
        return f"{unset[0]} is not set" if unset else None
    if config.backend == "mmdet" and importlib.util.find_spec("mmdet") is None:
        return "pip install 'finecops[mmdet]'"
    if config.backend in ("mmdet", "replay"):
        return None if resolve(config.weights).is_file() else f"{config.weights} is not here"
    return _lacks_weights(config.weights)


def _lacks_weights(weights: str) -> str | None:
    if resolve(weights).is_dir():
        return None
    if weights.startswith(("checkpoints/", ".", "/", "~")):
        return f"{weights} is not here"
    from huggingface_hub import try_to_load_from_cache

    return None if isinstance(try_to_load_from_cache(weights, "config.json"), str) else "downloads at first use"


def markdown_table() -> str:
    """The table of docs/models.md. It says nothing of this machine."""
    header = ("model", "way", "weights", "prompt", "box format", "score", "licence", "seen in training", "proved by")
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for fact in model_facts():
        name = f"**{fact.name}**" + (f" ({fact.paper_row})" if fact.paper_row else "")
        cells = (
            name,
            f"{fact.way}, remote code" if fact.remote_code else fact.way,
            f"`{fact.weights}`" if fact.weights else "",
            f"`{fact.prompt}`" if fact.prompt else "",
            f"`{fact.box_format}`" if fact.box_format else "",
            fact.score or "",
            fact.licence or "",
            fact.seen,
            fact.proved,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def worker_programs() -> list[str]:
    """Programs of workers that come along."""
    return sorted(path.name for path in PROGRAMS.glob("*.py") if path.stem != "loop")

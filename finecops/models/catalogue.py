"""What is known of every model that has a configuration, and whether it could run here now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from finecops.config.find import load_model, names
from finecops.config.schema import AnyModelConfig, ExtractorConfig, MllmConfig
from finecops.errors import ConfigError
from finecops.models.backends import BACKENDS, backend_of


@dataclass(frozen=True)
class ModelFact:
    """A row about a model; None where a column does not apply to it. `lacks` is what a run would stop at, if known."""

    name: str
    kind: str
    backend: str
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


def fact_of(config: AnyModelConfig) -> ModelFact:
    """The row of a model."""
    if isinstance(config, ExtractorConfig):
        prompt = None if config.backend == "rules" else "EXTRACTION_INSTRUCTION"
        return ModelFact(
            config.name,
            config.kind,
            _title(config),
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
        _title(config),
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


def _title(config: AnyModelConfig) -> str:
    known = BACKENDS[config.kind].get(config.backend)
    return known.title if known is not None else config.backend


def _lacks(config: AnyModelConfig) -> str | None:
    try:
        return backend_of(config).lacks(config)
    except ConfigError as error:
        return str(error)


def markdown_table() -> str:
    """The table of docs/models.md. It says nothing of this machine."""
    header = (
        "model",
        "backend",
        "weights",
        "prompt",
        "box format",
        "score",
        "licence",
        "seen in training",
        "proved by",
    )
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for fact in model_facts():
        name = f"**{fact.name}**" + (f" ({fact.paper_row})" if fact.paper_row else "")
        cells = (
            name,
            f"{fact.backend}, remote code" if fact.remote_code else fact.backend,
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

"""A table of all configured models, with what is missing on this machine to run each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from finecops.config.find import load_model, names
from finecops.config.schema import NOT_STATED, AnyModelConfig, ExtractorConfig, MllmConfig
from finecops.errors import ConfigError
from finecops.models.backends import BACKENDS, backend_of
from finecops.models.server_status import is_behind_server, server_states


@dataclass(frozen=True, kw_only=True)
class ModelFact:
    """A row of the table. None: the column does not apply to the model."""

    name: str
    kind: str
    backend: str
    """The backend's title."""
    weights: str | None
    prompt: str | None = None
    """The name of its prompt in `finecops.prompts`, or the text itself."""
    box_format: str | None = None
    score: str | None = None
    """What its score means."""
    licence: str | None
    seen: str = ""
    """Sources of the benchmarks that were in its training data."""
    remote_code: bool = False
    """It needs code from the Hub."""
    paper_row: str | None = None
    """Its row in the paper's tables."""
    proved: str
    """How finecops' code for the model was tested."""
    lacks: str | None
    """What is missing on this machine for a run; None if nothing is known to be missing."""
    server: str | None = None
    """What its server says, where that was asked."""


def model_facts(servers: bool = False) -> Iterator[ModelFact]:
    """A row for every configured model, sorted by name; a file with faults has one that says so.

    Args:
        servers: ask the servers of models whether they answer. That takes up to `server_status.ANSWER_SECONDS`.
    """
    found = {name: _loaded(name) for name in names("models")}
    behind = [config for config in found.values() if isinstance(config, AnyModelConfig) and is_behind_server(config)]
    states = {one.name: state for one, state in zip(behind, server_states(behind))} if servers else {}
    for name, config in found.items():
        if isinstance(config, ConfigError):
            # A broken file of the user is no reason to show none.
            said = f"its file has faults: `finecops models check {name}` lists them"
            yield ModelFact(name=name, kind="?", backend="?", weights=None, licence=None, proved="", lacks=said)
            continue
        fact, state = fact_of(config), states.get(config.name)
        if state is None:
            yield fact
        else:
            yield replace(fact, server=state.said, lacks=None if state.good else state.said)


def _loaded(name: str) -> AnyModelConfig | ConfigError:
    try:
        return load_model(name)
    except ConfigError as error:
        return error


def fact_of(config: AnyModelConfig) -> ModelFact:
    """The row of a model."""
    if isinstance(config, ExtractorConfig):
        return ModelFact(
            name=config.name,
            kind=config.kind,
            backend=_title(config),
            weights=config.model,
            licence=config.licence,
            proved=config.proved,
            lacks=_lacks(config),
            prompt="EXTRACTION_INSTRUCTION" if config.backend in ("openai", "llm") else None,
        )
    mllm = config if isinstance(config, MllmConfig) else None
    return ModelFact(
        name=config.name,
        kind=config.kind,
        backend=_title(config),
        weights=config.weights,
        licence=config.licence or NOT_STATED,
        proved=config.proved,
        lacks=_lacks(config),
        prompt=mllm.prompt if mllm else None,
        # A specialist returns boxes as numbers, not as text.
        box_format=str(mllm.box_format) if mllm else "boxes",
        score=config.score_meaning,
        seen="not known" if config.seen is None else ", ".join(config.seen) or "none of them",
        remote_code=config.remote_code,
        paper_row=config.paper_row,
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
    """The table of docs/models.md. It is the same on every machine, so `lacks` is not in it."""
    header = (
        "model",
        "backend",
        "weights",
        "prompt",
        "box format",
        "score",
        "licence",
        "seen in training",
        "tested with",
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
        # An unescaped "|" would begin a new cell.
        lines.append("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"

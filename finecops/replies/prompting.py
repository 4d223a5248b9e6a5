"""A query as the text that an MLLM is asked."""

from __future__ import annotations

from finecops import prompts
from finecops.config.schema import MllmConfig
from finecops.errors import ConfigError
from finecops.models.protocols import Query


def prompt_text(config: MllmConfig, query: Query) -> str:
    """The question as text: the model's prompt, and the focus sentence if the query has a target."""
    try:
        template, focus = getattr(prompts, config.prompt), getattr(prompts, config.focus)
        refusal = getattr(prompts, config.refusal) if config.refusal is not None else ""
    except AttributeError as error:
        raise ConfigError(f"model {config.name}: no such prompt in finecops/prompts.py: {error}") from None
    expression = query.text.strip().rstrip(".")
    if config.plain_commas:
        expression = " ".join(expression.replace(",", " ").split())
    text: str = template.format(expression=expression)
    if query.target is not None:
        text += focus.format(target=query.target)
    return text + refusal

"""The prompt that asks an MLLM for the box of an expression."""

from __future__ import annotations

from finecops import prompts
from finecops.config.schema import MllmConfig
from finecops.errors import ConfigError
from finecops.extraction.phrases import without_article


def prompt_text(config: MllmConfig, expression: str, target: str | None = None) -> str:
    """The model's prompt for an expression, with the focus sentence if there is a target (paper, IV-A, Fig. 4).

    Raises:
        ConfigError: the configuration names a prompt that is not in `finecops.prompts`.
    """
    try:
        template, focus = getattr(prompts, config.prompt), getattr(prompts, config.focus)
        refusal = getattr(prompts, config.refusal) if config.refusal is not None else ""
    except AttributeError as error:
        raise ConfigError(f"model {config.name}: no such prompt in finecops/prompts.py: {error}") from None
    if config.plain_commas:
        expression = " ".join(expression.replace(",", " ").split())
    text: str = template.format(expression=expression)
    if target is not None:
        text += focus.format(target=target, phrase=without_article(target))
    return text + refusal

"""The prompt that asks an MLLM for the box of an expression."""

from __future__ import annotations

from finecops.config.schema import MllmConfig
from finecops.config.templates import text_of
from finecops.extraction.phrases import without_article


def prompt_text(config: MllmConfig, expression: str, target: str | None = None) -> str:
    """The model's prompt for an expression, with the focus sentence if there is a target (paper, IV-A, Fig. 4)."""
    if config.plain_commas:
        expression = " ".join(expression.replace(",", " ").split())
    text = text_of(config.prompt).format(expression=expression)
    if target is not None:
        text += text_of(config.focus).format(target=target, phrase=without_article(target))
    # A sentence has no placeholders; its doubled braces become single ones.
    return text + (text_of(config.refusal).format() if config.refusal is not None else "")

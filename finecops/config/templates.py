"""Prompts in a model's file: the name of one in `finecops.prompts`, or a text of its own with placeholders.

`str.format` fills them, so every other brace of a text is doubled: `{{` and `}}`. Nothing but the plain placeholders is
allowed: no attributes, no format specifications.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from string import Formatter
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from finecops import prompts
from finecops.errors import ConfigError
from finecops.names import meant
from finecops.text import shortly

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_EXPRESSION, _TARGET = ("expression",), ("target", "phrase")


def text_of(prompt: str) -> str:
    """The text of a prompt that a configuration names or gives.

    >>> text_of("PALIGEMMA_REC"), text_of("Find {expression}.")
    ('detect {expression}', 'Find {expression}.')

    Raises:
        ConfigError: it is written as a name, and there is no such prompt.
    """
    if _NAME.fullmatch(prompt) is None:
        return prompt
    named = getattr(prompts, prompt, None)
    if not isinstance(named, str):
        raise ConfigError(f"no such prompt in finecops/prompts.py: {prompt[:80]}")
    return named


def pieces_of(text: str) -> list[tuple[str, str | None]]:
    """A text as literal pieces, each with the placeholder behind it; None behind the last piece.

    Raises:
        ValueError: a brace stands alone, or a placeholder is not a plain name.
    """
    try:
        parsed = list(Formatter().parse(text))
    except ValueError:
        raise ValueError(f"a brace stands alone; {_DOUBLED}") from None
    pieces: list[tuple[str, str | None]] = []
    before = ""
    for literal, field, specification, conversion in parsed:
        if field is not None and (specification or conversion or not field.isidentifier()):
            raise ValueError(f"{shortly('{' + field, 40)} begins no placeholder; {_DOUBLED}")
        # A doubled brace ends a piece; what follows it belongs to the same literal.
        before += literal
        if field is not None:
            pieces.append((before, field))
            before = ""
    return [*pieces, (before, None)] if before or not pieces else pieces


_DOUBLED = "a brace that is no placeholder's is doubled: {{ or }}"


def _fault(text: str, allowed: Collection[str]) -> str | None:
    """Why a text's placeholders are not these; None if they are. At least one of them must be there."""
    try:
        found = {field for _, field in pieces_of(text) if field is not None}
    except ValueError as error:
        return str(error)
    shown = " or ".join(f"{{{one}}}" for one in allowed) or "none"
    wrong = sorted(found - set(allowed))
    if wrong:
        return f"{{{shortly(wrong[0], 40)[1:-1]}}} is no placeholder here; there is {shown}. Else {_DOUBLED}"
    return None if found or not allowed else f"has no {shown}"


def _checked(prompt: str, allowed: Collection[str], empty: bool = False) -> str:
    """
    Raises:
        ValueError: it is neither the name of a prompt with these placeholders nor such a text.
    """
    if not prompt.replace("\n", "").isprintable():
        raise ValueError("holds a character that cannot be printed")
    names = [name for name, text in vars(prompts).items() if _NAME.fullmatch(name) and isinstance(text, str)]
    if _NAME.fullmatch(prompt) and prompt not in names:
        fitting = [name for name in names if _fault(getattr(prompts, name), allowed) is None]
        hint = f" ({said})" if (said := meant(prompt, fitting)) else ""
        shown = f" with {' or '.join(f'{{{one}}}' for one in allowed)}" if allowed else ""
        raise ValueError(f"no prompt {prompt[:80]!r} in finecops/prompts.py{hint}; or give a text{shown}")
    text = text_of(prompt)
    fault = None if empty and not text else _fault(text, allowed)
    if fault is not None:
        raise ValueError(f"{prompt}: {fault}" if text is not prompt else fault)
    return prompt


Prompt: TypeAlias = Annotated[
    str, Field(max_length=10_000), AfterValidator(lambda prompt: _checked(prompt, _EXPRESSION))
]
"""The name of a prompt, or a text with {expression}."""
FocusSentence: TypeAlias = Annotated[
    str, Field(max_length=10_000), AfterValidator(lambda prompt: _checked(prompt, _TARGET, empty=True))
]
"""The name of a prompt, or a text with {target} or {phrase}; an empty text adds nothing."""
Sentence: TypeAlias = Annotated[str, Field(max_length=10_000), AfterValidator(lambda prompt: _checked(prompt, ()))]
"""The name of a prompt, or a text without placeholders."""

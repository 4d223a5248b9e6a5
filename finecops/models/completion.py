"""What a server answered, as a `Completion`: its numbers are checked, keys are hidden, and no more of it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, Field, StrictFloat, StrictInt, ValidationError, field_validator

from finecops.models.numbers import logprob_fault
from finecops.models.redaction import one_line, redact
from finecops.models.server_client import ReplyError

_MOST_CHARACTERS = 200_000
"""The longest reply. One of 4,000 tokens has 20,000."""


@dataclass(frozen=True)
class Completion:
    """What a server answered, checked."""

    text: str
    tokens: tuple[tuple[str, float], ...] = ()
    """The tokens as text with their log-probabilities; empty where the server gives none."""
    first: Mapping[str, float] | None = None
    """The likeliest first tokens with their log-probabilities; None where the server gives none."""
    used: tuple[int, int] | None = None
    """How many tokens the prompt and the answer had; None where the server does not say."""


class _Alternative(BaseModel):
    token: str
    logprob: StrictFloat


class _Token(_Alternative):
    top_logprobs: list[_Alternative] | None = None


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Usage(BaseModel):
    prompt_tokens: StrictInt = Field(ge=0, le=100_000_000)
    completion_tokens: StrictInt = Field(ge=0, le=100_000_000)


class _Answer(BaseModel):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: _Usage | None = None

    @field_validator("usage", mode="wrap")
    @classmethod
    def _usage(cls, value: object, read: Callable[[object], _Usage | None]) -> _Usage | None:
        # Servers give it in several forms, or none. An answer is no worse for that.
        try:
            return read(value)
        except ValidationError:
            return None


def completion_of(raw: object, model: str) -> Completion:
    """The completion.

    Raises:
        ReplyError: it says what is wrong with the answer.
    """
    try:
        answer = _Answer.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "whole"
        raise ReplyError(f"the server's answer is no chat completion: {where}: {first['msg']}") from None
    if not answer.choices:
        raise ReplyError("the server's answer has no choices")
    choice = answer.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise ReplyError(f"the server's moderation refused: {choice.message.refusal or 'content filter'}")
    if choice.message.content is None:
        raise ReplyError("the server's answer has no content")
    if len(choice.message.content) > _MOST_CHARACTERS:
        raise ReplyError(f"the server's answer has more than {_MOST_CHARACTERS:,} characters")
    _check_model(answer.model or model, model)
    tokens = choice.logprobs.content if choice.logprobs is not None else None
    used = (answer.usage.prompt_tokens, answer.usage.completion_tokens) if answer.usage is not None else None
    return replace(_hidden(choice.message.content, tokens or []), used=used)


def _check_model(stated: str, asked: str) -> None:
    # Servers state a dated or shortened name (gpt-4.1-2025-04-14, or without the owner). Any other name is another
    # model.
    short, answered = (name.split("/")[-1] for name in (asked, stated))
    if not answered.startswith(short) and not short.startswith(answered):
        raise ReplyError(f"the server answered as model {one_line(stated, 100)!r}, not {asked!r}")


def _hidden(content: str, tokens: Sequence[_Token]) -> Completion:
    """The completion with its numbers checked. Without its tokens where it echoes the key, maybe cut into several."""
    top = tokens[0].top_logprobs or [] if tokens else []
    fault = logprob_fault([*(token.logprob for token in tokens), *(one.logprob for one in top)])
    if fault is not None:
        raise ReplyError(f"in the server's answer, {fault}")
    text, joined = redact(content), "".join(token.token for token in tokens)
    if text != content or redact(joined) != joined:
        return Completion(text)
    first = {redact(one.token): one.logprob for one in top} if tokens else None
    return Completion(text, tuple((token.token, token.logprob) for token in tokens), first)

"""MLLMs behind any OpenAI-compatible server: box text with token probabilities, or letters from log-probabilities.

Original image bytes are sent as they are where the file is a JPEG, PNG or WebP that was not changed on reading (EXIF
rotation, marks); else a PNG of what was decoded. Special tokens are asked for (`skip_special_tokens: false`), since a
server that strips them cuts the markers of boxes; both forms are read.
"""

from __future__ import annotations

import base64
import io
import logging
import math
import re
from collections.abc import Sequence
from typing import Any

from openai import BadRequestError, UnprocessableEntityError
from openai.types.chat import ChatCompletion
from PIL import Image

from finecops.config.schema import MllmConfig
from finecops.images import Picture
from finecops.models.openai_client import Endpoint, ask_all, key_of
from finecops.models.protocols import QueryGroup, QuestionGroup
from finecops.replies.answer import Reply
from finecops.replies.box_text import frame_of
from finecops.replies.letters import LetterScores, letters_from_logprobs
from finecops.replies.prompting import prompt_text

_TOP = 20
"""How many alternatives of the first token are asked for; more is not allowed by the protocol."""
_END = re.compile(r"(<\|(im_end|endoftext|end|eot_id|eom_id|end_of_text|user)\|>|</s>|<eos>|<end_of_turn>)+$")
"""What ends a turn: some servers (vLLM) leave it at the end of a text with its special tokens."""
_REFUSED = (BadRequestError, UnprocessableEntityError)
_WAY_NAMES = ("special tokens", "log-probabilities")

log = logging.getLogger(__name__)


class OpenAiMllm:
    """An MLLM behind a server; see `finecops.models.protocols.Mllm`. Decoding is greedy; each request fails alone."""

    def __init__(self, config: MllmConfig) -> None:
        self.config = config
        key = key_of(config.name, config.base_url, config.api_key_env)
        self.endpoint = Endpoint(config.weights, config.base_url, key, config.concurrency, config.timeout_seconds)
        ways = ((True, True), (False, True), (True, False), (False, False))
        self._ways = ways if config.base_url else tuple(way for way in ways if not way[0])

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """Ask every query of every group."""
        prompts = [
            (group, prompt_text(self.config, query.text, query.target)) for group in groups for query in group.queries
        ]
        limits = {"max_tokens": self.config.max_new_tokens}
        answers = self._ask([self._request(self._url(group.image), prompt, limits) for group, prompt in prompts], 0)
        replies = iter(_reply(prompt, answer) for (_, prompt), answer in zip(prompts, answers, strict=True))
        return [[next(replies) for _ in group.queries] for group in groups]

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """Letters' probabilities from the first token's alternatives; a generated letter where there are none."""
        asked = [(group, question) for group in groups for question in group.questions]
        requests = [self._request(self._url(group.image), q.prompt, {"max_tokens": 8}) for group, q in asked]
        answers = self._ask(requests, _TOP)
        scores = iter(
            _letter_scores(question.prompt, question.letters, answer)
            for (_, question), answer in zip(asked, answers, strict=True)
        )
        return [[next(scores) for _ in group.questions] for group in groups]

    def _request(self, url: str, prompt: str, limits: dict[str, Any]) -> dict[str, Any]:
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
        extra: dict[str, Any] = {"skip_special_tokens": False} if self.config.base_url else {}
        if self.config.chat_options:
            extra["chat_template_kwargs"] = dict(self.config.chat_options)
        messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
        if self.config.system is not None:
            messages.insert(0, {"role": "system", "content": self.config.system})
        return {"messages": messages, "temperature": 0, "extra_body": extra or None} | limits

    def _url(self, image: Picture) -> str:
        """The image as it is, or at a size that the server will not change where boxes are in its pixels."""
        frame = frame_of(self.config, image.size)
        return image_url(image if frame == image.size else _resized(image, frame))

    def _ask(self, requests: list[dict[str, Any]], top: int) -> list[ChatCompletion | Exception]:
        """All answers. A server that takes none of the requests as they are is asked without what not every server
        knows: special tokens in the text, then log-probabilities, then both; and so from then on."""
        first = self._ways
        answers = self._ask_in_a_way(requests, first[0], top)
        for place, way in enumerate(first[1:], start=1):
            refused = [i for i, answer in enumerate(answers) if isinstance(answer, _REFUSED)]
            if not refused:
                break
            again = self._ask_in_a_way([requests[i] for i in refused], way, top)
            taken = any(not isinstance(answer, _REFUSED) for answer in again)
            for i, answer in zip(refused, again, strict=True):
                answers[i] = answer
            if taken and len(refused) == len(requests):
                self._ways = first[place:]
                lacking = " and ".join(name for name, given in zip(_WAY_NAMES, way, strict=True) if not given)
                log.warning("%s: the server does not take requests for %s: going on without", self.config.name, lacking)
        return answers

    def _ask_in_a_way(
        self, requests: list[dict[str, Any]], way: tuple[bool, bool], top: int
    ) -> list[ChatCompletion | Exception]:
        special, logprobs = way
        more: dict[str, Any] = {"logprobs": True} if logprobs else {}
        if logprobs and top:
            more["top_logprobs"] = top
        if not special:
            requests = [r | {"extra_body": _without(r["extra_body"], "skip_special_tokens")} for r in requests]
        return ask_all(self.endpoint, [request | more for request in requests])


def _without(extra: dict[str, Any] | None, key: str) -> dict[str, Any] | None:
    left = {k: v for k, v in (extra or {}).items() if k != key}
    return left or None


def _resized(image: Picture, size: tuple[int, int]) -> Picture:
    return Picture(image.pixels.resize(size, Image.Resampling.BICUBIC))


def image_url(image: Picture) -> str:
    """An image as a data URL: its file's own bytes, or a PNG of what was decoded."""
    if image.original is not None:
        content, kind = image.original.read_bytes(), image.original.media_type
    else:
        buffer = io.BytesIO()
        image.pixels.save(buffer, "PNG")
        content, kind = buffer.getvalue(), "image/png"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _reply(prompt: str, answer: ChatCompletion | Exception) -> Reply:
    if isinstance(answer, Exception):
        return Reply.failed(prompt, _said(answer))
    text = _text(answer)
    tokens = _tokens(answer)
    while tokens and _END.fullmatch(tokens[-1][0]):
        tokens.pop()
    pieces = tuple(token for token, _ in tokens)
    if not tokens or not text or text not in "".join(pieces):
        # Without the tokens of the text itself no box has a probability of its own.
        return Reply(prompt, text)
    return Reply(prompt, "".join(pieces), pieces, tuple(math.exp(min(logprob, 0.0)) for _, logprob in tokens))


def _letter_scores(prompt: str, letters: Sequence[str], answer: ChatCompletion | Exception) -> LetterScores:
    if isinstance(answer, Exception):
        return LetterScores(prompt, None, None, error=_said(answer))
    text = _text(answer)
    found = answer.choices[0].logprobs
    if found is None or not found.content:
        return LetterScores(prompt, None, None, text)
    top = {item.token: item.logprob for item in found.content[0].top_logprobs}
    probabilities, mass = letters_from_logprobs(top, letters)
    return LetterScores(prompt, probabilities, mass if probabilities else None, text)


def _text(answer: ChatCompletion) -> str:
    return _END.sub("", answer.choices[0].message.content or "")


def _tokens(answer: ChatCompletion) -> list[tuple[str, float]]:
    found = answer.choices[0].logprobs
    return [(item.token, item.logprob) for item in found.content] if found is not None and found.content else []


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

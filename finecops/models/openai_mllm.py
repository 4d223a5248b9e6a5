"""MLLMs behind an OpenAI-compatible server.

A reply comes with token probabilities, and a letter with log-probabilities, where the server gives them.

The bytes of an image file are sent unchanged if the file is a JPEG, PNG or WebP and decoding changed nothing (EXIF
rotation, marks); otherwise a PNG of the decoded pixels is sent. The server is asked to keep special tokens
(`skip_special_tokens: false`), because the markers of boxes are such tokens. Replies without markers are parsed too.
"""

from __future__ import annotations

import base64
import io
import logging
import math
import threading
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from finecops.config.schema import MllmConfig
from finecops.config.served import name_on_server, served_of
from finecops.config.server import own_url
from finecops.errors import ConfigError, ModelError
from finecops.images import Picture
from finecops.models.completion import Completion
from finecops.models.endpoint import Endpoint, RefusedError, Request
from finecops.models.openai_client import ask_all, key_of, width_of_endpoint
from finecops.models.protocols import QueryGroup, QuestionGroup
from finecops.replicas import Replicas, remember, replicas_of
from finecops.replies.answer import Reply
from finecops.replies.box_text import seen_size
from finecops.replies.letters import LetterScores, letters_from_logprobs
from finecops.replies.prompting import prompt_text

_SPARE_CALLS = 4
"""So many calls may read images and answers while the others wait for the server."""
_TOP_LOGPROBS = 20
"""How many alternatives of the first token are requested: the protocol's maximum."""
_ENDS = tuple(f"<|{name}|>" for name in ("im_end", "endoftext", "end", "eot_id", "eom_id", "end_of_text", "user"))
_END = (*_ENDS, "</s>", "<eos>", "<end_of_turn>")
"""End-of-turn tokens at the end of a text. vLLM returns them when special tokens are kept."""


class _Mode(NamedTuple):
    """Which optional parameters a request has."""

    special_tokens: bool
    logprobs: bool

    def missing(self) -> str:
        """What a request of this mode goes without, as text."""
        names = (("special tokens", self.special_tokens), ("log-probabilities", self.logprobs))
        return " and ".join(name for name, asked in names if not asked)


# From most to least. `skip_special_tokens` is first to go: fewer servers know it.
_MODES = (_Mode(True, True), _Mode(False, True), _Mode(True, False), _Mode(False, False))

log = logging.getLogger(__name__)


class OpenAiMllm:
    """An MLLM behind a server; see `finecops.models.protocols.Mllm`.

    Decoding is greedy. Each request fails alone.

    Raises:
        ConfigError: there is neither a key nor a URL of a server, or servers that finecops starts were not prepared.
        FinecopsError: they do not start.
    """

    def __init__(self, config: MllmConfig) -> None:
        self.config = config
        # What is missing for it is said now.
        assert self.endpoint.servers
        # OpenAI's own server has no parameter for special tokens.
        self._modes = _MODES if config.has_own_server else tuple(mode for mode in _MODES if not mode.special_tokens)
        self._first, self._asked = threading.Lock(), False

    @property
    def endpoint(self) -> Endpoint:
        """Who is asked. A model outlives the servers that were started for a run; the next run has others."""
        config, replicas = self.config, _replicas_of(self.config)
        url = own_url(config)
        key = replicas.key if replicas is not None else None
        return Endpoint(
            model=name_on_server(config),
            base_url=url,
            key=key or key_of(config.name, url, config.api_key_env),
            concurrency=config.concurrency,
            timeout_seconds=config.timeout_seconds,
            replicas=replicas,
        )

    def width(self) -> int:
        """How many calls are wanted at the same time: each has at least one request under way."""
        return width_of_endpoint(self.endpoint) + _SPARE_CALLS

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """A reply per group and query, with token probabilities where the server gives them."""
        urls = [self._url(group.image) if group.queries else "" for group in groups]
        prompts = [
            (url, prompt_text(self.config, query.text, query.target))
            for url, group in zip(urls, groups, strict=True)
            for query in group.queries
        ]
        limit = self.config.max_new_tokens
        answers = self._ask([self._request(url, prompt, limit) for url, prompt in prompts], 0)
        replies = iter(_reply(prompt, answer) for (_, prompt), answer in zip(prompts, answers, strict=True))
        return [[next(replies) for _ in group.queries] for group in groups]

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """Probabilities of the letters, from the alternatives of the first token; without them, the generated text."""
        urls = [self._url(group.image) if group.questions else "" for group in groups]
        asked = [(url, question) for url, group in zip(urls, groups, strict=True) for question in group.questions]
        # The answer is one letter; a few more tokens leave room for "The answer is B".
        requests = [self._request(url, question.prompt, max_tokens=8) for url, question in asked]
        answers = self._ask(requests, _TOP_LOGPROBS)
        scores = iter(
            _letter_scores(question.prompt, question.letters, answer)
            for (_, question), answer in zip(asked, answers, strict=True)
        )
        return [[next(scores) for _ in group.questions] for group in groups]

    def _request(self, url: str, prompt: str, max_tokens: int) -> Request:
        # The image first: what the server computed for it serves the next question too.
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
        extra: dict[str, object] = {"skip_special_tokens": False} if self.config.has_own_server else {}
        if self.config.chat_options:
            extra["chat_template_kwargs"] = dict(self.config.chat_options)
        messages: list[dict[str, object]] = [{"role": "user", "content": content}]
        if self.config.system is not None:
            messages.insert(0, {"role": "system", "content": self.config.system})
        return {"messages": messages, "temperature": 0, **extra, "max_tokens": max_tokens}

    def _url(self, image: Picture) -> str:
        """The image as a data URL.

        If boxes are in pixels of the resized image, or there is a budget of visual tokens, it is resized here: the
        server then keeps its size, and the size is known. Servers differ in whether a request may name it.
        """
        size = seen_size(self.config, image.size)
        return image_url(image if size == image.size else _resized(image, size))

    def _ask(self, requests: Sequence[Request], top: int) -> list[Completion | ModelError]:
        """The answers to all requests. The first call finds out what the server takes; others wait for it."""
        if self._asked:
            return self._ask_by_mode(requests, top)
        with self._first:
            answers = self._ask_by_mode(requests, top)
            self._asked = True
        return answers

    def _ask_by_mode(self, requests: Sequence[Request], top: int) -> list[Completion | ModelError]:
        """The answers to all requests.

        A refused request is sent again with fewer optional parameters, mode by mode. If the server refused all requests
        in the modes before, later calls begin with the mode that it accepted.

        Args:
            requests: the requests without optional parameters.
            top: how many alternatives per token to ask for.
        """
        modes = self._modes
        answers = self._ask_in_mode(requests, modes[0], top)
        for index, mode in enumerate(modes[1:], start=1):
            refused = [i for i, answer in enumerate(answers) if isinstance(answer, RefusedError)]
            if not refused:
                break
            again = self._ask_in_mode([requests[i] for i in refused], mode, top)
            accepted = any(not isinstance(answer, RefusedError) for answer in again)
            for i, answer in zip(refused, again, strict=True):
                answers[i] = answer
            # One refused request among others is that request's fault (an image too large), not the mode's.
            if accepted and len(refused) == len(requests):
                self._modes = modes[index:]
                log.warning("%s: the server does not support %s: not requested again", self.config.name, mode.missing())
        return answers

    def _ask_in_mode(self, requests: Sequence[Request], mode: _Mode, top: int) -> list[Completion | ModelError]:
        more: dict[str, object] = {"logprobs": True} if mode.logprobs else {}
        if mode.logprobs and top:
            more["top_logprobs"] = top
        if not mode.special_tokens:
            requests = [{key: r[key] for key in r if key != "skip_special_tokens"} for r in requests]
        return ask_all(self.endpoint, [{**request, **more} for request in requests])


def _replicas_of(config: MllmConfig) -> Replicas | None:
    """Its servers, where they are several or started by finecops; they answer from now on."""
    if config.serve is not None:
        found = replicas_of(served_of(config))
        if found is None:
            raise ConfigError(f"{config.name}: its servers were not prepared (`finecops.serving`)")
        found.ensure()
        return found
    if len(config.servers) < 2:
        return None
    found = replicas_of(config.servers)
    if found is None:
        # The same for every stage: they share the connections.
        found = Replicas(config.servers, " and ".join(config.servers))
        remember(config.servers, found)
    return found


def _resized(image: Picture, size: tuple[int, int]) -> Picture:
    return Picture(image.pixels.resize(size, Image.Resampling.BICUBIC))


def image_url(image: Picture) -> str:
    """An image as a data URL: the bytes of its file, or a PNG of the decoded pixels."""
    if image.original is not None:
        content, kind = image.original.read_bytes(), image.original.media_type
    else:
        buffer = io.BytesIO()
        image.pixels.save(buffer, "PNG")
        content, kind = buffer.getvalue(), "image/png"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _reply(prompt: str, answer: Completion | ModelError) -> Reply:
    if isinstance(answer, Exception):
        return Reply.failed(prompt, str(answer))
    text = without_end(answer.text)
    tokens = list(answer.tokens)
    # The end of turn is part of the tokens even where the server removed it from the text.
    while tokens and tokens[-1][0] and not without_end(tokens[-1][0]):
        tokens.pop()
    pieces = tuple(token for token, _ in tokens)
    if not tokens or not text or text not in "".join(pieces):
        # Tokens that do not give the text cannot be assigned to its boxes.
        return Reply(prompt, text)
    # Rounding can give a log-probability above 0.
    probabilities = tuple(math.exp(min(logprob, 0.0)) for _, logprob in tokens)
    # The joined tokens, not the server's text: spans of boxes must refer to them.
    return Reply(prompt, "".join(pieces), token_texts=pieces, token_probs=probabilities)


def _letter_scores(prompt: str, letters: Sequence[str], answer: Completion | ModelError) -> LetterScores:
    if isinstance(answer, Exception):
        return LetterScores(prompt, error=str(answer))
    text = without_end(answer.text)
    if answer.first is None:
        return LetterScores(prompt, reply=text)
    probabilities, mass = letters_from_logprobs(answer.first, letters)
    return LetterScores(prompt, probabilities, mass=mass if probabilities else None, reply=text)


def without_end(text: str) -> str:
    """The text without end-of-turn tokens at its end, in linear time.

    >>> without_end("A<|im_end|></s>")
    'A'
    """
    # A line break behind the tokens stays.
    last = "\n" if text.endswith("\n") else ""
    end = len(text) - len(last)
    while ending := next((one for one in _END if text.endswith(one, 0, end)), None):
        end -= len(ending)
    return text[:end] + last

"""MLLMs behind an OpenAI-compatible server.

A reply comes with token probabilities, and a letter with log-probabilities, where the server gives them. Replies
without the markers of boxes are parsed too.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from typing import Protocol

from finecops.config.schema import MllmConfig
from finecops.config.served import name_on_server, served_of
from finecops.config.server import own_url
from finecops.errors import ConfigError, ModelError
from finecops.images import Picture
from finecops.models.completion import Completion
from finecops.models.endpoint import Endpoint, RefusedError
from finecops.models.openai_client import ask_all, key_of, width_of_endpoint
from finecops.models.openai_requests import Asked, Mode, as_sent, image_url, modes_of, request_of
from finecops.models.protocols import QueryGroup, QuestionGroup
from finecops.replicas import Replicas, remember, replicas_of
from finecops.replies.answer import Reply
from finecops.replies.letters import LetterScores, letters_from_logprobs
from finecops.replies.prompting import prompt_text

_SPARE_CALLS = 4
"""So many calls may read images and answers while the others wait for the server."""
_TOP_LOGPROBS = 20
"""How many alternatives of the first token are requested: the protocol's maximum."""
_LETTER_TOKENS = 8
"""The answer is one letter; a few more tokens leave room for "The answer is B"."""
_ENDS = tuple(f"<|{name}|>" for name in ("im_end", "endoftext", "end", "eot_id", "eom_id", "end_of_text", "user"))
_END = (*_ENDS, "</s>", "<eos>", "<end_of_turn>")
"""End-of-turn tokens at the end of a text. vLLM returns them when special tokens are kept."""

log = logging.getLogger(__name__)


class Asker(Protocol):
    """Who gets the answers to questions: a server, or somebody who has them already."""

    def __call__(self, asked: Sequence[Asked]) -> list[Completion | ModelError]:
        """For each question, in order, the answer or why there is none."""
        ...

    def width(self) -> int:
        """How many calls are wanted at the same time."""
        ...


class OpenAiMllm:
    """An MLLM behind a server; see `finecops.models.protocols.Mllm`.

    Decoding is greedy. Each request fails alone.

    Args:
        config: the model.
        asker: who answers; None: its server.

    Raises:
        ConfigError: there is neither a key nor a URL of a server.
    """

    def __init__(self, config: MllmConfig, asker: Asker | None = None) -> None:
        self.config = config
        self._ask: Asker = Server(config) if asker is None else asker

    def width(self) -> int:
        """As many calls as its asker wants."""
        return self._ask.width()

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """A reply per group and query, with token probabilities where the server gives them."""
        limit = self.config.max_new_tokens
        asked = [
            Asked(group.image, prompt_text(self.config, query.text, query.target), limit, sample_id=query.sample_id)
            for group in groups
            for query in group.queries
        ]
        answers = self._ask(asked)
        replies = iter(_reply(one.prompt, answer) for one, answer in zip(asked, answers, strict=True))
        return [[next(replies) for _ in group.queries] for group in groups]

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """Probabilities of the letters, from the alternatives of the first token; without them, the generated text."""
        questions = [(group.image, question) for group in groups for question in group.questions]
        asked = [Asked(image, one.prompt, _LETTER_TOKENS, _TOP_LOGPROBS, one.sample_id) for image, one in questions]
        answers = self._ask(asked)
        scores = iter(
            _letter_scores(question.prompt, question.letters, answer)
            for (_, question), answer in zip(questions, answers, strict=True)
        )
        return [[next(scores) for _ in group.questions] for group in groups]


class Server:
    """Asks a model's server.

    Raises:
        ConfigError: there is neither a key nor a URL of a server, or servers that finecops starts were not prepared.
        FinecopsError: they do not start.
    """

    def __init__(self, config: MllmConfig) -> None:
        self.config = config
        # What is missing for it is said now.
        assert self.endpoint.servers
        self._modes = modes_of(config)
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

    def __call__(self, asked: Sequence[Asked]) -> list[Completion | ModelError]:
        """The answers to all questions. The first call finds out what the server takes; others wait for it."""
        with_urls = list(zip(asked, self._urls(asked), strict=True))
        if self._asked:
            return self._ask_by_mode(with_urls)
        with self._first:
            answers = self._ask_by_mode(with_urls)
            self._asked = True
        return answers

    def _urls(self, asked: Sequence[Asked]) -> list[str]:
        """The URL of each question's image. An image that the next one is about too is read once."""
        urls: list[str] = []
        last: Picture | None = None
        for one in asked:
            urls.append(urls[-1] if one.image is last else image_url(as_sent(self.config, one.image)))
            last = one.image
        return urls

    def _ask_by_mode(self, asked: Sequence[tuple[Asked, str]]) -> list[Completion | ModelError]:
        """The answers to all questions.

        A refused request is sent again with fewer optional parameters, mode by mode. If the server refused all requests
        in the modes before, later calls begin with the mode that it accepted.

        Args:
            asked: the questions, each with its image's URL.
        """
        modes = self._modes
        answers = self._ask_in_mode(asked, modes[0])
        for index, mode in enumerate(modes[1:], start=1):
            refused = [i for i, answer in enumerate(answers) if isinstance(answer, RefusedError)]
            if not refused:
                break
            again = self._ask_in_mode([asked[i] for i in refused], mode)
            accepted = any(not isinstance(answer, RefusedError) for answer in again)
            for i, answer in zip(refused, again, strict=True):
                answers[i] = answer
            # One refused request among others is that request's fault (an image too large), not the mode's.
            if accepted and len(refused) == len(asked):
                self._modes = modes[index:]
                log.warning("%s: the server does not support %s: not requested again", self.config.name, mode.missing())
        return answers

    def _ask_in_mode(self, asked: Sequence[tuple[Asked, str]], mode: Mode) -> list[Completion | ModelError]:
        return ask_all(self.endpoint, [request_of(self.config, one, url, mode) for one, url in asked])


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

"""Text models that write: behind an OpenAI-compatible server, or in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pydantic import JsonValue

from finecops.config.find import resolve
from finecops.config.fingerprint import weights_fingerprint
from finecops.config.writing import WriterConfig
from finecops.errors import ModelError

if TYPE_CHECKING:
    from finecops.models.completion import Completion

Conversation: TypeAlias = list[dict[str, str]]
"""Messages with the keys `role` and `content`."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model wrote."""

    text: str
    used: tuple[int, int] | None = None
    """Tokens of the conversation and of the reply; None where nobody counted them."""


Replied: TypeAlias = Callable[[int, "Reply | ModelError"], None]
"""Takes the index of a conversation, and its reply or why there is none."""


class Writer(Protocol):
    """A text model that is asked for many things."""

    @property
    def name(self) -> str:
        """The model, for rows and for the keys of the cache."""
        ...

    @property
    def settings(self) -> Mapping[str, JsonValue]:
        """What else changes an answer."""
        ...

    @property
    def width(self) -> int:
        """How many conversations it takes at a time."""
        ...

    def write(self, conversations: Sequence[Conversation], replied: Replied) -> None:
        """Answer conversations; `replied` is called for each as soon as its reply is there."""
        ...


class ServerWriter:
    """A model behind an OpenAI-compatible server.

    Raises:
        ConfigError: there is neither a key nor a URL of a server.
    """

    def __init__(self, config: WriterConfig) -> None:
        from finecops.models.endpoint import Endpoint
        from finecops.models.openai_client import key_of

        self.name = str(config.model)
        self.settings: dict[str, JsonValue] = {"temperature": config.temperature}
        self.width = config.concurrency
        key = key_of(f"writer {config.name}", config.base_url, config.api_key_env, remedy="; rules need neither")
        self._endpoint = Endpoint(self.name, config.base_url, key, config.concurrency, config.timeout_seconds)

    def write(self, conversations: Sequence[Conversation], replied: Replied) -> None:
        """See `Writer`. A server that is busy or fails is asked again, with growing pauses."""
        from finecops.models.openai_client import ask_all

        def answered(index: int, answer: Completion | ModelError) -> None:
            replied(index, answer if isinstance(answer, ModelError) else Reply(answer.text, answer.used))

        options = {key: value for key, value in self.settings.items() if value is not None}
        ask_all(self._endpoint, [{"messages": messages, **options} for messages in conversations], answered)


class LocalWriter:
    """A causal model in this process, through transformers. Decoding is greedy.

    Raises:
        ModelError: the weights cannot be loaded.
    """

    width = 4

    def __init__(self, config: WriterConfig, device: str) -> None:
        from finecops.models.text_llm import TransformersText

        # Rows go to other people: of a folder of this machine they have the last name, and the weights' checksum.
        model = str(config.model)
        folder = resolve(model)
        self.name = folder.resolve().name if folder.is_dir() else model
        self.settings: dict[str, JsonValue] = {
            "max_new_tokens": config.max_new_tokens,
            "weights": weights_fingerprint(model),
        }
        self._model = TransformersText(config, device)

    def write(self, conversations: Sequence[Conversation], replied: Replied) -> None:
        """See `Writer`. If a batch fails, its conversations are tried one by one."""
        for start in range(0, len(conversations), self.width):
            batch = conversations[start : start + self.width]
            # All conversations of a call are padded to the longest: few at a time, or memory runs out.
            replies = self._complete(batch)
            if isinstance(replies, ModelError):
                alone = [self._complete([one]) for one in batch]
                replies = [one if isinstance(one, ModelError) else one[0] for one in alone]
            for index, reply in enumerate(replies, start=start):
                replied(index, reply)

    def _complete(self, conversations: Sequence[Conversation]) -> list[Reply | ModelError] | ModelError:
        try:
            texts = self._model.complete(conversations)
        # Out of memory, a sequence that is too long: many kinds of errors, and all concern this batch alone.
        except Exception as error:
            from finecops.models.redaction import one_line

            return (
                error
                if isinstance(error, ModelError)
                else ModelError(f"{type(error).__name__}: {one_line(str(error))}")
            )
        return [self._reply(messages, text) for messages, text in zip(conversations, texts, strict=True)]

    def _reply(self, messages: Conversation, text: str | Exception) -> Reply | ModelError:
        if isinstance(text, Exception):
            return ModelError(str(text))
        count: Callable[[str], int] = lambda said: len(self._model.tokenizer(said)["input_ids"])  # noqa: E731
        return Reply(text, (sum(count(message["content"]) for message in messages), count(text)))


def load_writer_model(config: WriterConfig, device: str = "auto") -> Writer:
    """The model of a configuration. A server is asked first whether it is there and takes the key.

    Raises:
        FinecopsError: it cannot be loaded or reached.
    """
    from finecops.models.backends import use_torch
    from finecops.models.readiness import check_server, check_text_model

    if config.backend == "openai":
        check_server(config, device)
        return ServerWriter(config)
    check_text_model(config, device)
    return LocalWriter(config, use_torch(device))

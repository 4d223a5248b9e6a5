"""Text models behind an OpenAI-compatible server (vLLM, SGLang, `transformers serve`, a cloud API)."""

from __future__ import annotations

from collections.abc import Sequence

from finecops.config.schema import ExtractorConfig
from finecops.models.endpoint import Endpoint
from finecops.models.openai_client import ask_all, key_of, width_of_endpoint


class OpenAiText:
    """A text model; see `finecops.models.protocols.TextLlm`.

    Requests are concurrent, up to the configured number. Decoding is greedy.

    Raises:
        ConfigError: there is neither a key nor a URL of a server.
    """

    def __init__(self, config: ExtractorConfig) -> None:
        name = f"extractor {config.name}"
        advice = "; --extractor rules needs neither"
        key = key_of(name, config.base_url, config.api_key_env, remedy=advice)
        self.endpoint = Endpoint(
            model=config.model or "",
            base_url=config.base_url,
            key=key,
            concurrency=config.concurrency,
            timeout_seconds=config.timeout_seconds,
        )

    def width(self) -> int:
        """How many calls are wanted at the same time: each has at least one request under way."""
        return width_of_endpoint(self.endpoint)

    def complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        """One reply per conversation, or its error."""
        answers = ask_all(self.endpoint, [{"messages": messages, "temperature": 0} for messages in conversations])
        return [answer if isinstance(answer, Exception) else answer.text for answer in answers]

"""Text models behind any OpenAI-compatible server (vLLM, SGLang, `transformers serve`, a cloud)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any, cast

from openai import AsyncOpenAI, OpenAIError

from finecops.config import ExtractorConfig
from finecops.errors import ConfigError

_RETRIES = 5
"""The client's own: exponential backoff on 408, 409, 429 and 5xx, and Retry-After where the server sends it."""


class OpenAiText:
    """A text model; see `finecops.models.protocols.TextLlm`. Requests run side by side, bounded in number."""

    def __init__(self, config: ExtractorConfig) -> None:
        self.config = config
        self.key = os.environ.get(config.api_key_env) or ("unused" if config.base_url else None)
        if self.key is None:
            raise ConfigError(
                f"extractor {config.name}: set {config.api_key_env} to the server's key, or base_url to a server "
                "of your own; --extractor rules needs neither"
            )

    def complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        """A reply or the error per conversation."""
        return asyncio.run(self._complete(conversations)) if conversations else []

    async def _complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        limit = asyncio.Semaphore(self.config.concurrency)
        async with AsyncOpenAI(
            api_key=self.key,
            base_url=self.config.base_url,
            max_retries=_RETRIES,
            timeout=self.config.timeout_seconds,
        ) as client:

            async def ask(messages: list[dict[str, str]]) -> str | Exception:
                async with limit:
                    try:
                        answer = await client.chat.completions.create(
                            model=cast(str, self.config.model), messages=cast(Any, messages), temperature=0
                        )
                    except OpenAIError as error:
                        return error
                if not answer.choices or answer.choices[0].message.content is None:
                    return ValueError("the server's answer has no content")
                return answer.choices[0].message.content

            return list(await asyncio.gather(*(ask(messages) for messages in conversations)))

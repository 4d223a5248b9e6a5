"""The settings of a text model that words the sentences of a benchmark: a file in `configs/writers/`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finecops.config.fields import Count
from finecops.config.schema import ExtractorConfig

Price = Annotated[float, Field(ge=0, le=1_000_000)]
"""US dollars for a million tokens."""


class WriterConfig(ExtractorConfig):
    """A text model behind an OpenAI-compatible server, or in this process. It is reached as a target extractor is."""

    kind: Literal["extractor"] = "extractor"
    backend: Literal["openai", "llm"] = "openai"
    """`openai`: a server. `llm`: transformers, in this process."""
    batch_size: Count = 10
    """Sentences per request."""
    max_new_tokens: Count = 1024
    """The longest answer of a model in this process, in tokens."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = 0.0
    """Sent to a server. None: not sent, for models that refuse it."""
    usd_per_million_input: Price | None = None
    """What a million tokens of prompts costs, in US dollars. None: not stated."""
    usd_per_million_output: Price | None = None
    """What a million tokens of answers costs."""

"""The options of commands whose MLLM may be behind a server; the names are those of `finecops.strategies.options`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

_MODELS = "Models"

BaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        help="Of an MLLM behind a server: its address, http://HOST:PORT/v1. The key comes from the environment.",
        rich_help_panel=_MODELS,
    ),
]
ApiModel: TypeAlias = Annotated[
    str | None,
    typer.Option("--api-model", help="Of an MLLM behind a server: the model's name there.", rich_help_panel=_MODELS),
]

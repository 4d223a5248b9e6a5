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
Servers: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Of an MLLM behind several servers with the same model: their addresses, with commas between them. They "
        "share the requests.",
        rich_help_panel=_MODELS,
    ),
]
Serve: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="PROGRAM",
        help="Start servers for the MLLM's checkpoint, one on each GPU, and end them with the command: vllm, or with "
        "more arguments for it, 'vllm --tensor-parallel-size 2 --max-model-len 4096'.",
        rich_help_panel=_MODELS,
    ),
]

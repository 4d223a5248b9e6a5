"""The option `--threads` of commands that may run models in this process."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer


def _use_threads(asked: int | None) -> int | None:
    """Called for every command that has the option, given or not, before the command begins."""
    from finecops.runs.engines.cores import use_threads

    use_threads(asked)
    return asked


Threads: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        callback=_use_threads,
        help="Threads of a computation on the processor; the last digits of scores depend on it. Default: "
        "OMP_NUM_THREADS, else as many as libraries take, within what a container may use.",
        rich_help_panel="Machine",
    ),
]

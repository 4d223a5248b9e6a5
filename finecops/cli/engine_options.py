"""The options of commands that make stages: who works, and on which part; the names are those of
`finecops.strategies.options`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

_MACHINE = "Machine"

Engine: TypeAlias = Annotated[
    str,
    typer.Option(
        help="What runs the batches: 'local' is this process, 'processes' are several on this machine, 'ray' is a Ray "
        "cluster. All make the same files.",
        rich_help_panel=_MACHINE,
    ),
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=4096,
        help="With --engine processes or ray: so many workers. Default: as many as there are GPUs for; without "
        "GPUs, as there are cores for (--threads each).",
        rich_help_panel=_MACHINE,
    ),
]
GpusPerWorker: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-worker",
        min=0,
        max=64,
        help="With --engine processes or ray: GPUs of a worker. 0.5 lets two share one; above 1 the model's file needs "
        "a `device_map`.",
        rich_help_panel=_MACHINE,
    ),
]
Address: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="With --engine ray: the cluster, as HOST:PORT or 'auto'. Default: Ray is started on this machine alone.",
        rich_help_panel=_MACHINE,
    ),
]
Shard: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="Do part I of N, as a job of an array; `finecops merge RUN` joins the parts.",
        rich_help_panel=_MACHINE,
    ),
]

"""`finecops bench large`: memory and time of commands on a million samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def large_command(
    samples: Annotated[
        int, typer.Option("--samples", "-n", min=0, help="Samples of the benchmark. 0: files are evaluated alone.")
    ] = 1_000_000,
    rows: Annotated[
        list[int] | None,
        typer.Option(
            "--rows",
            min=10,
            help="Rows of an evaluated file. Repeat it for several sizes. Default: 1000000 and 10000000.",
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="A new folder for everything that is drawn, which is deleted afterwards.")
    ] = Path("outputs/bench-large"),
) -> None:
    """Time commands on a large benchmark, with their memory.

    The benchmark is drawn, in FineCops-Ref's layout; the specialist is the small one. Each line is a process: a run up
    to its first row, twice; the same run when one row is missing, and when none is; its evaluation; the evaluation of a
    file. Peak memory includes Python, the libraries and the model.
    """
    from finecops.bench.large import time_large
    from finecops.errors import UsageError
    from finecops.report.text import text_table

    if samples and samples < 10:
        raise UsageError("--samples must be at least 10, or 0")
    if folder.exists():
        raise UsageError(f"--folder {folder} is there already: it would be deleted")
    lines = [
        [
            time.what,
            f"{time.samples}",
            f"{time.seconds:.1f}",
            f"{time.cpu_seconds:.1f}",
            f"{1e6 * time.cpu_seconds / time.samples:.0f}",
            f"{time.peak_mib:.0f}",
        ]
        for time in time_large(folder, samples, rows or [1_000_000, 10_000_000])
    ]
    header = ["", "samples", "seconds", "CPU seconds", "CPU µs/sample", "peak MiB"]
    typer.echo(text_table("A large benchmark", header, lines))

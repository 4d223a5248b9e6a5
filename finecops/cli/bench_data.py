"""`finecops bench data`: the time and memory of reading a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def data_command(
    samples: Annotated[
        list[int] | None,
        typer.Option(
            "--samples",
            "-n",
            min=10,
            help="Size of a file, in samples. Repeat it for several sizes. Default: 27926 (FineCops-Ref's test set) "
            "and 1000000.",
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Readings of each file; the fastest counts.")] = 3,
    folder: Annotated[
        Path, typer.Option(help="The folder for the synthetic files, which are deleted afterwards.")
    ] = Path("outputs/bench-data"),
) -> None:
    """Time the reading of synthetic annotation files, with its memory.

    Rows are as long as FineCops-Ref's. Each file is read in a process of its own. Resident memory is how much more the
    process has after reading than before; peak memory includes Python and its libraries.
    """
    from finecops.bench.reading import time_reading
    from finecops.report.text import text_table

    rows = [
        [
            f"{time.samples}",
            f"{time.file_mib:.0f}",
            f"{time.seconds:.2f}",
            f"{time.cpu_seconds:.2f}",
            f"{time.peak_mib:.0f}",
            f"{time.resident_kb:.2f}",
            f"{time.table_kb:.2f}",
        ]
        for time in time_reading(folder, samples or [27_926, 1_000_000], repeats)
    ]
    header = ["samples", "file, MiB", "seconds", "CPU seconds", "peak MiB", "memory KB/sample", "in the table"]
    typer.echo(text_table("Reading a dataset", header, rows))

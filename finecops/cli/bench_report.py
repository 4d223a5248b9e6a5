"""`finecops bench report`: the time of writing and of looking at a report on a large run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    scale: Annotated[float, typer.Option(min=0.001, help="Size, in multiples of FineCops-Ref's test set.")] = 1.0,
    repeats: Annotated[int, typer.Option(min=1, help="Openings of the page; the median counts.")] = 3,
    looking: Annotated[
        bool, typer.Option("--looking/--no-looking", help="Open the page in Chromium (extra browser) and time that.")
    ] = True,
    folder: Annotated[Path, typer.Option(help="The folder for run, images and report.")] = Path("outputs/bench-report"),
) -> None:
    """Time `finecops report` on a drawn run with four methods, and its page in Chromium without a window.

    The run has 27,926 samples. Writing is the whole process. The first picture is timed from opening the page; a
    filter from its change until the page shows what came of it.
    """
    from finecops.bench.browser import find_browser
    from finecops.bench.report import time_looking, time_writing
    from finecops.bench.synthetic import Counts
    from finecops.report.text import text_table

    if looking:
        # Writing takes a minute: what is missing is said before.
        find_browser()
    written = time_writing(folder, Counts().times(scale))
    rows = [
        ["samples", f"{written.samples}", ""],
        ["writing, whole process", f"{written.seconds:.1f}", "s"],
        ["its CPU time", f"{written.cpu_seconds:.1f}", "s"],
        ["its peak memory", f"{written.peak_mib:.0f}", "MiB"],
        ["size of the report", f"{written.size / 1e6:.1f}", "MB"],
    ]
    if looking:
        seen = time_looking(written.page, repeats)
        rows.append(["first picture", f"{seen.first_picture_s:.2f}", "s"])
        rows += [[f"filter: {name}", f"{time:.0f}", "ms"] for name, time in seen.filters_ms.items()]
    typer.echo(text_table(f"A report: {written.page}", ["", "measured", "unit"], rows))

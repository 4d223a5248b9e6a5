"""`finecops bench`: the speed of evaluation, models, servers, reading data and reports on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.bench_build import build_command
from finecops.cli.bench_data import data_command
from finecops.cli.bench_large import large_command
from finecops.cli.bench_models import models_command
from finecops.cli.bench_report import report_command
from finecops.cli.bench_server import server_command
from finecops.cli.panels import App

bench_app = App(help="Measure speed on this machine. Compare the ratios of one run.")
bench_app.command("build")(build_command)
bench_app.command("data")(data_command)
bench_app.command("large")(large_command)
bench_app.command("models")(models_command)
bench_app.command("report")(report_command)
bench_app.command("server")(server_command)


@bench_app.command("eval")
def eval_command(
    scales: Annotated[
        list[float] | None,
        typer.Option(
            "--scale",
            help="Size, in multiples of FineCops-Ref's test set. Repeat it for several sizes. Default: 1 and 10.",
        ),
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(help="Also time this script; it takes the arguments of FineCops-Ref's evaluation_baseline.py."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each command; the fastest counts.")] = 3,
    folder: Annotated[Path, typer.Option(help="The folder for the synthetic files.")] = Path("outputs/bench-eval"),
) -> None:
    """Time `finecops eval` on synthetic files.

    The files have 27,926 rows, and ten times as many. The whole process is timed, from its start to the table: in
    seconds of the clock, and in seconds of the processor, which other work of the machine changes least.
    """
    from finecops.bench.evaluation import time_evaluation
    from finecops.errors import UsageError
    from finecops.report.text import text_table

    # Files are written and runs timed before a script is needed, so wrong values are refused here.
    if any(scale <= 0 for scale in scales or ()):
        raise UsageError("--scale must be above 0")
    if script is not None and not script.is_file():
        raise UsageError(f"--script {script} is not a file")
    chosen = scales or [1.0, 10.0]
    timings = time_evaluation(folder, chosen, script, repeats)
    # Reversed, so that the first scale of each command stays.
    first = {t.what: t for t in reversed(timings)}
    rows = []
    for timing in timings:
        # The other script reads the texts; its ratio is to finecops on the same file.
        ours = first["finecops eval, texts"] if timing.what.startswith("the script") else first[timing.what]
        ratios = [timing.seconds / ours.seconds, timing.cpu_seconds / ours.cpu_seconds]
        numbers = [f"{timing.seconds:.2f}", f"{timing.cpu_seconds:.2f}", *(f"{ratio:.1f}" for ratio in ratios)]
        rows.append([timing.what, str(timing.rows), *numbers, f"{timing.peak_mib:.0f}"])
    header = ["", "rows", "seconds", "CPU seconds", "times", "times, CPU", "peak MiB"]
    typer.echo(text_table("Whole process, start to table", header, rows))
    typer.echo("times: as many as finecops takes for the same kind of file at the first scale")

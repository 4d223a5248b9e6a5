"""`finecops bench`: how fast things are here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

bench_app = typer.Typer(help="Measure on this machine, in one go; ratios, not promises.", no_args_is_help=True)


@bench_app.callback()
def _bench() -> None:
    """Keeps `eval` a subcommand while it is the only one."""


@bench_app.command("eval")
def eval_(
    scales: Annotated[
        list[float] | None, typer.Option("--scale", help="Times FineCops-Ref's test set; several times for several.")
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(help="Another evaluation script with the arguments of FineCops-Ref's evaluation_baseline.py."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each; the fastest counts.")] = 3,
    folder: Annotated[Path, typer.Option(help="Where to put the files.")] = Path("outputs/bench-eval"),
) -> None:
    """Time `finecops eval` on synthetic files of 27,926 rows and ten times as many: whole process, start to table."""
    from finecops.bench.evaluation import time_evaluation
    from finecops.cli.tables import table

    chosen = scales or [1.0, 10.0]
    timings = time_evaluation(folder, chosen, script, repeats)
    first = {t.what: t for t in reversed(timings)}
    rows = []
    for timing in timings:
        ours = first["finecops eval, texts"] if timing.what.startswith("the script") else first[timing.what]
        ratio = f"{timing.seconds / ours.seconds:.1f}"
        rows.append([timing.what, str(timing.rows), f"{timing.seconds:.2f}", ratio, f"{timing.peak_mib:.0f}"])
    header = ["", "rows", "seconds", "times ours at the first scale", "peak MiB"]
    typer.echo(table("Whole process, start to table", header, rows))

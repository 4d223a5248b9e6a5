"""`finecops eval`: what a run's numbers are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

_DEFAULT_METRICS = "p1,r1,auroc"


def eval_command(
    runs: Annotated[
        list[str] | None, typer.Argument(help="Runs by name below outputs/ or by folder; the newest if none is given.")
    ] = None,
    run: Annotated[list[str] | None, typer.Option("--run", "-r", help="The same, as an option.")] = None,
    metrics: Annotated[
        str, typer.Option("--metrics", help="What to print: p1, p5, p10, r1, r5, r10, auroc, aupr, fpr95, reject.")
    ] = _DEFAULT_METRICS,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Add 95% bootstrap intervals, drawn by cluster.")
    ] = False,
    cluster: Annotated[
        str, typer.Option(help="What is drawn together: 'positive' with its negatives, or 'image'.")
    ] = "positive",
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Compare precision@1 sample by sample: two runs, or in one run SFA with each pathway."
        ),
    ] = False,
    route_sweep: Annotated[
        bool,
        typer.Option(
            "--route-sweep", help="What other routing rules would give, from a run with --both; runs nothing."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON, for a program.")] = False,
) -> None:
    """Evaluate runs: precision per level, recall and AUROC on negatives, outcomes, speed.

    The numbers are also written to metrics.json in each run's folder.
    """
    import json

    from finecops.cli.tables import print_runs
    from finecops.errors import ConfigError
    from finecops.evaluate_run import evaluate_run
    from finecops.metrics.evaluate import METRICS
    from finecops.run import newest_run, run_folder

    wanted = tuple(name.strip() for name in metrics.split(",") if name.strip())
    unknown = [name for name in wanted if name not in METRICS]
    if unknown or not wanted:
        raise ConfigError(f"unknown metric {', '.join(unknown) or '(none)'}; there are: {', '.join(METRICS)}")
    folders: list[Path] = [run_folder(name) for name in (*(runs or ()), *(run or ()))] or [newest_run()]
    if cluster not in ("positive", "image"):
        raise ConfigError(f"unknown cluster {cluster!r}; there are: positive, image")
    drawn: Literal["positive", "image"] = "image" if cluster == "image" else "positive"
    if route_sweep:
        _show_sweep(folders, as_json)
        return
    if compare:
        _show_comparison(folders, drawn, as_json)
        return
    clustered = drawn if intervals else None
    if as_json:
        typer.echo(json.dumps({str(folder): evaluate_run(folder, wanted, clustered) for folder in folders}, indent=1))
    else:
        print_runs(folders, wanted, clustered)


def _show_sweep(folders: list[Path], as_json: bool) -> None:
    import json

    from finecops.cli.tables import print_sweep
    from finecops.evaluate_run import route_sweep

    for folder in folders:
        found = route_sweep(folder)
        if as_json:
            typer.echo(json.dumps({str(folder): found}, indent=1))
        else:
            print_sweep(folder, found)


def _show_comparison(folders: list[Path], cluster: Literal["positive", "image"], as_json: bool) -> None:
    import json

    from finecops.cli.tables import print_comparison
    from finecops.errors import ConfigError
    from finecops.evaluate_run import compare_methods, compare_runs

    if len(folders) > 2:
        raise ConfigError(f"--compare takes one run or two, not {len(folders)}")
    if len(folders) == 1:
        title, rows = f"{folders[0]}", compare_methods(folders[0], cluster)
    else:
        title, rows = f"first is {folders[0]}, second is {folders[1]}", compare_runs(folders[0], folders[1], cluster)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        print_comparison(title, rows)

"""`finecops bench build`: the speed of building a benchmark from scene graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def build_command(
    graphs: Annotated[
        int, typer.Option("--graphs", "-n", min=0, help="Scene graphs; of --scene-graphs, 0 is all of them.")
    ] = 5000,
    scene_graphs: Annotated[
        Path | None, typer.Option(help="A file in GQA's format. Default: graphs of GQA's shape are drawn.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one for each core.")] = 0,
    until: Annotated[
        str, typer.Option(help="The last measure: 'reading', 'paths', or 'whole' (to negative expressions).")
    ] = "whole",
    profile: Annotated[
        bool, typer.Option("--profile", help="Also print where the time of reading and paths goes, by function.")
    ] = False,
    folder: Annotated[
        Path, typer.Option(help="The folder for the synthetic files, which are deleted afterwards.")
    ] = Path("outputs/bench-build"),
) -> None:
    """Time `finecops data build gqa` without images and models.

    The graphs have as many objects, attributes and relations as GQA's. Each line is a process of its own with its
    workers; peak memory is that of the first process, of the largest worker, and the most that all have together.
    """
    from finecops.bench.building import MEASURES, found_rows, profile_paths, time_building
    from finecops.errors import UsageError
    from finecops.names import unknown_name
    from finecops.report.text import text_table

    names = ("reading", "paths", "whole")
    if until not in names:
        raise UsageError(unknown_name("value of --until", until, names))
    if not graphs and scene_graphs is None:
        raise UsageError("--graphs 0 means all graphs of --scene-graphs, and none is given")
    if scene_graphs is not None and not scene_graphs.is_file():
        raise UsageError(f"--scene-graphs {scene_graphs} is not a file")
    measures = MEASURES[: names.index(until) + 1]
    times = time_building(folder, graphs, workers, measures, scene_graphs)
    rows = [
        [
            time.what,
            f"{time.graphs}",
            f"{time.seconds:.1f}",
            f"{time.graphs / time.seconds:.0f}",
            f"{1000 * time.cpu_seconds / max(time.graphs, 1):.2f}",
            f"{time.own_mib:.0f}",
            f"{time.worker_mib:.0f}",
            f"{time.most_mib:.0f}",
        ]
        for time in times
    ]
    header = ["", "graphs", "seconds", "graphs/s", "CPU ms/graph", "peak MiB", "of a worker", "of all, at most"]
    typer.echo(text_table("Building a benchmark", header, rows))
    for title, lines in found_rows(times):
        typer.echo("\n" + text_table(title, ["", "", "per 1,000 graphs"], lines))
    if profile:
        typer.echo(f"\n{profile_paths(folder, graphs, scene_graphs)}")

"""`finecops figures`: the charts of runs, and the paper's figures 5(a), 5(b) and 6, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.eval_options import Iou, Runs, Val

Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the files. Default: figures/ in the run, or beside several runs."),
]
Only = Annotated[
    str | None, typer.Option("--only", metavar="NAME,…", help="These figures alone; a wrong name lists all.")
]
Formats = Annotated[
    str, typer.Option("--as", metavar="FORMAT,…", help="png, pdf (both need the extra plot), svg, csv, json.")
]
Images = Annotated[
    Path | None,
    typer.Option("--images", metavar="FOLDER_OR_ZIP", help="Where the images are, if not where the run had them."),
]


def figures_command(
    runs: Runs = None,
    out: Out = None,
    only: Only = None,
    as_: Formats = "png,pdf,csv",
    val: Val = None,
    iou: Iou = 0.5,
    images: Images = None,
) -> None:
    """Draw the charts of runs and the paper's figures 5(a), 5(b) and 6.

    Each is a file a format, named after the figure. No model runs. Methods of several runs stand side by side. What
    the runs have no data for is not drawn, and the reason is printed.
    """
    from finecops.errors import RunError
    from finecops.report.charts.chart import Missing
    from finecops.report.charts.making import FigureSettings, make_figures
    from finecops.text import printable

    written, missing = 0, 0
    for found in make_figures(FigureSettings.of({**locals(), "runs": runs or ()})):
        if isinstance(found, Missing):
            missing += 1
            typer.secho(printable(f"not drawn: {found.name}: {found.reason}"), fg=typer.colors.YELLOW, err=True)
        else:
            written += 1
            typer.echo(str(found))
    if not written:
        raise RunError("none of the figures could be drawn")

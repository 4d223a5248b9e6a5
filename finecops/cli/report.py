"""`finecops report`: a page on one run or several."""

from __future__ import annotations

import shlex
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.eval_options import (
    ClusterOption,
    Iou,
    Metrics,
    Paper,
    PaperRow,
    RunOption,
    Val,
)

_PAGE = "The page"
DEFAULT_METRICS = "p1,acc,r1,auroc,reject,aurc,ece"
_REASONS = 3
"""Missing images that are said with their reason."""


Subjects = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN[:METHOD]", help="Runs, or methods of runs as in RUN:sfa. Default: the newest run."),
]
Reference = Annotated[
    str | None, typer.Option("--reference", help="The run that others are compared with. Default: the first.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", help="The report's folder. Default: report/ in the run's folder.", rich_help_panel=_PAGE
    ),
]
Single = Annotated[
    bool,
    typer.Option("--single", help="One file to send, images inside; --out is its path.", rich_help_panel=_PAGE),
]
MaxMb = Annotated[
    float | None,
    typer.Option(
        "--max-mb",
        min=0.01,
        help="With --single: its size in MB; it has as many samples as fit. Default: 10.",
        rich_help_panel=_PAGE,
    ),
]
CopyImages = Annotated[
    bool,
    typer.Option(
        "--copy-images",
        help="Copy the images into the report, as small WebP. Default: link them.",
        rich_help_panel=_PAGE,
    ),
]
ImagesPlace = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="FOLDER_OR_ZIP",
        help="A folder or zip file of the images, if they moved since the run.",
        rich_help_panel=_PAGE,
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the report in the browser.", rich_help_panel=_PAGE)]


def report_command(
    runs: Subjects = None,
    run: RunOption = None,
    reference: Reference = None,
    out: Out = None,
    single: Single = False,
    max_mb: MaxMb = None,
    copy_images: CopyImages = False,
    images: ImagesPlace = None,
    metrics: Metrics = DEFAULT_METRICS,
    iou: Iou = 0.5,
    cluster: ClusterOption = "positive",
    paper: Paper = False,
    paper_row: PaperRow = None,
    val: Val = None,
    open_: Open = False,
) -> None:
    """Write a page with tables, charts and every sample to look at.

    The page opens from the file system and loads nothing from a network. Two methods (A:specialist A:mllm) open at
    the four cells: both right, one of them, neither.
    """
    from finecops.cli.printing import warn
    from finecops.report.page.build import write_report
    from finecops.report.page.settings import ReportSettings
    from finecops.text import counted

    # Both spellings of a run are one list from here on.
    runs = [*(runs or ()), *(run or ())]
    # For the foot of the page: how to make it again.
    command = shlex.join(["finecops", *sys.argv[1:]])
    found = write_report(ReportSettings.of(locals() | {"intervals": True}))
    warn(found.problems)
    if found.missing:
        first = "; ".join(list(found.missing.values())[:_REASONS])
        warn([f"{counted(len(found.missing), 'image')} cannot be shown: {first} (--images names a folder or zip file)"])
    typer.echo(f"{found.page}  ({found.size / 1e6:.1f} MB, {found.shown} of {counted(found.samples, 'sample')})")
    if open_:
        webbrowser.open(found.page.absolute().as_uri())

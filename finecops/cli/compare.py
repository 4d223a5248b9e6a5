"""`finecops compare`: runs, methods of any kind and prediction files, sample by sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli.eval_options import (
    As,
    AsCsv,
    AsJson,
    Boxes,
    ClusterOption,
    IgnoreUnknown,
    Iou,
    refuse_two_outputs,
)

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="A run (a name below outputs/ or a folder), RUN:METHOD, or a prediction file. Default: the newest run.",
    ),
]
SourceOption = Annotated[
    list[str] | None, typer.Option("--run", "-r", help="A source, as an option instead of an argument.")
]
Annotations = Annotated[
    list[Path] | None,
    typer.Option(
        "--annotations",
        help="With prediction files: the annotation files that they answer. Default: the samples of the first run.",
    ),
]
Format = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        help="With prediction files: their format, once or once for each: mmdet-npy, refexp-text, crs-letters, "
        "coco-results, or finecops (own rows).",
    ),
]
BoxFormats = Annotated[
    list[str] | None,
    typer.Option("--box-format", help="With refexp-text: how the model writes boxes, once or once for each file."),
]
Scores = Annotated[
    list[str] | None,
    typer.Option("--score", help="With refexp-text and crs-letters: the field with the scores, once or for each file."),
]

if TYPE_CHECKING:
    from finecops.evaluation.settings import CompareSettings
    from finecops.report.writers import OutputSettings


def compare_command(
    ctx: typer.Context,
    runs: Sources = None,
    run: SourceOption = None,
    iou: Iou = 0.5,
    cluster: ClusterOption = "positive",
    annotations: Annotations = None,
    boxes: Boxes = None,
    format: Format = None,
    box_format: BoxFormats = None,
    score: Scores = None,
    ignore_unknown: IgnoreUnknown = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare methods, runs or prediction files on the same samples.

    RUN:METHOD or FILE, two or more: each is compared with the first. Printed are precision@1, recall@1 and AUROC with
    paired 95% bootstrap intervals, how often both, one or neither is right, and where they differ most. RUN:METHOD
    alone is compared with the other methods of its run.

    Two whole runs A B: precision@1 of each method of B minus that of A. One whole run: SFA and CRS minus each pathway
    alone (the run needs --both).
    """
    from finecops.evaluation.settings import CompareSettings
    from finecops.report.writers import OutputSettings

    # Both spellings of a source are one list from here on.
    runs = [*(runs or ()), *(run or ())]
    asked = locals()
    show(ctx, CompareSettings.of(asked), OutputSettings.of(asked))


def show(ctx: typer.Context, settings: CompareSettings, output: OutputSettings, rows_alone: bool = False) -> None:
    """Compare and print. With `rows_alone` the JSON is the list of rows alone, which `eval --compare` prints."""
    from finecops.cli.printing import print_document
    from finecops.evaluation.comparison import compare
    from finecops.report.comparison import comparison_document

    refuse_two_outputs(ctx)
    found = compare(settings)
    document = comparison_document(found)
    # Scripts of `eval --compare --json` expect the bare list.
    if rows_alone:
        document = replace(document, data=found.model_dump(mode="json")["rows"])
    print_document(document, output.writer)

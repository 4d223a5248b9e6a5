"""`finecops score`: the numbers of a prediction file from any program, without a run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli.eval_options import (
    ANNOTATIONS,
    DEFAULT_METRICS,
    FORMAT,
    PREDICTIONS,
    As,
    AsCsv,
    AsJson,
    Boxes,
    BoxFormat,
    ClusterOption,
    CompatOption,
    ExportCoco,
    Full,
    IgnoreUnknown,
    Intervals,
    Iou,
    Metrics,
    Paper,
    PaperRow,
    Score,
    ValAnnotations,
    ValPredictions,
    refuse_contradictions,
    refuse_options_of_other_formats,
    refuse_two_outputs,
)

if TYPE_CHECKING:
    from finecops.evaluation.settings import ScoreSettings
    from finecops.report.writers import OutputSettings


def score_command(
    ctx: typer.Context,
    annotations: Annotated[list[Path], ANNOTATIONS],
    predictions: Annotated[Path, PREDICTIONS],
    format: Annotated[str, FORMAT],
    box_format: BoxFormat = None,
    score: Score = None,
    ignore_unknown: IgnoreUnknown = False,
    metrics: Metrics = DEFAULT_METRICS,
    iou: Iou = 0.5,
    intervals: Intervals = False,
    cluster: ClusterOption = "positive",
    compat: CompatOption = "none",
    paper: Paper = False,
    paper_row: PaperRow = None,
    boxes: Boxes = None,
    val_annotations: ValAnnotations = None,
    val_predictions: ValPredictions = None,
    full: Full = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    export_coco: ExportCoco = None,
) -> None:
    """Score a prediction file of any model.

    It is compared with annotation files and has the same numbers as a run. Formats are never guessed: --format names
    that of the file, and --box-format says how the model writes boxes. With --val-annotations and --val-predictions,
    scores are calibrated and operating points are chosen on another split.
    """
    from finecops.evaluation.settings import ScoreSettings
    from finecops.report.writers import OutputSettings

    asked = locals()
    show(
        ctx,
        settings=ScoreSettings.of(asked),
        output=OutputSettings.of(asked),
        export=export_coco,
    )


def show(ctx: typer.Context, settings: ScoreSettings, output: OutputSettings, export: Path | None) -> None:
    """Score and print; `export` is a folder for the boxes as COCO results."""
    from finecops.cli.printing import export_coco, print_evaluations
    from finecops.evaluation.files import file_answers, score_file

    refuse_options_of_other_formats(ctx)
    refuse_contradictions(ctx)
    refuse_two_outputs(ctx)
    # Printing comes after: its few objects need no tuning.
    with _without_cycle_search():
        evaluations = score_file(settings)
    if export is not None:
        export_coco(export, {settings.predictions.stem: file_answers(settings)})
    print_evaluations(evaluations, output.writer, output.full)


@contextmanager
def _without_cycle_search() -> Iterator[None]:
    """Without the search for reference cycles: reading makes hundreds of thousands of objects and drops few."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

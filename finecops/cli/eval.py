"""`finecops eval`: the numbers of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

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
    RunOption,
    Runs,
    Score,
    Val,
    ValAnnotations,
    ValPredictions,
    refuse_contradictions,
    refuse_options_of_other_modes,
    refuse_two_outputs,
)
from finecops.errors import UsageError

if TYPE_CHECKING:
    from finecops.evaluation.settings import EvalSettings
    from finecops.report.writers import OutputSettings

_RUNS, _FILE, _COMPARE, _SWEEP = "runs", "--annotations and --predictions", "--compare", "--route-sweep"
_OUTPUT = ("as_", "as_json", "as_csv")
_NUMBERS = ("metrics", "iou", "intervals", "cluster", "compat", "paper", "paper_row", "full", "export_coco", *_OUTPUT)
MODES: Final = {
    _RUNS: ("runs", "run", "val", *_NUMBERS),
    _FILE: (
        "annotations",
        "predictions",
        "format",
        "box_format",
        "score",
        "ignore_unknown",
        "boxes",
        "val_annotations",
        "val_predictions",
        *_NUMBERS,
    ),
    _COMPARE: ("runs", "run", "compare", "iou", "cluster", *_OUTPUT),
    _SWEEP: ("runs", "run", "route_sweep", *_OUTPUT),
}
"""The parameters of each mode. `finecops score`, `compare` and `sweep` are commands for the other three modes."""


def eval_command(
    ctx: typer.Context,
    runs: Runs = None,
    run: RunOption = None,
    metrics: Metrics = DEFAULT_METRICS,
    iou: Iou = 0.5,
    intervals: Intervals = False,
    cluster: ClusterOption = "positive",
    compat: CompatOption = "none",
    paper: Paper = False,
    paper_row: PaperRow = None,
    val: Val = None,
    full: Full = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    export_coco: ExportCoco = None,
    compare: Annotated[bool, typer.Option("--compare", help="Do what `finecops compare` does.")] = False,
    route_sweep: Annotated[bool, typer.Option("--route-sweep", help="Do what `finecops sweep` does.")] = False,
    annotations: Annotated[list[Path] | None, ANNOTATIONS] = None,
    predictions: Annotated[Path | None, PREDICTIONS] = None,
    format: Annotated[str | None, FORMAT] = None,
    box_format: BoxFormat = None,
    score: Score = None,
    ignore_unknown: IgnoreUnknown = False,
    boxes: Boxes = None,
    val_annotations: ValAnnotations = None,
    val_predictions: ValPredictions = None,
) -> None:
    """Evaluate runs and print their tables.

    Tables: precision by level, recall and AUROC on negatives, outcomes, ledgers, time. All numbers are also written to
    metrics.json of each run. With --annotations, --predictions and --format it does what `finecops score` does.
    """
    from finecops.cli import compare as comparing
    from finecops.cli import score as scoring
    from finecops.cli import sweep as sweeping
    from finecops.evaluation.settings import CompareSettings, EvalSettings, ScoreSettings, SweepSettings
    from finecops.report.writers import OutputSettings

    asked = locals() | {"runs": [*(runs or ()), *(run or ())]}  # Both spellings of a run are one list.
    output = OutputSettings.of(asked)
    # The mode follows from the options alone, so that what does not belong to it can be refused.
    if annotations or predictions is not None:
        if not annotations or predictions is None:
            raise UsageError("--annotations and --predictions go together")
        file = ScoreSettings.of(asked)
        refuse_options_of_other_modes(ctx, _FILE, MODES)
        scoring.show(ctx, settings=file, output=output, export=export_coco)
    elif route_sweep:
        refuse_options_of_other_modes(ctx, _SWEEP, MODES)
        sweeping.show(ctx, SweepSettings.of(asked), output)
    elif compare:
        pair = CompareSettings.of(asked)
        refuse_options_of_other_modes(ctx, _COMPARE, MODES)
        comparing.show(ctx, pair, output, rows_alone=True)
    else:
        settings = EvalSettings.of(asked)
        refuse_options_of_other_modes(ctx, _RUNS, MODES)
        _show(ctx, settings=settings, output=output, export=export_coco)


def _show(ctx: typer.Context, settings: EvalSettings, output: OutputSettings, export: Path | None) -> None:
    from finecops.cli.printing import export_coco, print_evaluations
    from finecops.evaluation.runs import evaluate_runs, run_answers
    from finecops.evaluation.settings import named_or_newest

    refuse_contradictions(ctx)
    refuse_two_outputs(ctx)
    evaluations = evaluate_runs(settings)
    if export is not None:
        folders = named_or_newest(settings.runs)
        # Two runs may have a method of the same name.
        export_coco(export, {f"{run.name}-{name}": a for run in folders for name, a in run_answers(run).items()})
    print_evaluations(evaluations, output.writer, output.full)

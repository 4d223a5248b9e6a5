"""`finecops compare`: precision@1 sample by sample, of two runs or of the methods of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from finecops.cli.eval_options import (
    As,
    AsCsv,
    AsJson,
    ClusterOption,
    Iou,
    RunOption,
    Runs,
    refuse_two_outputs,
)

if TYPE_CHECKING:
    from finecops.evaluation.settings import CompareSettings
    from finecops.report.writers import OutputSettings


def compare_command(
    ctx: typer.Context,
    runs: Runs = None,
    run: RunOption = None,
    iou: Iou = 0.5,
    cluster: ClusterOption = "positive",
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare two runs, or the methods of one run.

    Two runs A B: each method of B minus the same method of A. One run: SFA and CRS minus each pathway alone (the run
    needs --both). Printed are the differences of precision@1 on the positives that both answered, with 95% bootstrap
    intervals and p values.
    """
    from finecops.evaluation.settings import CompareSettings
    from finecops.report.writers import OutputSettings

    # Both spellings of a run are one list from here on.
    runs = [*(runs or ()), *(run or ())]
    asked = locals()
    show(ctx, CompareSettings.of(asked), OutputSettings.of(asked))


def show(ctx: typer.Context, settings: CompareSettings, output: OutputSettings, rows_alone: bool = False) -> None:
    """Compare and print. With `rows_alone` the JSON is the list of rows alone, which `eval --compare` prints."""
    from finecops.cli.printing import print_document
    from finecops.evaluation.comparison import compare
    from finecops.report.routing import comparison_document

    refuse_two_outputs(ctx)
    document = comparison_document(compare(settings))
    # Scripts of `eval --compare --json` expect the bare list.
    if rows_alone:
        document = replace(document, data=[dict(row) for row in document.rows])
    print_document(document, output.writer)

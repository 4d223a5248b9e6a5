"""`finecops sweep`: evaluate other routing rules on the answers of a run; no model runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from finecops.cli.eval_options import (
    As,
    AsCsv,
    AsJson,
    Figure,
    RunOption,
    Runs,
    refuse_two_outputs,
)
from finecops.errors import UsageError

if TYPE_CHECKING:
    from finecops.evaluation.settings import SweepSettings
    from finecops.report.writers import OutputSettings


def sweep_command(
    ctx: typer.Context,
    runs: Runs = None,
    run: RunOption = None,
    figure: Figure = None,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Evaluate 396 other routing rules on a run.

    No model runs: the run must have the answers of both pathways on every sample (`finecops sfa run --both`). Printed
    is the Pareto front of precision@1 against the share of samples sent to the MLLM, beside each pathway alone and the
    oracle. --json and --csv have every rule.
    """
    from finecops.evaluation.settings import SweepSettings
    from finecops.report.writers import OutputSettings

    # Both spellings of a run are one list from here on.
    runs = [*(runs or ()), *(run or ())]
    asked = locals()
    show(ctx, settings=SweepSettings.of(asked), output=OutputSettings.of(asked), figure=figure)


def show(ctx: typer.Context, settings: SweepSettings, output: OutputSettings, figure: Path | None = None) -> None:
    """Sweep and print.

    Args:
        figure: a file for the figure.

    Raises:
        UsageError: `figure` has another suffix, or there are several runs.
    """
    from finecops.cli.printing import print_document
    from finecops.evaluation.settings import named_or_newest
    from finecops.evaluation.sweep import sweep_run
    from finecops.report.routing import sweep_document

    refuse_two_outputs(ctx)
    folders = named_or_newest(settings.runs)
    if figure is not None:
        from finecops.report.charts.plot import check_figure_path

        if len(folders) != 1:
            raise UsageError(f"--figure goes with one run, not {len(folders)}")
        check_figure_path(figure)
    found = {folder: sweep_run(folder) for folder in folders}
    if figure is not None:
        from finecops.report.charts.plot import save_figure
        from finecops.report.charts.sweep import sweep_charts

        save_figure(sweep_charts(found[folders[0]], folders[0].name), figure)
        typer.secho(f"wrote {figure}", err=True)
    print_document(sweep_document(found), output.writer)

"""`finecops gains`: when SFA and CRS pay, from runs that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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

Graphs = Annotated[
    list[Path] | None,
    typer.Option(
        "--scene-graphs",
        help="A file of scene graphs in GQA's format. Repeat it for several. Default: scene_graphs/ of the dataset.",
    ),
]

Figure = Annotated[
    Path | None,
    typer.Option("--figure", help="Also draw the result: a .svg file, or .png or .pdf (these need the extra plot)."),
]


def gains_command(
    ctx: typer.Context,
    runs: Runs = None,
    run: RunOption = None,
    scene_graphs: Graphs = None,
    iou: Iou = 0.5,
    cluster: ClusterOption = "positive",
    figure: Figure = None,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show when SFA and CRS pay: their gain over the MLLM alone, group by group.

    No model runs: each run has the MLLM's answer to every sample and answers of SFA or CRS (`finecops advise`, or
    `finecops sfa run --both`), and all are about the same samples. Groups are the MLLM's visual tokens (a run each),
    the target's size, things of its kind (with scene graphs), levels, and candidate recall, measured and simulated.
    Beside each gain stands what the MLLM loses by localisation; at the end stands what follows.
    """
    from finecops.cli.printing import print_document
    from finecops.construction.targets import graph_files, target_facts
    from finecops.errors import RunError
    from finecops.evaluation.gain_groups import FEWEST
    from finecops.evaluation.gains import measure_gains
    from finecops.evaluation.reading import RunData
    from finecops.evaluation.settings import GainSettings, named_or_newest
    from finecops.report.charts.plot import check_figure_path
    from finecops.report.gains import gains_document
    from finecops.report.writers import OutputSettings

    refuse_two_outputs(ctx)
    if figure is not None:
        check_figure_path(figure)
    # Both spellings of a run are one list from here on.
    runs = [*(runs or ()), *(run or ())]
    settings = GainSettings.of(locals())
    read = [RunData(folder) for folder in named_or_newest(settings.runs)]
    files = tuple(scene_graphs or ()) or graph_files(read[0].manifest)
    facts = target_facts(read[0].samples, files) if files else None
    if scene_graphs and not facts:
        raise RunError(f"{', '.join(map(str, scene_graphs))}: no target of {read[0].folder}/ is in these scene graphs")
    found = measure_gains(read, settings, facts)
    if figure is not None:
        from finecops.report.charts.files import save_panels
        from finecops.report.charts.gains import gain_charts

        charts = gain_charts(found)
        if not charts:
            raise RunError(f"{figure} cannot be drawn: no group has {FEWEST} positives, and no run has CRS")
        save_panels(charts, figure)
        typer.secho(f"wrote {figure}", err=True)
    print_document(gains_document(found), OutputSettings.of(ctx.params).writer)

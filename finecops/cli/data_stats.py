"""`finecops data stats`: what datasets hold."""

from __future__ import annotations

from typing import Annotated

import typer

from finecops.cli.eval_options import As, AsCsv, AsJson, Figure, refuse_two_outputs

NAME_HELP = (
    "a dataset's name or YAML file (all splits that are here), NAME:split, or an annotation file in COCO format (.json)"
)


def stats_command(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help=f"What to count: {NAME_HELP}.")],
    figure: Figure = None,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Count what datasets hold, side by side.

    As the paper's Tables I and II: positives and negatives by level and type, expressions and their words, images, and
    sizes of targets; beside them the paper's figures, where it has any. No image is opened.
    """
    from finecops.cli.printing import print_document
    from finecops.datasets.named import named_splits
    from finecops.datasets.statistics import statistics_of
    from finecops.progress import progress
    from finecops.report.statistics import statistics_document
    from finecops.report.writers import OutputSettings

    output = OutputSettings.of({"as_": as_, "as_json": as_json, "as_csv": as_csv})
    refuse_two_outputs(ctx)
    if figure is not None:
        from finecops.report.charts.plot import check_figure_path

        check_figure_path(figure)
    found = []
    # Every name is looked up before a file is read. Splits are read one at a time: only their numbers are kept.
    splits = [split for name in names for split in named_splits(name)]
    for split in progress(splits, what="counting", unit="split", leave=False):
        dataset = split.load()
        left_out = len(dataset.problems)
        found.append(statistics_of(dataset.samples, split.config.name, split.split, left_out))
    if figure is not None:
        from finecops.report.charts.plot import save_figure
        from finecops.report.charts.statistics import statistics_charts

        drawn = statistics_charts(found)
        save_figure(drawn.charts, figure)
        for missing in drawn.missing:
            typer.secho(f"not drawn: {missing}", err=True)
        typer.secho(f"wrote {figure}", err=True)
    print_document(statistics_document(found), output.writer)

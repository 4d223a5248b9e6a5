"""`finecops crs tables`: the paper's Tables VI, VII, VIII, X and XI from runs."""

from __future__ import annotations

from typing import Annotated

import typer

from finecops.cli.eval_options import As, AsCsv, AsJson, Runs, refuse_two_outputs

Tables = Annotated[
    str,
    typer.Option(
        "--table",
        metavar="N,…",
        help="6 (router levels), 7 (focus), 8 (rejection), 10 (tuning data), 11 (number of candidates).",
    ),
]
Paper = Annotated[bool, typer.Option("--paper", help="Print the paper's rows in the tables too.")]


def crs_tables_command(
    ctx: typer.Context,
    runs: Runs = None,
    tables: Tables = "6,7,8,10,11",
    paper: Paper = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Print the paper's Tables VI, VII, VIII, X and XI from runs that exist.

    No model runs. Each method's answers have their row where they belong; answers of adapters that differ in the seed
    of tuning are one row, a mean with its standard deviation. Runs on several test sets are columns side by side. For
    rows that no run has, the commands that make them are printed.
    """
    from finecops.cli.printing import print_document
    from finecops.errors import UsageError
    from finecops.evaluation.crs_tables import crs_rows
    from finecops.evaluation.settings import SweepSettings, named_or_newest
    from finecops.report.crs_tables import TABLES, crs_tables_document
    from finecops.report.writers import OutputSettings

    refuse_two_outputs(ctx)
    names = [name.strip() for name in tables.split(",")]
    if unknown := [name for name in names if name not in TABLES]:
        raise UsageError(f"unknown table {', '.join(unknown)}; there are: {', '.join(TABLES)}")
    rows = crs_rows(named_or_newest(SweepSettings(runs=tuple(runs or ())).runs))
    print_document(crs_tables_document(rows, names, paper), OutputSettings.of(ctx.params).writer)

"""`finecops export`: what leaves for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.panels import App

export_app = App(help="Write data in the formats of other tools.")


@export_app.callback()
def _group() -> None:
    """Write data in the formats of other tools."""


@export_app.command("hub")
def hub_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A dataset: a name, a YAML file, a folder of parquet files or hf:ID.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write to.")],
    split: Annotated[
        list[str] | None, typer.Option(help="A split. Repeat it for several. Default: all that are here.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="The licence for the card. Default: that of the dataset's YAML file.")
    ] = None,
) -> None:
    """Write a dataset as a folder for the Hub.

    It has parquet files with embedded images, and a dataset card. `--dataset FOLDER` reads it again.
    """
    from finecops.config.find import load_dataset
    from finecops.datasets.dataset import load_dataset_split
    from finecops.datasets.parquet.write import export_parquet
    from finecops.datasets.places import chosen_splits
    from finecops.text import counted

    config = load_dataset(name)
    licence = licence or config.licence or _asked_licence(config.name)
    datasets = [load_dataset_split(config, each) for each in chosen_splits(config, split or ())]
    written = export_parquet(datasets, licence, out)
    for dataset in datasets:
        lost = len(dataset.problems)
        left_out = f"; {counted(lost, 'entry', 'entries')} of the source left out" if lost else ""
        typer.echo(f"{dataset.split}: {counted(written.samples[dataset.split], 'sample')}{left_out}")
    typer.secho(f"wrote {counted(len(written.files), 'file')} and README.md to {out}/", err=True)
    typer.secho(f"next: finecops sfa run --dataset {out}", err=True)


def _asked_licence(name: str) -> str:
    from finecops.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"the settings of {name} state no licence; give --licence NAME (cc-by-4.0, …) for the card")
    answer: str = typer.prompt(f"The settings of {name} state no licence. Licence for the card (cc-by-4.0, …)")
    return answer

"""`finecops data`: list, check and build datasets."""

from __future__ import annotations

import typer

from finecops.cli.data_bias import bias_command
from finecops.cli.data_build import build_app
from finecops.cli.data_check import check_command
from finecops.cli.data_convert import convert_command
from finecops.cli.data_get import get_command
from finecops.cli.data_overlap import overlap_command
from finecops.cli.data_review import review_command
from finecops.cli.data_stats import stats_command
from finecops.cli.panels import App

data_app = App(help="List, check and build datasets.", order="list get check stats overlap bias convert build review")
data_app.add_typer(build_app, name="build")
data_app.command("check")(check_command)
data_app.command("get")(get_command)
data_app.command("convert")(convert_command)
data_app.command("stats")(stats_command)
data_app.command("overlap")(overlap_command)
data_app.command("bias")(bias_command)
data_app.command("review")(review_command)


@data_app.command("list")
def list_command() -> None:
    """List the datasets, and which splits are on this machine.

    For the others, it says where they come from. `finecops data check --dataset NAME` says in full what to download and
    where to put it.
    """
    from finecops.config.find import advice_on, load_dataset, names, resolve
    from finecops.config.image_places import remembered_place
    from finecops.datasets.places import splits_here

    for name in names("datasets"):
        config = load_dataset(name)
        root = resolve(config.root)
        # A split counts as present if one of its files is: its loader reads those that exist.
        here = splits_here(config)
        place = remembered_place(name)
        images = f"; images: {place}{'' if place.exists() else ' (not there)'}" if place is not None else ""
        fetched = f"--dataset hf:{config.hub[0]} fetches it" if config.hub else str(config.root)
        state = (
            f"here: {', '.join(here)}  ({root})"
            if here
            else f"not here: {advice_on(config.root) or config.source or fetched}"
        )
        typer.echo(f"{name:14} {state}{images}")

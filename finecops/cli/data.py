"""`finecops data`: list, check and build datasets."""

from __future__ import annotations

from collections.abc import Iterable

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
        advice = f"not here: {advice_on(config.root) or config.source or fetched}"
        words = [*f"here: {', '.join(here)}".split(" "), f" ({root})"] if here else [advice]
        words[-1] += images
        typer.echo(_wrapped(f"{name:14} {words[0]}", words[1:]))


def _wrapped(line: str, words: Iterable[str], columns: int = 80, indent: str = " " * 15) -> str:
    """A line and the words behind it, over as many lines as they need; no word is broken."""
    lines = [line]
    for word in words:
        if len(lines[-1]) + 1 + len(word) <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(indent + word.strip())
    return "\n".join(lines)

"""`finecops models get`: download weights from the Hub."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli import options as o

if TYPE_CHECKING:
    from finecops.models.hub_weights import HubFile, WeightsPlan


def get_command(
    models: Annotated[list[str], typer.Argument(metavar="NAME", help="Models (`finecops models list`).")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before downloading.")] = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Download the weights of models from the Hub.

    Sizes and what is here already are shown first. Files go to the cache that transformers reads (HF_HOME); HF_ENDPOINT
    names a mirror. You can stop it at any time: files that have come whole are kept, and the same command continues.
    """
    from huggingface_hub.utils.tqdm import disable_progress_bars

    from finecops.cli.downloads import ask_to_download, size_text
    from finecops.models.hub_weights import cache_folder, check_room, get_weights, plan_weights, wanted_weights

    wanted = wanted_weights(models, allow_pickle)
    if not wanted:
        typer.echo("Their weights are in folders of this machine: there is nothing to download")
        return
    plans = [plan_weights(one) for one in wanted]
    for plan in plans:
        _show(plan)
    missing = [plan for plan in plans if not plan.complete]
    if missing:
        unknown = any(file.size is None and not file.cached for plan in missing for file in plan.files)
        more = " and more, whose size is not known" if unknown else ""
        typer.echo(f"{size_text(sum(plan.left for plan in missing))} to download{more}, to {cache_folder()}/")
        check_room(missing)
        ask_to_download(yes)
        if not sys.stderr.isatty():
            # Bars make thousands of lines in a file.
            disable_progress_bars()
    for plan in missing:
        get_weights(plan)
        typer.echo(f"{plan.wanted.id}: all files are here")
    typer.echo(f"Next: finecops models check {wanted[0].model}")


def _show(plan: WeightsPlan) -> None:
    from finecops.cli.downloads import size_text

    wanted = plan.wanted
    at = f" at {wanted.revision}" if wanted.revision and wanted.revision != plan.commit else ""
    typer.echo(f"{wanted.model}: {wanted.id}{at}, commit {plan.commit[:12]}")
    weights = [file for file in plan.files if file.holds_weights]
    others = [file for file in plan.files if not file.holds_weights]
    rows = [(file.name, [file]) for file in weights]
    if others:
        rows.append((f"{len(others)} files of settings and words", others))
    width = max(len(title) for title, _ in rows)
    for title, files in rows:
        typer.echo(f"  {title:{width}}  {size_text(_size(files)):>9}  {_state(files)}".rstrip())


def _size(files: list[HubFile]) -> int | None:
    sizes = [file.size for file in files]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _state(files: list[HubFile]) -> str:
    here = sum(file.cached for file in files)
    if here == len(files):
        return "is here" if here == 1 else "are here"
    return f"{here} of them here" if here else ""

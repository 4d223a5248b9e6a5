"""`finecops data`: list, check and build datasets."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.data_bias import bias_command
from finecops.cli.data_check import check_command
from finecops.cli.data_convert import convert_command
from finecops.cli.data_get import get_command
from finecops.cli.data_overlap import overlap_command
from finecops.cli.data_review import review_command
from finecops.cli.data_stats import stats_command
from finecops.cli.panels import App

data_app = App(help="List, check and build datasets.", order="list get check stats overlap bias convert build review")
build_app = App(help="Build a benchmark from scene graphs.")
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


@build_app.command("mini")
def build_mini_command(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write to.")],
    split: Annotated[str | None, typer.Option(help="test, val or train. Default: all three.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
) -> None:
    """Draw finecops-mini: scenes, expressions and negatives.

    It writes the vanilla and the COCO format.
    """
    from finecops.errors import UsageError
    from finecops.mini.world.benchmark import PLANS, build_mini
    from finecops.names import unknown_name

    if split is not None and split not in PLANS:
        raise UsageError(unknown_name("split", split, PLANS))
    for name in [split] if split else list(PLANS):
        counts = build_mini(out, name, seed)
        typer.echo(f"{name}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))


@build_app.command("gqa")
def build_gqa_command(
    scene_graphs: Annotated[Path, typer.Option(help="A scene graph file in GQA's format: .json or .json.gz.")],
    images: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder of GQA's images.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write to.")],
    name: Annotated[str, typer.Option(help="The split's name, for the names of the files.")] = "test",
    positives: Annotated[tuple[int, int, int], typer.Option(help="Number of positives of level 1, 2 and 3.")] = (
        1000,
        1000,
        500,
    ),
    per_image: Annotated[int, typer.Option(min=1, help="At most this many positives per image.")] = 3,
    expressions: Annotated[int, typer.Option(min=0, help="Negative expressions per type and level.")] = 200,
    flips: Annotated[int, typer.Option(min=0, help="Flipped negative images per level.")] = 200,
    limit: Annotated[int, typer.Option(min=0, help="Read N scene graphs; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
) -> None:
    """Build a benchmark from GQA's scene graphs.

    It has positive expressions, negative expressions, and horizontally flipped images as negative images. A dataset's
    YAML file is written beside, which --dataset takes.
    """
    from finecops.cli.printing import warn
    from finecops.construction.dataset_file import write_dataset_file
    from finecops.datasets.problems import Problem, first_of
    from finecops.errors import DataError
    from finecops.mini.builder.benchmark import SplitPlan, build_split, write_split
    from finecops.mini.builder.gqa import gqa_world, read_scene_graphs
    from finecops.text import printable

    world = gqa_world(images)
    # Levels are numbered from 1.
    quotas = dict(zip((1, 2, 3), positives, strict=True))
    plan = SplitPlan(quotas, per_image, expressions, flips, first_id=1, seed=seed)
    found = list(read_scene_graphs(scene_graphs, limit))
    problems = [one for one in found if isinstance(one, Problem)]
    graphs = [one for one in found if not isinstance(one, Problem)]
    if problems and not graphs:
        raise DataError(f"no usable scene graph; {first_of(problems)}")
    split = build_split(graphs, plan, world)
    counts = write_split(split, name, world, out)
    typer.echo(f"{name}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
    cut_short = [Problem(scene_graphs, image_id, why) for image_id, why in split.cut_short().items()]
    for what, some in (("were left out", problems), ("were cut short", cut_short)):
        if some:
            typer.echo(f"{len(some)} of {len(found)} scene graphs {what}", err=True)
            warn(some, most=50)
    file = write_dataset_file(out, name, images)
    if file.to_add is not None:
        warn([f"{file.path} is there already; add to its splits: {file.to_add}"])
    command = ["finecops", "data", "check", str(file.path)]
    command += [] if file.images_inside else ["--images", str(images)]
    typer.echo(printable(f"next: {shlex.join(command)}"), err=True)

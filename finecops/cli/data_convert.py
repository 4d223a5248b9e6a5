"""`finecops data convert`: any dataset as a file in FineCops-Ref's COCO style."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer


def convert_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset's name or YAML file (`finecops data list`).")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="The folder to write to.")],
    split: Annotated[
        list[str] | None, typer.Option(help="The split; repeat it for several. Default: all splits that are here.")
    ] = None,
    images: Annotated[
        str,
        typer.Option(help="'link' the images (hard links: no space, same disk), 'copy' them, or 'none'."),
    ] = "link",
    show: Annotated[int, typer.Option(min=0, help="Print at most N images that could not be taken; 0: all.")] = 20,
) -> None:
    """Write a dataset in FineCops-Ref's COCO style.

    Other programs read it: one file per split, and the images. The folder also gets NAME.yaml, so that `--dataset
    OUT/NAME.yaml` runs on it: it has the same samples. Entries that are not valid are left out and counted. Exit code 1
    if an image could not be taken along.
    """
    from finecops.config.find import load_dataset
    from finecops.construction.conversion import IMAGES, convert, write_converted_file
    from finecops.datasets.dataset import load_dataset_split
    from finecops.datasets.places import chosen_splits
    from finecops.strategies.options import require_known
    from finecops.text import counted

    require_known("way of taking images", images, IMAGES)
    config = load_dataset(name)
    if out.is_dir() and any(out.iterdir()) and not (out / f"{config.name}.yaml").exists():
        typer.secho(f"note: {out}/ has other files", err=True)
    written: list[str] = []
    missing: list[str] = []
    for asked in chosen_splits(config, split or ()):
        dataset = load_dataset_split(config, asked)
        done = convert(dataset, out, images, _bar)
        taken = f", {counted(done.images, 'image')}" if images != "none" else ""
        lost = len(dataset.problems)
        left_out = f"; {counted(lost, 'entry', 'entries')} left out (finecops data check)" if lost else ""
        typer.echo(f"{done.path}: {counted(done.samples, 'sample')}{taken}{left_out}")
        written.append(asked)
        missing += done.missing
        write_converted_file(dataset, out, config.name, written, f"finecops data convert {config.name}")
    for line in missing[: show or None]:
        typer.echo(f"  {line}")
    if missing:
        images_lost = counted(len(missing), "image")
        typer.echo(f"{images_lost} could not be taken along: put into {out}/ what is missing, under the same names")
    typer.secho(f"next: finecops sfa run --dataset {out / config.name}.yaml", err=True)
    if missing:
        raise typer.Exit(1)


def _bar(names: Iterable[str]) -> Iterable[str]:
    from finecops.progress import progress

    found: Iterable[str] = progress(list(names), what="images", unit="image", leave=False)
    return found

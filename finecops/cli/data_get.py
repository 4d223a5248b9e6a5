"""`finecops data get`: download a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli.downloads import ask_to_download, size_text
from finecops.errors import DataError, UsageError
from finecops.names import no_such
from finecops.text import counted

if TYPE_CHECKING:
    from finecops.config.dataset_schema import DatasetConfig
    from finecops.config.download import DownloadImages
    from finecops.datasets.fetch.plan import Item, Plan

_SHOWN = 5
_RUN = "finecops sfa run --dataset"


def get_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset's name or YAML file (`finecops data list`).")],
    split: Annotated[
        str | None, typer.Option(help="The split whose images are fetched. Default: the dataset's default split.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only files of this name or pattern ('test_*'), and no single images. Repeatable."),
    ] = None,
    images_only: Annotated[bool, typer.Option("--images-only", help="Only fetch images; no files.")] = False,
    no_images: Annotated[bool, typer.Option("--no-images", help="Only download files; fetch no images.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; the licence is accepted.")] = False,
) -> None:
    """Download a dataset: its files and images.

    Licence and sizes are shown first. You can stop it at any time: the same command continues. Every file is checked
    against its MD5; a file that is here already is left alone. Exit code 1 if something is missing at the end.
    """
    from finecops.config.find import load_dataset, resolve
    from finecops.datasets.fetch.get import locked
    from finecops.datasets.fetch.http import NetworkError
    from finecops.datasets.places import splits_here

    if images_only and (no_images or only):
        raise UsageError("--images-only does not go with --no-images and --only")
    if only and no_images:
        raise UsageError("--only fetches no images anyway; it does not go with --no-images")
    if split is not None and (no_images or only):
        raise UsageError("--split says whose images are fetched; it does not go with --no-images and --only")
    config = load_dataset(name)
    if config.hub and config.download is None:
        raise DataError(f"`data get` does not download {config.name}. A run does: {_RUN} hf:{config.hub[0]}")
    if config.download is None:
        here = splits_here(config)
        missing = [split for split in config.splits if split not in here]
        if not missing:
            where = f"{config.name} is here already: {resolve(config.root)}/"
            typer.echo(f"{where}. Next: finecops data check {config.name}")
            return
        some = f" Here are {', '.join(here)}; not {', '.join(missing)}." if here else ""
        raise DataError(f"finecops does not download {config.name}.{some} By hand:\n{config.get.rstrip()}")
    if images_only and config.download.images is None:
        raise DataError(f"{config.name} has no images that can be fetched one by one:\n{config.get.rstrip()}")
    images = None if no_images or only else config.download.images
    split = _split(config, split)
    try:
        with locked(resolve(config.root)):
            whole = _get(config, split, only or [], images, images_only, yes)
    except NetworkError as error:
        kept = (
            "What was downloaded is kept, and the same command continues"
            if _has_files(resolve(config.root))
            else "Nothing was downloaded"
        )
        raise NetworkError(f"{error}\n{kept}. By hand:\n{config.get.rstrip()}") from error
    if not whole:
        raise typer.Exit(1)


def _has_files(folder: Path) -> bool:
    return any(path.is_file() and path.stat().st_size for path in folder.rglob("*"))


def _split(config: DatasetConfig, split: str | None) -> str:
    split = split or config.default_split
    if split not in config.splits:
        raise UsageError(no_such(f"dataset {config.name} has no split {split!r}", split, config.splits))
    return split


def _get(
    config: DatasetConfig, split: str, only: list[str], images: DownloadImages | None, images_only: bool, yes: bool
) -> bool:
    """Whether all that was asked for is here now."""
    from finecops.config.find import resolve
    from finecops.datasets.fetch.get import check_room, get_files
    from finecops.datasets.fetch.http import Session
    from finecops.datasets.fetch.plan import make_plan

    assert config.download is not None
    session, plan, root = Session(), None, resolve(config.root)
    if not images_only:
        plan = make_plan(session, config, config.download, only)
        _show_plan(plan)
    if images is not None:
        typer.echo(
            f"The images that the annotations of {split} name, one by one out of {images.zip}, to "
            f"{root / images.folder}/\nLicence of the images: {images.licence}"
        )
    files_here = plan is None or all(item.here for item in plan.items)
    if not files_here or (images is not None and not _all_images_here(config, split)):
        ask_to_download(yes, "accepts the licence")
    if plan is not None:
        check_room(plan)
        count = get_files(session, plan)
        typer.echo(f"{root}/: {counted(count, 'file')} downloaded, {len(plan.items) - count} here already")
    session.close()
    whole = images is None or _get_images(config, split, images, root)
    typer.echo(f"Next: finecops data check --dataset {config.name}")
    return whole


def _show_plan(plan: Plan) -> None:
    typer.echo(f"{plan.title}\nLicence: {plan.licence}\nTo {plan.root}/:")
    width = max(len(item.wanted.name) for item in plan.items)
    for item in plan.items:
        typer.echo(f"  {item.wanted.name:{width}}  {size_text(item.wanted.size):>9}  {_state(item)}")
    left = [item.left for item in plan.items]
    more = " and more, whose size is not known" if None in left else ""
    typer.echo(f"{size_text(sum(n or 0 for n in left))} to download{more}")


def _state(item: Item) -> str:
    unpack = f", to be unpacked to {item.unpack.name}/" if item.unpack is not None and not item.is_unpacked else ""
    if item.fault is not None:
        return f"another file is here: {item.fault}"
    if item.here:
        return f"is here{unpack}"
    known = f"MD5 {item.wanted.md5_of}" if item.wanted.md5 is not None else "no MD5 is known"
    return f"{known}{unpack}"


def _get_images(config: DatasetConfig, split: str, images: DownloadImages, root: Path) -> bool:
    from finecops.datasets.dataset import load_dataset_split
    from finecops.datasets.fetch.get import get_images
    from finecops.datasets.fetch.images import needed_images

    names = needed_images(load_dataset_split(config, split))
    if not names:
        typer.echo(f"All images of {split} are here")
        return True
    report = get_images(images.zip, names, root / images.folder)
    typer.echo(f"{root / images.folder}/: {counted(report.fetched, 'image')} fetched")
    _list(f"not in {images.zip}", report.not_there)
    _list("could not be read", report.failed)
    return not report.not_there and not report.failed


def _all_images_here(config: DatasetConfig, split: str) -> bool:
    from finecops.datasets.dataset import load_dataset_split
    from finecops.datasets.fetch.images import needed_images

    try:
        return not needed_images(load_dataset_split(config, split))
    except DataError:
        # Without annotations, nobody knows which there are.
        return False


def _list(title: str, entries: list[str]) -> None:
    if entries:
        typer.secho(f"{counted(len(entries), 'image')} {title}:", fg=typer.colors.YELLOW, err=True)
        for entry in entries[:_SHOWN]:
            typer.secho(f"  {entry}", fg=typer.colors.YELLOW, err=True)
        if len(entries) > _SHOWN:
            typer.secho(f"  … and {len(entries) - _SHOWN} more", fg=typer.colors.YELLOW, err=True)

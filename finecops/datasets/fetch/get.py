"""Carrying out a plan: files one after the other, archives unpacked, then images."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from finecops.archives.tar_images import Unpacked, unpack_images
from finecops.datasets.fetch.download import download
from finecops.datasets.fetch.http import Session
from finecops.datasets.fetch.images import ImagesReport, fetch_images
from finecops.datasets.fetch.plan import Item, Plan
from finecops.errors import DataError
from finecops.progress import progress

log = logging.getLogger(__name__)

_SPARE_BYTES = 200_000_000
"""What is left free on the disk."""


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keep other commands from writing the same files.

    Raises:
        DataError: another one does.
    """
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / ".data-get.lock", timeout=0):
            yield
    except Timeout:
        raise DataError(f"another `finecops data get` is writing into {root}/") from None


def check_room(plan: Plan) -> None:
    """See whether the disk has room for the files, and for the images of archives.

    Raises:
        DataError: it has not.
    """
    # Images are packed already: unpacked, they take as much room again.
    needed = sum((item.left or 0) + (item.wanted.size or 0 if _to_unpack(item) else 0) for item in plan.items)
    free = shutil.disk_usage(plan.root).free
    if needed and needed + _SPARE_BYTES > free:
        raise DataError(f"{plan.root}/ is on a disk with {free / 1e9:.1f} GB free; {needed / 1e9:.1f} GB are needed")


def get_files(session: Session, plan: Plan) -> int:
    """Download what is missing, and unpack archives; how many files were downloaded.

    Raises:
        NetworkError: a file did not come. What has come is kept, and the same command goes on.
        DataError: a file that is here is not the published one.
    """
    count = 0
    _clear(plan.root)
    for item in plan.items:
        wanted = item.wanted
        if item.fault is not None:
            raise DataError(
                f"{wanted.path} is not the published file: {item.fault}. Move it away, and the same command "
                "downloads it"
            )
        if not item.here:
            wanted.path.parent.mkdir(parents=True, exist_ok=True)
            with _bar(wanted.name, wanted.size) as bar:
                # An incomplete file that is begun anew takes the bar back to its start.
                download(session, wanted, partial(_move_to, bar))
            count += 1
    for item in plan.items:
        if _to_unpack(item) and item.unpack is not None:
            _unpack(item, item.unpack)
    return count


def get_images(url: str, names: list[str], folder: Path) -> ImagesReport:
    """Fetch images out of a zip file on a server; see `fetch_images`."""
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    with _bar("images", None) as bar:

        def found(count: int, total: int) -> None:
            bar.reset(total)
            bar.set_description(f"{count} images")

        return fetch_images(url, names, folder, found, partial(_advance, bar))


def _to_unpack(item: Item) -> bool:
    return item.unpack is not None and not item.is_unpacked


def _clear(folder: Path) -> None:
    """Remove what a killed command was writing when it was killed. No other one is writing: see `locked`."""
    for left in folder.glob(".*.partial"):
        left.unlink(missing_ok=True)


def _unpack(item: Item, folder: Path) -> Unpacked:
    _clear(folder)
    with progress(what=f"{folder.name}/", unit="image") as bar:
        done = unpack_images(item.wanted.path, folder, partial(_move_to, bar))
    for refused in done.refused:
        log.warning("%s: not unpacked: %s", item.wanted.name, refused)
    item.note_unpacked()
    log.info("%s/: %d images of %s", folder, done.images, item.wanted.name)
    return done


def _move_to(bar: tqdm, place: int) -> None:  # type: ignore[type-arg]
    bar.update(place - bar.n)


def _advance(bar: tqdm, count: int) -> None:  # type: ignore[type-arg]
    bar.update(count)


def _bar(title: str, size: int | None) -> tqdm:  # type: ignore[type-arg]
    return progress(what=title, unit="B", total=size, scaled=True)

"""The images that a split names, one by one out of a zip file on a server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from finecops.archives.directory import Member, unpack_member
from finecops.archives.index import ZipIndex
from finecops.archives.zip_images import is_zipped, write_atomically
from finecops.datasets.dataset import Dataset
from finecops.datasets.fetch.http import NetworkError, Session
from finecops.datasets.fetch.remote_zip import ChangedError, RemoteSource, remote_index
from finecops.errors import DataError
from finecops.paths import safe_path

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 3
"""Connections at a time. GQA's server answers 503 to more."""


@dataclass
class ImagesReport:
    """What became of the images."""

    fetched: int = 0
    not_there: list[str] = field(default_factory=list)
    """Images that the zip file does not have."""
    failed: list[str] = field(default_factory=list)
    """Images that are broken in the zip file, with the reason."""


def needed_images(dataset: Dataset) -> list[str]:
    """The names of the images that are not here, without negative images: those are the dataset's own."""
    names: dict[str, None] = {}
    folders = sorted(dataset.config.image_folders, key=len, reverse=True)
    for image, sample in {sample.image: sample for sample in dataset.samples}.items():
        if sample.negative is not None and sample.negative.kind == "image":
            continue
        path = dataset.image_path(sample)
        if is_zipped(path) or path.is_file():
            continue
        folder = next((folder for folder in folders if image.startswith(f"{folder}/")), "")
        names[image.removeprefix(f"{folder}/") if folder else image] = None
    return list(names)


def fetch_images(
    url: str, names: Sequence[str], folder: Path, found: Callable[[int, int], None], came: Callable[[int], None]
) -> ImagesReport:
    """Fetch images; those that are in the folder already are skipped.

    Args:
        url: the zip file.
        names: the images, as annotations name them.
        folder: where they go.
        found: gets, when the directory is read, how many images there are to fetch and their bytes.
        came: gets the bytes of each image, packed, when it is here.

    Raises:
        NetworkError: the server cannot be reached. What has come is kept.
        DataError: it is no zip file, or a name is not plain.
    """
    report = ImagesReport()
    with ExitStack() as stack:
        # All connections that there will ever be: an idle one counts at the server, too.
        sessions = [stack.enter_context(closing(Session())) for _ in range(MOST_CONNECTIONS)]
        try:
            _fetch(sessions, url, _Request(names, folder, found, came), report)
        except ChangedError as error:
            log.warning("%s; its directory is read again", error)
            report = ImagesReport(fetched=report.fetched)
            _fetch(sessions, url, _Request(names, folder, found, came), report)
    return report


class _Request(NamedTuple):
    """The arguments of `fetch_images`."""

    names: Sequence[str]
    folder: Path
    found: Callable[[int, int], None]
    came: Callable[[int], None]


def _fetch(sessions: Sequence[Session], url: str, request: _Request, report: ImagesReport) -> None:
    source = RemoteSource(sessions[0], url)
    members = _look_up(remote_index(source), request, report)
    request.found(len(members), sum(member.packed for member in members.values()))
    own, free = threading.local(), list(sessions)

    def fetch(path: Path, member: Member) -> None:
        # A connection for each thread.
        if not hasattr(own, "source"):
            own.source = RemoteSource(free.pop(), url, (source.size, source.etag))
        write_atomically(path, unpack_member(own.source, member))

    _fetch_all(fetch, members, report, request.came)


def _look_up(index: ZipIndex, request: _Request, report: ImagesReport) -> dict[Path, Member]:
    """Where the images that are not here yet go, and which members of the zip file they are."""
    members: dict[Path, Member] = {}
    for name in request.names:
        path = safe_path(request.folder, name)
        there = index.find(name) if not path.is_file() else []
        if len(there) == 1:
            members[path] = there[0]
        elif there:
            report.failed.append(f"{name}: the zip file has {len(there)} files of that name")
        elif not path.is_file():
            report.not_there.append(name)
    return members


def _fetch_all(
    fetch: Callable[[Path, Member], None],
    members: dict[Path, Member],
    report: ImagesReport,
    came: Callable[[int], None],
) -> None:
    waiting = iter(members.items())
    running: dict[Future[None], tuple[Path, Member]] = {}
    with ThreadPoolExecutor(MOST_CONNECTIONS) as pool:
        while True:
            # Not all at once: after an error or a signal, nothing is left in a queue.
            while len(running) < MOST_CONNECTIONS and (following := next(waiting, None)) is not None:
                running[pool.submit(fetch, *following)] = following
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                path, member = running.pop(done)
                try:
                    done.result()
                    report.fetched += 1
                except NetworkError:
                    raise
                except DataError as error:
                    report.failed.append(f"{path.name}: {error}")
                came(member.packed)

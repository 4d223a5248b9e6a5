"""Archives of images that come with a dataset: their images are unpacked once, under checked names."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from finecops.archives.directory import MAX_MEMBER_BYTES
from finecops.archives.tar_images import MOST_BYTES, MOST_MEMBERS
from finecops.archives.zip_images import write_atomically
from finecops.errors import DataError
from finecops.paths import name_problem
from finecops.progress import progress

ENDINGS = (".tar", ".tar.gz", ".tgz", ".zip")
"""What the names of archives end with."""
_IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_DONE = ".unpacked"


def unpack_images(archive: Path, folder: Path, name: str) -> None:
    """Unpack the images of a tar or zip archive into a folder, unless that was finished before.

    Only regular files with the ending of an image are unpacked. A folder `images` at the head of the archive is left
    out, since the folder stands for it.

    Args:
        archive: the file.
        folder: where the images go; several archives may share it.
        name: the archive's path in its repository, which two archives of one file name tell apart.

    Raises:
        DataError: the archive is broken, truncated or encrypted, has a name that leads out of the folder, a file too
            large, or too much in all.
    """
    done = folder / f"{_DONE}-{name.replace('/', '--')}"
    if done.exists():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        members = progress(_members(archive), what=f"unpacking {archive.name}", unit="image")
        total = 0
        for number, (inside, size, content) in enumerate(members, start=1):
            total += size
            if number > MOST_MEMBERS or total > MOST_BYTES:
                raise DataError(f"{archive}: more than {MOST_MEMBERS:,} files or {MOST_BYTES:,} bytes")
            _unpack(archive, folder, inside, size, content)
        done.touch()
    # RuntimeError: an encrypted file, or a packing that is not known.
    except (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError
    ) as error:  # fmt: skip
        raise DataError(f"{archive} cannot be unpacked to {folder}/: {error}") from error


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size and content of the regular files; links and devices are left out."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if not info.is_dir():
                    with packed.open(info) as content:
                        yield info.filename, info.file_size, content
        return
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            content_of = tar.extractfile(member) if member.isreg() else None
            if content_of is not None:
                yield member.name, member.size, content_of


def _unpack(archive: Path, folder: Path, name: str, size: int, content: IO[bytes]) -> None:
    inside = name.removeprefix("./").removeprefix("images/")
    if not inside.lower().endswith(_IMAGES):
        return
    problem = name_problem(inside)
    if problem is not None:
        raise DataError(f"{archive}: a file has {problem}" if problem.startswith("a name") else f"{archive}: {problem}")
    path = folder / inside
    # A small archive can hold a file that fills the disk.
    if size > MAX_MEMBER_BYTES:
        raise DataError(f"{archive}: {inside} has {size:,} bytes; the limit for an image is {MAX_MEMBER_BYTES:,}")
    if path.is_file() and path.stat().st_size == size:
        return
    # No more than it says that it has: what a broken zip file unpacks to has no bound.
    found = content.read(size)
    if len(found) != size:
        raise EOFError(f"{inside} is cut off")
    write_atomically(path, found, durable=False)

"""Images out of a tar archive that is not trusted: plain names, bounded sizes, no links, one file at a time."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from finecops.archives.directory import MAX_MEMBER_BYTES
from finecops.archives.zip_images import write_atomically
from finecops.errors import DataError
from finecops.paths import name_problem
from finecops.text import printable, shortly

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
MOST_MEMBERS = 1_000_000
"""More members than any archive of images here has. FineCops-Ref's has 8,507."""
MOST_BYTES = 50_000_000_000
"""The largest sum of their sizes that is unpacked."""


@dataclass
class Unpacked:
    """What was done with an archive."""

    images: int = 0
    """Images that are in the folder now."""
    others: int = 0
    """Folders and files that are no images, which were left out."""
    refused: list[str] = field(default_factory=list)
    """Members that were left out because something is wrong with them, with the reason."""


def unpack_images(path: Path, folder: Path, came: Callable[[int], None] = lambda n: None) -> Unpacked:
    """Unpack the images of a tar archive into one folder, by the last part of their names.

    Images that are there already with the right size are left alone: a stopped command goes on.

    Args:
        path: the archive; gzip, bzip2, xz or none.
        folder: where they go.
        came: gets the number of images so far.

    Raises:
        DataError: it is no tar archive, is truncated, or unpacks to more than the limits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done, seen, total = Unpacked(), set[str](), 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for number, member in enumerate(archive, start=1):
                total += member.size
                if number > MOST_MEMBERS or total > MOST_BYTES:
                    raise DataError(f"{path} unpacks to more than {MOST_BYTES:,} bytes or {MOST_MEMBERS:,} files")
                name = member.name.rpartition("/")[2]
                # macOS packs a "._" file with each file.
                if member.isdir() or Path(name).suffix.lower() not in _SUFFIXES or name.startswith("."):
                    done.others += 1
                    continue
                fault = _fault(member, folder, name, seen)
                if fault is not None:
                    done.refused.append(f"{shortly(member.name, 200)}: {fault}")
                    continue
                seen.add(name)
                _write(archive, member, folder / name)
                done.images += 1
                came(done.images)
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(f"{path} is no tar archive, or not all of one: {printable(str(error))}") from error
    if not done.images:
        raise DataError(f"{path} has no image")
    return done


def _fault(member: tarfile.TarInfo, folder: Path, name: str, seen: set[str]) -> str | None:
    if not member.isreg():
        return "it is no plain file"
    try:
        tarfile.data_filter(member, str(folder))
    except tarfile.FilterError as error:
        return printable(str(error))
    problem = name_problem(name)
    if problem is not None:
        return problem
    if name in seen:
        return "another member has the same name"
    return f"it has {member.size:,} bytes" if member.size > MAX_MEMBER_BYTES else None


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if path.is_file() and not path.is_symlink() and path.stat().st_size == member.size:
        return
    file = archive.extractfile(member)
    content = file.read() if file is not None else b""
    if len(content) < member.size:
        raise DataError(f"{archive.name!r} is not all of an archive: {shortly(member.name, 200)} is cut")
    write_atomically(path, content, durable=False)

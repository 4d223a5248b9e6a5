"""Names of files inside annotations and other files that are not trusted: plain, and below their folder; file names for
ids; and files that are none, but pipes or devices."""

from __future__ import annotations

import posixpath
import re
import stat
from functools import lru_cache
from io import BufferedReader
from pathlib import Path

from finecops.errors import DataError
from finecops.text import printable

_LONGEST_NAME, _LONGEST_PART = 1024, 255
# What nearly all names are; the other checks are for the rest.
_SIMPLE = re.compile(r"(?!\.\.?$)[A-Za-z0-9_.-]{1,255}")
# A drive of Windows; a separator of Windows; a control character; half a character.
_ODD = re.compile(r"^[A-Za-z]:|[\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_NOT_PLAIN = re.compile(r"[^\w.-]+")

_HUB = re.compile(r"(?:datasets|models|spaces)--")
"""How the Hub's cache names the folder of a repository."""


def name_problem(name: object) -> str | None:
    """What is wrong with a path of a file below a folder; None: nothing.

    >>> name_problem("images/1.png") is None, name_problem("x/../../evil")
    (True, "the name 'x/../../evil' leads out of the dataset's folder")
    """
    if type(name) is str and _SIMPLE.fullmatch(name):
        return None
    if not isinstance(name, str):
        return f"a name that is {'null' if name is None else type(name).__name__}"
    if len(name) > _LONGEST_NAME or any(len(part) > _LONGEST_PART for part in name.split("/")):
        return f"a name of {len(name)} characters"
    if _ODD.search(name):
        return f"the name {printable(ascii(name))} is not plain"
    if name.startswith("/") or ".." in name.split("/"):
        return f"the name {name!r} leads out of the dataset's folder"
    # "", "." and "a/": a folder.
    if not posixpath.basename(name) or posixpath.basename(name) == ".":
        return f"the name {name!r} is not that of a file"
    return None


def plain_name(text: str, most: int = 60) -> str:
    """A plain file name for any text, as an id is; without a suffix.

    Args:
        text: it may hold anything.
        most: so many characters are kept. A name has at most 255 bytes, and a character up to four.

    >>> plain_name("images/a b:1"), plain_name("..")
    ('images_a_b_1', '_')
    """
    return _NOT_PLAIN.sub("_", text).strip(".")[:most] or "_"


def safe_path(root: Path, name: str) -> Path:
    """The path of a file below a folder.

    The folder is resolved first: it may be a link, as on a cluster. What then leads out of it is refused. The Hub's
    cache is made of links to files in `blobs` beside the snapshots; those are in the folder too.

    Raises:
        DataError: the name is not plain, or a link leads out of the folder.
    """
    problem = name_problem(name)
    if problem is not None:
        raise DataError(problem)
    path = root / name
    try:
        folders = _allowed(root.absolute())
        found = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path} cannot be resolved: {error}") from error
    if not any(found.is_relative_to(folder) for folder in folders):
        raise DataError(f"{path} is a link that leads out of {root}, to {found}")
    return path


class PathsBelow:
    """`safe_path` for many names below one folder: each folder below it is resolved once, and links of files each time.

    A benchmark has hundreds of thousands of images in a few folders.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sound: set[str] = set()
        """Folders below the root of which no link leads out, as they stand in names."""

    def __call__(self, name: str) -> Path:
        """The path of a file.

        Raises:
            DataError: as `safe_path`.
        """
        # What is above a file is not looked at again; a link in its own place is.
        folder = posixpath.dirname(name)
        if folder not in self._sound or name_problem(name) is not None:
            path = safe_path(self.root, name)
            if not path.is_symlink():
                self._sound.add(folder)
            return path
        path = self.root / name
        return safe_path(self.root, name) if path.is_symlink() else path


@lru_cache(maxsize=256)
def _allowed(root: Path) -> tuple[Path, ...]:
    """Where files below a folder may lie: in it, and in the blobs of a Hub's cache that it belongs to."""
    folder = root.resolve()
    for above in (folder, *folder.parents):
        if above.parent.name == "snapshots" and _HUB.match(above.parent.parent.name):
            return folder, above.parent.parent / "blobs"
    return (folder,)


def open_regular(path: Path) -> BufferedReader:
    """Open a file to read its bytes. Reading a pipe or a device may never end.

    Raises:
        DataError: it is neither a file nor a link to one.
        OSError: it is not there, or may not be read.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise DataError(f"{path} is no file, but a folder, a pipe or a device: remove it")
    return path.open("rb")

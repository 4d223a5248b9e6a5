"""Folders of images that an archive made when it was unpacked, found below a dataset's folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fnmatch import translate
from pathlib import Path
from re import compile as compile_pattern

MAX_DEPTH = 4
"""Levels of folders below the dataset's folder that are looked into."""
MAX_FOLDERS = 2000
"""So many folders are looked into at most."""


def folders_with(root: Path, patterns: Sequence[str], known: Sequence[str] = ()) -> tuple[str, ...]:
    """The folders below `root` that have a file whose name fits a pattern (`neg_*.jpg`), sorted, as paths below it.

    Links are not followed: they may lead out of the dataset's folder, and in circles. Each folder is read once.

    Args:
        root: the dataset's folder.
        patterns: patterns of file names.
        known: folders that are looked up anyway, and are not named again.
    """
    if not patterns:
        return ()
    fits = compile_pattern("|".join(map(translate, patterns))).match
    found: list[str] = []
    waiting = [""]
    looked = 0
    while waiting and looked < MAX_FOLDERS:
        folder = waiting.pop(0)
        looked += 1
        inside, has = _look(root, folder, fits)
        if has and (folder or ".") not in known:
            found.append(folder or ".")
        if folder.count("/") + bool(folder) < MAX_DEPTH:
            waiting += sorted(inside)
    return tuple(sorted(found))


def _look(root: Path, folder: str, fits: Callable[[str], object]) -> tuple[list[str], bool]:
    """The folders in a folder, and whether it has a file that fits."""
    inside: list[str] = []
    has = False
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith("."):
                        inside.append(f"{folder}/{entry.name}" if folder else entry.name)
                elif not has and fits(entry.name):
                    has = True
    except OSError:
        # A folder that cannot be read has no images for us; a sample whose image is missing says so itself.
        return [], False
    return inside, has

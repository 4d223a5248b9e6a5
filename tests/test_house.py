"""Rules of the repository itself: no circle among rooms, and no source folder that git ignores."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.test_measure import measure

PROJECT = Path(__file__).resolve().parents[1]
FOLDERS = ("finecops", "tests", "scripts", "docs", "configs")


def test_no_circle_among_rooms() -> None:
    sources = measure.read_sources(PROJECT / "finecops")
    assert measure.room_circles(sources, "finecops") == []


def _git(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(PROJECT), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True)


def test_no_source_folder_is_ignored_by_git() -> None:
    """A pattern such as `build/` in .gitignore once kept a whole folder of tests out of the repository."""
    if _git("rev-parse", "--is-inside-work-tree").stdout.strip() != "true":
        pytest.skip("NOT CHECKED: this is no git checkout, so nothing says which folders git ignores")
    paths = []
    for top in FOLDERS:
        for folder in [PROJECT / top, *(PROJECT / top).rglob("*/")]:
            if folder.is_dir() and "__pycache__" not in folder.parts:
                # The file does not exist: git answers for names alone, also for files that are still to be written.
                paths += [folder, folder / ("invented.md" if top == "docs" else "invented.py")]
    assert len(paths) > 2 * len(FOLDERS)
    names = [str(path.relative_to(PROJECT)) for path in paths]
    # --no-index: a folder that is in the repository already is asked about too.
    answer = _git("check-ignore", "--no-index", "--stdin", given="\n".join(names))
    assert answer.returncode in (0, 1), answer.stderr
    assert answer.stdout.splitlines() == []

"""What commands that download have in common: sizes, and the question whether to begin."""

from __future__ import annotations

import sys

import typer

from finecops.errors import DataError


def ask_to_download(yes: bool, accepts: str = "") -> None:
    """Ask whether to download.

    Args:
        yes: the user has agreed on the command line.
        accepts: what that agreement means beside the download.

    Raises:
        DataError: the user does not agree, or cannot be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        agrees = f"--yes {accepts}" if accepts else "--yes downloads without a question"
        raise DataError(f"nothing was downloaded: this is no terminal to ask in; {agrees}")
    if not typer.confirm("Download?"):
        raise DataError("nothing was downloaded")


def size_text(count: int | None) -> str:
    """A number of bytes for people; "?" where it is not known."""
    if count is None:
        return "?"
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"

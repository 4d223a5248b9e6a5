"""The directory of a zip file as an SQLite file: written once, then asked by name without reading the rest."""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from finecops.archives.directory import Member
from finecops.errors import DataError

_VERSION = 1
"""Of the tables below. A file of another version is written again."""


def write_index(path: Path, members: Iterable[Member], state: str) -> None:
    """Write an index in one step. Several processes may do so at the same time: all write the same.

    Args:
        path: the index.
        members: what is in the zip file.
        state: what tells the zip file from a changed one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with closing(sqlite3.connect(partial)) as base:
            base.execute("CREATE TABLE about (version INTEGER, state TEXT)")
            base.execute("INSERT INTO about VALUES (?, ?)", (_VERSION, state))
            # `last` is the name without folders: whoever packs the images chooses the folder.
            base.execute(
                "CREATE TABLE members (last TEXT, name TEXT, offset INTEGER, end INTEGER, packed INTEGER, "
                "size INTEGER, crc INTEGER, method INTEGER)"
            )
            rows = ((m.name.rpartition("/")[2], *m) for m in members)
            base.executemany("INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            base.execute("CREATE INDEX by_last ON members (last)")
            base.commit()
        os.replace(partial, path)
    except sqlite3.Error as error:
        raise DataError(f"{path} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


class ZipIndex:
    """An index that was written; see `open_index`."""

    def __init__(self, path: Path) -> None:
        # Nobody writes into the file, so that no lock is needed, which some network disks do not have.
        self._base = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        self.version, self.state = self._base.execute("SELECT version, state FROM about").fetchone()

    def find(self, name: str) -> list[Member]:
        """The members of a name: with it exactly, else with it below some folder.

        Two members with one name are both found; which was meant is nobody's guess.
        """
        with self._lock:
            rows = self._base.execute(
                "SELECT name, offset, end, packed, size, crc, method FROM members WHERE last = ?",
                (name.rpartition("/")[2],),
            ).fetchall()
        members = [Member(*row) for row in rows]
        exact = [member for member in members if member.name == name]
        return exact or [member for member in members if member.name.endswith(f"/{name}")]

    def count(self) -> int:
        """How many members there are."""
        with self._lock:
            number: int = self._base.execute("SELECT COUNT(*) FROM members").fetchone()[0]
        return number


def open_index(path: Path, state: str) -> ZipIndex | None:
    """An index that was written for this state of a zip file; None: there is none, and it is to be written."""
    if not path.is_file():
        return None
    try:
        index = ZipIndex(path)
        return index if (index.version, index.state) == (_VERSION, state) else None
    # A broken file, or one of another program.
    except (sqlite3.Error, TypeError, ValueError):
        return None

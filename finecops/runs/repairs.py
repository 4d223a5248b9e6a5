"""Repairs of finished files: which rows were made again, so that what was made from them can follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from finecops.runs.beside import live_input
from finecops.runs.manifest import Repair, StageEntry

MOST_NOTED = 5000
"""`run.json` names so many repaired samples; of more, all rows that depend on the file are made again."""


def begun_repair(entry: StageEntry, dropped: Sequence[str] | None) -> Repair | None:
    """The repair that an entry is under after some of its rows were dropped; None: it was never finished.

    Args:
        entry: as it is.
        dropped: ids of the rows that go; None where it is not known which of them are sound.
    """
    before = Repair(before_sha256=entry.sha256, sample_ids=()) if entry.sha256 is not None else entry.repair
    if before is None:
        return None
    ids = None
    if before.sample_ids is not None and dropped is not None and len(before.sample_ids) + len(dropped) <= MOST_NOTED:
        ids = tuple(dict.fromkeys((*before.sample_ids, *dropped)))
    return before.model_copy(update={"sample_ids": ids})


def repaired_ids(entry: StageEntry | None, then: str | None, now: str) -> set[str] | Literal["another file"] | None:
    """The ids whose rows changed between two states of an input's file; None: all may have.

    Args:
        entry: the input's.
        then, now: SHA-256 of its file, as it was read and as it is.
    """
    if then is not None and then.startswith(live_input("")):
        # Read while it was made: its rows that did not fail are as they were, if it is made as it was then.
        return set() if entry is not None and then == live_input(entry.fingerprint) else None
    ids: set[str] = set()
    at = then
    for repair in entry.repairs if entry is not None else ():
        if repair.before_sha256 == at and at != now:
            if repair.sample_ids is None:
                return None
            ids |= set(repair.sample_ids)
            at = repair.after_sha256
    return ids if at == now else "another file"

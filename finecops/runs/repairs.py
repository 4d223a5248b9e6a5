"""Repairs of finished files: which rows were made again, so that what was made from them can follow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import JsonValue

from finecops.runs.beside import live_input
from finecops.runs.manifest import Repair, StageEntry, first_difference
from finecops.runs.specification import fingerprint

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


def changed_since(
    entry: StageEntry, now: Mapping[str, JsonValue], remake: bool, entry_of: Callable[[str], StageEntry | None]
) -> frozenset[str] | str | None:
    """The ids of samples whose rows of an input were made again since a stage was made; None: all may have been.

    Args:
        entry: the stage's.
        now: what changes its rows today (`StageSpec.described`).
        remake: whatever changed, all of it is made again.
        entry_of: from an input to its entry.

    Returns: in words, what else differs, if something does.
    """
    if entry.fingerprint == fingerprint(now):
        return frozenset()
    if remake:
        return None
    # As JSON, where lists and tuples are the same.
    then, wanted = _flat(entry.model_dump(mode="json", exclude_none=True)), _flat(json.loads(json.dumps(now)))
    inputs_then, inputs_now = then.pop("inputs"), wanted.pop("inputs")
    difference = first_difference(then, wanted)
    if difference is not None:
        return difference
    changed: set[str] = set()
    for name, sha256 in inputs_now.items():
        ids = repaired_ids(entry_of(name), inputs_then.get(name), sha256)
        if ids is None:
            return None
        if isinstance(ids, str):
            return f"inputs.{name} is another file"
        changed |= ids
    return frozenset(changed)


def _flat(described: Mapping[str, Any]) -> dict[str, Any]:
    """Settings at the top, where a message names them as the user knows them."""
    return {**described["settings"], "share": described["share"], "inputs": described["inputs"]}

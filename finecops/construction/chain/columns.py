"""Columns of negatives: types and levels, their quotas, and the ids of their samples."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from finecops.construction.edits.plan import COLUMNS as IMAGE_COLUMNS
from finecops.construction.negatives.requests import COLUMNS as TEXT_COLUMNS
from finecops.construction.negatives.requests import TYPES, Level
from finecops.errors import UsageError
from finecops.names import unknown_name

Column = tuple[str, Level]
ID_STEP: Final = 1_000_000
"""Ids of a column's samples: its number times this, and the id of the positive. So a sample has the same id whatever
else is made of the positives."""
TOO_MUCH: Final = "its graph has too many objects of a kind to prove more"
MOST_POSITIVES: Final = ID_STEP - 1


def text_id(column: Column, positive_id: int) -> int:
    """The id of a negative expression.

    >>> text_id(("replace_object", 2), 17)
    2000017
    """
    return (1 + TEXT_COLUMNS.index(column)) * ID_STEP + positive_id


def image_id(column: Column, positive_id: int) -> int:
    """The id of a negative image, which is that of no expression."""
    return (1 + len(TEXT_COLUMNS) + IMAGE_COLUMNS.index(column)) * ID_STEP + positive_id


def key_of(column: Column) -> str:
    """A column as `build.json` and tables name it.

    >>> key_of(("flip", 1))
    'flip/1'
    """
    return f"{column[0]}/{column[1]}"


def text_columns(names: Sequence[str]) -> list[Column]:
    """The columns that `--negatives` names, in the paper's order; all if it names none.

    >>> text_columns(["swap_object", "replace_relation/2"])
    [('replace_relation', 2), ('swap_object', 1), ('swap_object', 2)]

    Raises:
        UsageError: there is no such type or level.
    """
    wanted = set()
    for name in names:
        type_, slash, level = name.partition("/")
        if type_ not in TYPES:
            raise UsageError(f"--negatives: {unknown_name('type', type_, TYPES)}")
        if slash and level not in ("1", "2"):
            raise UsageError(f"--negatives: {name!r} has no level 1 or 2 behind the slash")
        wanted |= {column for column in TEXT_COLUMNS if column[0] == type_ and level in ("", str(column[1]))}
    return [column for column in TEXT_COLUMNS if column in wanted or not names]


def shuffled_ids(ids: Iterable[int], seed: int, column: Column, kind: str) -> list[int]:
    """Positives in a random order, so that a column is not filled from the first images alone."""
    # Ids come in the order of the graphs: the same for every column, so that each has a generator of its own.
    order = list(ids)
    random.Random(f"{seed}/{kind}/{key_of(column)}").shuffle(order)
    return order


def image_quotas(flips: int, edits: int, has_editor: bool) -> Mapping[Column, int]:
    """Column → how many negative images it has at most; columns without any are left out."""
    found = {column: flips if column[0] == "flip" else edits * has_editor for column in IMAGE_COLUMNS}
    return {column: quota for column, quota in found.items() if quota}

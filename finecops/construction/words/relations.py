"""The table of relations, `relations.tsv`: GQA's 121 most frequent relations, judged one by one, and rarer ones.

What its columns exclude is said of targets that are whole things, and of heads that `heads` allows: a vase that stands
on a table also sits on it, a wheel on the bus is under it too, and a hand that wears a glove does not stop its owner
from wearing it. So a contradiction, `one_head` and `one_tail` count only between relations whose `heads` both have the
head's being, and not where the head is a part of something (`Noun.target` is false), plural, or mass.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from finecops.construction.lexicon import Being, RelationWord, Sort

Side = Literal["left", "right", "above", "below"]

_TABLE = "relations.tsv"


@cache
def relations() -> Mapping[str, RelationWord]:
    """All relations of the table by name, GQA's first, most frequent first. Contradictions are symmetric."""
    text = files(__package__).joinpath(_TABLE).read_text(encoding="utf-8")
    return read_relations(text.splitlines())


def read_relations(lines: Iterable[str]) -> dict[str, RelationWord]:
    """Relations of a table's lines: a line of column names, a relation a line; lines with "#" before them are skipped.

    A relation that another one names as its contradiction has that one as its own, too.

    Raises:
        ValueError: two lines are about one relation, or one names a relation that the table does not have.
    """
    rows = list(csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t", strict=True))
    excludes: dict[str, set[str]] = {row["name"]: set() for row in rows}
    if len(excludes) < len(rows):
        raise ValueError("a relation has two lines")
    for row in rows:
        named = [*_list(row["contradictions"]), *_list(row["mirror"]), *_list(row["inverse"])]
        unknown = [other for other in named if other not in excludes]
        if unknown:
            raise ValueError(f"{row['name']}: the table has no relation {', '.join(unknown)}")
        for other in _list(row["contradictions"]):
            excludes[row["name"]].add(other)
            excludes[other].add(row["name"])
    return {row["name"]: _relation(row, frozenset(excludes[row["name"]])) for row in rows}


def _relation(row: Mapping[str, str], contradictions: frozenset[str]) -> RelationWord:
    verb = _list(row["verb"])
    return RelationWord(
        name=row["name"],
        phrases=tuple(_list(row["phrases"])),
        verb=(verb[0], verb[1]) if verb else None,
        inverse=row["inverse"] or None,
        contradictions=contradictions,
        mirror=row["mirror"] or None,
        boxes=cast("Side | None", row["boxes"] or None),
        contact=row["contact"] == "yes",
        one_head=row["one_head"] == "yes",
        one_tail=row["one_tail"] == "yes",
        heads=frozenset(cast("list[Being]", _list(row["heads"]))),
        question=row["question"] == "yes",
        sort=cast("Sort", row["sort"]),
    )


def _list(cell: str) -> list[str]:
    return cell.split("|") if cell else []

"""The table of relations, `relations.tsv`: GQA's 121 most frequent relations, judged one by one, and rarer ones.

What its columns exclude is said of targets that are whole things, and of heads that `heads` allows: a vase that stands
on a table also sits on it, a wheel on the bus is under it too, and a hand that wears a glove does not stop its owner
from wearing it. So a contradiction, `one_head` and `one_tail` count only between relations whose `heads` both have the
head's being, and not where the head is a part of something (`Noun.target` is false), plural, or mass.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, cast, get_args

from finecops.construction.lexicon import Being, RelationWord, Sort
from finecops.construction.words.tables import Row, one_of, read_rows, words_of
from finecops.text import shortly

Side = Literal["left", "right", "above", "below"]

COLUMNS: Final = (
    *("name", "sort", "phrases", "verb", "heads", "contact", "one_head", "one_tail", "boxes", "mirror", "inverse"),
    *("contradictions", "question"),
)


def read_relations(lines: Iterable[str]) -> dict[str, RelationWord]:
    """Relations of a table's lines: a line of column names, a relation a line; lines with "#" before them are skipped.

    A relation that another one names as its contradiction has that one as its own, too.

    Raises:
        ValueError: names the line, and what is wrong with it.
    """
    rows = {row["name"]: (number, row) for number, row in read_rows(lines, COLUMNS)}
    # All names first: a line may name a relation further down.
    excludes: dict[str, set[str]] = {name: set() for name in rows}
    for name, (number, row) in rows.items():
        contradictions = words_of(row["contradictions"])
        for other in (*contradictions, *words_of(row["mirror"]), *words_of(row["inverse"])):
            if other not in rows:
                raise ValueError(f"line {number}: {shortly(name)} names {shortly(other)}, which has no line of its own")
        for other in contradictions:
            excludes[name].add(other)
            excludes[other].add(name)
    return {name: _relation(number, row, frozenset(excludes[name])) for name, (number, row) in rows.items()}


def _relation(number: int, row: Row, contradictions: frozenset[str]) -> RelationWord:
    for column in ("contact", "one_head", "one_tail", "question"):
        one_of(number, row[column], ("yes", "no"))
    phrases, verb, heads = words_of(row["phrases"]), words_of(row["verb"]), words_of(row["heads"])
    if not phrases:
        raise ValueError(f"line {number}: {shortly(row['name'])} has no phrases")
    # Singular and plural: one alone would give "the men wears".
    if len(verb) not in (0, 2):
        raise ValueError(f"line {number}: a verb is two words, as in wears|wear, or none")
    for being in heads:
        one_of(number, being, get_args(Being))
    return RelationWord(
        name=row["name"],
        phrases=tuple(phrases),
        verb=(verb[0], verb[1]) if verb else None,
        inverse=row["inverse"] or None,
        contradictions=contradictions,
        mirror=row["mirror"] or None,
        boxes=cast("Side | None", one_of(number, row["boxes"], get_args(Side)) or None),
        contact=row["contact"] == "yes",
        one_head=row["one_head"] == "yes",
        one_tail=row["one_tail"] == "yes",
        heads=frozenset(cast("list[Being]", heads)),
        question=row["question"] == "yes",
        sort=cast("Sort", one_of(number, row["sort"], get_args(Sort)) or "place"),
    )

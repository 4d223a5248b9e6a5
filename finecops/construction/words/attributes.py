"""The tables of attributes: words (`attributes.tsv`), their kinds (`kinds.tsv`), what may be said of the same object
(`near.tsv`), what excludes each other (`opposites.tsv`), and of which names they are not said (`unsaid.tsv`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast, get_args

from finecops.construction.lexicon import Attribute, Being
from finecops.construction.words.tables import ANY, Row, one_of, read_pairs, read_rows, words_of
from finecops.text import shortly

COLUMNS = ("name", "kind", "place", "of")
KIND_COLUMNS = ("kind", "exclusive", "order", "place", "of", "compared", "why")
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the tables say."""

    words: dict[str, Attribute]
    exclusive: frozenset[str] = frozenset()
    compared: frozenset[str] = frozenset()


def read_attributes(
    lines: Iterable[str],
    kinds: Iterable[str] = ("kind",),
    near: Iterable[str] = ("names",),
    opposites: Iterable[str] = ("names",),
    unsaid: Iterable[str] = ("attributes",),
    below: Callable[[str], Iterable[str]] = lambda kind: [kind],
) -> Attributes:
    """Attributes by name, in the order of their lines.

    Args:
        lines: as `attributes.tsv`.
        kinds: as `kinds.tsv`; a kind without a line excludes nothing, stands before the noun and is said of all.
        near: as `near.tsv`.
        opposites: as `opposites.tsv`.
        unsaid: as `unsaid.tsv`; its names need no line in a table of nouns.
        below: name → it and all names of its kinds.

    Raises:
        ValueError: names the line, and what is wrong with it.
    """
    kind_rows = {row["kind"]: _checked_kind(number, row) for number, row in read_rows(kinds, KIND_COLUMNS)}
    rows = {row["name"]: (number, row) for number, row in read_rows(lines, COLUMNS)}
    of_kind: dict[str, list[str]] = {}
    for name, (number, row) in rows.items():
        if not row["kind"]:
            raise ValueError(f"line {number}: {shortly(name)} has no kind")
        of_kind.setdefault(row["kind"], []).append(name)

    def known(word: str) -> bool:
        return word in rows or word in of_kind

    near_pairs = read_pairs(near, lambda kind: of_kind.get(kind, []), known)
    opposite_pairs = read_pairs(opposites, lambda kind: of_kind.get(kind, []), known)
    not_of = _read_unsaid(unsaid, rows.__contains__, below)
    words = {}
    for name, (number, row) in rows.items():
        kind = kind_rows.get(row["kind"], {})
        place = row["place"] or kind.get("place", "")
        beings = row["of"] or kind.get("of", "")
        words[name] = Attribute(
            name=name,
            kind=row["kind"],
            near=frozenset(near_pairs.get(name, ())),
            opposites=frozenset(opposite_pairs.get(name, ())),
            after=one_of(number, place, ("before", "after")) == "after",
            order=int(kind.get("order") or 0),
            beings=_beings(number, beings),
            unsaid=frozenset(not_of.get(name, ())),
        )
        if words[name].near & words[name].opposites:
            both = min(words[name].near & words[name].opposites)
            raise ValueError(f"line {number}: {shortly(name)} and {shortly(both)} are near and opposite")
        if any(rows[other][1]["kind"] != row["kind"] for other in words[name].near):
            raise ValueError(f"line {number}: {shortly(name)} is near an attribute of another kind")
    return Attributes(
        words,
        frozenset(kind for kind, row in kind_rows.items() if row["exclusive"] == "yes"),
        frozenset(kind for kind, row in kind_rows.items() if row["compared"] == "yes"),
    )


def _read_unsaid(
    lines: Iterable[str], known: Callable[[str], bool], below: Callable[[str], Iterable[str]]
) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for number, row in read_rows(lines, ("attributes", "names"), once=False):
        names = {
            name
            for word in words_of(row["names"])
            for name in (below(word.removeprefix(ANY)) if word.startswith(ANY) else (word,))
        }
        for attribute in words_of(row["attributes"]):
            if not known(attribute):
                raise ValueError(f"line {number}: {shortly(attribute)} has no line of its own")
            found.setdefault(attribute, set()).update(names)
    return found


def _checked_kind(number: int, row: Row) -> Row:
    for column in ("exclusive", "compared"):
        one_of(number, row[column], ("yes", "no"))
    one_of(number, row["place"], ("before", "after"))
    _beings(number, row["of"])
    if row["order"] and not (row["order"].isascii() and row["order"].isdigit() and len(row["order"]) < 7):
        raise ValueError(f"line {number}: the order {shortly(row['order'])} is no whole number")
    return row


def _beings(number: int, cell: str) -> frozenset[Being]:
    named = words_of(cell)
    for being in named:
        one_of(number, being, (*get_args(Being), _ALL))
    return frozenset() if _ALL in named else frozenset(cast("list[Being]", named))

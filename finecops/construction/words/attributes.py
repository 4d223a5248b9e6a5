"""The tables of attributes: words (`attributes.tsv`), their kinds (`kinds.tsv`), what may be said of the same object
(`near.tsv`), what excludes each other (`opposites.tsv`), and of which names they are not said (`unsaid.tsv`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast, get_args

from finecops.construction.lexicon import Attribute, Being
from finecops.construction.words.tables import ANY, Pairs, Row, naming, one_of, read_pairs, read_rows, words_of
from finecops.text import shortly

COLUMNS = ("name", "kind", "place", "of")
KIND_COLUMNS = ("kind", "exclusive", "order", "place", "of", "compared", "several", "why")
_PLACES = ("before", "after")
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
    with naming("kinds.tsv"):
        kind_rows = _read_kinds(kinds)
    of_kind: dict[str, list[str]] = {}
    with naming("attributes.tsv"):
        rows = {row["name"]: (number, row) for number, row in read_rows(lines, COLUMNS)}
        for name, (number, row) in rows.items():
            if not row["kind"]:
                raise ValueError(f"line {number}: {shortly(name)} has no kind")
            of_kind.setdefault(row["kind"], []).append(name)

    near_pairs, opposite_pairs = _pairs(
        near, opposites, {name: row["kind"] for name, (_, row) in rows.items()}, of_kind
    )
    with naming("unsaid.tsv"):
        not_of = _read_unsaid(unsaid, rows.__contains__, below)
    words = {}
    with naming("attributes.tsv"):
        for name, (number, row) in rows.items():
            kind = kind_rows.get(row["kind"], {})
            # A word may stand elsewhere than the others of its kind, so its own cell comes first.
            place = one_of(number, row["place"], _PLACES) or kind.get("place", "")
            words[name] = Attribute(
                name=name,
                kind=row["kind"],
                near=frozenset(near_pairs.get(name, ())),
                opposites=frozenset(opposite_pairs.get(name, ())),
                after=place == "after",
                order=int(kind.get("order") or 0),
                beings=_beings(number, row["of"] or kind.get("of", "")),
                unsaid=frozenset(not_of.get(name, ())),
                several=frozenset(words_of(kind.get("several", ""))),
            )
    return Attributes(
        words,
        frozenset(kind for kind, row in kind_rows.items() if row["exclusive"] == "yes"),
        frozenset(kind for kind, row in kind_rows.items() if row["compared"] == "yes"),
    )


def _pairs(
    near: Iterable[str], opposites: Iterable[str], kinds: Mapping[str, str], of_kind: Mapping[str, list[str]]
) -> tuple[Pairs, Pairs]:
    def all_of(kind: str) -> list[str]:
        return of_kind.get(kind, [kind])

    with naming("near.tsv"):
        near_pairs = read_pairs(near, all_of, kinds.__contains__)
        for name, others in near_pairs.items():
            for other in others:
                # Only values of one kind exclude each other, so nearness across kinds would change nothing: a slip.
                if kinds[other] != kinds[name]:
                    raise ValueError(f"{shortly(name)} and {shortly(other)} are of different kinds")
    with naming("opposites.tsv"):
        opposite_pairs = read_pairs(opposites, all_of, kinds.__contains__)
        for name, others in opposite_pairs.items():
            # One table would say that both may hold, the other that they cannot.
            for other in others & near_pairs.get(name, set()):
                raise ValueError(f"{shortly(name)} and {shortly(other)} stand in near.tsv, too")
    return near_pairs, opposite_pairs


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


def _read_kinds(lines: Iterable[str]) -> dict[str, Row]:
    rows = {row["kind"]: _checked_kind(number, row) for number, row in read_rows(lines, KIND_COLUMNS)}
    for kind, row in rows.items():
        for other in words_of(row["several"]):
            if other not in rows:
                raise ValueError(f"{shortly(kind)} has several of {shortly(other)}, which has no line")
    return rows


def _checked_kind(number: int, row: Row) -> Row:
    for column in ("exclusive", "compared"):
        one_of(number, row[column], ("yes", "no"))
    one_of(number, row["place"], _PLACES)
    _beings(number, row["of"])
    # ASCII and short: int() takes other scripts' digits, and refuses very long numbers with words of its own.
    if row["order"] and not (row["order"].isascii() and row["order"].isdigit() and len(row["order"]) < 7):
        raise ValueError(f"line {number}: the order {shortly(row['order'])} is no whole number")
    return row


def _beings(number: int, cell: str) -> frozenset[Being]:
    named = words_of(cell)
    for being in named:
        one_of(number, being, (*get_args(Being), _ALL))
    # Empty means all; the word "all" lets a line undo the limits of its kind.
    return frozenset() if _ALL in named else frozenset(cast("list[Being]", named))

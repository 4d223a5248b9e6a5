"""The table of nouns: names of objects (`nouns.tsv`), and those that annotators mix (`alike.tsv`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast, get_args

from finecops.construction.lexicon import Being, Noun, Number
from finecops.construction.words.tables import Pairs, Row, naming, one_of, read_pairs, read_rows, words_of
from finecops.text import shortly

COLUMNS = ("name", "number", "target", "being", "kinds", "synonyms", "singular")


def read_nouns(lines: Iterable[str], alike: Iterable[str] = ("names",)) -> dict[str, Noun]:
    """Nouns by name, in the order of their lines; behind them synonyms that have no line of their own.

    Args:
        lines: as `nouns.tsv`.
        alike: as `alike.tsv`.

    Raises:
        ValueError: names the line, and what is wrong with it.
    """
    with naming("nouns.tsv"):
        rows = {row["name"]: (number, row) for number, row in read_rows(lines, COLUMNS)}
        same = _synonyms(rows)
        # Annotators write a synonym too, so it is a name with all that its line's word has.
        for name in [name for name in same if name not in rows]:
            rows[name] = next(rows[other] for other in rows if other in same[name])
        kinds = _all_kinds(rows, same)
    below: dict[str, list[str]] = {}
    for name in rows:
        for kind in kinds[name]:
            below.setdefault(kind, []).append(name)
    with naming("alike.tsv"):
        pairs = read_pairs(alike, lambda kind: [kind, *below.get(kind, [])], rows.__contains__)
    _pair_plurals(rows, pairs)
    for name, others in pairs.items():
        # Symmetric: neither is a synonym of the other, nor above it.
        for other in [o for o in others if o in kinds[name] or o in same.get(name, ())]:
            others.discard(other)
            pairs[other].discard(name)
    with naming("nouns.tsv"):
        return {
            name: _noun(name, row, same.get(name, frozenset()), kinds[name], frozenset(pairs.get(name, ())), number)
            for name, (number, row) in rows.items()
        }


Rows = dict[str, tuple[int, Row]]
Names = Mapping[str, frozenset[str]]


def _synonyms(rows: Rows) -> dict[str, frozenset[str]]:
    """Name → its synonyms: whatever is reached over the table's, in both directions."""
    groups: dict[str, set[str]] = {}
    for name, (_, row) in rows.items():
        group = groups.setdefault(name, {name})
        for other in words_of(row["synonyms"]):
            others = groups.setdefault(other, {other})
            # Members of a group share one set object: these are joined already.
            if others is not group:
                group |= others
                groups.update(dict.fromkeys(others, group))
    return {name: frozenset(group - {name}) for name, group in groups.items() if len(group) > 1}


def _all_kinds(rows: Rows, same: Names) -> dict[str, set[str]]:
    """Name → all kinds above it: its own and its synonyms', those above them, and the synonyms of all of these."""
    direct: dict[str, set[str]] = {}
    for name in rows:
        direct[name] = set()
        for one in (name, *same.get(name, ())):
            for kind in words_of(rows[one][1]["kinds"]):
                if kind not in rows:
                    raise ValueError(f"line {rows[one][0]}: the kind {shortly(kind)} has no line of its own")
                direct[name] |= {kind, *same.get(kind, ())}
    # Twice: the kinds of plurals come from all kinds of their singulars, and have kinds above them in turn.
    kinds = _closed(rows, direct)
    plural_of = _plurals(rows, same)
    for name, (_, row) in rows.items():
        # Cats are animals, as a cat is an animal.
        if row["number"] == "plural" and row["singular"]:
            for plural in {plural_of[kind] for kind in kinds[row["singular"]] if kind in plural_of}:
                # A name above itself would be refused as a circle.
                if plural != name and plural not in same.get(name, ()):
                    for one in (name, *same.get(name, ())):
                        direct[one] |= {plural, *same.get(plural, ())}
    return _closed(rows, direct)


def _closed(rows: Rows, direct: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Name → all that is reached over direct kinds."""
    kinds: dict[str, set[str]] = {}
    for name in rows:
        found: set[str] = set()
        left = list(direct[name])
        while left:
            kind = left.pop()
            if kind not in found:
                found.add(kind)
                left += direct[kind]
        if name in found:
            raise ValueError(f"line {rows[name][0]}: {shortly(name)} is a kind above itself")
        kinds[name] = found
    return kinds


def _plurals(rows: Rows, same: Names) -> dict[str, str]:
    """Singular, or a synonym of it → the first plural of it."""
    plural_of: dict[str, str] = {}
    for name, (number, row) in rows.items():
        singular = row["singular"]
        if singular and (singular not in rows or singular == name):
            why = "is the name itself" if singular == name else "has no line of its own"
            raise ValueError(f"line {number}: the singular {shortly(singular)} {why}")
        if singular and row["number"] == "plural":
            for one in (singular, *same.get(singular, ())):
                plural_of.setdefault(one, name)
    return plural_of


def _pair_plurals(rows: Rows, pairs: Pairs) -> None:
    """Cups and mugs are mixed, as a cup and a mug are."""
    plurals: dict[str, list[str]] = {}
    for name, (_, row) in rows.items():
        if row["singular"]:
            plurals.setdefault(row["singular"], []).append(name)
    for one, names in plurals.items():
        for other in tuple(pairs.get(one, ())):
            for name in names:
                for plural in plurals.get(other, []):
                    if plural != name:
                        pairs.setdefault(name, set()).add(plural)
                        pairs.setdefault(plural, set()).add(name)


def _noun(name: str, row: Row, synonyms: frozenset[str], kinds: set[str], alike: frozenset[str], number: int) -> Noun:
    count, being, target = row["number"] or "singular", row["being"] or "thing", row["target"] or "yes"
    for said, allowed in ((count, get_args(Number)), (being, get_args(Being)), (target, ("yes", "no"))):
        one_of(number, said, allowed)
    return Noun(
        name=name,
        number=cast("Number", count),
        being=cast("Being", being),
        target=target == "yes",
        synonyms=synonyms,
        kinds=frozenset(kinds),
        alike=alike,
        singular=row["singular"] or None,
    )

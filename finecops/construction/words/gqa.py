"""GQA's lexicon, and lexicons of other worlds from a folder of tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from finecops.construction.lexicon import Lexicon, Noun
from finecops.construction.words.attributes import Attributes, read_attributes
from finecops.construction.words.nouns import read_nouns
from finecops.construction.words.relations import read_relations
from finecops.construction.words.tables import naming
from finecops.errors import DataError
from finecops.paths import open_regular
from finecops.text import shortly

PARTS: Final = {
    "nouns.tsv": ("alike.tsv",),
    "attributes.tsv": ("kinds.tsv", "near.tsv", "opposites.tsv", "unsaid.tsv"),
    "relations.tsv": (),
}
"""The tables of a lexicon, each with those that belong to it."""
MAX_BYTES: Final = 16_000_000
"""A table is not larger. GQA's have up to 45,000 bytes."""

Table = Callable[[str], list[str] | None]
"""A table's name → its lines, or None if there is none."""


@cache
def gqa_lexicon() -> Lexicon:
    """The words of GQA's scene graphs, from the tables of this package: its names, attributes and relations.

    GQA's graphs do not say everything, so that `Lexicon.complete` is false.
    """
    nouns = _nouns(_own_table)
    attributes = _attributes(_own_table, nouns)
    relations = read_relations(_own_table("relations.tsv"))
    return Lexicon(nouns, attributes.words, attributes.exclusive, relations, compared=attributes.compared)


def lexicon_from(folder: Path) -> Lexicon:
    """A lexicon from a user's tables.

    Args:
        folder: has at least one of nouns.tsv (with alike.tsv), attributes.tsv (with kinds.tsv, near.tsv,
            opposites.tsv and unsaid.tsv) and relations.tsv, in the layout of GQA's. Those of the three that it lacks
            are GQA's.

    Raises:
        DataError: no such folder, none of these tables, another one, or one that is damaged; names file and line.
    """
    there = _tables_of(folder)

    def table(name: str) -> list[str] | None:
        return _user_table(folder / name) if name in there else None

    found = gqa_lexicon()
    try:
        if "nouns.tsv" in there:
            found = replace(found, nouns=_nouns(table))
        if "attributes.tsv" in there:
            own = _attributes(table, found.nouns)
            found = replace(found, attributes=own.words, exclusive=own.exclusive, compared=own.compared)
        if "relations.tsv" in there:
            with naming("relations.tsv"):
                found = replace(found, relations=read_relations(_user_table(folder / "relations.tsv")))
    except ValueError as error:
        raise DataError(f"{folder}: {error}") from error
    return found


def copy_tables(folder: Path) -> list[Path]:
    """Write GQA's tables to a folder, to be edited and read with `lexicon_from`.

    Args:
        folder: is made if it is missing.

    Returns:
        The files.

    Raises:
        DataError: one of them is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for main, others in PARTS.items() for name in (main, *others)]
    for path in paths:
        if path.exists():
            raise DataError(f"{path} is there already; choose a new folder")
    # All are looked for before any is written: a refusal leaves no half of the tables.
    for path in paths:
        path.write_text(_own_text(path.name), encoding="utf-8", newline="\n")
    return paths


def _tables_of(folder: Path) -> set[str]:
    known = {name for main, others in PARTS.items() for name in (main, *others)}
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; a folder of words has {', '.join(PARTS)}, or some of them")
    there = {path.name for path in folder.iterdir() if path.suffix == ".tsv"}
    # A misspelled name would leave a table unread, and nobody would see it.
    if there - known:
        raise DataError(f"{folder} has {shortly(min(there - known))}; its tables are {', '.join(sorted(known))}")
    if not there & set(PARTS):
        raise DataError(f"{folder} has none of {', '.join(PARTS)}")
    for main, others in PARTS.items():
        alone = sorted(there.intersection(others))
        if alone and main not in there:
            raise DataError(f"{folder / alone[0]} belongs to {main}, which is missing beside it")
    return there


def _nouns(table: Table) -> dict[str, Noun]:
    return read_nouns(table("nouns.tsv") or (), table("alike.tsv") or ("names",))


def _attributes(table: Table, nouns: Mapping[str, Noun]) -> Attributes:
    def below(kind: str) -> list[str]:
        # The kind itself too: unsaid.tsv may name words that no table of nouns has.
        return [kind, *(name for name, noun in nouns.items() if kind in noun.kinds | noun.synonyms)]

    return read_attributes(
        table("attributes.tsv") or (),
        table("kinds.tsv") or ("kind",),
        table("near.tsv") or ("names",),
        table("opposites.tsv") or ("names",),
        table("unsaid.tsv") or ("attributes",),
        below,
    )


def _own_table(name: str) -> list[str]:
    return _own_text(name).split("\n")


def _own_text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _user_table(path: Path) -> list[str]:
    with open_regular(path) as file:
        # One byte more than is allowed tells a file that is too large, without reading all of it.
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES} bytes; a table of words is far smaller")
    try:
        # Spreadsheets write a mark first. Not splitlines(), which also cuts where no editor ends a line.
        return content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: save it as tab-separated text in UTF-8") from error

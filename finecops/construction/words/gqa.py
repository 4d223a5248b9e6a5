"""GQA's lexicon, and lexicons of other worlds from a folder of tables."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from finecops.construction.lexicon import Lexicon
from finecops.construction.words.attributes import read_attributes
from finecops.construction.words.nouns import read_nouns
from finecops.construction.words.relations import read_relations
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

Text = TypeVar("Text")


@cache
def gqa_lexicon() -> Lexicon:
    """The words of GQA's scene graphs, from the tables of this package: its names, attributes and relations.

    GQA's graphs do not say everything, so that `Lexicon.complete` is false.
    """
    return _lexicon(_own_table)


def lexicon_from(folder: Path) -> Lexicon:
    """A lexicon from a user's tables.

    Args:
        folder: has at least one of nouns.tsv (with alike.tsv), attributes.tsv (with kinds.tsv, near.tsv,
            opposites.tsv and unsaid.tsv) and relations.tsv, in the layout of GQA's. Those of the three that it lacks
            are GQA's.

    Raises:
        DataError: no such folder, none of these tables, another one, or one that is damaged; names file and line.
    """
    known = {name for part in PARTS.items() for name in (part[0], *part[1])}
    if not folder.is_dir():
        raise DataError(f"no folder {folder}: --words takes a folder with {', '.join(PARTS)}, or some of them")
    there = {path.name for path in folder.iterdir() if path.suffix == ".tsv"}
    if there - known:
        raise DataError(f"{folder} has {shortly(min(there - known))}; its tables are {', '.join(sorted(known))}")
    if not there & set(PARTS):
        raise DataError(f"{folder} has none of {', '.join(PARTS)}")
    for main, others in PARTS.items():
        alone = sorted(there.intersection(others))
        if alone and main not in there:
            raise DataError(f"{folder / alone[0]} belongs to {main}, which is missing beside it")
    part_of = {name: main for main, others in PARTS.items() for name in (main, *others)}

    def text(name: str) -> str | None:
        if part_of[name] not in there:
            return _own_table(name)
        return _user_table(folder / name) if name in there else None

    return _lexicon(text, folder)


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
    for path in paths:
        path.write_text(_own_table(path.name), encoding="utf-8", newline="\n")
    return paths


def _own_table(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _user_table(path: Path) -> str:
    with open_regular(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError(f"{path} has more than {MAX_BYTES} bytes; a table of words is far smaller")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: save it as tab-separated text in UTF-8") from error


def _lexicon(text: Callable[[str], str | None], folder: Path | None = None) -> Lexicon:
    def lines(name: str, empty: str) -> list[str]:
        found = text(name)
        return [empty] if found is None else found.split("\n")

    def checked(names: str, read: Callable[[], Text]) -> Text:
        try:
            return read()
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, csv.Error) as error:
            if folder is None:
                raise
            raise DataError(f"{folder}: {names}: {error}") from error

    nouns = checked(
        "nouns.tsv or alike.tsv", lambda: read_nouns(lines("nouns.tsv", "name"), lines("alike.tsv", "names"))
    )
    attributes = checked(
        "attributes.tsv or its tables",
        lambda: read_attributes(
            lines("attributes.tsv", "name"),
            lines("kinds.tsv", "kind"),
            lines("near.tsv", "names"),
            lines("opposites.tsv", "names"),
            lines("unsaid.tsv", "attributes"),
            lambda kind: [kind, *(name for name, noun in nouns.items() if kind in noun.kinds | noun.synonyms)],
        ),
    )
    relations = checked("relations.tsv", lambda: read_relations(lines("relations.tsv", "name")))
    return Lexicon(nouns, attributes.words, attributes.exclusive, relations, compared=attributes.compared)

"""The world that a benchmark is about: its words, and which of its objects may be targets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pydantic import JsonValue

from finecops.config.find import resolve
from finecops.construction.edits.world import DrawnWorld
from finecops.construction.lexicon import Lexicon
from finecops.construction.truth.targets import ObjectFilter
from finecops.construction.words import gqa_lexicon, lexicon_from
from finecops.construction.words.filters import object_filter, read_names


@dataclass(frozen=True)
class World:
    """What decides which objects may be targets, so that a worker can find out.

    Attributes:
        words: the folder of the tables; None: GQA's.
        complete: what a graph does not say is false.
        scenes: scenes files of Inst-Inpaint.
        keep_names, drop_names: names that targets have alone; that none has; with commas, or a .txt file.
        drawn: a world of the program's own; its words are asked, and no tables.
    """

    words: Path | None = None
    complete: bool = False
    scenes: tuple[Path, ...] = ()
    keep_names: str | None = None
    drop_names: str | None = None
    drawn: DrawnWorld | None = None

    @property
    def lexicon(self) -> Lexicon:
        """Its words."""
        return world_lexicon(self.words, self.complete, self.drawn)


@cache
def world_lexicon(words: Path | None, complete: bool = False, drawn: DrawnWorld | None = None) -> Lexicon:
    """The lexicon of a folder of tables, or GQA's, or a drawn world's; of a world whose graphs say everything, or not.

    Raises:
        DataError: a table is missing or broken.
    """
    if drawn is not None:
        return drawn.lexicon
    # One object for each: what is asked of a lexicon is kept by the object.
    found = gqa_lexicon() if words is None else lexicon_from(words)
    return replace(found, complete=True) if complete else found


def world_settings(words: Path | None, drawn: DrawnWorld | None = None) -> JsonValue:
    """What tells one set of tables from another: the checksum of all words, whatever file they stand in."""
    lexicon = world_lexicon(words, drawn=drawn)
    # Sets have no order of their own.
    said = [
        sorted(map(repr, map(_plain, part.values()))) for part in (lexicon.nouns, lexicon.attributes, lexicon.relations)
    ]
    return hashlib.sha256(repr([said, sorted(lexicon.exclusive), lexicon.complete]).encode()).hexdigest()


def weights_shown(weights: str) -> str:
    """A model's weights as rows and the card have them: of a folder of this machine the last name alone."""
    folder = Path(resolve(weights))
    return folder.resolve().name if folder.is_dir() else weights


def _plain(word: object) -> list[tuple[str, object]]:
    names = word.__dataclass_fields__  # type: ignore[attr-defined]
    values = {name: getattr(word, name) for name in names}
    return [(name, sorted(value) if isinstance(value, frozenset) else value) for name, value in values.items()]


@cache
def target_filter(world: World) -> ObjectFilter | None:
    """The filter of targets of this process: a scenes file has hundreds of megabytes and is read once.

    Raises:
        FinecopsError: a file is broken, or a name is none of the world's.
    """
    return object_filter(world.lexicon, world.scenes, world.keep_names, world.drop_names)


def names_settings(world: World) -> dict[str, JsonValue]:
    """The names that decide, wherever they are written, checked before anything is read.

    Raises:
        FinecopsError: a name is none of the world's, or none is left.
    """
    target_filter(replace(world, scenes=()))
    given = {"keep names": world.keep_names, "drop names": world.drop_names}
    return {key: None if text is None else [*sorted(read_names(text))] for key, text in given.items()}

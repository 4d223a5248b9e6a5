"""The world that a benchmark is about: its words, and which of its objects may be targets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import JsonValue

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.lexicon import Lexicon
from finecops.construction.truth.targets import ObjectFilter
from finecops.construction.words import gqa_lexicon, lexicon_from


@dataclass(frozen=True)
class World:
    """What decides which objects may be targets, so that a worker can find out.

    Attributes:
        words: the folder of the tables; None: GQA's.
        scenes: a scenes file of Inst-Inpaint.
        keep_names, drop_names: names that targets have alone; that none has.
    """

    words: Path | None = None
    scenes: Path | None = None
    keep_names: tuple[str, ...] = ()
    drop_names: tuple[str, ...] = ()


@cache
def world_lexicon(words: Path | None) -> Lexicon:
    """The lexicon of a folder of tables, or GQA's.

    Raises:
        DataError: a table is missing or broken.
    """
    return gqa_lexicon() if words is None else lexicon_from(words)


def world_settings(words: Path | None) -> JsonValue:
    """What tells one set of tables from another: the checksum of all words, whatever file they stand in."""
    lexicon = world_lexicon(words)
    # Sets have no order of their own.
    said = [
        sorted(map(repr, map(_plain, part.values()))) for part in (lexicon.nouns, lexicon.attributes, lexicon.relations)
    ]
    return hashlib.sha256(repr([said, sorted(lexicon.exclusive), lexicon.complete]).encode()).hexdigest()


def _plain(word: object) -> list[tuple[str, object]]:
    names = word.__dataclass_fields__  # type: ignore[attr-defined]
    values = {name: getattr(word, name) for name in names}
    return [(name, sorted(value) if isinstance(value, frozenset) else value) for name, value in values.items()]


@dataclass(frozen=True)
class _Names:
    """Targets by name."""

    keep: frozenset[str]
    drop: frozenset[str]

    def __call__(self, graph: SceneGraph, obj: SceneObject) -> bool:
        return obj.name not in self.drop and (not self.keep or obj.name in self.keep)


@cache
def object_filter(world: World) -> ObjectFilter | None:
    """The filter of targets by name and by Inst-Inpaint's scenes; None: every object may be one."""
    if not world.keep_names and not world.drop_names and world.scenes is None:
        return None
    return _Names(frozenset(world.keep_names), frozenset(world.drop_names))

"""The words of the world that a benchmark is about: GQA's, or the tables of a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import JsonValue

from finecops.construction.lexicon import Lexicon
from finecops.construction.truth.targets import ObjectFilter


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
    from finecops.construction.words import gqa_lexicon

    assert words is None
    return gqa_lexicon()


def world_settings(words: Path | None) -> JsonValue:
    """What tells one set of tables from another."""
    return "gqa" if words is None else hashlib.sha256(b"".join(p.read_bytes() for p in sorted(words.glob("*.tsv")))).hexdigest()


def object_filter(world: World) -> ObjectFilter | None:
    """The filter of targets by name and by Inst-Inpaint's scenes; None: every object may be one."""
    if not world.keep_names and not world.drop_names and world.scenes is None:
        return None
    raise NotImplementedError

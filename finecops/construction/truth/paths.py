"""Paths of an image: descriptions of all tuple types that provably fit one object, hard ones first (paper, III-A)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from finecops.construction.description import Description
from finecops.construction.graph import SceneGraph, TooMuchWorkError
from finecops.construction.lexicon import Lexicon
from finecops.construction.samples import DescriptionRow, PathRow, PathsRow
from finecops.construction.truth.draw import TUPLE_TYPES, Draw, rests_on_sides
from finecops.construction.truth.facts import Facts, Level
from finecops.construction.truth.hard import hard_paths
from finecops.construction.truth.rivals import Clues
from finecops.construction.truth.statements import Statements, Step
from finecops.construction.truth.targets import ObjectFilter, TargetRules, find_targets

PERHAPS: Final = "object: another one may be of its name, none certainly is"
NOT_UNIQUE: Final = "object: no path was found that fits it alone"
NOT_PROVED: Final = "path: not proved"
TOO_MUCH: Final = "image: too many objects of a kind to look for more paths"
NO_TARGET: Final = "no object of the image may be asked for"
NO_PATH: Final = "no path fits one object alone"
_MOST: Final = 24
"""Paths of a level that are looked at, of which the most varied are kept."""
_PER_TARGET: Final = 3
"""Paths of one target at level 1 or 2 that are looked at."""
_STATEMENTS: Final = 2
"""Statements of one target, each enough alone, around which paths of level 2 are drawn."""


@dataclass(frozen=True, slots=True)
class PathOptions:
    """How paths are looked for.

    Attributes:
        per_level: at most so many paths of a level and image.
        sides: share of the relations that are drawn from left and right, where there are others. They are nine tenths
            of GQA's edges, and read from the boxes.
        types: tuple types.
        targets: what a target must be.
        seed: of everything random; each image has a generator of its own.
    """

    per_level: int = 4
    sides: float = 1 / 3
    types: tuple[str, ...] = TUPLE_TYPES
    targets: TargetRules = field(default_factory=TargetRules)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Path:
    """A description that fits one object, provably no other: the number of this object, and its level."""

    said: Description
    target: int
    level: Level
    side: bool = False
    """Whether one of its relations is read from the boxes."""


def find_paths(
    graph: SceneGraph, lexicon: Lexicon, options: PathOptions | None = None, object_filter: ObjectFilter | None = None
) -> PathsRow:
    """The paths of an image: a bounded number of each level, of different types, targets and relations.

    Level 3 is searched for among all that can be said, level 2 with every statement that is enough, and level 1 is
    drawn. Each path is then proved again by `Facts`, which knows nothing of the search.

    Args:
        graph: of the image.
        lexicon: the world's words.
        options: how many, of which types.
        object_filter: which objects may be targets.

    Returns:
        A row with paths (`kept`), or one that says why there is none (`dropped`). `dropped` in it counts objects that
        are no targets, and targets without a path, by reason.
    """
    options = options or PathOptions()
    facts = Facts(graph, lexicon)
    dropped = Counter[str]()
    found: list[PathRow] = []
    reason = NO_PATH
    try:
        targets, dropped = find_targets(facts, options.targets, object_filter)
        if not targets:
            reason = NO_TARGET
        search = _Search(facts, targets, options)
        for path in search.paths():
            row = _proved(facts, path)
            if row is None:
                dropped[NOT_PROVED] += 1
            else:
                found.append(row)
        dropped += search.dropped
    except TooMuchWorkError:
        # What was found before is proved.
        dropped[TOO_MUCH] += 1
        reason = TOO_MUCH
    counts = dict(sorted(dropped.items()))
    if not found:
        return PathsRow(image_id=graph.image_id, status="dropped", reason=reason, dropped=counts)
    return PathsRow(image_id=graph.image_id, status="kept", paths=found, dropped=counts)


def _proved(facts: Facts, path: Path) -> PathRow | None:
    """The row of a path; None if what the search found is not so."""
    target_id = facts.objects[path.target].id
    if not facts.is_unique(path.said, target_id) or facts.level_of(path.said, 1 << path.target) != path.level:
        return None
    return PathRow(
        said=DescriptionRow.of(path.said),
        objects=list(facts.assignment(path.said, target_id)),
        level=path.level,
        strict=path.level < 3 or facts.needs_two(path.said, target_id),
    )


class _Search:
    """The search in one image; `dropped` counts targets without a path."""

    def __init__(self, facts: Facts, targets: list[int], options: PathOptions) -> None:
        self.options, self.dropped = options, Counter[str]()
        self._rng = random.Random(f"{options.seed}/{facts.graph.image_id}/paths")
        self._draw = Draw(Statements(facts), self._rng, options.sides)
        # In a random order: the first objects of a graph would get most of the paths.
        self._rng.shuffle(targets)
        self._alone: list[int] = []
        self._rivalled: list[tuple[int, Clues]] = []
        clues: dict[str, Clues] = {}
        for target in targets:
            name, own = facts.objects[target].name, 1 << target
            # Objects of one name share their clues.
            about = clues[name] = clues.get(name) or Clues(facts, name)
            if about.may == own:
                self._alone.append(target)
            elif about.certain == own:
                # Neither level 1, since it may not be the only one, nor 2 or 3, since it may be.
                self.dropped[PERHAPS] += 1
            else:
                self._rivalled.append((target, about))

    def paths(self) -> Iterator[Path]:
        """Paths of all levels, level 3 first."""
        asked = [Counter[int](), Counter[int]()]
        hard, middle = (list(islice(pool, _MOST)) for pool in (self._hard(asked[0]), self._middle(asked[1])))
        # A target that was not looked at, since there were enough paths of others, may have some.
        looked = asked[0].keys() & asked[1].keys()
        self.dropped[NOT_UNIQUE] += len(looked - {path.target for path in (*hard, *middle)})
        for pool in (hard, middle, list(islice(self._easy(), _MOST))):
            yield from self._varied(pool)

    def _path(self, said: Description, target: int, level: Level) -> Path:
        return Path(said, target, level, rests_on_sides(said, self._draw.statements.lexicon))

    def _hard(self, asked: Counter[int]) -> Iterator[Path]:
        for target, about in self._rivalled:
            asked[target] += 1
            for said in hard_paths(self._draw, about, target, self.options.types):
                yield self._path(said, target, 3)

    def _middle(self, asked: Counter[int]) -> Iterator[Path]:
        """Paths around one statement that is enough."""
        draw, types = self._draw, self.options.types
        for target, about in self._rivalled:
            asked[target] += 1
            enough = self._enough(target, about)
            self._rng.shuffle(enough)
            said = (
                draw.around(target, type_, word, step)
                for word, step in enough[:_STATEMENTS]
                for type_ in self._rng.sample(types, len(types))
            )
            for found in islice(filter(None, said), _PER_TARGET):
                yield self._path(found, target, 2)

    def _enough(self, target: int, about: Clues) -> list[tuple[str | None, Step | None]]:
        """The attributes and relations of a target of which one alone excludes all others."""
        own, statements = 1 << target, self._draw.statements
        words = [a for a in statements.attributes(target) if about.attribute(a).may == own]
        steps = [*self._draw.some_steps(target), *statements.comparisons(target)]
        steps = [s for s in steps if about.leaves(s.relation, statements.node(s.tail)) == own]
        return [*((word, None) for word in words), *((None, step) for step in steps)]

    def _easy(self) -> Iterator[Path]:
        """Paths of objects that are the only ones of their names, drawn at random."""
        types = self.options.types
        for target in self._alone[: self.options.per_level]:
            drawn = (self._draw.around(target, type_) for type_ in self._rng.sample(types, len(types)))
            for said in islice(filter(None, drawn), _PER_TARGET):
                yield self._path(said, target, 1)

    def _varied(self, paths: Sequence[Path]) -> Iterator[Path]:
        """The paths that are kept of a level: of many types and targets, and of sides no more than their share."""
        types, targets = Counter[str](), Counter[int]()
        sides = related = 0
        left = list({path.said: path for path in paths}.values())
        for _ in range(min(self.options.per_level, len(left))):
            # A path over its share of sides comes last, and is better than none.
            many = sides >= self.options.sides * (related + 1)
            keys = [(many and p.side, types[p.said.tuple_type] + targets[p.target], n) for n, p in enumerate(left)]
            best = left.pop(min(keys)[2])
            types[best.said.tuple_type] += 1
            targets[best.target] += 1
            related += bool(best.said.edges)
            sides += best.side
            yield best

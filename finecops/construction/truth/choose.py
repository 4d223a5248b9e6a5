"""The draw of positives from all paths: quotas per level, balanced by what the paths talk about (paper, III-A)."""

from __future__ import annotations

import random
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finecops.construction.lexicon import Lexicon
from finecops.construction.samples import DescriptionRow, PathRow, PathsRow
from finecops.construction.truth.draw import rests_on_sides

LEVELS: Final = (3, 2, 1)
"""Hard ones first: level 1, of which there are most, would use up the images' places."""
NO_MORE: Final = "no more paths of this level were found"
IMAGE_FULL: Final = "their image or target has its positives already"
SIDES_FULL: Final = "left and right have their share"


@dataclass(frozen=True, slots=True)
class ChoiceOptions:
    """How positives are drawn.

    Attributes:
        quotas: level → positives; None: all that there are. A level that is not here gets none.
        per_image: most positives of one image.
        sides: at levels 1 and 2, left and right are at most this share of the positives that have a relation. Level 3
            has too few paths to leave any out.
        seed: of the draw; each image has a generator of its own.
    """

    quotas: Mapping[int, int | None]
    per_image: int = 3
    sides: float = 1 / 3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How the draw of one level ended.

    Attributes:
        wanted: its quota; None: all.
        found: paths of this level.
        chosen: positives.
        left: reason → paths that were not chosen, of a quota that was not met (or of all).
    """

    level: int
    wanted: int | None
    found: int
    chosen: int
    left: Mapping[str, int] = field(default_factory=dict)

    @property
    def unmet(self) -> str | None:
        """A sentence where there are fewer than wanted."""
        if self.wanted is None or self.chosen >= self.wanted:
            return None
        left = "; ".join(f"{count} left out: {reason}" for reason, count in self.left.items()) or NO_MORE
        return f"level {self.level}: {self.chosen} of {self.wanted} positives, from {self.found} paths ({left})"


@dataclass(frozen=True)
class Choice:
    """Which paths become positives: `chosen[n]` is whether path n is, counted through all rows in their order."""

    chosen: NDArray[np.bool_]
    levels: tuple[LevelCount, ...]

    def paths(self, rows: Iterable[PathsRow]) -> Iterator[tuple[PathsRow, PathRow]]:
        """The chosen paths with their rows, in order.

        Args:
            rows: the same rows as those of the draw, read again.
        """
        number = 0
        for row in rows:
            for path in row.paths:
                if self.chosen[number]:
                    yield row, path
                number += 1


def choose_paths(rows: Iterable[PathsRow], lexicon: Lexicon, options: ChoiceOptions) -> Choice:
    """Draw positives, level 3 first.

    The weight of a path is the mean of the inverse frequencies, among the paths of its level, of its parts: names,
    attributes, relations and its type. The draw is weighted, without replacement, with at most `per_image` positives of
    an image and no target twice at the same level. Rows are read once, and about 100 bytes of each path are kept.
    """
    pool = _Pool(lexicon, options.seed)
    for row in rows:
        pool.add(row)
    chosen = np.zeros(len(pool.levels), dtype=bool)
    used: Counter[int] = Counter()
    counts = [_draw(pool, level, options, used, chosen) for level in LEVELS if level in options.quotas]
    # Drawn from the hardest on, reported from the easiest on.
    return Choice(chosen, tuple(reversed(counts)))


class _Pool:
    """All paths as numbers."""

    def __init__(self, lexicon: Lexicon, seed: int) -> None:
        self._lexicon, self._seed = lexicon, seed
        self.images, self.levels, self.targets = array("i"), array("b"), array("i")
        self.related, self.sides, self.random = array("b"), array("b"), array("d")
        self._parts, self._starts = array("i"), array("q")
        self._numbers: dict[str, int] = {}
        self._images = 0

    def add(self, row: PathsRow) -> None:
        """Take the paths of an image."""
        # Rows without paths count too, so that an image keeps its number.
        self._images += 1
        rng = random.Random(f"{self._seed}/{row.image_id}/choice")
        targets: dict[str, int] = {}
        for path in row.paths:
            said = path.said
            self.images.append(self._images)
            self.levels.append(path.level)
            self.targets.append(targets.setdefault(path.objects[0], len(targets)))
            self.related.append(bool(said.edges))
            self.sides.append(bool(said.edges) and rests_on_sides(said.description(), self._lexicon))
            self.random.append(rng.random())
            self._starts.append(len(self._parts))
            self._parts.extend(self._numbers.setdefault(part, len(self._numbers)) for part in _parts(said))

    def order(self, level: int) -> list[int]:
        """The paths of a level as they are drawn."""
        members = (
            np.flatnonzero(np.frombuffer(self.levels, dtype=np.int8) == level) if self.levels else np.zeros(0, int)
        )
        if not len(members):
            return []
        parts, starts = np.frombuffer(self._parts, dtype=np.int32), np.frombuffer(self._starts, dtype=np.int64)
        sizes = np.diff(np.append(starts, len(parts)))
        mine = np.repeat(np.frombuffer(self.levels, dtype=np.int8) == level, sizes)
        frequency = np.bincount(parts[mine], minlength=len(self._numbers))
        # Every path has a part, its type, so no slice is empty.
        inverse = 1 / np.maximum(frequency, 1)[parts]
        weight = (np.add.reduceat(inverse, starts) / sizes)[members]
        # The largest u^(1/weight) first: a weighted draw without replacement (Efraimidis and Spirakis, 2006). Its
        # logarithm has the same order and is never rounded to 0.
        key = np.log1p(-np.frombuffer(self.random, dtype=np.float64)[members]) / weight
        return [int(number) for number in members[np.argsort(-key, kind="stable")]]


def _parts(said: DescriptionRow) -> Iterator[str]:
    """What a description is made of, as texts to count."""
    yield f"type {said.tuple_type}"
    for name, attributes in said.nodes:
        yield f"name {name}"
        for attribute in attributes:
            yield f"attribute {attribute}"
    for relation, _, _ in said.edges:
        yield f"relation {relation}"


def _draw(pool: _Pool, level: int, options: ChoiceOptions, used: Counter[int], chosen: NDArray[np.bool_]) -> LevelCount:
    """Choose the paths of a level; `used` counts the positives of each image."""
    order, wanted = pool.order(level), options.quotas[level]
    sides = 1.0 if level == LEVELS[0] else options.sides
    draw = _LevelDraw(pool, options.per_image, sides, used, len(order) if wanted is None else wanted)
    for number in order:
        draw.offer(number)
    chosen[draw.taken] = True
    # Where the quota is met, nothing is missing, whatever was left.
    left: dict[str, int] = {}
    if wanted is None or len(draw.taken) < wanted:
        waiting = sum(draw.has_place(number) for number in draw.waiting)
        counts = {IMAGE_FULL: len(order) - len(draw.taken) - waiting, SIDES_FULL: waiting}
        left = {reason: count for reason, count in counts.items() if count}
    return LevelCount(level, wanted, len(order), len(draw.taken), left)


class _LevelDraw:
    """The draw of one level. A path over the share of sides waits until there are more others."""

    def __init__(self, pool: _Pool, per_image: int, sides: float, used: Counter[int], wanted: int) -> None:
        self._pool, self._per_image, self._share, self._used, self._wanted = pool, per_image, sides, used, wanted
        self._targets: set[tuple[int, int]] = set()
        self._related = self._sides = 0
        self.taken: list[int] = []
        self.waiting: deque[int] = deque()

    def offer(self, number: int) -> None:
        """Take a path if it has a place, or let it wait."""
        if not self.has_place(number):
            return
        if self._pool.sides[number] and not self._side_fits():
            self.waiting.append(number)
            return
        self._take(number)
        while self.waiting and self._side_fits():
            first = self.waiting.popleft()
            if self.has_place(first):
                self._take(first)

    def has_place(self, number: int) -> bool:
        """Whether there is room for a path: in the quota, in its image, for its target."""
        image = self._pool.images[number]
        return (
            len(self.taken) < self._wanted
            and self._used[image] < self._per_image
            and (image, self._pool.targets[number]) not in self._targets
        )

    def _side_fits(self) -> bool:
        return self._sides + 1 <= self._share * (self._related + 1)

    def _take(self, number: int) -> None:
        image = self._pool.images[number]
        self._used[image] += 1
        self._targets.add((image, self._pool.targets[number]))
        self._related += self._pool.related[number]
        self._sides += self._pool.sides[number]
        # What waits is not looked through again here: `offer` does it, once for each path.
        self.taken.append(number)

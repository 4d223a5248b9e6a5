"""What a worker process has at hand for the images of a build: words, graphs, facts, photographs.

A process makes it once. What travels between processes is its `Place` alone.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from finecops.construction.chain.graphs import GRAPHS, GraphStore
from finecops.construction.chain.photos import Photos
from finecops.construction.chain.worlds import world_lexicon
from finecops.construction.edits.world import DrawnWorld
from finecops.construction.graph import SceneGraph, Work
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.words import CorpusWords
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.statistics import Statistics

STATISTICS: Final = "statistics.json"
_KEPT: Final = 16
"""Facts in memory."""


@dataclass(frozen=True)
class Place:
    """Where a build is, and what its world is."""

    build: Path
    words: Path | None = None
    images: Path | None = None
    complete: bool = False
    drawn: DrawnWorld | None = None


class Desk:
    """Everything that is read from a build's folder once and asked often."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.lexicon: Lexicon = world_lexicon(place.words, place.complete, place.drawn)
        self._facts: OrderedDict[str, Facts] = OrderedDict()

    @cached_property
    def graphs(self) -> GraphStore:
        """The graphs of the chosen images."""
        return GraphStore(self.place.build / GRAPHS)

    @cached_property
    def words(self) -> CorpusWords:
        """Replacement words."""
        # The counts themselves are not kept: every worker process has a desk.
        return CorpusWords(Statistics.read(self.place.build / STATISTICS), self.lexicon)

    @cached_property
    def photos(self) -> Photos | None:
        """Where the photographs are."""
        return None if self.place.images is None else Photos(self.place.images)

    def facts(self, image_id: str) -> Facts:
        """The facts of an image's graph."""
        if image_id not in self._facts:
            self._facts[image_id] = self.facts_of(replace(self.graphs[image_id], work=Work()))
            # Rows come image by image: the oldest is not asked again soon.
            if len(self._facts) > _KEPT:
                self._facts.popitem(last=False)
        return self._facts[image_id]

    def facts_of(self, graph: SceneGraph) -> Facts:
        """The facts of any graph."""
        return Facts(graph, self.lexicon)


@lru_cache(maxsize=1)
def desk_at(place: Place) -> Desk:
    """The desk of this process for a build. A build that was changed since has another one: see `clear_desk`."""
    return Desk(place)


def clear_desk() -> None:
    """Forget what was read: a stage is about to be made anew."""
    desk_at.cache_clear()

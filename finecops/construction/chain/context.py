"""What the stages of one build share: settings, folder, words, photographs, graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

from finecops.construction.chain.desk import Desk, Place, desk_at
from finecops.construction.chain.folder import BuildFolder
from finecops.construction.chain.photos import Photos
from finecops.construction.chain.settings import BuildSettings
from finecops.construction.chain.worlds import World
from finecops.records import Record
from finecops.runs.jsonl import read_rows

R = TypeVar("R", bound=Record)
T = TypeVar("T")


@dataclass(frozen=True)
class Context:
    """A build that is going on. What is read from its folder is read when a stage asks for it."""

    settings: BuildSettings
    folder: BuildFolder

    @cached_property
    def photos(self) -> Photos | None:
        """Where the photographs are; None: nobody looks at them."""
        return None if self.settings.images is None else Photos(self.settings.images)

    @cached_property
    def _shared(self) -> dict[str, object]:
        return {}

    def shared(self, name: str, make: Callable[[], T]) -> T:
        """Something that several stages use, as a language model: made when the first one asks for it."""
        # A model is loaded once, and its budget is one for all stages.
        if name not in self._shared:
            self._shared[name] = make()
        return cast("T", self._shared[name])

    def made(self, name: str) -> object | None:
        """What `shared` made of this name; None: nobody asked for it."""
        return self._shared.get(name)

    @property
    def world(self) -> World:
        """Which objects may be targets."""
        asked = self.settings
        return World(asked.words, asked.complete_graphs, asked.scenes, asked.keep_names, asked.drop_names, asked.drawn)

    @property
    def place(self) -> Place:
        """Where worker processes find all this."""
        asked = self.settings
        return Place(self.folder.path, asked.words, asked.images, asked.complete_graphs, asked.drawn)

    @property
    def desk(self) -> Desk:
        """Words, graphs and facts in this process."""
        return desk_at(self.place)

    def count(self, stage: str) -> int:
        """How many rows a finished stage has."""
        return sum(self.folder.stages[stage].counts.values())

    def rows(self, stage: str, row_type: type[R]) -> Iterable[R]:
        """The rows of a finished stage."""
        return read_rows(self.folder.file(stage), row_type)

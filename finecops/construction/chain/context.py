"""What the stages of one build share: settings, folder, words, photographs, graphs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from finecops.construction.chain.folder import BuildFolder
from finecops.construction.chain.graphs import GRAPHS, GraphStore
from finecops.construction.chain.photos import Photos
from finecops.construction.chain.settings import BuildSettings
from finecops.construction.chain.worlds import world_lexicon
from finecops.construction.lexicon import Lexicon
from finecops.records import Record
from finecops.runs.jsonl import read_rows

R = TypeVar("R", bound=Record)


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
    def lexicon(self) -> Lexicon:
        """The words of the world."""
        return world_lexicon(self.settings.words)

    @cached_property
    def graphs(self) -> GraphStore:
        """The graphs of the chosen images."""
        return GraphStore(self.folder.path / GRAPHS)

    def rows(self, stage: str, row_type: type[R]) -> Iterable[R]:
        """The rows of a finished stage."""
        return read_rows(self.folder.file(stage), row_type)

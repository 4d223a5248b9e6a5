"""What edits need to know of a world: its words, its proofs, and how an edited scene comes to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image

from finecops.construction.edits.regions import RegionOptions
from finecops.construction.graph import SceneGraph
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.make import Provable, Words

Refit = Callable[[SceneGraph, frozenset[str]], SceneGraph | None]
"""Of a drawn world: an edited graph with boxes and relations as they will be drawn; the ids are those of the changed
objects. None: it cannot be drawn."""


RefitOf = Callable[[SceneGraph, SceneGraph, frozenset[str]], SceneGraph | None]
"""The same, from the original graph and the edited one."""


@dataclass(frozen=True, eq=False)
class DrawnWorld:
    """A world that the program draws, so that an edited scene can be drawn anew.

    Worker processes get it: its functions are those of a module.

    Attributes:
        name: for rows and settings.
        lexicon: its words.
        refit: completes an edited graph.
        draw: a graph → its picture.
    """

    name: str
    lexicon: Lexicon
    refit: RefitOf
    draw: Callable[[SceneGraph], Image.Image]


@dataclass(frozen=True)
class EditWorld:
    """A world whose images are edited.

    Attributes:
        lexicon: its words.
        prove: a graph → what can be proved on it (`finecops.construction.truth.facts.Facts`).
        words: replacement words.
        refit: of a drawn world. Where graphs say everything (`Lexicon.complete`), there must be one.
        regions: what may be repainted; a world that is drawn anew has no such limits.
    """

    lexicon: Lexicon
    prove: Callable[[SceneGraph], Provable]
    words: Words
    refit: Refit | None = None
    regions: RegionOptions = field(default_factory=RegionOptions)

    def __post_init__(self) -> None:
        if self.lexicon.complete and self.refit is None:
            raise ValueError("in a world whose graphs say everything, an edited graph must be completed: give `refit`")

"""Plans of image edits: changes of the scene graph by which an expression fits no object any more (paper, III-B).

A plan is an edited graph, the boxes to repaint and what to paint there. The expression is proved false on the edited
graph, which is kept, so that the promise can be checked from the files alone. Level 1 edits the target, level 2 an
object that it is related to; the changes are those of negative expressions (`finecops.construction.negatives`).

An editor knows the words alone: what they do not say about a repainted object is not known of it afterwards. So its
other attributes go from the graph, and of a replaced object all relations that cannot be read from the boxes. An object
under the mask may be gone or changed: of it, the name stays, since it may still be there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from finecops.construction.description import Description
from finecops.construction.edits.changes import Change, changes
from finecops.construction.edits.edited_graph import mirror_of, mirrored, repainted, with_nodes
from finecops.construction.edits.regions import region_fault, xyxy_of
from finecops.construction.edits.wording import object_text
from finecops.construction.edits.world import EditWorld
from finecops.construction.english.oddities import oddity
from finecops.construction.graph import SceneGraph, dump_scene_graph
from finecops.construction.negatives.make import NO_PART, NO_WORD, NOT_PROVED, ODD, reads_well
from finecops.construction.negatives.requests import Level
from finecops.construction.samples import DescriptionRow, EditRow
from finecops.records import Xyxy

COLUMNS: Final[tuple[tuple[str, Level], ...]] = (
    ("replace_object", 1),
    ("replace_object", 2),
    ("replace_attribute", 1),
    ("replace_attribute", 2),
    ("swap_object", 1),
    ("swap_attribute", 1),
    ("swap_attribute", 2),
    ("flip", 1),
    ("flip", 2),
)
"""Type and level of every column of the paper's Table V, in its order."""
NO_ROOM: Final = "the edited scene cannot be drawn"


@dataclass(frozen=True, slots=True)
class ImageEdit:
    """An edit that was proved, or why there is none.

    Attributes:
        type, level: the column of the paper's Table V.
        graph: the edited graph; None where there is none.
        said: a description of what the expression names, as it is in the edited image.
        changed: indices of the changed nodes of the positive's description; of a flip, of the edge's head.
        boxes: to repaint, xyxy in pixels, one for each changed node; empty where the whole image changes.
        prompts: what to paint in each box.
        before: what is there now, in words of the same kind.
        reason: why there is none.
    """

    type: str
    level: Level
    graph: SceneGraph | None
    said: Description | None = None
    changed: tuple[int, ...] = ()
    boxes: tuple[Xyxy, ...] = ()
    prompts: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    reason: str | None = None

    def row(self, id_: int, positive_id: int, image_id: str) -> EditRow:
        """The row of the edit before any candidate is made; dropped where there is none.

        Args:
            id_: of the sample.
            positive_id: of the positive.
            image_id: of the negative image.
        """
        return EditRow(
            id=id_,
            positive_id=positive_id,
            image_id=image_id,
            type=self.type,
            level=self.level,
            status="dropped" if self.graph is None else "kept",
            reason=self.reason,
            changed=list(self.changed),
            said=None if self.said is None else DescriptionRow.of(self.said),
            boxes=list(self.boxes),
            prompts=list(self.prompts),
            before=list(self.before),
            graph={} if self.graph is None else dict(dump_scene_graph(self.graph)),
        )


def plan_edit(
    said: Description,
    objects: Sequence[str],
    graph: SceneGraph,
    column: tuple[str, Level],
    world: EditWorld,
    rng: random.Random,
) -> ImageEdit:
    """An edit of one type and level that makes a positive's expression provably false.

    Args:
        said: the positive's description.
        objects: ids of the objects that it names, the target first.
        graph: the image's graph.
        column: type and level.
        world: words and proofs.
        rng: decides the order in which changes are tried.

    Returns:
        The first edit that is proved, in a seeded order of the changes; without a graph, and with a reason, if none is.
    """
    if column[0] == "flip":
        return _flip(said, graph, column[1], world)
    reason = NO_PART
    for change in changes(said, objects, graph, column, world, rng):
        edited = change if isinstance(change, str) else _edited(change, said, objects, graph, world)
        if isinstance(edited, str):
            reason = max(reason, edited, key=_how_far)
        elif not world.prove(edited).is_false(said):
            reason = NOT_PROVED
        elif isinstance(change, Change):
            return _planned(change, objects, edited, column, world)
    return ImageEdit(*column, None, reason=reason)


def _how_far(reason: str) -> int:
    """How far a change came before it ended for this reason: the one that came furthest is given."""
    return {NO_PART: 0, NO_WORD: 1, ODD: 2, NOT_PROVED: 4}.get(reason, 3)


def plan_edits(
    said: Description,
    objects: Sequence[str],
    graph: SceneGraph,
    world: EditWorld,
    seed: str,
    columns: Sequence[tuple[str, Level]] = COLUMNS,
) -> Iterator[ImageEdit]:
    """An edit of each column, or the reason why there is none, in the columns' order.

    Args:
        said, objects, graph, world: as for `plan_edit`.
        seed: of this positive; each column has a generator of its own.
        columns: types and levels.
    """
    for column in columns:
        rng = random.Random(f"{seed}/edit/{column[0]}/{column[1]}")
        yield plan_edit(said, objects, graph, column, world, rng)


def _edited(
    change: Change, said: Description, objects: Sequence[str], graph: SceneGraph, world: EditWorld
) -> SceneGraph | str:
    """The edited graph, or why there is none."""
    # What reads badly is seldom seen, and an editor cannot paint it: "the car that is sitting".
    alone = [Description("0_hop", (node,)) for node in change.nodes.values()]
    if not reads_well(change.said, said, None, world.lexicon) or any(oddity(one, world.lexicon) for one in alone):
        return ODD
    nodes = {objects[index]: node for index, node in change.nodes.items()}
    if world.refit is not None:
        drawn = world.refit(with_nodes(graph, nodes), frozenset(nodes))
        return NO_ROOM if drawn is None else drawn
    fault = region_fault(graph, nodes.keys(), objects, world.regions)
    if fault is not None:
        return fault
    return repainted(graph, nodes, change.replaced, world.lexicon, world.regions)


def _planned(
    change: Change, objects: Sequence[str], edited: SceneGraph, column: tuple[str, Level], world: EditWorld
) -> ImageEdit:
    changed = tuple(change.nodes)
    # A drawn world draws the graph: it has no boxes to repaint.
    if world.refit is not None:
        return ImageEdit(*column, edited, change.said, changed)
    boxes = tuple(xyxy_of(edited.objects[objects[index]]) for index in changed)
    prompts, before = (
        tuple(object_text(nodes[index], world.lexicon) for index in changed) for nodes in (change.nodes, change.before)
    )
    return ImageEdit(*column, edited, change.said, changed, boxes, prompts, before)


def _flip(said: Description, graph: SceneGraph, level: Level, world: EditWorld) -> ImageEdit:
    """A flip changes the whole image; its level is that of the relation that becomes false."""
    mirrors = [mirror_of(edge.relation, world.lexicon) for edge in said.edges]
    heads = [
        edge.head
        for edge, mirror in zip(said.edges, mirrors, strict=True)
        if mirror != edge.relation and (edge.head == 0) == (level == 1)
    ]
    if not heads:
        return ImageEdit("flip", level, None, reason=NO_PART)
    edited = mirrored(graph, world.lexicon)
    if not world.prove(edited).is_false(said):
        return ImageEdit("flip", level, None, reason=NOT_PROVED)
    # Both relations of "left of A, right of B" turn round, whichever the level is about.
    edges = tuple(replace(edge, relation=mirror) for edge, mirror in zip(said.edges, mirrors, strict=True))
    return ImageEdit("flip", level, edited, replace(said, edges=edges), (heads[0],))

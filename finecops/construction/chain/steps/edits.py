"""Stage `edits`: negative images, planned on the graph and made by an editor or by flipping, until a column is full."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from PIL import Image
from pydantic import JsonValue

from finecops.construction.chain.columns import TOO_MUCH, Column, image_id, image_quotas, key_of, shuffled_ids
from finecops.construction.chain.context import Context
from finecops.construction.chain.desk import Place, desk_at
from finecops.construction.chain.photos import NO_IMAGE
from finecops.construction.chain.stage import OneByOne, Stage
from finecops.construction.chain.worlds import weights_shown, world_lexicon
from finecops.construction.edits.candidates import FLIP, CandidateOptions, make_candidates
from finecops.construction.edits.editor import Drawn, ImageEditor, open_editor
from finecops.construction.edits.plan import ImageEdit, plan_edit
from finecops.construction.edits.world import DrawnWorld, EditWorld
from finecops.construction.graph import SceneGraph, TooMuchWorkError, Work
from finecops.construction.pool import ordered_map
from finecops.construction.samples import EditRow, PositiveRow
from finecops.construction.truth.facts import Facts
from finecops.errors import DataError
from finecops.images import read_picture
from finecops.runs.failures import MAX_IN_A_ROW

NAME: Final = "edits"
_MOST_IN_A_ROW: Final = MAX_IN_A_ROW


class _Thing(NamedTuple):
    """A positive and the column that is tried for it."""

    positive: PositiveRow
    column: Column


@dataclass(frozen=True)
class _Task:
    """How a negative image is made, in any process."""

    place: Place
    split: str
    seed: int
    candidates: int

    def __call__(self, thing: _Thing, editor: ImageEditor | Drawn | None = None) -> EditRow:
        """The row of one edit, with its files."""
        positive, (type_, level) = thing
        desk = desk_at(self.place)
        # Its work is counted anew for each edit: what was done before must decide nothing.
        graph = replace(desk.graphs[positive.image_id], work=Work())
        rng = random.Random(f"{self.seed}/{positive.image_id}/{positive.id}/image/{type_}/{level}")
        world = self._world(graph)
        try:
            planned = plan_edit(positive.said.description(), positive.objects, graph, thing.column, world, rng)
        except TooMuchWorkError:
            planned = ImageEdit(type_, level, None, reason=TOO_MUCH)
        id_ = image_id(thing.column, positive.id)
        row = planned.row(id_, positive.id, f"neg_{self.split}_{id_}")
        if row.status != "kept":
            return row
        try:
            if self.place.drawn is not None and type_ != FLIP:
                editor = Drawn(partial(_draw, self.place.drawn, graph.image_id), self.place.drawn.name)
            photo = desk.photos.find(graph) if desk.photos is not None else None
            if photo is None:
                raise DataError(NO_IMAGE)
            picture = read_picture(photo.path, (graph.width, graph.height)).pixels
            # A drawing is the same from every seed.
            count = 1 if self.place.drawn is not None else self.candidates
            options = CandidateOptions(count=count, seed=self.seed)
            return make_candidates(row, picture, editor, self.place.build, options)
        except DataError as error:
            return row.model_copy(update={"status": "failed", "reason": str(error)})

    def _world(self, graph: SceneGraph) -> EditWorld:
        desk, drawn = desk_at(self.place), self.place.drawn
        # Whatever is true of the graphs: an editor may paint more than the words say. A drawing shows its graph alone.
        lexicon = world_lexicon(self.place.words, drawn=drawn)
        refit = None if drawn is None else partial(drawn.refit, graph)
        return EditWorld(lexicon, lambda edited: Facts(edited, lexicon), desk.words.words, refit)


def _draw(world: DrawnWorld, image_id: str, graph: SceneGraph, seed: int) -> Image.Image:
    # With the id of the original: what is behind the objects stays as it was.
    return world.draw(replace(graph, image_id=image_id))


def stage(context: Context) -> Stage[EditRow]:
    """The stage of a build."""
    asked = context.settings
    quotas = (
        {}
        if asked.images is None
        else image_quotas(asked.flips, asked.edits, asked.editor is not None or asked.drawn is not None)
    )
    settings: dict[str, JsonValue] = {
        "seed": asked.seed,
        "columns": {key_of(column): quota for column, quota in quotas.items()},
        "editor": editor_settings(asked.editor) if asked.drawn is None else {"drawn": asked.drawn.name},
        "candidates": asked.candidates if asked.editor is not None else None,
    }
    task = _Task(context.place, asked.name, asked.seed, asked.candidates)

    def things() -> Iterator[_Thing]:
        positives = {row.id: row for row in context.rows("positives", PositiveRow)}
        for column in quotas:
            for id_ in shuffled_ids(positives, asked.seed, column, "image"):
                yield _Thing(positives[id_], column)

    def results(things: Iterator[_Thing]) -> Iterator[EditRow]:
        if asked.editor is None:
            # Few columns, and a picture is decoded for each: a process is worth its start early.
            yield from ordered_map(task, things, asked.workers, fewest=64)
            return
        # One model in this process: two would not fit a card.
        editor = open_editor(asked.editor, asked.device or "auto")
        for thing in things:
            yield task(thing, editor)

    make = OneByOne(
        things=things,
        key=lambda thing: str(image_id(thing.column, thing.positive.id)),
        key_of_row=lambda row: str(row.id),
        results=results,
        column=lambda thing: key_of(thing.column),
        quotas={key_of(column): quota for column, quota in quotas.items()},
        most_in_a_row=_MOST_IN_A_ROW,
    )
    return Stage(NAME, EditRow, settings, make, reads=("positives",), tidy=lambda: _remove_others(context))


def _remove_others(context: Context) -> None:
    """Remove candidates that no row has: they were made ahead, or by settings of before."""
    own = {Path(name).parts[1] for row in context.rows(NAME, EditRow) for name in row.candidates if name}
    folder = context.folder.path / CandidateOptions().folder
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in own and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)


def editor_settings(name: str | None) -> JsonValue:
    """What of an editor's file decides the pixels, with its licence for the card; None without an editor."""
    if name is None:
        return None
    from finecops.config.find import load_editor
    from finecops.construction.edits.editor import editor_state

    config = load_editor(name)
    return editor_state(config) | {"licence": config.licence, "weights": weights_shown(config.weights)}

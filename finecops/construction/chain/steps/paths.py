"""Stage `paths`: for each scene graph, the descriptions that fit one object of its image, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from finecops.construction.chain.context import Context
from finecops.construction.chain.photos import Photos
from finecops.construction.chain.stage import OneByOne, Stage
from finecops.construction.chain.worlds import World, names_settings, target_filter, world_settings
from finecops.construction.pool import ordered_map
from finecops.construction.samples import PathsRow
from finecops.construction.truth.draw import TUPLE_TYPES
from finecops.construction.truth.paths import PathOptions, find_paths
from finecops.construction.truth.stream import GraphEntry, graph_entries
from finecops.construction.truth.targets import TargetRules
from finecops.datasets.fields import FieldError

NAME: Final = "paths"


def stage(context: Context) -> Stage[PathsRow]:
    """The stage of a build."""
    asked = context.settings
    options = PathOptions(
        sides=asked.sides,
        types=asked.types or TUPLE_TYPES,
        targets=TargetRules(asked.min_side, asked.min_share),
        seed=asked.seed,
    )
    task = _Task(context.world, options, context.photos)
    settings: dict[str, JsonValue] = {
        "seed": asked.seed,
        "limit": asked.limit or None,
        "sides": asked.sides,
        "min side": asked.min_side,
        "min share": asked.min_share,
        **names_settings(context.world),
        "images are looked at": asked.images is not None,
        "complete graphs": asked.complete_graphs,
        "words": world_settings(asked.words, asked.drawn),
    }
    if asked.types:
        settings["types"] = [*asked.types]
    files = {"scene graphs": asked.scene_graphs}
    files |= {f"scenes {number}": path for number, path in enumerate(asked.scenes, start=1)}

    def results(entries: Iterable[GraphEntry]) -> Iterator[PathsRow]:
        # As JSON, which is faster between processes than pickled records.
        yield from map(PathsRow.model_validate_json, ordered_map(task, entries, asked.workers))

    make = OneByOne(
        things=lambda: graph_entries(asked.scene_graphs, asked.limit),
        key=lambda entry: entry.key,
        key_of_row=lambda row: row.image_id,
        results=results,
        total=lambda: asked.limit or None,
        unit="image",
    )
    return Stage(NAME, PathsRow, settings, make, files=files)


@dataclass(frozen=True)
class _Task:
    """What a worker does with an entry."""

    world: World
    options: PathOptions
    photos: Photos | None

    def __call__(self, entry: GraphEntry) -> str:
        """The row of an image, as JSON."""
        return self._row(entry).model_dump_json()

    def _row(self, entry: GraphEntry) -> PathsRow:
        try:
            graph = entry.graph()
        except (FieldError, ValueError) as error:
            return PathsRow(image_id=entry.key, status="failed", reason=str(error))
        reason = self.photos.problem(graph) if self.photos is not None else None
        if reason is not None:
            return PathsRow(image_id=entry.key, status="failed", reason=reason)
        return find_paths(graph, self.world.lexicon, self.options, target_filter(self.world))

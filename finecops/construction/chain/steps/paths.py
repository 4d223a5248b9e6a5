"""Stage `paths`: for each scene graph, the descriptions that fit one object of its image, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pydantic import JsonValue

from finecops.construction.chain.context import Context
from finecops.construction.chain.photos import Photos
from finecops.construction.chain.pool import ordered_map
from finecops.construction.chain.stage import OneByOne, Stage
from finecops.construction.chain.worlds import World, names_settings, target_filter, world_lexicon, world_settings
from finecops.construction.graph import SceneGraph, parse_scene_graph
from finecops.construction.graph_file import read_entries
from finecops.construction.samples import PathsRow
from finecops.construction.truth.paths import PathOptions, find_paths
from finecops.construction.truth.targets import TargetRules
from finecops.datasets.fields import FieldError
from finecops.text import shortly

NAME: Final = "paths"
Entry = tuple[str, Any]
"""Image id, and what the file has for it."""
_IMAGE_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")
"""It becomes the name of a file."""
BAD_ID: Final = "an image id has at most 200 letters, digits, '_', '-' and '.'"


def stage(context: Context) -> Stage[PathsRow]:
    """The stage of a build."""
    asked = context.settings
    options = PathOptions(sides=asked.sides, targets=TargetRules(asked.min_side, asked.min_share), seed=asked.seed)
    task = _Task(context.world, options, context.photos)
    settings: dict[str, JsonValue] = {
        "seed": asked.seed,
        "limit": asked.limit or None,
        "sides": asked.sides,
        "min side": asked.min_side,
        "min share": asked.min_share,
        **names_settings(context.world),
        "images are looked at": asked.images is not None,
        "words": world_settings(asked.words),
    }
    files = {"scene graphs": asked.scene_graphs}
    files |= {f"scenes {number}": path for number, path in enumerate(asked.scenes, start=1)}
    make = OneByOne(
        things=lambda: read_graph_entries(context),
        key=lambda entry: shown_id(entry[0]),
        key_of_row=lambda row: row.image_id,
        results=lambda entries: ordered_map(task, entries, asked.workers),
        unit="image",
    )
    return Stage(NAME, PathsRow, settings, make, files=files)


def read_graph_entries(context: Context) -> Iterator[Entry]:
    """The entries of the scene graph file that are used."""
    return islice(read_entries(context.settings.scene_graphs), context.settings.limit or None)


def shown_id(image_id: str) -> str:
    """An image's id as rows have it: one that is none is shortened."""
    return image_id if _IMAGE_ID.fullmatch(image_id) else shortly(image_id)


def parsed(entry: Entry) -> SceneGraph | str:
    """The graph of an entry, or why there is none."""
    image_id, raw = entry
    if not _IMAGE_ID.fullmatch(image_id):
        return BAD_ID
    try:
        return parse_scene_graph(image_id, raw)
    except FieldError as error:
        return str(error)


@dataclass(frozen=True)
class _Task:
    """What a worker does with an entry."""

    world: World
    options: PathOptions
    photos: Photos | None

    def __call__(self, entry: Entry) -> PathsRow:
        """The row of an image."""
        graph = parsed(entry)
        reason = graph if isinstance(graph, str) else None if self.photos is None else self.photos.problem(graph)
        if isinstance(graph, str) or reason is not None:
            return PathsRow(image_id=shown_id(entry[0]), status="failed", reason=reason)
        return find_paths(graph, world_lexicon(self.world.words), self.options, target_filter(self.world))

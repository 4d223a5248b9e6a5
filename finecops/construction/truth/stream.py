"""From a scene graph file to the paths of each of its images, in its order, with worker processes.

The file is cut into entries by this process; workers parse them and look for paths. The rows have the same bytes
whatever the number of workers: everything random belongs to one image.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from finecops.construction.graph import SceneGraph, parse_scene_graph
from finecops.construction.graph_file import read_texts
from finecops.construction.lexicon import Lexicon
from finecops.construction.pool import ordered_map
from finecops.construction.samples import PathsRow
from finecops.construction.truth.paths import PathOptions, find_paths
from finecops.construction.truth.targets import ObjectFilter
from finecops.datasets.fields import FieldError
from finecops.strict_json import parse_marked_json
from finecops.text import shortly

_IMAGE_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}")
"""The name of an image's file; no "~", which marks the names of negative images."""


@dataclass(frozen=True, slots=True)
class GraphEntry:
    """An entry of a scene graph file that was not parsed yet.

    Attributes:
        key: the image's id; of an entry whose id cannot be used, its number in the file ("#17"), which is no id.
        text: the graph in JSON.
        fault: why the entry cannot be used.
    """

    key: str
    text: str
    fault: str | None = None

    def graph(self) -> SceneGraph:
        """The graph.

        Raises:
            FieldError: the entry cannot be used; says why.
        """
        if self.fault is not None:
            raise FieldError(self.fault)
        return parse_scene_graph(self.key, parse_marked_json(self.text))


def graph_entries(path: Path, limit: int = 0) -> Iterator[GraphEntry]:
    """The entries of a scene graph file (GQA's `train_sceneGraphs.json`, gzipped or not), in its order.

    Args:
        path: the file.
        limit: only so many; 0 is all.

    Raises:
        DataError: the file is missing, damaged, too large, or not in GQA's format.
    """
    seen: set[str] = set()
    for number, (image_id, text) in enumerate(islice(read_texts(path), limit or None), start=1):
        fault = None
        if not _IMAGE_ID.fullmatch(image_id):
            fault = f"the image id {shortly(image_id)} is not one of at most 200 letters, digits and ._-"
        elif image_id in seen:
            fault = f"the image id {image_id} is taken by an earlier entry"
        # A repeated id is refused, not taken for the first one: nobody knows which graph is meant.
        seen.add(image_id)
        yield GraphEntry(f"#{number}" if fault else image_id, "" if fault else text, fault)


def graphs_of(path: Path, image_ids: Container[str], limit: int = 0) -> Iterator[SceneGraph]:
    """The graphs of some images, in the file's order. The others are passed over without being parsed.

    Raises:
        DataError: as `graph_entries`.
        FieldError: one of these graphs cannot be used.
    """
    return (entry.graph() for entry in graph_entries(path, limit) if entry.key in image_ids)


def entry_paths(
    entry: GraphEntry, lexicon: Lexicon, options: PathOptions, object_filter: ObjectFilter | None = None
) -> PathsRow:
    """The row of an entry; one that cannot be used has a row too, `failed`, with the reason.

    A graph that relates something to an object that it does not list is refused: where one object is missing, another
    one that seems to be the only one of its kind may not be.
    """
    try:
        graph = entry.graph()
    except (FieldError, ValueError) as error:
        return PathsRow(image_id=entry.key, status="failed", reason=str(error))
    return find_paths(graph, lexicon, options, object_filter)


def paths_of(
    entries: Iterable[GraphEntry],
    lexicon: Lexicon,
    options: PathOptions,
    object_filter: ObjectFilter | None = None,
    workers: int = 1,
) -> Iterator[PathsRow]:
    """The rows of some entries, one to one and in their order; a bounded number of entries is taken ahead.

    Args:
        entries: from `graph_entries`.
        lexicon: the world's words.
        options: how paths are looked for.
        object_filter: which objects may be targets; it is copied to every worker, once.
        workers: processes; see `ordered_map`.
    """
    do = partial(_line, lexicon=lexicon, options=options, object_filter=object_filter)
    # As JSON, which is faster than pickling records.
    return map(PathsRow.model_validate_json, ordered_map(do, entries, workers))


def _line(entry: GraphEntry, lexicon: Lexicon, options: PathOptions, object_filter: ObjectFilter | None) -> str:
    return entry_paths(entry, lexicon, options, object_filter).model_dump_json()


def iter_paths(
    path: Path,
    lexicon: Lexicon,
    options: PathOptions | None = None,
    object_filter: ObjectFilter | None = None,
    workers: int = 1,
    limit: int = 0,
) -> Iterator[PathsRow]:
    """The rows of a scene graph file, in its order; `graph_entries` and `paths_of` in one.

    Raises:
        DataError: as `graph_entries`.
    """
    return paths_of(graph_entries(path, limit), lexicon, options or PathOptions(), object_filter, workers)

"""GQA as a world of the builder: its scene graph files, its words, its images.

GQA's graphs are incomplete. An attribute or relation that a graph does not mention is possible, and an expression is
kept only if the graph says everything that it needs (`Vocabulary.complete`). Without an image editor the horizontal
flip is the only negative image that can be made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from finecops.construction.graph import SceneGraph, parse_scene_graph
from finecops.construction.graph_file import read_entries
from finecops.datasets.fields import FieldError
from finecops.datasets.problems import Problem
from finecops.images import read_image
from finecops.mini.builder.benchmark import World
from finecops.mini.builder.image_edits import ImageEdit
from finecops.mini.builder.vocabulary import Vocabulary
from finecops.paths import safe_path
from finecops.text import shortly

_COLOURS = "white black red blue green yellow brown gray orange pink purple beige tan gold silver"
_MATERIALS = "wooden metal plastic glass brick concrete leather stone ceramic paper"
_SIZES = "small large"
_PAIRS = {
    "to the left of": "to the right of",
    "above": "below",
    "in front of": "behind",
    "on": "under",
    "on top of": "beneath",
    "inside": "outside",
}
_PEOPLE = "man woman boy girl person child lady guy player people kid baby"
_NO_TARGET = (
    "sky ground grass water road street sidewalk floor wall ceiling snow sand dirt field air room background "
    "hair head face hand arm leg foot eye ear nose mouth neck finger tail wing shadow reflection light part"
)

GQA_VOCABULARY: Final = Vocabulary(
    attribute_types={
        **dict.fromkeys(_COLOURS.split(), "colour"),
        **dict.fromkeys(_MATERIALS.split(), "material"),
        **dict.fromkeys(_SIZES.split(), "size"),
    },
    exclusive_types=frozenset({"colour", "material", "size"}),
    # Each pair contradicts in both directions.
    contradictions={a: (b,) for pair in _PAIRS.items() for a, b in (pair, pair[::-1])},
    mirror={"to the left of": "to the right of", "to the right of": "to the left of"},
    synonyms=dict.fromkeys(_PEOPLE.split(), "person"),
    unsuitable=frozenset(_NO_TARGET.split()),
    min_side_share=0.05,
)
"""Values of one type (colour, material, size) exclude one another. The categories of people are one group."""


# The name of an image's file; no "~", which marks the names of negative images.
_IMAGE_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def read_scene_graphs(path: Path, limit: int = 0) -> Iterator[SceneGraph | Problem]:
    """Scene graphs of a GQA file (`train_sceneGraphs.json`, gzipped or not), in its order; `limit` 0 is all.

    A graph that cannot be used is a problem, and the rest is read.

    Raises:
        DataError: the file is missing, damaged, too large, or not in GQA's format.
    """
    seen: set[str] = set()
    for image_id, raw in islice(read_entries(path), limit or None):
        try:
            if not _IMAGE_ID.fullmatch(image_id):
                raise FieldError("an image id has at most 200 letters, digits, '_', '-' and '.'")
            if image_id in seen:
                raise FieldError("this id is taken by an earlier entry")
            seen.add(image_id)
            yield parse_scene_graph(image_id, raw)
        except FieldError as error:
            yield Problem(path, image_id if image_id in seen else shortly(image_id), str(error))


def gqa_world(image_folder: Path) -> World:
    """A world of photographs: no image is drawn, and the flip is the only edit."""

    def flipped(edit: ImageEdit) -> Image.Image:
        path = safe_path(image_folder, f"{edit.positive.graph.image_id}.jpg")
        # As RGB: some images of GQA are greyscale; all negative images are RGB.
        return ImageOps.mirror(read_image(path))

    return World(
        vocabulary=GQA_VOCABULARY,
        file_name=lambda image_id: f"{image_id}.jpg",
        draw=None,
        refit=None,
        draw_edit=flipped,
    )

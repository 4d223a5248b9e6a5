"""Scene graphs in GQA's format: what is in an image, where, what it is like, and how it stands to the rest.

GQA's `sceneGraphs` JSON is a dictionary from image id to
`{"width", "height", "objects": {id: {"name", "x", "y", "w", "h", "attributes", "relations"}}}`,
with an optional `"location"`. Boxes here are `xywh` pixels as in that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finecops.errors import DataError


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed relation: the thing that carries it stands `name` the thing `object_id`."""

    name: str
    object_id: str


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a scene graph; `xywh` in pixels, attributes in the file's order."""

    id: str
    name: str
    xywh: tuple[float, float, float, float]
    attributes: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()

    def relates(self, name: str, object_id: str) -> bool:
        """Whether this thing stands `name` the thing `object_id` according to the graph."""
        return any(r.name == name and r.object_id == object_id for r in self.relations)


@dataclass(frozen=True, slots=True)
class SceneGraph:
    """One image's graph."""

    image_id: str
    width: int
    height: int
    objects: Mapping[str, Thing]
    location: str | None = None

    def named(self, name: str) -> list[Thing]:
        """All things of a category, in the graph's order."""
        return [thing for thing in self.objects.values() if thing.name == name]


def parse_scene_graph(image_id: str, raw: Mapping[str, Any]) -> SceneGraph:
    """Read one image's entry of a GQA scene graph file.

    Raises:
        DataError: a key is missing, a number is not one, or a relation points to nothing.
    """
    objects: dict[str, Thing] = {}
    try:
        for object_id, item in raw["objects"].items():
            objects[str(object_id)] = Thing(
                id=str(object_id),
                name=str(item["name"]),
                xywh=(float(item["x"]), float(item["y"]), float(item["w"]), float(item["h"])),
                attributes=tuple(str(a) for a in item.get("attributes", ())),
                relations=tuple(Relation(str(r["name"]), str(r["object"])) for r in item.get("relations", ())),
            )
        width, height = int(raw["width"]), int(raw["height"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"scene graph of image {image_id}: {type(error).__name__}: {error}") from error
    for thing in objects.values():
        for relation in thing.relations:
            if relation.object_id not in objects:
                raise DataError(
                    f"scene graph of image {image_id}: object {thing.id} relates to {relation.object_id}, "
                    "which is not in the image"
                )
    return SceneGraph(image_id, width, height, objects, raw.get("location"))


def dump_scene_graph(graph: SceneGraph) -> dict[str, Any]:
    """The inverse of `parse_scene_graph`: a dictionary in GQA's format."""
    raw: dict[str, Any] = {"width": graph.width, "height": graph.height}
    if graph.location is not None:
        raw["location"] = graph.location
    raw["objects"] = {
        thing.id: {
            "name": thing.name,
            **dict(zip("xywh", (int(v) if float(v).is_integer() else v for v in thing.xywh), strict=True)),
            "attributes": list(thing.attributes),
            "relations": [{"name": r.name, "object": r.object_id} for r in thing.relations],
        }
        for thing in graph.objects.values()
    }
    return raw

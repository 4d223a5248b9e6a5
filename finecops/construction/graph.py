"""Scene graphs in GQA's format: the objects of an image, their boxes, attributes and relations.

GQA's `sceneGraphs` JSON is a dictionary from image id to `RawGraph`. Boxes are `xywh` in pixels, as in that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from finecops.errors import DataError


class RawRelation(TypedDict):
    """A relation in GQA's file: its name, and the id of the object at its other end."""

    name: str
    object: str


class RawObject(TypedDict):
    """An object in GQA's file."""

    name: str
    x: float
    y: float
    w: float
    h: float
    attributes: list[str]
    relations: list[RawRelation]


class _RawGraphSize(TypedDict):
    width: int
    height: int


class RawGraph(_RawGraphSize, total=False):
    """An image's graph in GQA's file; `location` may be missing."""

    location: str
    objects: dict[str, RawObject]


@dataclass(frozen=True, slots=True)
class Relation:
    """A directed relation. The object that has it stands `name` the object `object_id`."""

    name: str
    object_id: str


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One object of a scene graph; `xywh` in pixels, attributes in the file's order."""

    id: str
    name: str
    xywh: tuple[float, float, float, float]
    attributes: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()

    def relates(self, name: str, object_id: str) -> bool:
        """Whether the graph says that this object stands `name` the object `object_id`."""
        return any(r.name == name and r.object_id == object_id for r in self.relations)


@dataclass(frozen=True, slots=True)
class SceneGraph:
    """The graph of one image; its size in pixels; `location` is the kind of scene, where the file names one."""

    image_id: str
    width: int
    height: int
    objects: Mapping[str, SceneObject]
    location: str | None = None


def parse_scene_graph(image_id: str, raw: Mapping[str, Any]) -> SceneGraph:
    """Read one image's entry of a GQA scene graph file.

    Args:
        image_id: the entry's key.
        raw: the entry; it is checked here, since it comes from a file that anybody may have written.

    Raises:
        DataError: a key is missing, a number is not a number, or a relation leads to no object of the image.
    """
    try:
        objects = {str(id_): _parse_object(str(id_), item) for id_, item in raw["objects"].items()}
        width, height = int(raw["width"]), int(raw["height"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"scene graph of image {image_id}: {type(error).__name__}: {error}") from error
    for obj in objects.values():
        for relation in obj.relations:
            if relation.object_id not in objects:
                raise DataError(
                    f"scene graph of image {image_id}: object {obj.id} relates to {relation.object_id}, "
                    "which is not in the image"
                )
    return SceneGraph(image_id, width, height, objects, raw.get("location"))


def _parse_object(object_id: str, item: Mapping[str, Any]) -> SceneObject:
    return SceneObject(
        id=object_id,
        name=str(item["name"]),
        xywh=(float(item["x"]), float(item["y"]), float(item["w"]), float(item["h"])),
        attributes=tuple(str(a) for a in item.get("attributes", ())),
        relations=tuple(Relation(str(r["name"]), str(r["object"])) for r in item.get("relations", ())),
    )


def dump_scene_graph(graph: SceneGraph) -> RawGraph:
    """The inverse of `parse_scene_graph`: an entry in GQA's format."""
    raw: RawGraph = {"width": graph.width, "height": graph.height}
    # The key is absent, not null, where there is no location: so it is in GQA's files.
    if graph.location is not None:
        raw["location"] = graph.location
    raw["objects"] = {obj.id: _dump_object(obj) for obj in graph.objects.values()}
    return raw


def _dump_object(obj: SceneObject) -> RawObject:
    # GQA writes whole pixels as integers; 3.0 would be read as the same number but is another text.
    x, y, w, h = (int(v) if float(v).is_integer() else v for v in obj.xywh)
    return {
        "name": obj.name,
        "x": x,
        "y": y,
        "w": w,
        "h": h,
        "attributes": list(obj.attributes),
        "relations": [{"name": r.name, "object": r.object_id} for r in obj.relations],
    }

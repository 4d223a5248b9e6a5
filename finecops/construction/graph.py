"""Scene graphs in GQA's format: the objects of an image, their boxes, attributes and relations.

GQA's `sceneGraphs` JSON is a dictionary from image id to `RawGraph`. Boxes are `xywh` in pixels, as in that file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypedDict

from finecops.datasets.fields import FieldError, as_id, as_image_wh, as_object
from finecops.errors import DataError
from finecops.paths import name_problem
from finecops.text import MAX_ID_CHARS, plain_id, printable, shortly

MAX_OBJECTS: Final = 1000
"""Objects of one image. GQA's images have up to about a hundred."""
MAX_ATTRIBUTES: Final = 50
"""Attributes of one object."""
MAX_RELATIONS: Final = 1000
"""Relations of one object."""
MAX_WORK: Final = 5_000_000
"""Comparisons of objects for one graph: some seconds. One of 126 objects, 50 of a kind, needs less than a million."""


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
    """An image's graph in GQA's file; `location` may be missing, and `file_name` is no key of GQA's own."""

    location: str
    file_name: str
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


class TooMuchWorkError(DataError):
    """A graph needs more comparisons than `MAX_WORK`."""


@dataclass(slots=True)
class Work:
    """How much was done for one graph: one with too many objects of a kind would keep the builder for hours."""

    done: int = 0
    exceeded: bool = False
    """Whether it was ever too much."""

    def add(self, comparisons: int) -> None:
        """Count some comparisons.

        Raises:
            TooMuchWorkError: there were more than `MAX_WORK`.
        """
        self.done += comparisons
        if self.done > MAX_WORK:
            self.exceeded = True
            raise TooMuchWorkError(f"more than {MAX_WORK} comparisons of its objects; it has too many of a kind")


@dataclass(frozen=True, slots=True)
class SceneGraph:
    """The graph of one image; its size in pixels; `location` is the kind of scene, where the file names one.

    `file_name` is that of the image below the folder of images, where it is not `<image_id>.jpg`.

    An edited copy (`dataclasses.replace`) counts its `work` together with the original.
    """

    image_id: str
    width: int
    height: int
    objects: Mapping[str, SceneObject]
    location: str | None = None
    work: Work = field(default_factory=Work, compare=False, repr=False)
    file_name: str | None = None


def parse_scene_graph(image_id: str, raw: object) -> SceneGraph:
    """Read one image's entry of a GQA scene graph file.

    A graph with one bad object is refused as a whole: without that object, another one would seem to be the only one
    of its kind.

    Args:
        image_id: the entry's key.
        raw: the entry; it is checked here, since it comes from a file that anybody may have written.

    Raises:
        FieldError: a key is missing, a value is not what it must be, or a relation leads to no object of the image.
    """
    entry = as_object(raw, "the scene graph")
    raw_objects = as_object(entry.get("objects"), "the dictionary of objects")
    if len(raw_objects) > MAX_OBJECTS:
        raise FieldError(f"{len(raw_objects)} objects; the limit is {MAX_OBJECTS}")
    width, height = as_image_wh(entry)
    location = entry.get("location")
    objects = {id_: _parse_object(id_, item) for id_, item in raw_objects.items()}
    for obj in objects.values():
        for relation in obj.relations:
            if relation.object_id not in objects:
                other = printable(relation.object_id)
                raise FieldError(f"object {obj.id} relates to {other}, which is not in the image")
    file_name = entry.get("file_name")
    if file_name is not None and (problem := name_problem(file_name)) is not None:
        raise FieldError(f"file_name: {problem}")
    place = None if location is None else _words(location, "location")
    return SceneGraph(image_id, width, height, objects, place, file_name=file_name)


def _parse_object(object_id: str, raw: object) -> SceneObject:
    if not _is_digits(object_id) and (plain_id(object_id) != object_id or printable(object_id) != object_id):
        raise FieldError(f"an object's id is {shortly(object_id)}; a short text without control characters is meant")
    what = f"object {object_id}"
    item = as_object(raw, what)
    for key in ("name", *"xywh"):
        if key not in item:
            raise FieldError(f"{what} has no {key}")
    attributes = _list(item, "attributes", MAX_ATTRIBUTES, what)
    relations = _list(item, "relations", MAX_RELATIONS, what)
    return SceneObject(
        id=object_id,
        name=_words(item["name"], f"the name of {what}"),
        xywh=(_pixels(item, "x", what), _pixels(item, "y", what), _pixels(item, "w", what), _pixels(item, "h", what)),
        attributes=tuple([_words(a, f"an attribute of {what}") for a in attributes]),
        relations=tuple([_relation(r, what) for r in relations]),
    )


def _relation(raw: Any, what: str) -> Relation:
    # Words for messages are made where they are needed: nearly all relations are sound.
    entry = raw if type(raw) is dict else as_object(raw, f"a relation of {what}")
    name, other = entry.get("name"), entry.get("object")
    if type(name) is not str or len(name) > MAX_ID_CHARS or not _is_plain(name):
        name = _words(name, f"the name of a relation of {what}")
    if type(other) is not str or not _is_digits(other):
        other = as_id(other, f"the object of a relation of {what}")
    return Relation(name, other)


@lru_cache(maxsize=2**14)
def _is_plain(value: str) -> bool:
    """Whether a text may stand in an expression. A file repeats the same texts over and over."""
    return bool(value.strip()) and printable(value) == value


def _is_digits(value: str) -> bool:
    """Whether a text is an id as it stands, as GQA's are."""
    return value.isascii() and value.isdigit() and len(value) <= MAX_ID_CHARS


def _words(value: object, what: str) -> str:
    """A text that may stand in an expression, unchanged."""
    if not isinstance(value, str) or len(value) > MAX_ID_CHARS or not value.strip():
        raise FieldError(f"{what} is {shortly(value)}; a short text is meant")
    if not _is_plain(value):
        raise FieldError(f"{what} is {shortly(value)}, with control characters or half characters")
    return value


def _pixels(item: Mapping[str, Any], key: str, what: str) -> float:
    value = item[key]
    # The comparison holds for whole numbers of any length, and for no NaN.
    if (type(value) is not int and type(value) is not float) or not -1e9 < value < 1e9:
        raise FieldError(f"{key} of {what} is {shortly(value)}; a number of pixels is meant")
    return float(value)


def _list(item: Mapping[str, Any], key: str, most: int, what: str) -> list[Any]:
    value = item.get(key, [])
    if not isinstance(value, list):
        raise FieldError(f"{key} of {what} is {shortly(value)}; a list is meant")
    if len(value) > most:
        raise FieldError(f"{what} has {len(value)} {key}; the limit is {most}")
    return value


def dump_scene_graph(graph: SceneGraph) -> RawGraph:
    """The inverse of `parse_scene_graph`: an entry in GQA's format."""
    raw: RawGraph = {"width": graph.width, "height": graph.height}
    # The key is absent, not null, where there is no location: so it is in GQA's files.
    if graph.location is not None:
        raw["location"] = graph.location
    if graph.file_name is not None:
        raw["file_name"] = graph.file_name
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

"""Scene graph files: what is read, what is refused, and that writing is the inverse of reading."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from finecops.construction.graph import Relation, dump_scene_graph, parse_scene_graph
from finecops.construction.truth.stream import graph_entries
from finecops.datasets.fields import FieldError
from finecops.errors import DataError


def raw_graph(**changes: Any) -> dict[str, Any]:
    """Two objects, one relation; `changes` replace keys of object "a"."""
    a = {"name": "cup", "x": 1, "y": 2, "w": 3, "h": 4, "attributes": ["red"], "relations": []}
    a["relations"] = [{"name": "on", "object": "b"}]
    b = {"name": "table", "x": 0, "y": 6.5, "w": 50, "h": 20, "attributes": [], "relations": []}
    return {"width": 64, "height": 48, "location": "kitchen", "objects": {"a": a | changes, "b": b}}


def test_a_good_graph() -> None:
    graph = parse_scene_graph("7", raw_graph())
    assert (graph.image_id, graph.width, graph.height, graph.location) == ("7", 64, 48, "kitchen")
    cup = graph.objects["a"]
    assert (cup.id, cup.name, cup.xywh, cup.attributes) == ("a", "cup", (1.0, 2.0, 3.0, 4.0), ("red",))
    assert cup.relations == (Relation("on", "b"),)
    assert cup.relates("on", "b")
    assert not cup.relates("under", "b")
    assert not graph.objects["b"].relates("on", "a")


def test_keys_that_may_be_missing() -> None:
    raw = raw_graph()
    del raw["location"], raw["objects"]["a"]["attributes"], raw["objects"]["a"]["relations"]
    graph = parse_scene_graph("7", raw)
    assert graph.location is None
    assert graph.objects["a"].attributes == graph.objects["a"].relations == ()


@pytest.mark.parametrize("raw", [raw_graph(), {"width": 1, "height": 2, "objects": {}}])
def test_writing_is_the_inverse_of_reading(raw: dict[str, Any]) -> None:
    written = dump_scene_graph(parse_scene_graph("7", raw))
    # As text: whole pixels stay integers, and the keys keep their order.
    assert json.dumps(written) == json.dumps(raw)


def without(raw: dict[str, Any], *keys: str) -> dict[str, Any]:
    inner = raw
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    return raw


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (raw_graph(relations=[{"name": "on", "object": "z"}]), "object a relates to z, which is not in the image"),
        (raw_graph(relations=[{"name": "on"}]), "the object of a relation of object a is None"),
        (raw_graph(x="left"), "x of object a is 'left'; a number of pixels is meant"),
        (raw_graph(x=None), "x of object a is None"),
        (without(raw_graph(), "objects", "a", "name"), "object a has no name"),
        (without(raw_graph(), "objects", "a", "w"), "object a has no w"),
        (without(raw_graph(), "width"), "width and height are None and 48"),
        (without(raw_graph(), "objects"), "the dictionary of objects is None"),
        (raw_graph() | {"objects": [1, 2]}, r"the dictionary of objects is \[1, 2\], not an object"),
        ([], r"the scene graph is \[\], not an object"),
    ],
)
def test_broken_graphs_are_refused(raw: Any, message: str) -> None:
    with pytest.raises(FieldError, match=f"^{message}"):
        parse_scene_graph("7", raw)


@pytest.mark.parametrize(("name", "packed"), [("graphs.json", False), ("graphs.json.gz", True), ("graphs.json", True)])
def test_files(name: str, packed: bool, tmp_path: Path) -> None:
    content = json.dumps({"1": raw_graph(), "2": raw_graph(), "3": raw_graph()}).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if packed else content)
    for limit, ids in ((0, ["1", "2", "3"]), (2, ["1", "2"])):
        assert [entry.graph().image_id for entry in graph_entries(path, limit)] == ids


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b"{", "is not JSON"),
        ("a.json", b"\xff\xfe", "is not JSON"),
        ("a.json.gz", b"{}", "is not JSON"),
        ("a.json", b"[]", "not in GQA's format"),
        ("other.json", b"{}", "no scene graph file"),
    ],
)
def test_broken_files(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    path = tmp_path / ("a.json.gz" if name.endswith(".gz") else "a.json")
    with pytest.raises(DataError, match=message):
        list(graph_entries(path))

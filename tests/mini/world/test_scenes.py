"""Scenes of the drawn world: what lies where, what is related, and that every picture shows its graph."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.truth.relations import UNSURE
from finecops.mini.world.catalogue import ASPECTS, COLOURS, IMAGE_SIZE, SIZES, STATES, aspect, size_of
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.edits import refit
from finecops.mini.world.relations import relate
from finecops.mini.world.scenes import MAX_OBJECTS, lies_well, sample_scene

SCENES = [sample_scene(random.Random(seed), str(seed)) for seed in range(120)]


def thing(id_: str, name: str, xywh: tuple[int, int, int, int], *more: str) -> SceneObject:
    return SceneObject(id_, name, xywh, ("red", "small", *more))


def scene(*objects: SceneObject) -> SceneGraph:
    return relate(SceneGraph("1", IMAGE_SIZE, IMAGE_SIZE, {obj.id: obj for obj in objects}, "meadow"))


def relations(graph: SceneGraph, id_: str) -> set[tuple[str, str]]:
    return {(r.name, r.object_id) for r in graph.objects[id_].relations}


def test_scenes_have_what_they_promise() -> None:
    counts = Counter(len(graph.objects) for graph in SCENES)
    assert max(counts) <= MAX_OBJECTS
    # Where there is no room for more, a scene has fewer; that is rare.
    assert sum(counts[n] for n in counts if n < 6) <= 3
    for graph in SCENES:
        assert lies_well(list(graph.objects.values()))
        for obj in graph.objects.values():
            x, y, w, h = obj.xywh
            assert 0 < x < x + w < IMAGE_SIZE
            assert 0 < y < y + h < IMAGE_SIZE
            low, high = SIZES[size_of(obj.attributes)]
            # Sides are rounded, and none is below four pixels.
            assert low - 2 <= (w * h) ** 0.5 <= high + 2
            assert (obj.name in STATES) == (len({*obj.attributes} & {*STATES.get(obj.name, ())}) == 1)
    seen = {r.name for graph in SCENES for obj in graph.objects.values() for r in obj.relations}
    assert {"on", "in", "in front of", "behind", "near", "above", "to the left of"} <= seen
    several = sum(max(Counter(obj.name for obj in graph.objects.values()).values()) > 1 for graph in SCENES)
    assert several > 0.9 * len(SCENES)


def test_the_same_seed_gives_the_same_pixels() -> None:
    again = sample_scene(random.Random(3), "3")
    assert again == SCENES[3]
    assert draw_scene(again).tobytes() == draw_scene(SCENES[3]).tobytes()


@pytest.mark.parametrize("name", list(ASPECTS))
def test_a_shape_reaches_all_sides_of_its_box(name: str) -> None:
    for state in STATES.get(name, ("",)):
        attributes = ("red", "large", *([state] if state else []))
        h = 60
        w = round(h * aspect(name, attributes))
        background = np.asarray(draw_scene(scene()))
        picture = np.asarray(draw_scene(scene(SceneObject("0", name, (40, 40, w, h), attributes))))
        rows, columns = np.nonzero((picture != background).any(-1))
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        for got, wanted in zip(found, (40, 40, 40 + w, 40 + h), strict=True):
            assert abs(got - wanted) <= 3, (name, state, found)


def test_colours_are_drawn() -> None:
    for name in ASPECTS:
        state = STATES.get(name, ("",))[0]
        for colour, rgb in COLOURS.items():
            attributes = (colour, "large", *([state] if state else []))
            picture = np.asarray(draw_scene(scene(SceneObject("0", name, (40, 40, 60, 60), attributes))))
            assert (picture == rgb).all(-1).sum() > 60, (name, colour)


RELATED = {
    "far apart, beside each other": (
        (thing("a", "cup", (10, 100, 20, 20)), thing("b", "car", (150, 100, 30, 20))),
        {("to the left of", "b")},
        {("to the right of", "a")},
    ),
    "a gap of five pixels, one above the other": (
        (thing("a", "cup", (100, 60, 24, 24)), thing("b", "car", (100, 89, 36, 24))),
        {("above", "b"), ("near", "b")},
        {("below", "a"), ("near", "a")},
    ),
    "a gap of fifteen pixels: nobody knows whether it is near": (
        (thing("a", "cup", (100, 20, 24, 24)), thing("b", "car", (100, 59, 36, 24))),
        {("above", "b"), (f"{UNSURE}near", "b")},
        {("below", "a"), (f"{UNSURE}near", "a")},
    ),
    "one before the other": (
        (thing("a", "house", (60, 60, 40, 40)), thing("b", "ball", (90, 90, 20, 20))),
        {("behind", "b"), (f"{UNSURE}near", "b")},
        {("in front of", "a"), (f"{UNSURE}near", "a")},
    ),
    "on a table": (
        (thing("a", "table", (60, 100, 60, 40)), thing("b", "cup", (80, 89, 20, 19))),
        {(f"{UNSURE}behind", "b"), (f"{UNSURE}near", "b")},
        {("on", "a"), (f"{UNSURE}in front of", "a"), (f"{UNSURE}near", "a")},
    ),
    "in a basket": (
        (thing("a", "basket", (60, 60, 60, 50)), thing("b", "ball", (80, 80, 20, 20))),
        {(f"{UNSURE}behind", "b"), (f"{UNSURE}near", "b")},
        {("in", "a"), (f"{UNSURE}in front of", "a"), (f"{UNSURE}near", "a")},
    ),
}


@pytest.mark.parametrize("case", RELATED)
def test_relations(case: str) -> None:
    objects, of_a, of_b = RELATED[case]
    graph = scene(*objects)
    assert relations(graph, "a") == of_a
    assert relations(graph, "b") == of_b


def edited(graph: SceneGraph, id_: str, name: str, *attributes: str) -> SceneGraph:
    objects = {**graph.objects, id_: SceneObject(id_, name, graph.objects[id_].xywh, attributes)}
    return SceneGraph(graph.image_id, graph.width, graph.height, objects, graph.location)


def test_an_edit_keeps_what_is_not_said() -> None:
    graph = scene(thing("a", "cup", (60, 60, 24, 23), "striped"), thing("b", "car", (150, 150, 30, 20)))
    found = refit(graph, edited(graph, "a", "candle", "blue"), frozenset("a"))
    assert found is not None
    changed = found.objects["a"]
    assert changed.attributes[:2] == ("blue", "small")
    assert changed.attributes[2] in STATES["candle"]
    assert changed.attributes[3:] == ("striped",)
    x, y, w, h = changed.xywh
    assert abs(x + w / 2 - 72) <= 1
    assert abs(y + h / 2 - 71.5) <= 1
    assert w / h == pytest.approx(aspect("candle", changed.attributes), abs=0.1)
    assert found.objects["b"] == graph.objects["b"]


def test_what_stands_on_a_table_still_does() -> None:
    graph = scene(thing("a", "table", (60, 100, 60, 40)), thing("b", "cup", (80, 89, 20, 19)))
    found = refit(graph, edited(graph, "b", "tree"), frozenset("b"))
    assert found is not None
    assert ("on", "a") in relations(found, "b")


@pytest.mark.parametrize(
    ("name", "attributes"),
    [("cup", ("open",)), ("cup", ("striped", "tiny")), ("house", ("large",))],
    ids=["a state that cups do not have", "stripes that nobody could see", "no room"],
)
def test_what_cannot_be_drawn_is_refused(name: str, attributes: tuple[str, ...]) -> None:
    graph = scene(thing("a", "cup", (60, 60, 24, 23)), thing("b", "table", (86, 50, 60, 42)))
    assert refit(graph, edited(graph, "a", name, *attributes), frozenset("a")) is None

"""Edits of scenes: what each type changes, and that the expression is false by the geometry of the new boxes."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from finecops.construction.graph import Relation, SceneGraph
from finecops.mini.builder.image_edits import IMAGE_COLUMNS, ImageEdit, image_edit, mirrored
from finecops.mini.builder.positives import Positive, choose_positives
from finecops.mini.world.catalogue import ASPECTS, ATTRIBUTE_TYPES, RELATION_GAP, SIZES, VOCABULARY
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.edits import draw_edit, refit
from finecops.mini.world.scenes import relate, sample_scene
from tests.conftest import make_graph
from tests.mini.builder.oracle import Facts, fitting, pattern, toy_vocabulary


def geometry(graph: SceneGraph) -> Facts:
    """The facts of a drawn scene by its boxes, whatever relations its graph holds."""
    centres = {o.id: (o.xywh[0] + o.xywh[2] / 2, o.xywh[1] + o.xywh[3] / 2) for o in graph.objects.values()}
    relations = set()
    for (a, (ax, ay)), (b, (bx, by)) in itertools.permutations(centres.items(), 2):
        if bx - ax > RELATION_GAP:
            relations |= {("to the left of", a, b), ("to the right of", b, a)}
        if by - ay > RELATION_GAP:
            relations |= {("above", a, b), ("below", b, a)}
    said = Facts.of(graph)
    return Facts(said.names, said.attributes, frozenset(relations))


@pytest.fixture(scope="module")
def positives() -> list[Positive]:
    scenes = [sample_scene(random.Random(seed), str(seed)) for seed in range(70)]
    return choose_positives(scenes, VOCABULARY, {1: 80, 2: 80, 3: 60}, per_image=4, seed=0, first_id=1)


def edits(positives: list[Positive], type_: str, level: int) -> list[ImageEdit]:
    made = (image_edit(p, type_, level, VOCABULARY, refit, random.Random(p.id)) for p in positives)
    return [edit for edit in made if edit is not None]


def test_graphs_of_scenes_say_what_the_boxes_say(positives: list[Positive]) -> None:
    for positive in positives:
        assert Facts.of(positive.graph) == geometry(positive.graph)
        said = pattern(positive.description)
        assert fitting(geometry(positive.graph), said, ATTRIBUTE_TYPES) == {positive.object_ids[0]}


@pytest.mark.parametrize(("type_", "level"), IMAGE_COLUMNS)
def test_every_edit_makes_the_expression_false(type_: str, level: int, positives: list[Positive]) -> None:
    found = edits(positives, type_, level)
    assert len(found) > 5
    for edit in found:
        said = pattern(edit.positive.description)
        assert fitting(geometry(edit.graph), said, ATTRIBUTE_TYPES) == set()
        assert Facts.of(edit.graph) == geometry(edit.graph)
        assert (edit.type, edit.level) == (type_, level)
        before, after = edit.positive.graph.objects, edit.graph.objects
        names = [id_ for id_ in before if before[id_].name != after[id_].name]
        values = [id_ for id_ in before if before[id_].attributes != after[id_].attributes]
        moved = [id_ for id_ in before if before[id_].xywh != after[id_].xywh]
        ids = [edit.positive.object_ids[i] for i in edit.changed]
        if type_ == "flip":
            assert (names, values) == ([], [])
            continue
        assert names == (ids if type_ == "replace_object" else [])
        assert sorted(values) == (sorted(ids) if type_.endswith("attribute") else [])
        assert set(moved) <= set(ids)
        assert (0 in edit.changed) == (level == 1)
        assert len(ids) == (2 if type_.startswith("swap") else 1)


def test_a_flip_without_a_sided_relation_is_no_edit(positives: list[Positive]) -> None:
    for edit in edits(positives, "flip", 1):
        assert any(
            "left" in e.relation or "right" in e.relation for e in edit.positive.description.edges if e.head == 0
        )


def test_mirrored() -> None:
    graph = make_graph(("1", "cup", "red", "left of>2, above>2, on>2"), ("2", "car", "", "right of>1"))
    flipped = mirrored(graph, toy_vocabulary(complete=True))
    assert flipped.objects["1"].xywh == (91, 0, 9, 9)
    assert flipped.objects["2"].xywh == (81, 10, 9, 9)
    assert flipped.objects["1"].relations == (Relation("right of", "2"), Relation("above", "2"), Relation("on", "2"))
    assert flipped.objects["1"].attributes == ("red",)
    assert mirrored(flipped, toy_vocabulary(complete=True)) == graph


def test_a_flipped_picture_is_the_original_flipped(positives: list[Positive]) -> None:
    edit = edits(positives, "flip", 1)[0]
    pixels = np.asarray(draw_edit(edit))
    assert np.array_equal(pixels[:, ::-1], np.asarray(draw_scene(edit.positive.graph)))
    # The target's box moves with its pixels.
    target = edit.positive.object_ids[0]
    x, y, w, h = edit.positive.graph.objects[target].xywh
    assert edit.graph.objects[target].xywh == (edit.graph.width - x - w, y, w, h)


def test_only_the_edited_objects_change_their_pixels(positives: list[Positive]) -> None:
    for edit in edits(positives, "replace_attribute", 1)[:5]:
        difference = np.asarray(draw_edit(edit)) != np.asarray(draw_scene(edit.positive.graph))
        rows, columns = np.nonzero(difference.any(axis=-1))
        assert len(rows)
        object_id = edit.positive.object_ids[0]
        boxes = [graph.objects[object_id].xywh for graph in (edit.positive.graph, edit.graph)]
        assert columns.min() >= min(x for x, _, _, _ in boxes)
        assert columns.max() < max(x + w for x, _, w, _ in boxes)
        assert rows.min() >= min(y for _, y, _, _ in boxes)
        assert rows.max() < max(y + h for _, y, _, h in boxes)


def test_refit_gives_the_shape_of_the_new_category_and_size() -> None:
    found = 0
    for seed in range(60):
        scene = sample_scene(random.Random(seed), str(seed))
        obj = next(iter(scene.objects.values()))
        other = next(name for name in ASPECTS if name != obj.name)
        size = "small" if "large" in obj.attributes else "large"
        edited = type(obj)(obj.id, other, obj.xywh, (obj.attributes[0], size), obj.relations)
        graph = refit(SceneGraph("x", 140, 140, {**scene.objects, obj.id: edited}), frozenset({obj.id}))
        if graph is None:
            continue
        found += 1
        x, y, w, h = graph.objects[obj.id].xywh
        assert w / h == pytest.approx(ASPECTS[other], rel=0.08)
        low, high = SIZES[size]
        assert low - 2 <= (w * h) ** 0.5 <= high + 2
        centre = (obj.xywh[0] + obj.xywh[2] / 2, obj.xywh[1] + obj.xywh[3] / 2)
        assert (x + w / 2, y + h / 2) == pytest.approx(centre, abs=1)
        assert min(x, y) >= 1
        assert max(x + w, y + h) <= 139
        assert graph == relate(graph)
    assert found > 10


def test_refit_refuses_what_does_not_fit() -> None:
    scene = sample_scene(random.Random(0), "0")
    first, second, *_ = scene.objects.values()
    x, y, w, h = second.xywh
    onto_another = type(first)(first.id, first.name, (x + 1, y + 1, w, h), first.attributes)
    outside = type(first)(first.id, first.name, (-5, 10, 20, 20), first.attributes)
    for edited in (onto_another, outside):
        graph = SceneGraph("x", 140, 140, {**scene.objects, first.id: edited})
        assert refit(graph, frozenset({first.id})) is None

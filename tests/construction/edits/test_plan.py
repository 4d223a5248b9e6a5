"""Plans of edits: the edited graph says no more than is known, and the expression is false in it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.construction.edits.mask import MaskOptions
from finecops.construction.edits.plan import COLUMNS, NO_ROOM, ImageEdit, plan_edit, plan_edits
from finecops.construction.edits.regions import COVERS, OUTSIDE, OVERLAP, TOO_LARGE, TOO_SMALL, RegionOptions
from finecops.construction.edits.wording import object_text
from finecops.construction.edits.world import EditWorld
from finecops.construction.graph import SceneGraph, parse_scene_graph
from finecops.construction.negatives.make import NO_PART, NO_WORD, NOT_PROVED, ODD
from finecops.construction.negatives.requests import Request
from tests.construction.small_lexicon import small_lexicon

LEXICON = small_lexicon()


class BruteForce:
    """Every assignment of objects to nodes, one after the other; left and right are read from the centres."""

    def __init__(self, graph: SceneGraph) -> None:
        self.graph = graph

    def is_false(self, description: Description) -> bool:
        objects = self.graph.objects.values()
        return not any(
            self._fits(description, chosen) for chosen in itertools.permutations(objects, len(description.nodes))
        )

    def _fits(self, description: Description, chosen: Sequence[Any]) -> bool:
        for node, obj in zip(description.nodes, chosen, strict=True):
            if not LEXICON.may_be(obj.name, node.name) or any(
                LEXICON.excluded(obj.attributes, a) for a in node.attributes
            ):
                return False
        return all(self._may_stand(chosen[e.head], e.relation, chosen[e.tail]) for e in description.edges)

    def _may_stand(self, head: Any, relation: str, tail: Any) -> bool:
        across = (tail.xywh[0] + tail.xywh[2] / 2) - (head.xywh[0] + head.xywh[2] / 2)
        word = LEXICON.relations[relation]
        if word.boxes:
            return across * (1 if word.boxes == "left" else -1) > -self.graph.width / 8
        return not any(head.relates(other, tail.id) for other in word.contradictions)


def thing(name: str, x: float, y: float, w: float, h: float, *attributes: str, **relations: str) -> dict[str, Any]:
    edges = [{"name": word.replace("_", " "), "object": other} for word, other in relations.items()]
    return {"name": name, "x": x, "y": y, "w": w, "h": h, "attributes": list(attributes), "relations": edges}


def scene(**objects: dict[str, Any]) -> SceneGraph:
    return parse_scene_graph("7", {"width": 400, "height": 300, "objects": objects})


GRAPH = scene(
    cup=thing("cup", 20, 100, 60, 60, "red", "metal", to_the_left_of="plate", near="plate"),
    plate=thing("plate", 300, 100, 60, 60, "blue", "small", to_the_right_of="cup", near="cup"),
    table=thing("table", 10, 165, 380, 40, "wooden"),
    # It lies in the cup's box.
    man=thing("man", 30, 110, 30, 30, "tall", holding="cup"),
)
SAID = Description("1_hop", (Node("cup", ("red",)), Node("plate", ("blue",))), (Edge("to the left of", 0, 1),))
OBJECTS = ("cup", "plate")
WORDS = {"cup": ["mug", "hat"], "plate": ["cup", "bus"], "red": ["blue"], "blue": ["tan"]}


def offer(request: Request, rng: random.Random) -> Sequence[str]:
    return WORDS[request.old]


def world(**changes: Any) -> EditWorld:
    return EditWorld(LEXICON, BruteForce, offer, **changes)


def plan(type_: str, level: int, said: Description = SAID, graph: SceneGraph = GRAPH, **changes: Any) -> ImageEdit:
    objects = tuple(changes.pop("objects", OBJECTS))
    made = plan_edit(said, objects, graph, (type_, level), world(**changes), random.Random(0))  # type: ignore[arg-type]
    assert (made.graph is None) is (made.reason is not None)
    if made.graph is not None:
        assert BruteForce(made.graph).is_false(said)
        assert not BruteForce(graph).is_false(said)
        assert made.said is not None
        assert not BruteForce(made.graph).is_false(made.said)
    return made


def state(edit: ImageEdit, object_id: str) -> tuple[str, tuple[str, ...], list[str]]:
    assert edit.graph is not None
    obj = edit.graph.objects[object_id]
    return obj.name, obj.attributes, [r.name for r in obj.relations]


def test_another_thing_keeps_what_was_said_and_what_its_box_says() -> None:
    edit = plan("replace_object", 1)
    # A mug may be called a cup, so the second word was taken. The graph's "metal" was not asked for.
    assert state(edit, "cup") == ("hat", ("red",), ["to the left of"])
    assert state(edit, "plate") == ("plate", ("blue", "small"), ["to the right of"])
    assert (edit.boxes, edit.prompts, edit.changed) == (((20, 100, 80, 160),), ("a red hat",), (0,))
    assert edit.before == ("a red cup",)


def test_what_lies_under_the_mask_may_still_be_there_but_nothing_is_known_of_it() -> None:
    assert state(plan("replace_object", 1), "man") == ("man", (), [])
    assert state(plan("replace_object", 2), "man") == ("man", ("tall",), ["holding"])


def test_the_related_object_is_changed_at_level_2() -> None:
    edit = plan("replace_object", 2)
    # The first word would make it "the cup to the left of the cup".
    assert state(edit, "plate") == ("bus", ("blue",), ["to the right of"])
    assert (edit.changed, edit.prompts) == ((1,), ("a blue bus",))


def test_the_same_thing_with_another_attribute_keeps_the_rest() -> None:
    edit = plan("replace_attribute", 1)
    assert state(edit, "cup") == ("cup", ("blue", "metal"), ["to the left of", "near"])
    assert (edit.prompts, edit.before) == (("a blue metal cup",), ("a red metal cup",))
    assert plan("replace_attribute", 2).prompts == ("a small tan plate",)


def test_all_values_of_a_kind_go_for_a_new_one() -> None:
    graph = scene(cup=thing("cup", 20, 100, 60, 60, "red", "tan", "large"))
    edit = plan("replace_attribute", 1, Description("0_hop", (Node("cup", ("red",)),)), graph, objects=("cup",))
    assert state(edit, "cup")[1] == ("blue", "large")


def test_things_change_places_with_all_that_they_are() -> None:
    edit = plan("swap_object", 1)
    assert state(edit, "cup") == ("plate", ("blue", "small"), ["to the left of"])
    assert state(edit, "plate") == ("cup", ("red", "metal"), ["to the right of"])
    assert edit.prompts == ("a small blue plate", "a red metal cup")
    assert edit.before == edit.prompts[::-1]
    assert edit.boxes == ((20, 100, 80, 160), (300, 100, 360, 160))


def test_attributes_change_places() -> None:
    edit = plan("swap_attribute", 1)
    assert state(edit, "cup")[:2] == ("cup", ("blue", "metal"))
    assert state(edit, "plate")[:2] == ("plate", ("red", "small"))
    assert edit.prompts == ("a blue metal cup", "a small red plate")
    assert plan("swap_attribute", 2).reason == NO_PART


def test_a_flip_changes_boxes_and_relations() -> None:
    edit = plan("flip", 1)
    assert edit.graph is not None
    assert edit.graph.objects["cup"].xywh == (320, 100, 60, 60)
    assert state(edit, "cup")[2] == ["to the right of", "near"]
    assert (edit.boxes, edit.prompts, edit.changed) == ((), (), (0,))
    assert plan("flip", 2).reason == NO_PART
    assert plan("flip", 1, Description("0_hop", SAID.nodes[:1])).reason == NO_PART


def test_a_flip_that_leaves_the_expression_possible_is_none() -> None:
    graph = scene(
        cup=thing("cup", 180, 100, 40, 60, "red", to_the_left_of="plate"), plate=thing("plate", 190, 10, 40, 60, "blue")
    )
    assert plan("flip", 1, graph=graph).reason == NOT_PROVED


def test_an_edit_that_another_object_makes_true_is_none() -> None:
    other = parse_scene_graph("7", {"width": 400, "height": 300, "objects": {"b": thing("mug", 90, 100, 40, 40)}})
    graph = replace(GRAPH, objects={**GRAPH.objects, **other.objects})
    assert plan("replace_object", 1, graph=graph).reason == NOT_PROVED


@pytest.mark.parametrize(
    ("cup", "plate", "regions", "type_", "reason"),
    [
        ((20, 100, 20, 20), (300, 100, 60, 60), RegionOptions(), "replace_object", TOO_SMALL),
        ((0, 0, 250, 300), (300, 100, 60, 60), RegionOptions(), "replace_object", TOO_LARGE),
        ((410, 0, 50, 50), (300, 100, 60, 60), RegionOptions(), "replace_object", OUTSIDE),
        # The plate is half in the cup's box.
        ((20, 100, 60, 60), (60, 100, 40, 40), RegionOptions(), "replace_object", COVERS),
        ((20, 100, 60, 60), (75, 100, 60, 60), RegionOptions(), "swap_object", OVERLAP),
        # The boxes do not overlap, the grown masks do.
        ((20, 100, 60, 60), (85, 100, 60, 60), RegionOptions(), "swap_object", OVERLAP),
        ((20, 100, 60, 60), (85, 100, 60, 60), RegionOptions(mask=MaskOptions(0, 0, 0)), "swap_object", None),
    ],
)
def test_a_box_that_cannot_be_repainted(cup: Any, plate: Any, regions: Any, type_: str, reason: str | None) -> None:
    graph = scene(cup=thing("cup", *cup, "red"), plate=thing("plate", *plate, "blue"))
    assert plan(type_, 1, graph=graph, regions=regions).reason == reason


def test_what_cannot_be_said_is_not_painted() -> None:
    said = Description("1_hop", (Node("man"), Node("hat")), (Edge("wearing", 0, 1),))
    graph = scene(man=thing("man", 20, 100, 60, 60, wearing="hat"), hat=thing("hat", 90, 100, 60, 60))

    def cars(request: Request, rng: random.Random) -> Sequence[str]:
        return ["car"]

    found = plan_edit(
        said, ("man", "hat"), graph, ("replace_object", 1), EditWorld(LEXICON, BruteForce, cars), random.Random(0)
    )
    assert found.reason == ODD


def test_an_attribute_that_is_not_mentioned_is_exchanged_too() -> None:
    said = Description("1_hop", (Node("cup", ("red",)), Node("plate")), (Edge("to the left of", 0, 1),))
    edit = plan("swap_attribute", 1, said)
    assert edit.prompts == ("a blue metal cup", "a small red plate")
    assert edit.said == Description("1_hop", (Node("cup", ("blue",)), Node("plate")), said.edges)
    # What is not mentioned at all does not make the expression false.
    nothing = Description("1_hop", (Node("cup"), Node("plate")), said.edges)
    assert plan("swap_attribute", 1, nothing).reason == NO_PART


def test_a_thing_of_two_colors_keeps_both_or_neither() -> None:
    graph = scene(
        cup=thing("cup", 20, 100, 60, 60, "red", "tan", to_the_left_of="plate"),
        plate=thing("plate", 300, 100, 60, 60, "blue"),
    )
    assert plan("swap_object", 1, graph=graph).prompts == ("a blue plate", "a red and tan cup")
    assert plan("swap_attribute", 1, graph=graph).prompts == ("a blue cup", "a red plate")


def test_no_word_is_a_reason() -> None:
    edit = plan_edit(
        SAID, OBJECTS, GRAPH, ("replace_object", 1), EditWorld(LEXICON, BruteForce, lambda r, g: []), random.Random(0)
    )
    assert edit.reason == NO_WORD


def test_an_answer_for_each_column_of_the_papers_table_and_the_same_for_a_seed() -> None:
    made = list(plan_edits(SAID, OBJECTS, GRAPH, world(), "3/7"))
    assert [(m.type, m.level) for m in made] == list(COLUMNS)
    assert made == list(plan_edits(SAID, OBJECTS, GRAPH, world(), "3/7"))
    assert sum(m.graph is not None for m in made) == 7


def test_the_row_has_all_that_the_promise_needs() -> None:
    row = plan("swap_object", 1).row(9, 4, "neg_9")
    assert (row.id, row.positive_id, row.image_id, row.status, row.level) == (9, 4, "neg_9", "kept", 1)
    assert BruteForce(parse_scene_graph("neg_9", row.graph)).is_false(SAID)
    assert row.said is not None
    assert row.said.nodes == [("plate", ["blue"]), ("cup", ["red"])]
    assert type(row)(**row.model_dump()) == type(row).model_validate_json(row.model_dump_json()) == row
    none = plan("flip", 2).row(9, 4, "neg_9")
    assert (none.status, none.reason, none.graph) == ("dropped", NO_PART, {})


def test_a_drawn_world_completes_the_graph_itself() -> None:
    complete = small_lexicon(complete=True)
    with pytest.raises(ValueError, match="give `refit`"):
        EditWorld(complete, BruteForce, offer)
    seen = []

    def refit(graph: SceneGraph, changed: frozenset[str]) -> SceneGraph | None:
        seen.append((graph.objects["cup"].attributes, changed))
        return graph if graph.objects["cup"].name != "mug" else None

    drawn = EditWorld(complete, BruteForce, offer, refit)
    edit = plan_edit(SAID, OBJECTS, GRAPH, ("replace_object", 1), drawn, random.Random(0))
    # All that the graph knows of the object stays, and nothing is repainted.
    assert (edit.boxes, edit.prompts, edit.changed) == ((), (), (0,))
    assert seen == [(("red", "metal"), frozenset({"cup"}))]
    none = EditWorld(complete, BruteForce, offer, lambda graph, changed: None)
    assert plan_edit(SAID, OBJECTS, GRAPH, ("replace_object", 1), none, random.Random(0)).reason == NO_ROOM


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Node("cup", ("red",)), "a red cup"),
        (Node("cup", ("metal", "red", "small")), "a small red metal cup"),
        (Node("cup", ("open",)), "an open cup"),
        (Node("cups", ("red",)), "red cups"),
        (Node("scissors", ("red",)), "a pair of red scissors"),
        (Node("grass"), "grass"),
    ],
)
def test_an_object_in_words(node: Node, text: str) -> None:
    assert object_text(node, LEXICON) == text

"""Negatives in their final words: their positives' with one part changed, or rewritten themselves."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import pytest

from finecops.construction.description import Description
from finecops.construction.rewriting.asker import Asker
from finecops.construction.rewriting.checker import Checker
from finecops.construction.rewriting.rewrites import ModelRewriter, Rewrite, Sentence, rewritten_negatives
from finecops.construction.rewriting.transfer import transferred
from finecops.construction.rewriting.writers import ServerWriter
from finecops.construction.samples import DescriptionRow, NegativeRow, Phrased, PositiveRow, RewriteRow
from finecops.prompts import REWRITE_STYLES
from tests.construction.rewriting.text_server import serving
from tests.construction.rewriting.words import LEFT, LEXICON, described

CHECKER = Checker(LEXICON)
RIGHT = "to the right of"


def phrased(text: str, said: Description) -> Phrased:
    found = CHECKER.check(text, said)
    assert found.expression is not None, found.reason
    return found.expression


CUP = described("red,cup", "plate", f"0 {LEFT} 1")
MAN = described("man", "hat", "0 wearing 1")
TWO = described("cup", "white,table", "bowl", "0 on 1", "1 next to 2")
SAME = described("cup", "plate", "0 same color 1")

TRANSFERS = [
    (
        CUP,
        "the red mug to the left of the plate",
        described("red,bowl", "plate", f"0 {LEFT} 1"),
        "the red bowl to the left of the plate",
    ),
    (
        CUP,
        "the mug that is red and left of a plate",
        described("blue,cup", "plate", f"0 {LEFT} 1"),
        "the mug that is blue and left of a plate",
    ),
    (
        CUP,
        "A red cup is left of the plate.",
        described("orange,cup", "plate", f"0 {LEFT} 1"),
        "An orange cup is left of the plate.",
    ),
    (
        CUP,
        "Red cup left of a plate",
        described("orange,cup", "umbrella", f"0 {LEFT} 1"),
        "Orange cup left of an umbrella",
    ),
    (
        CUP,
        "the red cup to the plate's left",
        described("red,cup", "plate", f"0 {RIGHT} 1"),
        "the red cup to the plate's right",
    ),
    (
        CUP,
        "the red cup with a plate to its right",
        described("red,cup", "plate", f"0 {RIGHT} 1"),
        "the red cup with a plate to its left",
    ),
    (
        CUP,
        "the red cup located left of the plate",
        described("red,cup", "plate", "0 under 1"),
        "the red cup located under the plate",
    ),
    (CUP, "the plate is to the left of the red cup", described("red,bowl", "plate", f"0 {LEFT} 1"), None),
    (MAN, "the man who wears a hat", described("man", "hat", "0 holding 1"), "the man who holds a hat"),
    (MAN, "the man who wears a hat", described("man", "hat", "0 next to 1"), "the man who is next to a hat"),
    (MAN, "the man who is wearing a hat", described("man", "hat", "0 with 1"), "the man who has a hat"),
    (MAN, "the man in a hat", described("man", "shirt", "0 wearing 1"), "the man in a shirt"),
    (MAN, "the man in a hat", described("hat", "man", "0 wearing 1"), "the hat in a man"),
    (
        TWO,
        "the mug on the white table that is next to the bowl",
        described("bowl", "white,table", "cup", "0 on 1", "1 next to 2"),
        "the bowl on the white table that is next to the cup",
    ),
    (
        TWO,
        "next to the bowl, the cup on the white table",
        described("cup", "red,table", "bowl", "0 on 1", "1 next to 2"),
        None,
    ),
    (
        SAME,
        "the cup matching the plate in color",
        described("cup", "plate", "0 same material 1"),
        "the cup matching the plate in material",
    ),
    (SAME, "the cup that has the same color as the plate", described("cup", "plate", "0 under 1"), None),
    (CUP, "the red mug to the left of the plate", described("red,cup", "plate", "bowl", f"0 {LEFT} 1", "0 on 2"), None),
]


@pytest.mark.parametrize(("said", "final", "new", "expected"), TRANSFERS)
def test_the_changed_part_takes_its_place(
    said: Description, final: str, new: Description, expected: str | None
) -> None:
    spans = CHECKER.check(final, said).expression or Phrased(text=final, spans=[(0, 1)] * len(said.nodes))
    found = transferred(spans, said, new, CHECKER, [True] * len(new.nodes))
    assert (found and found.text) == expected
    assert found is None or found == phrased(str(expected), new)


def negative(id_: int, said: Description, text: str | None, type_: str = "replace_object", **more: Any) -> NegativeRow:
    return NegativeRow(
        id=id_,
        positive_id=id_,
        image_id="1",
        type=type_,
        level=1,
        status="dropped" if text is None else "kept",
        said=DescriptionRow.of(said),
        changed=[0],
        expression=None if text is None else phrased(text, said),
        chosen_by="swap" if type_.startswith("swap") else "statistics",
        **more,
    )


class Shouting:
    """Rewrites everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def rewrite(self, sentences: Sequence[Sentence]) -> list[Rewrite]:
        self.asked += [sentence.expression.text for sentence in sentences]
        return [
            Rewrite(phrased(f"There is {s.expression.text.replace('the', 'a', 1)}", s.said), "model") for s in sentences
        ]


def test_a_replacement_has_the_words_of_its_positive_and_a_swap_its_own() -> None:
    bowl = described("red,bowl", "plate", f"0 {LEFT} 1")
    swap = described("red,plate", "cup", f"0 {LEFT} 1")
    template = "the red bowl to the left of the plate"
    rows = [
        negative(0, bowl, template),
        negative(1, bowl, template),
        negative(2, bowl, template),
        negative(3, swap, "the red plate to the left of the cup", "swap_object"),
        negative(4, bowl, None),
    ]
    finals = {
        0: ("To the left of the plate is the red cup", "rules"),
        1: ("the red cup to the left of the plate", "template"),
        # Found for nobody.
        3: ("the red cup that is left of the plate", "model"),
        4: ("the red cup", "template"),
    }

    def final(id_: int) -> Any:
        if id_ not in finals:
            return None
        text, by = finals[id_]
        words = CHECKER.check(text, CUP).expression or Phrased(text=text, spans=[(4, 11), (0, 3)])
        positive = PositiveRow(
            id=id_,
            image_id="1",
            said=DescriptionRow.of(CUP),
            objects=["a", "b"],
            level=1,
            template="",
            definite=[True, True],
            expression=words,
        )
        return positive, RewriteRow(id=id_, expression=words, by=by)

    rewriter = Shouting()
    done = list(rewritten_negatives([(row, [True, True]) for row in rows], rewriter, CHECKER, final))
    assert [row.expression and row.expression.text for row in done] == [
        "To the left of the plate is the red bowl",
        template,
        "There is a red bowl to the left of the plate",
        "There is a red plate that is left of the cup",
        None,
    ]
    assert [row.by for row in done] == ["rules", "template", "model", "model", "template"]
    assert done[0].source == {"words_of": "the positive"}
    assert rewriter.asked == [template, "the red plate that is left of the cup"]


def test_swapped_negatives_are_checked_against_the_swapped_description() -> None:
    said = described("plate", "red,cup", f"0 {LEFT} 1")
    text = "the plate to the left of the red cup"
    rows = [negative(i, said, text if i < 2 else None, "swap_object") for i in range(3)]
    replies = ["the plate that is left of the red cup", "the red cup to the left of the plate"]

    def say(questions: dict[str, Any]) -> str:
        return json.dumps(dict(zip(questions, replies, strict=False)))

    # Both have one template: the seeded styles make two questions of them.
    with serving(say) as server:
        asker = Asker(ServerWriter(server.config()))
        seeds = (seed for seed in range(99) if len({_style(seed, row.id) for row in rows[:2]}) == 2)
        model = ModelRewriter(asker, LEXICON, seed=next(seeds))
        done = list(rewritten_negatives([(row, [True, True]) for row in rows], model))
    assert [row.by for row in done] == ["model", "template", "template"]
    assert done[0].expression == phrased(replies[0], said)
    assert done[1].source["not_rewritten"] == "it says of the cup what belongs to the plate"
    assert done[1].source["rejected"] == replies[1]
    assert done[2] == rows[2]


def _style(seed: int, row_id: int) -> int:
    return random.Random(f"{seed}/negative/{row_id}/style").randrange(len(REWRITE_STYLES))

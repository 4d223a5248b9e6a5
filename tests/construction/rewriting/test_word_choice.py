"""Words for negatives, proposed by a model: found in the lexicon in any form, or refused with a reason."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from finecops.construction.negatives.make import negative
from finecops.construction.negatives.requests import Request, requests
from finecops.construction.rewriting.asker import Asker
from finecops.construction.rewriting.word_choice import (
    TASK,
    UNFIT,
    UNKNOWN,
    WordFinder,
    WordQuestion,
    propose_words,
)
from finecops.construction.rewriting.writers import ServerWriter
from tests.construction.rewriting.text_server import each, serving
from tests.construction.rewriting.words import LEFT, LEXICON, described

CUP = described("red,cup", "plate", f"0 {LEFT} 1")
MAN = described("man", "hat", "0 wearing 1")
TREES = described("trees", "street", "0 near 1")
SAME = described("cup", "plate", "0 same color 1")


def request(said: Any, type_: str, level: Any = 1) -> Request:
    return requests(said, type_, level)[0]


@pytest.mark.parametrize(
    ("said", "type_", "text", "word"),
    [
        (CUP, "replace_object", "bowl", "bowl"),
        (CUP, "replace_object", "a Bowl", "bowl"),
        (CUP, "replace_object", "bowls", "bowl"),
        (CUP, "replace_object", "benches", None),
        (CUP, "replace_object", "fire-hydrant", "fire hydrant"),
        (CUP, "replace_object", "T-Shirt", "t-shirt"),
        (CUP, "replace_object", "trees", "tree"),
        (CUP, "replace_object", "saucer", None),
        (CUP, "replace_object", "", None),
        (TREES, "replace_object", "person", "people"),
        (CUP, "replace_attribute", "blue", "blue"),
        (CUP, "replace_attribute", "grey", "gray"),
        (CUP, "replace_attribute", "light-blue", "light blue"),
        (CUP, "replace_attribute", "wooden", "wood"),
        (CUP, "replace_attribute", "turquoise", None),
        (MAN, "replace_relation", "holds", "holding"),
        (MAN, "replace_relation", "is holding", "holding"),
        (MAN, "replace_relation", "left of", "to the left of"),
        (MAN, "replace_relation", "on the left side of", "to the left of"),
        (MAN, "replace_relation", "on", "on"),
        (MAN, "replace_relation", "licking", None),
        (SAME, "replace_relation", "same material", "same material"),
        (SAME, "replace_relation", "the same material as", "same material"),
        (SAME, "replace_relation", "material", "same material"),
    ],
)
def test_a_word_of_the_lexicon_is_found_in_any_form(said: Any, type_: str, text: str, word: str | None) -> None:
    assert WordFinder(LEXICON).word(text, request(said, type_)) == word


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (["cat", " dog. ", "dog"], ["cat", "dog", "dog"]),
        ("cat, dog", ["cat", "dog"]),
        ({"words": ["cat"]}, ["cat"]),
        ([["cat"], 3, None, ""], None),
        ([], None),
        (7, None),
        (["x" * 500], ["x" * 60]),
        (["a\nb"], ["a b"]),
        ([str(i) for i in range(99)], [str(i) for i in range(20)]),
    ],
)
def test_lists_are_read_leniently(answer: Any, words: Any) -> None:
    assert TASK.usable(answer) == words


def test_proposals_are_for_each_positive_and_say_what_was_refused() -> None:
    replies = {"cup": ["saucer", "mugs", "bowl", "trees", "hat", "cup"], "red": ["scarlet", "blue", "wood", "red"]}
    first, second = request(CUP, "replace_object"), request(CUP, "replace_attribute")
    asked = [
        WordQuestion("1", first, "the red cup to the left of the plate", ("plate", "table")),
        WordQuestion("1", second, "the red cup to the left of the plate"),
        WordQuestion("2", first, "there is a red cup to the left of the plate"),
    ]
    with serving(each(lambda question: replies[question["word"]])) as server:
        found = propose_words(Asker(ServerWriter(server.config())), asked, LEXICON)
    objects = found.get("1", first)
    assert objects is not None
    # "Trees" is "tree" here, "mugs" are cups.
    assert objects.words == ("bowl", "tree", "hat")
    assert objects.refused == {"saucer": UNKNOWN, "mugs": UNFIT, "cup": UNFIT}
    attributes = found.get("1", second)
    assert attributes is not None
    assert attributes.words == ("blue",)
    assert attributes.refused == {"scarlet": UNKNOWN, "wood": UNFIT, "red": UNFIT}
    assert found.get("2", second) is None
    assert found.words_of("2")(first, random.Random(0)) == ("bowl", "tree", "hat")
    assert found.words_of("2")(second, random.Random(0)) == ()
    questions = [question for request in server.asked for question in request.values()]
    assert questions[0] == {
        "expression": "the red cup to the left of the plate",
        "word": "cup",
        "kind": "object",
        "present": ["plate", "table"],
    }
    assert [question["kind"] for question in questions] == ["object", "color", "object"]


def test_the_first_word_that_is_proved_false_is_taken() -> None:
    class Facts:
        def is_false(self, description: Any) -> bool:
            return description.nodes[0].name in ("tree", "hat")

    one = request(CUP, "replace_object")
    with serving(each(lambda question: ["bowl", "tree", "hat"])) as server:
        question = WordQuestion("1", one, "the red cup to the left of the plate")
        found = propose_words(Asker(ServerWriter(server.config())), [question], LEXICON)
    made = negative(CUP, Facts(), ("replace_object", 1), LEXICON, found.words_of("1"), random.Random(0))
    assert (made.old, made.new) == ("cup", "tree")


def test_a_model_without_an_answer_gives_the_reason() -> None:
    one = request(MAN, "replace_relation")
    with serving(lambda questions: "no") as server:
        found = propose_words(Asker(ServerWriter(server.config())), [WordQuestion("1", one, "x")], LEXICON)
    proposal = found.get("1", one)
    assert proposal is not None
    assert (proposal.words, proposal.reason) == ((), "no answer in the reply: no")


def test_the_prompts_examples_are_answers_that_are_taken() -> None:
    for _, answer in TASK.examples:
        assert TASK.usable(answer) == answer
        assert json.dumps(answer)

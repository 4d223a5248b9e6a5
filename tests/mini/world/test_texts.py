"""Expressions, questions and short texts about drawn scenes: what they say is true of the graph."""

from __future__ import annotations

import random

import pytest

from finecops.construction.truth.facts import Facts
from finecops.mini.training.expressions import SceneTexts
from finecops.mini.training.options import max_options, sample_option_questions
from finecops.mini.training.questions import QUESTIONS, false_text, sample_questions, scene_steps
from finecops.mini.training.specialist_training import FIRST, LATER, Texts, sample_text
from finecops.mini.training.words import world_words
from finecops.mini.world.catalogue import COLOURS
from finecops.mini.world.lexicon import LEXICON
from finecops.mini.world.scenes import sample_scene
from finecops.mini.world.short_style import short_expressions

SEEDS = range(40)


def texts_of(seed: int) -> SceneTexts:
    return SceneTexts(sample_scene(random.Random(seed), str(seed)), random.Random(-seed))


def test_unique_expressions_fit_their_target_alone() -> None:
    levels = set()
    for seed in SEEDS:
        texts = texts_of(seed)
        for said in (texts.unique(), texts.hard()):
            if said is None:
                continue
            levels.add(said.level)
            assert Facts(texts.scene, LEXICON).possible(said.description) == [said.target]
            start, end = said.expression.spans[0]
            assert said.description.nodes[0].name in said.expression.text[start:end]
    assert levels == {1, 2, 3}


def test_false_expressions_fit_nothing() -> None:
    made = 0
    for seed in SEEDS:
        texts = texts_of(seed)
        said = texts.unique()
        false = None if said is None else false_text(texts, said)
        made += false is not None
        assert false is None or said is None or false != said.expression.text
    assert made > len(SEEDS) / 2


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_each_scene_has_its_number_of_questions(progress: float) -> None:
    for seed in SEEDS:
        texts = texts_of(seed)
        boxes = {scene_steps(texts.scene, obj.xywh) for obj in texts.scene.objects.values()}
        for sample in (sample_questions, sample_option_questions):
            questions = sample(texts, progress)
            assert len(questions) == QUESTIONS
            assert all(question.box is None or question.box in boxes for question in questions)
            assert all((question.box is None) == bool(question.text) for question in questions)


def test_lists_begin_with_two_options() -> None:
    assert [max_options(p) for p in (0.0, 0.1, 0.75, 1.0)] == [2, 2, 10, 10]


@pytest.mark.parametrize("shares", [FIRST, LATER])
def test_texts_of_the_specialist_name_what_fits(shares: Texts) -> None:
    for seed in SEEDS:
        texts = texts_of(seed)
        grounded = sample_text(texts, shares)
        assert grounded.text.endswith(".")
        for (start, end), objects in grounded.phrases:
            phrase = grounded.text[start:end]
            names = {texts.scene.objects[id_].name for id_ in objects}
            assert len(names) <= 1
            assert all(name in phrase for name in names)
            colours = COLOURS.keys() & set(phrase.split())
            assert all(colours <= set(texts.scene.objects[id_].attributes) for id_ in objects)


def test_every_word_is_known_to_the_tokenizers() -> None:
    words = set(world_words())
    for seed in range(1000, 1040):
        said = texts_of(seed).unique()
        if said is not None:
            assert {w.strip(",") for w in said.expression.text.lower().split()} <= words


def test_short_expressions_fit_one_thing() -> None:
    texts = set()
    for seed in SEEDS:
        scene = sample_scene(random.Random(seed), str(seed))
        for said in short_expressions(scene, random.Random(seed)):
            texts.add(said.text)
            words = [a for a in said.target.attributes if a in said.text.split()]
            same = [o for o in scene.objects.values() if o.name == said.target.name and set(words) <= {*o.attributes}]
            if said.tuple_type == "0_hop":
                assert same == [said.target]
            for word, axis, far in (("left", 0, min), ("right", 0, max), ("top", 1, min), ("bottom", 1, max)):
                # "Second from left" and the corners of a thing that is alone are other claims.
                if said.tuple_type == "position" and word in said.text and "second" not in said.text:
                    assert far(same, key=lambda obj: obj.xywh[axis] + obj.xywh[axis + 2] / 2) == said.target
    assert any("second" in text for text in texts)
    assert any("middle" in text for text in texts)

"""Questions of the options stage: their answers are right, and their lists grow with the training."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest

from finecops.boxes import iou_xyxy, xywh_to_xyxy
from finecops.mini.training import options as stage
from finecops.mini.training.expressions import Said, SceneTexts
from finecops.mini.training.options import max_options, sample_option_questions
from finecops.mini.world.scenes import sample_scene

_OPTION = re.compile(
    r"^([A-Z])\. (?:nothing|<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>)$", re.MULTILINE
)


def options_of(prompt: str) -> dict[str, list[int] | None]:
    return {m[1]: None if m[2] is None else [int(v) for v in m.groups()[1:]] for m in _OPTION.finditer(prompt)}


@pytest.mark.parametrize(("progress", "most"), [(0.0, 2), (0.125, 2), (0.4375, 6), (0.75, 10), (1.0, 10)])
def test_lists_grow_with_the_training(progress: float, most: int) -> None:
    assert max_options(progress) == most
    none = progress >= 0.625
    for seed in range(30):
        texts = SceneTexts(sample_scene(random.Random(seed), str(seed)), random.Random(-seed))
        questions = sample_option_questions(texts, progress)
        assert len(questions) == 8
        # Grounding is not forgotten.
        assert sum(question.box is not None for question in questions) >= 2
        for options in filter(None, (options_of(question.prompt) for question in questions)):
            assert 2 <= len(options) <= most + none
            assert none or None not in options.values()


def test_a_scene_without_questions_with_options_has_as_many_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_pick", lambda *_: None)
    texts = SceneTexts(sample_scene(random.Random(1), "1"), random.Random(-1))
    assert len(sample_option_questions(texts, 1.0)) == 8


@pytest.mark.parametrize("none_share", [0.0, 1.0])
def test_the_letter_is_the_targets_or_nothings(none_share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Said | None] = []

    def remember(texts: SceneTexts) -> Said | None:
        drawn.append(of_scene(texts))
        return drawn[-1]

    of_scene = stage.drawn
    monkeypatch.setattr(stage, "drawn", remember)
    answers: Counter[str] = Counter()
    for seed in range(300):
        scene = sample_scene(random.Random(seed), str(seed))
        question = stage._pick(SceneTexts(scene, random.Random(-seed)), 6, none_share)
        said = drawn[-1]
        assert (question is None) == (said is None)
        if question is None or said is None:
            continue
        options = options_of(question.prompt)
        target = xywh_to_xyxy(np.array(scene.objects[said.target].xywh)) / scene.width * 1000
        boxes = {letter: np.array(box, dtype=float) for letter, box in options.items() if box is not None}
        # Coordinates in steps of ten: of the smallest things a third of a side may be lost.
        listed = any(iou_xyxy(box[None], target)[0] > 0.5 for box in boxes.values())
        same_sentence = said.expression.text in question.prompt
        assert question.chosen is not None
        line = question.prompt[: question.chosen].splitlines()[-1]
        assert line.startswith(f"{question.text}. ")
        assert line in question.prompt.splitlines()
        if options[question.text] is not None:
            best = max(boxes, key=lambda letter: iou_xyxy(boxes[letter][None], target)[0])
            assert best == question.text
            assert same_sentence
            assert question.looks is not None
            assert np.array(question.looks) * 10 == pytest.approx(target)
            answers["target"] += 1
        else:
            assert not (listed and same_sentence)
            # A sentence that fits nothing has nowhere to look.
            assert (question.looks is None) is not same_sentence
            answers["left out" if same_sentence else "changed sentence"] += 1
    if none_share:
        assert min(answers[kind] for kind in ("target", "left out", "changed sentence")) > 15, answers
    else:
        assert set(answers) == {"target"}

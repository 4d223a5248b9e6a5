"""Questions of the options stage: their answers are right, and their lists grow with the training."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest

from finecops.boxes import iou_xyxy, xywh_to_xyxy
from finecops.mini.training import options as stage
from finecops.mini.training.options import max_options, sample_option_questions
from finecops.mini.training.questions import unique_positive
from finecops.mini.world.scenes import sample_scene

_OPTION = re.compile(
    r"^([A-Z])\. (?:nothing|<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>)$", re.MULTILINE
)


def options_of(prompt: str) -> dict[str, list[int] | None]:
    return {m[1]: None if m[2] is None else [int(v) for v in m.groups()[1:]] for m in _OPTION.finditer(prompt)}


@pytest.mark.parametrize(("progress", "most"), [(0.0, 2), (0.1, 2), (0.35, 6), (0.6, 10), (1.0, 10)])
def test_lists_grow_with_the_training(progress: float, most: int) -> None:
    assert max_options(progress) == most
    none = progress >= 0.5
    for seed in range(60):
        questions = sample_option_questions(random.Random(seed), sample_scene(random.Random(seed), str(seed)), progress)
        assert len(questions) == 8
        for options in filter(None, (options_of(question.prompt) for question in questions)):
            assert 2 <= len(options) <= most + none
            assert none or None not in options.values()


@pytest.mark.parametrize("none_share", [0.0, 1.0])
def test_the_letter_is_the_targets_or_nothings(none_share: float) -> None:
    answers: Counter[str] = Counter()
    for seed in range(400):
        scene = sample_scene(random.Random(seed), str(seed))
        positive = unique_positive(random.Random(-seed), scene)
        question = stage._pick(random.Random(-seed), scene, 6, none_share)
        assert (question is None) == (positive is None)
        if question is None or positive is None:
            continue
        options = options_of(question.prompt)
        x1, y1, x2, y2 = xywh_to_xyxy(np.array(scene.objects[positive.object_ids[0]].xywh))
        target = np.array([x1 / scene.width, y1 / scene.height, x2 / scene.width, y2 / scene.height]) * 1000
        boxes = {letter: np.array(box, dtype=float) for letter, box in options.items() if box is not None}
        listed = any(iou_xyxy(box[None], target)[0] > 0.6 for box in boxes.values())
        same_sentence = positive.expression.text in question.prompt
        if options[question.text] is not None:
            assert iou_xyxy(boxes[question.text][None], target)[0] > 0.6
            assert same_sentence
            answers["target"] += 1
        else:
            assert not (listed and same_sentence)
            answers["left out" if same_sentence else "changed sentence"] += 1
    if none_share:
        assert min(answers[kind] for kind in ("target", "left out", "changed sentence")) > 30, answers
    else:
        assert set(answers) == {"target"}

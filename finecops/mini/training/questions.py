"""Questions about a scene and their answers, as the mini MLLM learns them: grounding, describing, listing."""

from __future__ import annotations

import random
from dataclasses import dataclass

from finecops.construction.description import Node
from finecops.construction.graph import SceneGraph
from finecops.mini.builder.matching import difficulty
from finecops.mini.builder.paths import sample_unique_path
from finecops.mini.builder.positives import Positive
from finecops.mini.builder.templates import noun_phrase, render, sample_wording
from finecops.mini.training.tokenizer import DESCRIBE, LIST
from finecops.mini.world.catalogue import VOCABULARY
from finecops.prompts import QWEN2VL_FOCUS, QWEN2VL_REC

QUESTIONS = 8
"""Questions per scene in one training step."""
_RELATIONS_FROM = 0.08
"""Share of the training after which expressions have relations: what objects look like is learnt first."""
_TYPE_WEIGHTS = (20, 25, 15, 15, 25)
_EASY_REJECTED = 0.75
"""Share of the level-1 expressions that is rejected: the name alone is enough there, and names are learnt early."""
_LIST_SHARE, _FOCUS_SHARE, _SHIFTED_SHARE = 0.25, 0.5, 0.6
_SHIFT = 0.16
"""Largest shift of a described box, as a share of its sides: the model also sees boxes that a detector gets wrong."""


@dataclass(frozen=True)
class Question:
    """A prompt and its answer.

    The answer is `text`; in grounding it is `box` instead: x1, y1, x2, y2 in hundredths of the image's sides.
    """

    prompt: str
    text: str = ""
    box: tuple[float, ...] | None = None


def box_text(steps: tuple[float, ...]) -> str:
    """A box in Qwen2-VL's format from coordinates in hundredths: `<|box_start|>(x1,y1),(x2,y2)<|box_end|>`.

    >>> box_text((1.2, 20, 30, 104))
    '<|box_start|>(10,200),(300,1000)<|box_end|>'
    """
    # Thousandths in steps of ten: each is one token of the mini tokenizer.
    x1, y1, x2, y2 = (max(0, min(100, round(v))) * 10 for v in steps)
    return f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>"


def scene_steps(scene: SceneGraph, xywh: tuple[float, ...]) -> tuple[float, ...]:
    """A box (xywh, pixels) as two corners in hundredths of the scene's sides."""
    x, y, w, h = xywh
    return (
        100 * x / scene.width,
        100 * y / scene.height,
        100 * (x + w) / scene.width,
        100 * (y + h) / scene.height,
    )


def sample_questions(rng: random.Random, scene: SceneGraph, progress: float) -> list[Question]:
    """`QUESTIONS` questions about a scene; `progress` is the share of the training that is done (0 to 1)."""
    questions = [_describe(rng, scene), _describe(rng, scene)]
    if rng.random() < _LIST_SHARE:
        # From left to right, so that one list is right and not all of its orders.
        order = sorted(scene.objects.values(), key=lambda obj: obj.xywh[0] + obj.xywh[2] / 2)
        listing = ", ".join(noun_phrase(Node(obj.name, obj.attributes[:1]), VOCABULARY) for obj in order)
        questions.append(Question(LIST, text=listing))
    for _ in range(4 * QUESTIONS):
        question = _ground(rng, scene, relations=progress > _RELATIONS_FROM)
        if question is not None:
            questions.append(question)
        if len(questions) == QUESTIONS:
            return questions
    # In some scenes no object has a unique expression: then there are more descriptions.
    return questions + [_describe(rng, scene) for _ in range(QUESTIONS - len(questions))]


def _describe(rng: random.Random, scene: SceneGraph) -> Question:
    """What is in a region? The box is exact, or a little off."""
    obj = rng.choice(list(scene.objects.values()))
    x, y, w, h = obj.xywh
    if rng.random() < _SHIFTED_SHARE:
        shift = [rng.uniform(-_SHIFT, _SHIFT) for _ in range(4)]
        x, y, w, h = x + w * shift[0], y + h * shift[1], w * (1 + shift[2]), h * (1 + shift[3])
    words = noun_phrase(Node(obj.name, obj.attributes), VOCABULARY)
    return Question(DESCRIBE.format(box=box_text(scene_steps(scene, (x, y, w, h)))), text=words)


def unique_positive(rng: random.Random, scene: SceneGraph, relations: bool = True) -> Positive | None:
    """An expression that fits exactly one object, in most cases a difficult one; None if none was found."""
    types = ("0_hop", "1_hop", "2_hop", "and", "same_attr") if relations else ("0_hop",)
    found = sample_unique_path(rng, scene, VOCABULARY, rng.choices(types, _TYPE_WEIGHTS[: len(types)]), tries=6)
    if found is None:
        return None
    description, target = found
    level = difficulty(scene, description, VOCABULARY)
    if level is None or (rng.random() < _EASY_REJECTED and level == 1):
        return None
    wording = sample_wording(rng, description)
    expression = render(scene, description, wording, VOCABULARY)
    return Positive(0, scene, description, wording, expression, (target.id,), level)


def _ground(rng: random.Random, scene: SceneGraph, relations: bool) -> Question | None:
    """Where is it? In Qwen2-VL's prompt, with the focus sentence in half of the questions."""
    found = unique_positive(rng, scene, relations)
    if found is None:
        return None
    expression, target = found.expression, scene.objects[found.object_ids[0]]
    prompt = QWEN2VL_REC.format(expression=expression.text)
    if rng.random() < _FOCUS_SHARE:
        start, end = expression.spans[0]
        prompt += QWEN2VL_FOCUS.format(target=expression.text[start:end])
    return Question(prompt, box=scene_steps(scene, target.xywh))

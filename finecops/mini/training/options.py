"""Third stage of the mini MLLM's training: picking one of several listed boxes.

A large MLLM has read lists with letters before it is tuned to choose from one. The small one has not, and it does not
learn to match boxes with letters from the few thousand questions of a tuning. Here it learns to pick an option, in
other words than those of Candidate Region Selection, which it meets in tuning alone. It begins with two options: from
six at once it only learns to guess (docs/mini.md). Some of the questions stay those of the language stage, and the
vision tower does not change.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import torch
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.training.expressions import SceneTexts
from finecops.mini.training.language import train_questions
from finecops.mini.training.loop import TrainPlan
from finecops.mini.training.questions import (
    FIRST_GROUNDING,
    QUESTIONS,
    Question,
    box_text,
    drawn,
    false_text,
    sample_questions,
    scene_steps,
)
from finecops.models.embeddings import near_duplicate_counts
from finecops.replies.choices import letters_for

_FIRST_SEED: Final = 5
_MAX_OPTIONS: Final = 10
_PICKS: Final = 5
"""Questions with options, of the `QUESTIONS` of a scene."""
_KEPT_GROUNDINGS: Final = 2
"""Groundings among the others, so that they are not forgotten; the last is another question of the language stage."""
_TWO_UNTIL, _ALL_FROM = 0.125, 0.75
"""Shares of the training: two options until the first, up to `_MAX_OPTIONS` from the second on."""
_NONE_FROM, _NONE_SHARE = 0.625, 0.4
"""From this share of the training on, so many of the questions have "nothing" as an option."""
_FALSE_SHARE, _ABSENT_SHARE = 0.45, 0.15
"""Of the questions with "nothing": shares in which the sentence fits no object, and in which its object is not
listed."""
_SAME_NAME_FIRST: Final = 0.5
"""How often objects of the target's name are listed before others: a detector proposes these."""
_NEAR_DUPLICATES: Final = 100
"""A token with more near-duplicate embeddings than this was never learnt. Coordinates have some by design."""
_SHIFT: Final = 0.06
"""Largest shift of a listed box, as a share of its sides: a detector's boxes are not exact either."""
_NOTHING: Final = "nothing"
_WORDINGS: Final = ("Which of these is {expression}?\n{options}", "Pick {expression}:\n{options}")


def max_options(progress: float) -> int:
    """The largest number of options in a question after a share of the training (0 to 1)."""
    grown = (progress - _TWO_UNTIL) / (_ALL_FROM - _TWO_UNTIL)
    return 2 + round((_MAX_OPTIONS - 2) * min(max(grown, 0.0), 1.0))


def sample_option_questions(texts: SceneTexts, progress: float) -> list[Question]:
    """`QUESTIONS` questions about a scene: up to five with options, the others those of the language stage."""
    questions: list[Question] = []
    none_share = _NONE_SHARE if progress >= _NONE_FROM else 0.0
    for _ in range(4 * _PICKS):
        picked = _pick(texts, max_options(progress), none_share)
        questions += [picked] if picked is not None else []
        if len(questions) == _PICKS:
            break
    known = sample_questions(texts, 1.0)
    others, groundings = known[:FIRST_GROUNDING], known[FIRST_GROUNDING:]
    texts.rng.shuffle(others)
    # In some scenes there are fewer questions with options: then there are more of these.
    kept = [*groundings[:_KEPT_GROUNDINGS], *others[:1], *groundings[_KEPT_GROUNDINGS:], *others[1:]]
    return (questions + kept)[:QUESTIONS]


def _listed_objects(rng: random.Random, scene: SceneGraph, target: SceneObject, most: int) -> list[SceneObject]:
    """The target and others, at most `most`, in random order; other objects come twice where there are too few."""
    others = [obj for obj in scene.objects.values() if obj is not target]
    rng.shuffle(others)
    # The sort is stable: those of one name stay in random order.
    if rng.random() < _SAME_NAME_FIRST:
        others.sort(key=lambda obj: obj.name != target.name)
    count = rng.randint(1, most - 1)
    # A list may be longer than the scene: then some come twice, as a detector's boxes do.
    again = rng.sample(others, min(len(others), max(0, count - len(others))))
    chosen = [*others[:count], *again, target]
    rng.shuffle(chosen)
    return chosen


def _near_box(rng: random.Random, scene: SceneGraph, obj: SceneObject) -> str:
    """An object's box in words, a little off."""
    x, y, w, h = obj.xywh
    shift = [rng.uniform(-_SHIFT, _SHIFT) for _ in range(4)]
    return box_text(scene_steps(scene, (x + w * shift[0], y + h * shift[1], w * (1 + shift[2]), h * (1 + shift[3]))))


def _listed(options: list[str]) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in zip(letters_for(len(options)), options, strict=True))


def _pick(texts: SceneTexts, most: int, none_share: float) -> Question | None:
    """A question with up to `most` boxes, and "nothing" among them with a chance of `none_share`."""
    rng, scene = texts.rng, texts.scene
    said = drawn(texts)
    if said is None:
        return None
    expression, target = said.expression.text, scene.objects[said.target]
    answer: SceneObject | None = target
    looks: tuple[float, ...] | None = scene_steps(scene, target.xywh)
    objects: list[SceneObject | None] = [*_listed_objects(rng, scene, target, most)]
    if rng.random() < none_share:
        chance = rng.random()
        if chance < _FALSE_SHARE:
            false = false_text(texts, said)
            if false is not None:
                expression, answer, looks = false, None, None
        elif chance < _FALSE_SHARE + _ABSENT_SHARE and len(objects) > 1:
            objects.remove(target)
            answer = None
        # "Nothing" is at a random position. In the remaining questions it is the wrong answer.
        objects.insert(rng.randrange(len(objects) + 1), None)
    options = [_NOTHING if obj is None else _near_box(rng, scene, obj) for obj in objects]
    right = objects.index(answer)
    before, after = _listed(options[: right + 1]), _listed(options)
    prompt = rng.choice(_WORDINGS).format(expression=expression, options=after)
    # The list is the end of the prompt.
    chosen = len(prompt) - len(after) + len(before)
    return Question(prompt, text=letters_for(len(options))[right], looks=looks, chosen=chosen)


def start_options(model: Qwen2VLForConditionalGeneration, seed: int = 0) -> None:
    """Give tokens that the language stage never saw new random embeddings.

    Training pushed all of them away together, so that they are almost the same: the model could not distinguish
    letters.
    """
    table = model.get_input_embeddings().weight
    counts = near_duplicate_counts(table, range(len(table)))
    unseen = [i for i, count in enumerate(counts) if count > _NEAR_DUPLICATES]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        table[unseen] = 0.02 * torch.randn(len(unseen), table.shape[1], generator=generator)


def train_options(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, plan: TrainPlan, folder: Path
) -> None:
    """Train or resume the options stage, on top of the language stage."""
    model.model.visual.requires_grad_(False)
    train_questions(model, tokenizer, plan, folder, sample_option_questions, first_seed=_FIRST_SEED)

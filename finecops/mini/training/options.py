"""A third stage of the mini MLLM's training: picking one of several listed boxes.

A large MLLM has read lists with letters before it is asked to choose from one; the small one has not, and a matching
of boxes with letters does not form in the few thousand questions of a tuning. Here it learns to pick an option in
other words than those of Candidate Region Selection, which it meets in tuning alone. It begins with two options:
from six at once it learns no more than to guess (the loss stays at a guess's for thousands of steps). Some of the
questions stay those of the language stage, and the eyes stay as they are.
"""

from __future__ import annotations

import random
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from finecops.construction.graph import SceneGraph, Thing
from finecops.construction.negatives import TEXT_COLUMNS, negative_expressions
from finecops.construction.positives import Positive
from finecops.mini.training.language import (
    QUESTIONS,
    Question,
    box_text,
    sample_questions,
    scene_steps,
    train_questions,
    unique_positive,
)
from finecops.mini.training.loop import TrainPlan
from finecops.mini.world.catalogue import VOCABULARY
from finecops.models.embeddings import near_duplicate_counts
from finecops.replies.choices import letters_for

_MOST_OPTIONS = 10
_PICKS = 5
_TWO_UNTIL, _ALL_FROM = 0.1, 0.6
"""Shares of the training: only two options up to the first, up to `_MOST_OPTIONS` from the second on."""
_NONE_FROM, _NONE_SHARE = 0.5, 0.4
_FALSE_SHARE, _GONE_SHARE = 0.4, 0.2
"""Of the questions with "nothing" as an option: how many fit no thing of the scene, how many none of those listed."""
_TWINS = 100
"""Coordinates have near neighbours by design; a token that was never seen has far more."""
_NOTHING = "nothing"
_WORDINGS = ("Which of these is {expression}?\n{options}", "Pick {expression}:\n{options}")


def most_options(progress: float) -> int:
    """How many options a question may have after a share of the training (0 to 1)."""
    grown = (progress - _TWO_UNTIL) / (_ALL_FROM - _TWO_UNTIL)
    return 2 + round((_MOST_OPTIONS - 2) * min(max(grown, 0.0), 1.0))


def sample_reading(rng: random.Random, scene: SceneGraph, progress: float) -> list[Question]:
    """Eight questions to a scene: up to five picks, the others those of the language stage."""
    questions: list[Question] = []
    for _ in range(4 * _PICKS):
        picked = _pick(rng, scene, most_options(progress), _NONE_SHARE if progress >= _NONE_FROM else 0.0)
        questions += [picked] if picked is not None else []
        if len(questions) == _PICKS:
            break
    # The language stage's first two are descriptions: one of them, then groundings.
    known = sample_questions(rng, scene, 1.0)
    return questions + [*known[1:], known[0]][: QUESTIONS - len(questions)]


def _listed_things(rng: random.Random, scene: SceneGraph, target: Thing, most: int) -> list[Thing]:
    """The target and others, at most `most`, in any order; second boxes of things where these run out."""
    others = [thing for thing in scene.objects.values() if thing is not target]
    rng.shuffle(others)
    count = rng.randint(1, most - 1)
    again = rng.sample(others, min(len(others), max(0, count - len(others))))
    chosen = [*others[:count], *again, target]
    rng.shuffle(chosen)
    return chosen


def _near_box(rng: random.Random, scene: SceneGraph, thing: Thing) -> str:
    x, y, w, h = thing.xywh
    shift = [rng.uniform(-0.06, 0.06) for _ in range(4)]
    return box_text(scene_steps(scene, (x + w * shift[0], y + h * shift[1], w * (1 + shift[2]), h * (1 + shift[3]))))


def _listed(texts: list[str]) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in zip(letters_for(len(texts)), texts, strict=True))


def _false_expression(rng: random.Random, positive: Positive) -> str | None:
    """The positive's sentence with a word or two changed, so that it fits nothing in the scene."""
    for kind, level in rng.sample(TEXT_COLUMNS, 3):
        negative = negative_expressions(positive, kind, level, VOCABULARY, rng)
        if negative is not None:
            return negative.text
    return None


def _pick(rng: random.Random, scene: SceneGraph, most: int, none_share: float) -> Question | None:
    positive = unique_positive(rng, scene)
    if positive is None:
        return None
    expression = positive.expression.text
    target = scene.objects[positive.object_ids[0]]
    answer: Thing | None = target
    things: list[Thing | None] = [*_listed_things(rng, scene, target, most)]
    if rng.random() < none_share:
        chance = rng.random()
        if chance < _FALSE_SHARE:
            false = _false_expression(rng, positive)
            expression, answer = (false, None) if false is not None else (expression, answer)
        elif chance < _FALSE_SHARE + _GONE_SHARE and len(things) > 1:
            things.remove(target)
            answer = None
        things.insert(rng.randrange(len(things) + 1), None)
    texts = [_NOTHING if thing is None else _near_box(rng, scene, thing) for thing in things]
    prompt = rng.choice(_WORDINGS).format(expression=expression, options=_listed(texts))
    return Question(prompt, text=letters_for(len(texts))[things.index(answer)])


def start_reading(model: Qwen2VLForConditionalGeneration, seed: int = 0) -> None:
    """Give tokens that the language stage never saw an embedding of their own: they were pushed away together."""
    table = model.get_input_embeddings().weight
    unseen = [i for i, twins in enumerate(near_duplicate_counts(table, range(len(table)))) if twins > _TWINS]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        table[unseen] = 0.02 * torch.randn(len(unseen), table.shape[1], generator=generator)


def train_reading(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, plan: TrainPlan, folder: Path
) -> None:
    """Train or resume reading, on top of language."""
    model.model.visual.requires_grad_(False)
    train_questions(model, tokenizer, plan, folder, sample_reading, first_seed=5)

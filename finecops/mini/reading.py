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

from finecops.build.graph import SceneGraph, Thing
from finecops.choices import letters_for
from finecops.mini.language import (
    QUESTIONS,
    Question,
    box_text,
    sample_questions,
    scene_steps,
    train_questions,
    unique_expression,
)
from finecops.mini.training import TrainPlan
from finecops.models.embeddings import twin_counts

_MOST_OPTIONS = 6
_PICKS = 5
_TWO_UNTIL, _ALL_FROM = 0.2, 0.5
"""Shares of the training: only two options up to the first, up to `_MOST_OPTIONS` from the second on."""
_NONE_FROM, _NONE_SHARE = 0.5, 0.2
_TWINS = 100
"""Coordinates have near neighbours by design; a token that was never seen has far more."""
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


def _options(rng: random.Random, scene: SceneGraph, target: Thing, most: int) -> list[tuple[str, Thing]]:
    """Boxes of the target and of up to `most - 1` other things, a little off as a detector's are, in any order."""
    things = [thing for thing in scene.objects.values() if thing is not target]
    rng.shuffle(things)
    chosen = [*things[: rng.randint(1, most - 1)], target]
    rng.shuffle(chosen)
    return [(_near_box(rng, scene, thing), thing) for thing in chosen]


def _near_box(rng: random.Random, scene: SceneGraph, thing: Thing) -> str:
    x, y, w, h = thing.xywh
    shift = [rng.uniform(-0.06, 0.06) for _ in range(4)]
    return box_text(scene_steps(scene, (x + w * shift[0], y + h * shift[1], w * (1 + shift[2]), h * (1 + shift[3]))))


def _listed(texts: list[str]) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in zip(letters_for(len(texts)), texts, strict=True))


def _pick(rng: random.Random, scene: SceneGraph, most: int, none_share: float) -> Question | None:
    found = unique_expression(rng, scene)
    if found is None:
        return None
    expression, target = found
    options = _options(rng, scene, target, most)
    texts, things = [text for text, _ in options], [thing for _, thing in options]
    if rng.random() < none_share:
        place = rng.randrange(len(texts) + 1)
        texts.insert(place, "nothing")
        things.insert(place, None)  # type: ignore[arg-type]
        if rng.random() < 0.5 and len(texts) > 2:
            # The target goes: what is left does not hold it.
            gone = next(i for i, thing in enumerate(things) if thing is target)
            del texts[gone], things[gone]
            target = None  # type: ignore[assignment]
    letter = letters_for(len(texts))[next(i for i, thing in enumerate(things) if thing is target)]
    prompt = rng.choice(_WORDINGS).format(expression=expression, options=_listed(texts))
    return Question(prompt, text=letter)


def start_reading(model: Qwen2VLForConditionalGeneration, seed: int = 0) -> None:
    """Give tokens that the language stage never saw an embedding of their own: they were pushed away together."""
    table = model.get_input_embeddings().weight
    unseen = [i for i, twins in enumerate(twin_counts(table, range(len(table)))) if twins > _TWINS]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        table[unseen] = 0.02 * torch.randn(len(unseen), table.shape[1], generator=generator)


def train_reading(
    model: Qwen2VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, plan: TrainPlan, folder: Path
) -> None:
    """Train or resume reading, on top of language."""
    model.model.visual.requires_grad_(False)
    train_questions(model, tokenizer, plan, folder, sample_reading, first_seed=5)

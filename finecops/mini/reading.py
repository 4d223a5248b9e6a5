"""A third stage of the mini MLLM's training: reading lists of options. The committed checkpoint is without it yet.

A large MLLM has read lists with letters before it is asked to choose from one; the small one has not, and a matching
of boxes with letters does not form in the few thousand questions of a tuning. Here it learns to list options again in
another order, to say what is in each, and to pick one, in other words than those of Candidate Region Selection, which
it meets in tuning alone. Half of the questions stay those of the language stage.
"""

from __future__ import annotations

import random
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from finecops.build.description import Node
from finecops.build.graph import SceneGraph, Thing
from finecops.build.templates import noun_phrase
from finecops.choices import letters_for
from finecops.mini.catalogue import VOCABULARY
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
_NONE_SHARE = 0.2
_TWINS = 100
"""Coordinates have near neighbours by design; a token that was never seen has far more."""
_WORDINGS = ("Which of these is {expression}?\n{options}", "Pick {expression}:\n{options}")


def sample_reading(rng: random.Random, scene: SceneGraph) -> list[Question]:
    """Eight questions to a scene: half about lists, half those of the language stage."""
    questions = [_list_again(rng, scene), _describe_each(rng, scene)]
    for _ in range(8):
        if len(questions) == QUESTIONS // 2:
            break
        picked = _pick(rng, scene)
        if picked is not None:
            questions.append(picked)
    known = sample_questions(rng, scene, 1.0)
    return questions + known[: QUESTIONS - len(questions)]


def _options(rng: random.Random, scene: SceneGraph, target: Thing | None = None) -> list[tuple[str, Thing]]:
    """Boxes of some things, a little off as a detector's are, in any order; the target's is among them if given."""
    things = [thing for thing in scene.objects.values() if thing is not target]
    rng.shuffle(things)
    chosen = things[: rng.randint(1, _MOST_OPTIONS - 1)] + ([target] if target is not None else [])
    rng.shuffle(chosen)
    return [(_near_box(rng, scene, thing), thing) for thing in chosen]


def _near_box(rng: random.Random, scene: SceneGraph, thing: Thing) -> str:
    x, y, w, h = thing.xywh
    shift = [rng.uniform(-0.06, 0.06) for _ in range(4)]
    return box_text(scene_steps(scene, (x + w * shift[0], y + h * shift[1], w * (1 + shift[2]), h * (1 + shift[3]))))


def _listed(texts: list[str]) -> str:
    return "\n".join(f"{letter}. {text}" for letter, text in zip(letters_for(len(texts)), texts, strict=True))


def _list_again(rng: random.Random, scene: SceneGraph) -> Question:
    texts = [text for text, _ in _options(rng, scene)]
    pairs = [f"{text} {letter}" for text, letter in zip(texts, letters_for(len(texts)), strict=True)]
    rng.shuffle(pairs)
    return Question(f"Name the options again.\n{_listed(texts)}", text="\n".join(pairs))


def _describe_each(rng: random.Random, scene: SceneGraph) -> Question:
    options = _options(rng, scene)
    words = [noun_phrase(Node(thing.name, thing.attributes[:1]), VOCABULARY) for _, thing in options]
    return Question(f"Describe each option.\n{_listed([text for text, _ in options])}", text=_listed(words))


def _pick(rng: random.Random, scene: SceneGraph) -> Question | None:
    found = unique_expression(rng, scene)
    if found is None:
        return None
    expression, target = found
    options = _options(rng, scene, target)
    texts, things = [text for text, _ in options], [thing for _, thing in options]
    if rng.random() < _NONE_SHARE:
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
    train_questions(model, tokenizer, plan, folder, lambda rng, scene, _: sample_reading(rng, scene), first_seed=5)

"""Texts for the mini specialist: detection and phrase grounding, as for the real one; relations are not resolved."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import torch
from transformers import GroundingDinoProcessor, MMGroundingDinoForObjectDetection

from finecops.construction.description import Node
from finecops.construction.english.forms import noun_phrase
from finecops.construction.truth.masks import bits
from finecops.mini.training.gdino_training import GroundedText, collate, grounding_loss, predictions
from finecops.mini.training.loop import TRAIN_SEED_BASE, TrainPlan, own_share, parameter_groups, train
from finecops.mini.training2.expressions import SceneTexts
from finecops.mini.world2.catalogue import ASPECTS, COLOURS, SIZES, STATES, STRIPED
from finecops.mini.world2.draw import draw_scene
from finecops.mini.world2.lexicon import LEXICON
from finecops.mini.world2.scenes import sample_scene

_PROMPT_SHARE, _PHRASE_SHARE, _SUBJECT_ONLY_SHARE = 0.35, 0.2, 0.28
"""Shares of the texts: detection prompts, phrases alone, and sentences of which the subject alone is annotated."""
_MOST_PROMPTED: Final = 8
"""Categories in a detection prompt."""
_CHANGED: Final = 0.25
"""Chance of each word of a phrase to be another one."""
_NAMES: Final = list(ASPECTS)
_STATES_OF: Final = {word: pair for pair in STATES.values() for word in pair}


def sample_text(texts: SceneTexts) -> GroundedText:
    """A detection prompt, a phrase alone, or a sentence whose noun phrases are grounded one by one.

    A noun phrase is grounded to every object that its own words fit. Relations play no part: to resolve them is the
    MLLM's work. In most sentences the subject alone is annotated, as in referring data, so that the score of a whole
    sentence is that of its subject.
    """
    draw = texts.rng.random()
    if draw < _PROMPT_SHARE:
        return _detection_prompt(texts)
    if draw < _PROMPT_SHARE + _PHRASE_SHARE:
        node = _some_node(texts)
        phrase = noun_phrase(node, LEXICON, definite=True, bare="never", again=False, picks=(0, 0)).core
        return GroundedText(f"{phrase} .", (((0, len(phrase)), _fitting(texts, node)),))
    said = texts.unique()
    if said is None:
        return _detection_prompt(texts)
    nodes, spans = said.description.nodes, said.expression.spans
    # A word behind the noun ("the cup that is red") is in no span: the phrase then names what its span says.
    grounded = [
        (span, _fitting(texts, _named_in(said.expression.text[span[0] : span[1]], node)))
        for span, node in zip(spans, nodes, strict=True)
    ]
    subject_only = draw < _PROMPT_SHARE + _PHRASE_SHARE + _SUBJECT_ONLY_SHARE
    return GroundedText(f"{said.expression.text} .", tuple(grounded[:1] if subject_only else grounded))


def _named_in(phrase: str, node: Node) -> Node:
    words = phrase.split()
    return Node(node.name, tuple(a for a in node.attributes if a in words))


def _detection_prompt(texts: SceneTexts) -> GroundedText:
    """The categories of the scene, most often all, among some that are not there: "car . tree ."."""
    there = list(dict.fromkeys(obj.name for obj in texts.facts.objects))
    others = texts.rng.sample([name for name in _NAMES if name not in there], texts.rng.randint(1, 3))
    names = [*texts.rng.sample(there, min(len(there), texts.rng.randint(2, _MOST_PROMPTED))), *others]
    texts.rng.shuffle(names)
    text, phrases = "", []
    for name in names:
        phrases.append(((len(text), len(text) + len(name)), _fitting(texts, Node(name))))
        text += f"{name} . "
    return GroundedText(text.strip(), tuple(phrases))


def _some_node(texts: SceneTexts) -> Node:
    """A category with some attributes, made from an object of the scene; changed at random, so it may fit none."""
    # Phrases that fit nothing are needed: without them the model would learn that every phrase has a box.
    rng = texts.rng
    obj = rng.choice(list(texts.scene.objects.values()))
    name = rng.choice(_NAMES) if rng.random() < _CHANGED else obj.name
    kept = [a for a in obj.attributes if rng.random() < (0.3 if a in SIZES else 0.5)]
    attributes = [_changed(rng, a) if rng.random() < _CHANGED else a for a in kept]
    if rng.random() < 0.05 and STRIPED not in attributes:
        attributes.append(STRIPED)
    return Node(name, tuple(a for a in attributes if a not in _STATES_OF or a in STATES.get(name, ())))


def _changed(rng: random.Random, attribute: str) -> str:
    for kind in (COLOURS, SIZES):
        if attribute in kind:
            return rng.choice(list(kind))
    return rng.choice(_STATES_OF.get(attribute, (attribute,)))


def _fitting(texts: SceneTexts, node: Node) -> frozenset[str]:
    return frozenset(texts.facts.objects[i].id for i in bits(texts.facts.node(node)))


def train_specialist(
    model: MMGroundingDinoForObjectDetection, processor: GroundingDinoProcessor, plan: TrainPlan, folder: Path
) -> None:
    """Train or resume the mini specialist on scenes drawn with training seeds."""

    def step_loss(step: int) -> dict[str, torch.Tensor]:
        first = 2 * TRAIN_SEED_BASE + step * plan.batch_size
        seeds = own_share(range(first, first + plan.batch_size))
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in seeds]
        texts = [
            sample_text(SceneTexts(scene, random.Random(-seed))) for seed, scene in zip(seeds, scenes, strict=True)
        ]
        inputs, targets = collate(processor, scenes, [draw_scene(s) for s in scenes], texts)
        # The loss stays in 32 bit: matching by costs in bfloat16 would be rough.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            stages = predictions(model, inputs)
        stages = [(logits.float(), boxes.float()) for logits, boxes in stages]
        return grounding_loss(stages, targets, inputs["attention_mask"].bool())

    train(model, parameter_groups(model), step_loss, plan, folder)

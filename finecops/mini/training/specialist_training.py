"""Training of the mini specialist: detection and phrase grounding, as for the real one; relations are not resolved.

The backbone of a real detector has learnt what things look like before. This one learns it beside: heads on its
features at the centre of every object name its category, colour, pattern and state, and are dropped afterwards.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import nn
from torch.nn import functional as F
from transformers import GroundingDinoProcessor, MMGroundingDinoForObjectDetection

from finecops.construction.description import Node
from finecops.construction.english.forms import noun_phrase
from finecops.construction.graph import SceneGraph
from finecops.construction.truth.masks import bits
from finecops.mini.training.expressions import SceneTexts
from finecops.mini.training.grounding_loss import GroundedText, collate, grounding_loss, predictions
from finecops.mini.training.loop import TRAIN_SEED_BASE, ParameterGroup, TrainPlan, own_share, parameter_groups, train
from finecops.mini.training.vision import Truth
from finecops.mini.world.catalogue import ASPECTS, COLOURS, SIZES, STATES, STRIPED
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.lexicon import LEXICON
from finecops.mini.world.scenes import sample_scene


@dataclass(frozen=True)
class Texts:
    """Shares of the kinds of texts.

    Attributes:
        prompt: detection prompts.
        phrase: phrases alone.
        subject: sentences of which the subject alone is annotated; in the others every noun phrase is.
        coloured: of the detection prompts, those that name colours too.
        rivalled: of the phrases, those about an object that is not the only one of its category.
    """

    prompt: float
    phrase: float
    subject: float
    coloured: float = 0.0
    rivalled: float = 0.0


FIRST: Final = Texts(prompt=0.35, phrase=0.2, subject=0.28)
"""Categories first."""
LATER: Final = Texts(prompt=0.2, phrase=0.2, subject=0.42, coloured=0.7, rivalled=0.7)
"""Then attributes, and which noun a sentence is about."""
_LATER_FROM: Final = 3400
_MOST_PROMPTED: Final = 8
"""Categories in a detection prompt."""
_CHANGED: Final = 0.25
"""Chance of each word of a phrase to be another one."""
_NAMES: Final = list(ASPECTS)
_SECTIONS: Final = [len(ASPECTS), len(COLOURS), 1, 1]
_ADAMW_FROM: Final = 2400
"""The step from which on AdamW takes Muon's place everywhere but in the backbone."""
_CELLS: Final = 16
"""Cells of the finer feature map along a side: of more than four objects in one the smallest are not named."""
_STATES_OF: Final = {word: pair for pair in STATES.values() for word in pair}


def sample_text(texts: SceneTexts, shares: Texts = LATER) -> GroundedText:
    """A detection prompt, a phrase alone, or a sentence whose noun phrases are grounded one by one.

    A noun phrase is grounded to every object that its own words fit. Relations play no part: to resolve them is the
    MLLM's work. In most sentences the subject alone is annotated, as in referring data, so that the score of a whole
    sentence is that of its subject.
    """
    draw = texts.rng.random()
    if draw < shares.prompt:
        return _detection_prompt(texts, shares.coloured)
    if draw < shares.prompt + shares.phrase:
        node = _some_node(texts, shares.rivalled)
        phrase = noun_phrase(node, LEXICON, definite=True, bare="never", again=False, picks=(0, 0)).core
        return GroundedText(f"{phrase} .", (((0, len(phrase)), _fitting(texts, node)),))
    said = texts.unique()
    if said is None:
        return _detection_prompt(texts, shares.coloured)
    nodes, spans = said.description.nodes, said.expression.spans
    # A word behind the noun ("the cup that is red") is in no span: the phrase then names what its span says.
    grounded = [
        (span, _fitting(texts, _named_in(said.expression.text[span[0] : span[1]], node)))
        for span, node in zip(spans, nodes, strict=True)
    ]
    subject_only = draw < shares.prompt + shares.phrase + shares.subject
    return GroundedText(f"{said.expression.text} .", tuple(grounded[:1] if subject_only else grounded))


def _named_in(phrase: str, node: Node) -> Node:
    words = phrase.split()
    return Node(node.name, tuple(a for a in node.attributes if a in words))


def _detection_prompt(texts: SceneTexts, coloured: float) -> GroundedText:
    """What is in the scene, most often all, among some that is not there: "car . tree ." or "red car . pink tree ."."""
    rng, objects = texts.rng, texts.facts.objects
    if rng.random() < coloured:
        there = list(dict.fromkeys((obj.attributes[0], obj.name) for obj in objects))
        others = [(rng.choice(list(COLOURS)), name) for _, name in rng.sample(there, min(len(there), 3))]
        others = [pair for pair in dict.fromkeys(others) if pair not in there]
    else:
        there = [("", name) for name in dict.fromkeys(obj.name for obj in objects)]
        absent = [name for name in _NAMES if ("", name) not in there]
        others = [("", name) for name in rng.sample(absent, rng.randint(1, 3))]
    prompted = [*rng.sample(there, min(len(there), rng.randint(2, _MOST_PROMPTED))), *others]
    rng.shuffle(prompted)
    text, phrases = "", []
    for colour, name in prompted:
        phrase = f"{colour} {name}".strip()
        node = Node(name, (colour,) if colour else ())
        phrases.append(((len(text), len(text) + len(phrase)), _fitting(texts, node)))
        text += f"{phrase} . "
    return GroundedText(text.strip(), tuple(phrases))


def _some_node(texts: SceneTexts, rivalled: float) -> Node:
    """A category with some attributes, made from an object of the scene; changed at random, so it may fit none."""
    # Phrases that fit nothing are needed: without them the model would learn that every phrase has a box.
    rng, objects = texts.rng, texts.facts.objects
    counts = Counter(obj.name for obj in objects)
    several = [obj for obj in objects if counts[obj.name] > 1]
    obj = rng.choice(several if several and rng.random() < rivalled else objects)
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


class DetectorWithHeads(nn.Module):
    """The detector and what is dropped after its training: heads that name an object from the backbone's features.

    `forward` returns the detector's predictions, and per object the logits of its category, colour, pattern (1) and
    state (1).
    """

    def __init__(self, detector: MMGroundingDinoForObjectDetection) -> None:
        super().__init__()
        self.detector = detector
        width = sum(detector.model.backbone.conv_encoder.intermediate_channel_sizes)
        self.object_norm = nn.LayerNorm(width)
        self.object_head = nn.Linear(width, sum(_SECTIONS))

    def forward(
        self, inputs: dict[str, torch.Tensor], truth: Truth
    ) -> tuple[list[tuple[torch.Tensor, torch.Tensor]], tuple[torch.Tensor, ...]]:
        """Inputs as `collate` makes them, and the objects to name."""
        maps: list[torch.Tensor] = []
        hook = self.detector.model.backbone.register_forward_hook(
            lambda _module, _inputs, output: maps.extend(features for features, _mask in output[0])
        )
        try:
            stages = predictions(self.detector, inputs)
        finally:
            hook.remove()
        # From 0 to 1 over the image to -1 to 1, as grid_sample counts: [images, objects, 1, 2].
        centres = (truth.xyxy[:, :2] + truth.xyxy[:, 2:] - 1).view(1, -1, 1, 2).expand(len(maps[0]), -1, -1, -1)
        # Every object is looked up in every image, and then in its own: a lookup costs nothing beside the backbone.
        found = [F.grid_sample(m.float(), centres, align_corners=False) for m in maps]
        own = torch.cat([m[truth.rows, :, torch.arange(len(truth.rows)), 0] for m in found], dim=-1)
        return stages, torch.split(self.object_head(self.object_norm(own)), _SECTIONS, dim=-1)


def naming_loss(outputs: tuple[torch.Tensor, ...], truth: Truth) -> torch.Tensor:
    """Cross-entropies of category, colour, pattern and state, summed; state counts only where a category has one."""
    kind, colour, pattern, state = (o.float() for o in outputs)
    has_state = truth.states >= 0
    return (
        F.cross_entropy(kind, truth.kinds)
        + F.cross_entropy(colour, truth.colours)
        + F.binary_cross_entropy_with_logits(pattern[:, 0], truth.striped)
        # The sum over none is 0 where the mean would be nan.
        + F.binary_cross_entropy_with_logits(state[has_state, 0], truth.states[has_state], reduction="sum")
        / max(1, int(has_state.sum()))
    )


def _batch(seeds: range, shares: Texts) -> tuple[list[SceneGraph], list[GroundedText]]:
    scenes = [sample_scene(random.Random(seed), str(seed)) for seed in seeds]
    # Minus the seed: the texts' draws must not repeat those of the scene itself.
    drawn = (SceneTexts(scene, random.Random(-seed)) for seed, scene in zip(seeds, scenes, strict=True))
    texts = [sample_text(one, shares) for one in drawn]
    return scenes, texts


def train_specialist(
    model: MMGroundingDinoForObjectDetection, processor: GroundingDinoProcessor, plan: TrainPlan, folder: Path
) -> None:
    """Train or resume the mini specialist on scenes drawn with training seeds; its state has the heads besides."""
    trained = DetectorWithHeads(model)

    def step_loss(step: int) -> dict[str, torch.Tensor]:
        first = 2 * TRAIN_SEED_BASE + step * plan.batch_size
        shares = FIRST if step < _LATER_FROM else LATER
        scenes, texts = _batch(own_share(range(first, first + plan.batch_size)), shares)
        inputs, targets = collate(processor, scenes, [draw_scene(s) for s in scenes], texts)
        truth = Truth.of(scenes, _CELLS)
        # The loss stays in 32 bit: matching by costs in bfloat16 would be rough.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            stages, names = trained(inputs, truth)
        stages = [(logits.float(), boxes.float()) for logits, boxes in stages]
        losses = grounding_loss(stages, targets, inputs["attention_mask"].bool())
        return losses | {"names": naming_loss(names, truth)}

    backbone = list(model.model.backbone.parameters())
    known = {id(p) for p in backbone}
    others = ParameterGroup([p for p in trained.parameters() if id(p) not in known])
    # Muon learns boxes and what things look like faster, but not which words belong to them (docs/mini_log.md).
    later = {_ADAMW_FROM: [*parameter_groups(model.model.backbone), others]}
    train(trained, parameter_groups(trained), step_loss, plan, folder, later)


def load_specialist(model: MMGroundingDinoForObjectDetection, state_file: Path) -> None:
    """Take the detector's weights from a state of `train_specialist`; the heads are left out."""
    state = torch.load(state_file, weights_only=True)["model"]
    own = {name.removeprefix("detector."): w for name, w in state.items() if name.startswith("detector.")}
    model.load_state_dict(own)

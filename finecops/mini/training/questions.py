"""Questions about a scene and their answers, as the mini MLLM learns them before it is tuned.

Grounding in Qwen2-VL's own prompt and format; describing a region; and what a real MLLM has learnt before: whether
something is in the picture, how many, which color, and a list of what is there. No multiple choice.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from finecops.construction.description import Description, Node
from finecops.construction.english.forms import noun_phrase
from finecops.construction.graph import SceneGraph
from finecops.construction.truth.draw import TUPLE_TYPES
from finecops.mini.training.expressions import Said, SceneTexts
from finecops.mini.training.tokenizer import COLOR, COUNT, DESCRIBE, EXISTS, LIST
from finecops.mini.world.catalogue import ASPECTS, COLOURS, SIZES, STATES
from finecops.mini.world.lexicon import LEXICON
from finecops.mini.world.short_style import short_expressions
from finecops.prompts import QWEN2VL_FOCUS, QWEN2VL_REC

QUESTIONS: Final = 8
"""Questions per scene in one training step."""

PLAIN_UNTIL: Final = 0.1
"""Share of the training in which expressions have no relation: what objects look like is learnt first."""

ALL_FROM: Final = 0.25
"""Share of the training from which on the share of relations is the full one."""
_DESCRIBED: Final = 2
FIRST_GROUNDING: Final = _DESCRIBED + 2
"""Index of the first grounding among the questions of a scene, where there is one."""
_HARD_SHARE, _FOCUS_SHARE, _SHIFTED_SHARE = 0.2, 0.5, 0.6
_SHORT_SHARE: Final = 0.12
_EASY_REJECTED: Final = 0.6
"""Share of the level-1 expressions that is rejected: the name alone is enough there, and names are learnt early."""
_RIVALLED_REJECTED: Final = 0.8
"""At first, share of the others that is rejected: to find a thing by its name alone comes before all else."""
_SHIFT: Final = 0.16
"""Largest shift of a described box, as a share of its sides: the model also sees boxes that a detector gets wrong."""
_TRIES: Final = 6
_ARTICLES: Final = frozenset({"a", "an", "the", "another", "some", "this", "these"})


@dataclass(frozen=True)
class Question:
    """A prompt and its answer.

    The answer is `text`; in grounding it is `box` instead: x1, y1, x2, y2 in hundredths of the image's sides.

    Attributes:
        looks: of an answer that is a letter, the box of the object that is asked about.
        chosen: of the same, the index in the prompt behind the last character of the right option.
    """

    prompt: str
    text: str = ""
    box: tuple[float, ...] | None = None
    looks: tuple[float, ...] | None = None
    chosen: int | None = None


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


def sample_questions(texts: SceneTexts, progress: float) -> list[Question]:
    """`QUESTIONS` questions about a scene; `progress` is the share of the training that is done (0 to 1)."""
    rng = texts.rng
    questions = [describe(texts) for _ in range(_DESCRIBED)] + [_exists(texts, progress)]
    draw = rng.random()
    questions += [_list(texts)] if draw < 0.2 else [_count(texts)] if draw < 0.45 else [_color(texts)]
    for _ in range(4 * QUESTIONS):
        question = ground(texts, progress)
        if question is not None:
            questions.append(question)
        if len(questions) == QUESTIONS:
            return questions
    # In some scenes no object has a unique expression: then there are more descriptions.
    return questions + [describe(texts) for _ in range(QUESTIONS - len(questions))]


def _phrase(node: Node) -> str:
    return noun_phrase(node, LEXICON, definite=True, bare="never", again=False, picks=(0, 0)).core


def describe(texts: SceneTexts) -> Question:
    """What is in a region? The box is exact, or a little off."""
    rng, scene = texts.rng, texts.scene
    obj = rng.choice(list(scene.objects.values()))
    x, y, w, h = obj.xywh
    if rng.random() < _SHIFTED_SHARE:
        shift = [rng.uniform(-_SHIFT, _SHIFT) for _ in range(4)]
        x, y, w, h = x + w * shift[0], y + h * shift[1], w * (1 + shift[2]), h * (1 + shift[3])
    words = _phrase(Node(obj.name, obj.attributes))
    return Question(DESCRIBE.format(box=box_text(scene_steps(scene, (x, y, w, h)))), text=words)


def _types(rng: random.Random, progress: float) -> tuple[str, ...]:
    """Tuple types that are drawn from at this time of the training."""
    return TUPLE_TYPES if rng.random() < _grown(progress) else ("0_hop",)


def _grown(progress: float) -> float:
    """How far the questions are from the first, easy ones (0) to those of the rest of the training (1)."""
    return min(1.0, max(0.0, (progress - PLAIN_UNTIL) / (ALL_FROM - PLAIN_UNTIL)))


def drawn(texts: SceneTexts, progress: float = 1.0) -> Said | None:
    """An expression that fits exactly one object, in most cases a difficult one; None if none was found."""
    types = _types(texts.rng, progress)
    if len(types) > 1 and texts.rng.random() < _HARD_SHARE and (hard := texts.hard()) is not None:
        return hard
    said = texts.unique(types)
    grown = _grown(progress)
    rejected = 0.0 if said is None else _EASY_REJECTED * grown if said.level == 1 else _RIVALLED_REJECTED * (1 - grown)
    return said if texts.rng.random() >= rejected else None


def ground(texts: SceneTexts, progress: float = 1.0) -> Question | None:
    """Where is it? In Qwen2-VL's prompt, with the focus sentence in half of the questions."""
    if texts.rng.random() < _SHORT_SHARE:
        return _ground_short(texts)
    said = drawn(texts, progress)
    if said is None:
        return None
    prompt = QWEN2VL_REC.format(expression=said.expression.text)
    if texts.rng.random() < _FOCUS_SHARE:
        prompt += QWEN2VL_FOCUS.format(target=_target_phrase(texts.rng, said))
    return Question(prompt, box=scene_steps(texts.scene, texts.scene.objects[said.target].xywh))


def _ground_short(texts: SceneTexts) -> Question | None:
    """The same with a short expression with a position, as in RefCOCO."""
    said = next(short_expressions(texts.scene, texts.rng), None)
    if said is None:
        return None
    prompt = QWEN2VL_REC.format(expression=said.text)
    return Question(prompt, box=scene_steps(texts.scene, said.target.xywh))


def _target_phrase(rng: random.Random, said: Said) -> str:
    """The target's noun phrase with or without its article: target extraction can do both."""
    text, (start, end) = said.expression.text, said.expression.spans[0]
    if rng.random() < 0.5:
        return text[start:end]
    before = text[:start].split()
    article = before[-1] if before and before[-1].lower() in _ARTICLES else "the"
    return f"{article.lower()} {text[start:end]}"


def _exists(texts: SceneTexts, progress: float) -> Question:
    """Is it there? Half of the sentences have a word changed so that they fit nothing."""
    for _ in range(_TRIES):
        said = texts.unique(_types(texts.rng, progress))
        if said is None:
            continue
        if texts.rng.random() < 0.5:
            return Question(EXISTS.format(expression=said.expression.text), text="yes")
        false = false_text(texts, said)
        if false is not None:
            return Question(EXISTS.format(expression=false), text="no")
    return describe(texts)


def false_text(texts: SceneTexts, said: Said) -> str | None:
    """An expression with a word changed so that it provably fits nothing; None if no change did."""
    target = texts.facts.index[said.target]
    for _ in range(_TRIES):
        changed = _changed(texts.rng, said.description)
        if changed is not None and texts.facts.is_false(changed):
            found = texts.worded(changed, target, None, rules=1.0 if said.rewritten else 0.0)
            return found.expression.text
    return None


def _changed(rng: random.Random, said: Description) -> Description | None:
    """One word of a description changed: a name, an attribute or a relation."""
    if said.edges and rng.random() < 0.45:
        index = rng.randrange(len(said.edges))
        edge = said.edges[index]
        others = [name for name in LEXICON.relations if name != edge.relation]
        if edge.relation not in LEXICON.relations:
            return None
        return said.with_edge(index, type(edge)(rng.choice(others), edge.head, edge.tail))
    index = 0 if rng.random() < 0.6 else rng.randrange(len(said.nodes))
    node = said.nodes[index]
    if not node.attributes or rng.random() < 0.3:
        name = rng.choice(list(ASPECTS))
        return said.with_node(index, Node(name, tuple(a for a in node.attributes if LEXICON.fits(name, a))))
    old = rng.choice(node.attributes)
    kinds = (list(COLOURS), list(SIZES), *map(list, STATES.values()))
    same = next((kind for kind in kinds if old in kind), [old])
    new = rng.choice(same)
    return said.with_node(index, Node(node.name, tuple(new if a == old else a for a in node.attributes)))


def _count(texts: SceneTexts) -> Question:
    """How many of a category? A category that is there, or rarely any."""
    rng = texts.rng
    names = [obj.name for obj in texts.facts.objects]
    name = rng.choice(names) if rng.random() < 0.75 else rng.choice(list(ASPECTS))
    return Question(COUNT.format(name=name), text=str(names.count(name)))


def _color(texts: SceneTexts) -> Question:
    """Which color has an object that is described without it?"""
    for _ in range(_TRIES):
        said = texts.unique()
        if said is not None and COLOURS.keys().isdisjoint(said.description.nodes[0].attributes):
            obj = texts.scene.objects[said.target]
            return Question(COLOR.format(expression=said.expression.text), text=obj.attributes[0])
    return _count(texts)


def _list(texts: SceneTexts) -> Question:
    """What is there? From left to right, so that one list is right and not all of its orders."""
    order = sorted(texts.scene.objects.values(), key=lambda obj: obj.xywh[0] + obj.xywh[2] / 2)
    return Question(LIST, text=", ".join(_phrase(Node(obj.name, obj.attributes[:1])) for obj in order))

"""Which objects an expression may ask for, and why the others are left out (paper, III-A: "Path Generation")."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import sqrt
from typing import Final, Protocol

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.truth.boxes import SAME_THING, iou
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.masks import bits

NO_NOUN: Final = "object: its name is no noun of the world"
NO_TARGET: Final = "object: a region, a part of something, or vague"
GROUP: Final = "object: a plural, or something without a border"
FILTERED: Final = "object: not in the object filter"
TOO_SMALL: Final = "object: too small"
OUTSIDE: Final = "object: reaches out of the image"
MOST_OF_IMAGE: Final = "object: covers most of the image"
DUPLICATE: Final = "object: perhaps annotated twice"


class ObjectFilter(Protocol):
    """Which objects may be targets, beside what the graph says of them: by keywords, by the files of Inst-Inpaint."""

    def __call__(self, graph: SceneGraph, obj: SceneObject) -> bool:
        """Whether an object may be a target."""
        ...


@dataclass(frozen=True, slots=True)
class TargetRules:
    """What a target must be.

    Attributes:
        min_side: the least square root of its box's area in pixels; None: the lexicon's.
        min_side_share: the least shorter side, as a share of the image's shorter side; None: the lexicon's.
        max_share: the largest share of the image's area.
        groups: plurals and things without a border may be targets too.
    """

    min_side: float | None = None
    min_side_share: float | None = None
    max_share: float = 0.5
    groups: bool = False


def find_targets(
    facts: Facts, rules: TargetRules, object_filter: ObjectFilter | None = None
) -> tuple[list[int], Counter[str]]:
    """The numbers of the objects that may be targets, in the graph's order, and how many are not, by reason.

    The first reason counts, in the order of the constants of this file.
    """
    found, dropped = [], Counter[str]()
    for i in range(len(facts.objects)):
        reason = _unsuitable(facts, i, rules, object_filter)
        if reason is None:
            found.append(i)
        else:
            dropped[reason] += 1
    return found, dropped


def _unsuitable(facts: Facts, i: int, rules: TargetRules, object_filter: ObjectFilter | None) -> str | None:
    obj, lexicon = facts.objects[i], facts.lexicon
    noun = lexicon.nouns.get(obj.name)
    if noun is None:
        return NO_NOUN
    if facts.relations.groups >> i & 1 and not rules.groups:
        return GROUP
    if not noun.target:
        return NO_TARGET
    if object_filter is not None and not object_filter(facts.graph, obj):
        return FILTERED
    return _bad_box(facts, i, rules)


def _bad_box(facts: Facts, i: int, rules: TargetRules) -> str | None:
    lexicon, width, height = facts.lexicon, facts.graph.width, facts.graph.height
    x, y, w, h = facts.objects[i].xywh
    least = lexicon.min_side if rules.min_side is None else rules.min_side
    share = lexicon.min_side_share if rules.min_side_share is None else rules.min_side_share
    if min(w, h) <= 0 or sqrt(w * h) < least or min(w, h) < share * min(width, height):
        return TOO_SMALL
    if x < 0 or y < 0 or x + w > width or y + h > height:
        return OUTSIDE
    if w * h > rules.max_share * width * height:
        return MOST_OF_IMAGE
    # The pairs are counted as work: a thousand objects of one name have half a million.
    others = facts.named(facts.objects[i].name, possible=True) & ~(1 << i)
    if others:
        facts.graph.work.add(others.bit_count())
        own = facts.objects[i].xywh
        if any(iou(own, facts.objects[other].xywh) >= SAME_THING for other in bits(others)):
            return DUPLICATE
    return None

"""From a description to an English expression, with the character span of every object that it names.

The slots of a template: `{T}` is the target with "the", `{aT}` the target with "a", `{O1}` and `{O2}` are the related
objects, `{r1}` and `{r2}` the relations, `{kind}` is the type of a shared attribute. A related object has "the" where
its own words fit one object of the image, else "a".
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Final

from finecops.construction.description import SAME, Description, Node
from finecops.construction.graph import SceneGraph
from finecops.mini.builder.matching import referents
from finecops.mini.builder.vocabulary import Vocabulary

TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "0_hop": ("{T}", "{T} in the picture", "there is {aT}", "{T} can be seen here"),
    "1_hop": (
        "{T} {r1} {O1}",
        "{T} that is {r1} {O1}",
        "{T} which stands {r1} {O1}",
        "{T}, {r1} {O1}",
        "{T} can be found {r1} {O1}",
        "{r1} {O1} stands {aT}",
        "{r1} {O1} there is {aT}",
        "{r1} {O1} is {T}",
    ),
    "2_hop": (
        "{T} {r1} {O1} that is {r2} {O2}",
        "{T} that is {r1} {O1} {r2} {O2}",
        "{T} which stands {r1} {O1}, which is {r2} {O2}",
        "{r1} {O1} that is {r2} {O2} stands {aT}",
        "{r1} {O1}, which is {r2} {O2}, is {T}",
    ),
    "and": (
        "{T} {r1} {O1} and {r2} {O2}",
        "{T} that is {r1} {O1} and {r2} {O2}",
        "{T} that is both {r1} {O1} and {r2} {O2}",
        "{T} can be found {r1} {O1} and {r2} {O2}",
        "{r1} {O1} and {r2} {O2} stands {aT}",
        "{r1} {O1} and {r2} {O2} is {T}",
    ),
    "same_attr": (
        "{T} that has the same {kind} as {O1}",
        "{T} of the same {kind} as {O1}",
        "{T} with the same {kind} as {O1}",
        "of the same {kind} as {O1} is {T}",
    ),
}

_SLOT = re.compile(r"\{(\w+)\}")
_PHRASE_DRAWS = 1 << 16
"""A wording holds a random number per relation, not an index. So it stays valid where a negative has another relation
with another number of phrases. The range is far larger than any list of phrases: all are almost equally likely."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The free choices of an expression: a template, and for each edge a random number that picks a phrase."""

    template: str
    phrase_picks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """A text and, for each node, the half-open character span of its noun phrase without the article."""

    text: str
    spans: tuple[tuple[int, int], ...]


def sample_wording(rng: random.Random, description: Description) -> Wording:
    """Choose a template of the description's type and the phrases of its relations."""
    template = rng.choice(TEMPLATES[description.tuple_type])
    return Wording(template, tuple(rng.randrange(_PHRASE_DRAWS) for _ in description.edges))


def render(
    graph: SceneGraph,
    description: Description,
    wording: Wording,
    vocabulary: Vocabulary,
    articles_from: Description | None = None,
) -> Expression:
    """Fill a template; the articles of related objects depend on the graph (see the module's docstring).

    Args:
        graph: the image's graph.
        description: what the expression says.
        wording: the template and phrases.
        vocabulary: the world's words.
        articles_from: take the articles of this description instead. A negative has those of its positive: else the
            article alone would give the negative away.
    """
    definite = [
        len(referents(graph, Description("0_hop", (node,)), vocabulary)) == 1
        for node in (articles_from or description).nodes
    ]
    parts: list[str] = []
    spans: dict[int, tuple[int, int]] = {}
    length = 0
    cursor = 0
    for slot in _SLOT.finditer(wording.template):
        literal = wording.template[cursor : slot.start()]
        node_index, value = _fill(slot[1], definite, description, wording, vocabulary)
        length += len(literal) + len(value)
        parts += [literal, value]
        if node_index is not None:
            # The article stands before the noun phrase, so the span is counted from the end.
            spans[node_index] = (length - len(noun_phrase(description.nodes[node_index], vocabulary)), length)
        cursor = slot.end()
    parts.append(wording.template[cursor:])
    return Expression("".join(parts), tuple(spans[i] for i in range(len(description.nodes))))


def noun_phrase(node: Node, vocabulary: Vocabulary) -> str:
    """An object in words, without an article: size before pattern before colour, as English orders them."""
    order = {"size": 0, "pattern": 1}
    attributes = sorted(node.attributes, key=lambda a: order.get(vocabulary.attribute_types.get(a, ""), 2))
    return " ".join([*attributes, node.name])


def _fill(
    slot: str, definite: list[bool], description: Description, wording: Wording, vocabulary: Vocabulary
) -> tuple[int | None, str]:
    """The text of a slot, and the node that it names, if it names one."""
    if slot == "kind":
        return None, description.edges[0].relation[len(SAME) :]
    if slot[0] == "r":
        edge = int(slot[1:]) - 1
        phrases = vocabulary.phrases(description.edges[edge].relation)
        return None, phrases[wording.phrase_picks[edge] % len(phrases)]
    index = 0 if slot.endswith("T") else int(slot[1:])
    phrase = noun_phrase(description.nodes[index], vocabulary)
    # The target has "the" unless the template says "a"; it is one object by construction.
    if slot == "aT" or (index > 0 and not definite[index]):
        return index, f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
    return index, f"the {phrase}"

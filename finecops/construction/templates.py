"""From a description to an English expression, with the place of every thing it names.

A template's slots: `{T}` the target with "the", `{aT}` with "a", `{O1}` and `{O2}` the related things, `{r1}` and
`{r2}` the relations, `{kind}` the kind of a shared attribute. "A" stands before a related thing that its words
do not single out in the image, "the" before one that they do.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Final

from finecops.construction.description import SAME, Description, Node, referents
from finecops.construction.graph import SceneGraph
from finecops.construction.vocabulary import Vocabulary

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


@dataclass(frozen=True, slots=True)
class Wording:
    """The free choices of a rendering: a template, and for each edge which phrase of the relation's list."""

    template: str
    phrase_picks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression and, for each node, the half-open character span of its noun phrase without the article."""

    text: str
    spans: tuple[tuple[int, int], ...]


def sample_wording(rng: random.Random, description: Description) -> Wording:
    """Choose a template of the description's type and the wordings of its relations."""
    template = rng.choice(TEMPLATES[description.tuple_type])
    return Wording(template, tuple(rng.randrange(1 << 16) for _ in description.edges))


def render(
    graph: SceneGraph,
    description: Description,
    wording: Wording,
    vocabulary: Vocabulary,
    articles_from: Description | None = None,
) -> Expression:
    """Fill a template. The articles of related things depend on the graph (see the module's docstring).

    With `articles_from` they are those of another description: a negative's give nothing away when they are its
    positive's.
    """
    singled_out = [
        len(referents(graph, Description("0_hop", (node,)), vocabulary)) == 1
        for node in (articles_from or description).nodes
    ]
    parts: list[str] = []
    spans: dict[int, tuple[int, int]] = {}
    length = 0
    cursor = 0
    for slot in _SLOT.finditer(wording.template):
        literal = wording.template[cursor : slot.start()]
        node_index, value = _fill(slot[1], singled_out, description, wording, vocabulary)
        length += len(literal) + len(value)
        parts += [literal, value]
        if node_index is not None:
            spans[node_index] = (length - len(noun_phrase(description.nodes[node_index], vocabulary)), length)
        cursor = slot.end()
    parts.append(wording.template[cursor:])
    return Expression("".join(parts), tuple(spans[i] for i in range(len(description.nodes))))


def noun_phrase(node: Node, vocabulary: Vocabulary) -> str:
    """A thing in words, without an article: size before pattern before colour, as English orders them."""
    order = {"size": 0, "pattern": 1}
    attributes = sorted(node.attributes, key=lambda a: order.get(vocabulary.attribute_types.get(a, ""), 2))
    return " ".join([*attributes, node.name])


def _fill(
    slot: str, singled_out: list[bool], description: Description, wording: Wording, vocabulary: Vocabulary
) -> tuple[int | None, str]:
    if slot == "kind":
        return None, description.edges[0].relation[len(SAME) :]
    if slot[0] == "r":
        edge = int(slot[1:]) - 1
        phrases = vocabulary.phrases(description.edges[edge].relation)
        return None, phrases[wording.phrase_picks[edge] % len(phrases)]
    index = 0 if slot.endswith("T") else int(slot[1:])
    phrase = noun_phrase(description.nodes[index], vocabulary)
    if slot == "aT" or (index > 0 and not singled_out[index]):
        return index, f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
    return index, f"the {phrase}"

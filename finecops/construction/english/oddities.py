"""What no wording makes good English: words of a description that do not go together."""

from __future__ import annotations

from finecops.construction.description import SAME, Description, Node
from finecops.construction.lexicon import Lexicon

_STEM = 4
"""Letters by which two words are taken for one: "snowy", "snow"."""
_INCOMPLETE = frozenset("riding covered filled attached mounted".split())
"""Nobody says "the tree that is covered" without what covers it."""


def oddity(description: Description, lexicon: Lexicon) -> str | None:
    """Why a description sounds odd in any wording, or None.

    Positives and negatives are to be chosen by the same rule. It finds: "the grassy grass"; an attribute that is not
    said of such a thing ("the female man"), also in "the same material as"; "the parked car parked on the street" and
    other postures twice or two postures of one object; a thing that does what beings do.
    """
    for i, node in enumerate(description.nodes):
        found = _of_noun(node, lexicon) or _of_postures(i, description, lexicon)
        if found is not None:
            return found
    for edge in description.edges:
        beings = [lexicon.nouns[description.nodes[end].name].being for end in (edge.head, edge.tail)]
        if edge.relation.startswith(SAME):
            # The most frequent word of the kind stands for all of them: people are blond, but not brown.
            words = lexicon.of_kind(edge.relation.removeprefix(SAME))
            said_of = lexicon.attributes[words[0]].beings if words else frozenset()
            # Both ends: "the man of the same material as the bus" is odd by its head, and the other way round by its
            # tail.
            if said_of and not said_of.issuperset(beings):
                return "an attribute that is not said of the noun"
        else:
            heads = lexicon.relations[edge.relation].heads
            if heads and beings[0] not in heads:
                return "a head that the relation does not have"
    return None


def _of_noun(node: Node, lexicon: Lexicon) -> str | None:
    if any(_same_stem(attribute, node.name) for attribute in node.attributes):
        return "an attribute repeats the noun"
    if not all(lexicon.fits(node.name, attribute) for attribute in node.attributes):
        return "an attribute that is not said of the noun"
    if _INCOMPLETE & set(node.attributes):
        return "an attribute that needs an object"
    kinds = [lexicon.attributes[attribute].kind for attribute in node.attributes]
    if "size" in kinds and lexicon.nouns[node.name].number == "mass":
        return "a size of what has none"
    if "color" in kinds and any(attribute.endswith(" colored") for attribute in node.attributes):
        return "two words for one color"
    return None


def _of_postures(index: int, description: Description, lexicon: Lexicon) -> str | None:
    words = [attribute.split()[0] for attribute in description.nodes[index].attributes]
    attributes = {word for word in words if word.endswith(("ing", "ed"))}
    said = zip(words, description.nodes[index].attributes)
    postures = [word for word, name in said if word in lexicon.postures or lexicon.attributes[name].kind == "posture"]
    for edge in description.edges:
        if edge.head == index and not edge.relation.startswith(SAME):
            first = lexicon.relations[edge.relation].phrases[0].split()[0]
            if first in attributes:
                return "two postures of one object"
            if first in lexicon.postures:
                postures.append(first)
    # "Sitting on the bench and sitting at the table" is one.
    return "two postures of one object" if len(set(postures)) > 1 else None


def _same_stem(attribute: str, name: str) -> bool:
    return any(
        # A short word counts only if it is the same: its few letters end another one by chance.
        one == other or (len(one) >= _STEM and (one[:_STEM] == other[:_STEM] or one.endswith(other)))
        for one in attribute.split()
        for other in name.split()
    )

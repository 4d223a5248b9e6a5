"""What no wording makes good English: words of a description that do not go together."""

from __future__ import annotations

from finecops.construction.description import SAME, Description
from finecops.construction.lexicon import Lexicon

_STEM = 4
"""Letters by which two words are taken for one: "snowy", "snow"."""


def oddity(description: Description, lexicon: Lexicon) -> str | None:
    """Why a description sounds odd in any wording, or None.

    Positives and negatives are to be chosen by the same rule. It finds: "the grassy grass"; "the parked car parked on
    the street" and other postures twice or two postures of one object; a thing that does what beings do.
    """
    for i, node in enumerate(description.nodes):
        if any(_same_stem(attribute, node.name) for attribute in node.attributes):
            return "an attribute repeats the noun"
        said = [word for attribute in node.attributes if (word := attribute.split()[0]) in lexicon.postures]
        for edge in description.edges:
            if edge.head == i and not edge.relation.startswith(SAME):
                relation = lexicon.relations[edge.relation]
                if relation.heads and lexicon.nouns[node.name].being not in relation.heads:
                    return "a head that the relation does not have"
                if relation.sort == "posture":
                    said.append(relation.phrases[0].split()[0])
        if len(said) > 1:
            return "two postures of one object"
    return None


def _same_stem(attribute: str, name: str) -> bool:
    return any(
        one == other or (len(one) >= _STEM and one[:_STEM] == other[:_STEM])
        for one in attribute.split()
        for other in name.split()
    )

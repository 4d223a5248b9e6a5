"""What the builder must know of a world's words: kinds of attributes, contradicting relations, wordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Vocabulary:
    """A world's words.

    Attributes:
        attribute_types: attribute → kind of quality (`colour`, `size`). Only attributes listed here are used in
            expressions, since only these can be contradicted by another one of their kind.
        exclusive_types: kinds of which a thing has exactly one value (a red car is not blue).
        contradictions: relation → relations that cannot hold between the same two things at the same time.
        mirror: relation → what it becomes when the image is flipped from left to right.
        relation_phrases: relation → its wordings; a relation not listed is worded by its own name.
        categories: names that may be targets or replacements; empty means all that occur.
        synonyms: category → name of the group of categories that one would not tell apart in an image.
        unsuitable: names that are never a target (stuff without clear borders, parts of things).
        min_side_share: a target's shorter side is at least this share of the image's shorter side.
        complete: whether a graph says everything: what is not in it is false. GQA's graphs do not; there an
            attribute or relation is false only if the graph holds one that excludes it.
    """

    attribute_types: Mapping[str, str]
    exclusive_types: frozenset[str]
    contradictions: Mapping[str, tuple[str, ...]]
    mirror: Mapping[str, str]
    relation_phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = field(default_factory=dict)
    unsuitable: frozenset[str] = frozenset()
    min_side_share: float = 0.0
    complete: bool = False

    def group(self, name: str) -> str:
        """The group of categories a name stands in; singular and plural are one where it has no synonyms."""
        singular = name[:-1] if name.endswith("s") and len(name) > 3 else name
        return self.synonyms.get(name) or self.synonyms.get(singular) or singular

    def attributes_of_type(self, kind: str) -> list[str]:
        """All attributes of one kind, in the vocabulary's order."""
        return [name for name, value in self.attribute_types.items() if value == kind]

    def phrases(self, relation: str) -> tuple[str, ...]:
        """The wordings of a relation, at least one."""
        return self.relation_phrases.get(relation, (relation,))

    def is_spatial(self, relation: str) -> bool:
        """Whether a relation speaks of places alone."""
        return relation in self.contradictions

"""The words of a world as the builder needs them: types of attributes, contradictions, wordings of relations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Vocabulary:
    """The words of a world."""

    attribute_types: Mapping[str, str]
    """Attribute → its type (`colour`, `size`). Expressions use no other attributes: only an attribute with a type can
    be contradicted, by another one of the same type."""

    exclusive_types: frozenset[str]
    """Types of which an object has exactly one value (a red car is not blue)."""

    contradictions: Mapping[str, tuple[str, ...]]
    """Relation → the relations that cannot hold between the same two objects at the same time."""

    mirror: Mapping[str, str]
    """Relation → what it becomes when the image is flipped from left to right."""

    relation_phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Relation → its wordings. A relation that is not listed is worded by its own name."""

    categories: tuple[str, ...] = ()
    """Names that may be targets or replacements; empty means all that occur."""

    synonyms: Mapping[str, str] = field(default_factory=dict)
    """Category → the name of its group. Members of a group look alike in an image (man, person)."""

    unsuitable: frozenset[str] = frozenset()
    """Names that are never a target: regions without clear borders (sky), and parts of objects (hair)."""

    min_side_share: float = 0.0
    """The shorter side of a target is at least this share of the image's shorter side."""

    complete: bool = False
    """Whether a graph says everything, so that what it does not say is false. GQA's graphs do not. There an attribute
    or relation is false only if the graph holds another one that excludes it."""

    def group(self, name: str) -> str:
        """The group of a category. Without synonyms, singular and plural are one group."""
        # "cars" is "car", but "bus" keeps its s; the length check is crude and errs towards merging two names.
        singular = name[:-1] if name.endswith("s") and len(name) > 3 else name
        return self.synonyms.get(name) or self.synonyms.get(singular) or singular

    def attributes_of_type(self, kind: str) -> list[str]:
        """All attributes of one type, in the vocabulary's order."""
        return [name for name, value in self.attribute_types.items() if value == kind]

    def phrases(self, relation: str) -> tuple[str, ...]:
        """The wordings of a relation, at least one."""
        return self.relation_phrases.get(relation, (relation,))

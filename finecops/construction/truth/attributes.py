"""Which objects have an attribute, by what the graph says and by what it leaves open.

Sets of objects are bit masks (`finecops.construction.truth.masks`). The rule is that of `Lexicon.excluded`, which knows
one object; here it is asked of all objects of a graph at once.
"""

from __future__ import annotations

from finecops.construction.graph import SceneObject
from finecops.construction.lexicon import Attribute, Lexicon


class Attributes:
    """The attributes of a graph's objects; `groups` are those of which one may be this and another one that."""

    def __init__(self, lexicon: Lexicon, objects: tuple[SceneObject, ...], groups: int) -> None:
        self._lexicon, self._groups = lexicon, groups
        self._all = (1 << len(objects)) - 1
        self._has: dict[str, int] = {}
        for i, obj in enumerate(objects):
            for attribute in obj.attributes:
                self._has[attribute] = self._has.get(attribute, 0) | 1 << i
        self._possible: dict[str, int] = {}
        self._values: dict[str, list[tuple[str, int]]] = {}
        self._single: dict[str, int] = {}
        self._several: dict[str, int] = {}
        for attribute, mask in self._has.items():
            word = lexicon.attributes.get(attribute)
            if word is None:
                continue
            if word.kind in lexicon.exclusive:
                self._values.setdefault(word.kind, []).append((attribute, mask))
            for kind in word.several:
                self._several[kind] = self._several.get(kind, 0) | mask

    def holds(self, attribute: str) -> int:
        """The objects that have it."""
        return self._has.get(attribute, 0)

    def possible(self, attribute: str) -> int:
        """The objects of which the graph does not exclude it."""
        found = self._possible.get(attribute)
        if found is None:
            found = self._possible[attribute] = self._leaves_open(attribute)
        return found

    def _leaves_open(self, attribute: str) -> int:
        has = self.holds(attribute)
        if self._lexicon.complete:
            return has
        word = self._lexicon.attributes.get(attribute)
        # Nothing is known of a word that no table has.
        excluded = 0 if word is None else self._excluded(word)
        # One of several trees may be bare where another one is leafy.
        return has | self._all & (self._groups | ~excluded)

    def _excluded(self, word: Attribute) -> int:
        out = 0
        for opposite in word.opposites:
            out |= self.holds(opposite)
        if word.kind in self._lexicon.exclusive:
            for value, mask in self._values.get(word.kind, ()):
                if value not in word.near:
                    out |= mask & self._one_value(word.kind)
        return out

    def _one_value(self, kind: str) -> int:
        """The objects with one value of an exclusive kind. One of two colors, or striped, may have another."""
        if kind not in self._single:
            once = twice = 0
            for _, mask in self._values[kind]:
                twice |= once & mask
                once |= mask
            self._single[kind] = once & ~twice & ~self._several.get(kind, 0)
        return self._single[kind]

"""Random expressions about a scene, made by the construction: its paths, its English, its rules of rewriting."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from finecops.construction.description import Description
from finecops.construction.english.realise import Expression, Wording, realise, sample_wording
from finecops.construction.graph import SceneGraph
from finecops.construction.rewriting.rewrites import RuleRewriter, Sentence
from finecops.construction.samples import Phrased
from finecops.construction.truth.draw import TUPLE_TYPES, Draw
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.hard import hard_paths
from finecops.construction.truth.rivals import Clues
from finecops.construction.truth.statements import Statements
from finecops.mini.world.lexicon import LEXICON

SIDES: Final = 0.4
"""Share of the relations that are left, right, above or below, where there are others."""
TYPE_WEIGHTS: Final = dict(zip(TUPLE_TYPES, (28, 30, 12, 12, 14, 4), strict=True))
"""How often an expression of each type is tried."""

_MOST_HARD: Final = 6
"""Descriptions of level 3 of one object that are looked at."""


@dataclass(frozen=True)
class Said:
    """A description that holds of an object, in words; `rewritten` is whether its words are those of the rules."""

    description: Description
    target: str
    wording: Wording
    expression: Expression
    level: int | None
    """1 to 3 of one that fits no other object; None: it fits several."""
    rewritten: bool = False


# Made once: it reads the lexicon's tables of phrases.
_RULES: Final = RuleRewriter(LEXICON)


class SceneTexts:
    """What can be said about one scene, drawn at random."""

    def __init__(self, scene: SceneGraph, rng: random.Random) -> None:
        self.scene, self.rng = scene, rng
        self.facts = Facts(scene, LEXICON)
        self._draw = Draw(Statements(self.facts), rng, SIDES)
        self._rules = _RULES
        self._clues: dict[str, Clues] = {}
        self._targets = list(range(len(self.facts.objects)))
        names = [obj.name for obj in self.facts.objects]
        self._rivalled = [i for i in self._targets if names.count(names[i]) > 1]

    def describe(self, target: int, types: Sequence[str]) -> Description | None:
        """A random description of a type, of an object given by its number."""
        weights = [TYPE_WEIGHTS[type_] for type_ in types]
        return self._draw.around(target, self.rng.choices(types, weights)[0])

    def hard(self, types: Sequence[str] = TUPLE_TYPES) -> Said | None:
        """A description of level 3, in words; None if the object that was drawn has none."""
        if not self._rivalled:
            return None
        target = self.rng.choice(self._rivalled)
        name = self.facts.objects[target].name
        clues = self._clues[name] = self._clues.get(name) or Clues(self.facts, name)
        found = list(islice(hard_paths(self._draw, clues, target, types), _MOST_HARD))
        said = self.rng.choice(found) if found else None
        if said is None or not self.facts.is_unique(said, self.facts.objects[target].id):
            return None
        return self.worded(said, target, self.facts.level_of(said, 1 << target))

    def unique(self, types: Sequence[str] = TUPLE_TYPES, rivalled: float = 0.8, tries: int = 8) -> Said | None:
        """A description that fits one object, provably no other, in words; None if no try gave one.

        Args:
            types: tuple types to draw from.
            rivalled: how often the target is an object that is not the only one of its name, where there are such.
            tries: draws.
        """
        for _ in range(tries):
            pool = self._rivalled if self._rivalled and self.rng.random() < rivalled else self._targets
            target = self.rng.choice(pool)
            said = self.describe(target, types)
            if said is None or not self.facts.is_unique(said, self.facts.objects[target].id):
                continue
            level = self.facts.level_of(said, 1 << target)
            if level is not None:
                return self.worded(said, target, level)
        return None

    def worded(self, said: Description, target: int, level: int | None, rules: float = 0.6) -> Said:
        """A description in words: those of the templates, or by a chance of `rules` rewritten."""
        wording = sample_wording(self.rng, said, LEXICON)
        expression = realise(said, wording, self.definite(said), LEXICON)
        found = Said(said, self.facts.objects[target].id, wording, expression, level)
        return self.rewritten(found) if self.rng.random() < rules else found

    def definite(self, said: Description) -> list[bool]:
        """For each node, whether its own words fit one object of the scene alone."""
        return [self.facts.node(node, possible=True).bit_count() == 1 for node in said.nodes]

    def rewritten(self, said: Said) -> Said:
        """The same in the words of the rules, or as it is where they have no other words."""
        phrased = Phrased(text=said.expression.text, spans=list(said.expression.spans))
        key = str(self.rng.random())
        sentence = Sentence(key, phrased, said.description, self.definite(said.description))
        (found,) = self._rules.rewrite([sentence])
        if found.by == "template":
            return said
        return replace(
            said, expression=Expression(found.expression.text, tuple(found.expression.spans)), rewritten=True
        )

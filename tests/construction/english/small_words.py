"""A small lexicon for the tests of English: all numbers and beings, words on both sides of the noun, all relations."""

from __future__ import annotations

from finecops.construction.lexicon import Attribute, Lexicon, Noun
from finecops.construction.words import gqa_lexicon

_NOUNS = (
    Noun("man", being="person"),
    Noun("woman", being="person"),
    Noun("dog", being="animal"),
    Noun("elephant", being="animal"),
    Noun("bus"),
    Noun("table"),
    Noun("hat"),
    Noun("umbrella"),
    Noun("grass", "mass"),
    Noun("snow", "mass"),
    Noun("windows", "plural"),
    Noun("men", "plural", "person"),
    Noun("scissors", "pair"),
    Noun("sky"),
)
_ATTRIBUTES = (
    Attribute("large", "size", order=0),
    Attribute("old", "age", order=1),
    Attribute("black", "color", order=3),
    Attribute("white", "color", order=3),
    Attribute("orange", "color", order=3),
    Attribute("wood", "material", order=4),
    Attribute("standing", "pose", after=True),
    Attribute("looking down", "activity", after=True),
    Attribute("on", "state", after=True),
)
LEXICON = Lexicon(
    {noun.name: noun for noun in _NOUNS},
    {word.name: word for word in _ATTRIBUTES},
    frozenset({"color", "material"}),
    gqa_lexicon().relations,
)

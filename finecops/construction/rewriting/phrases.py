"""How the words of a lexicon may be said in a rewrite: synonyms, spellings, phrases of relations."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from finecops.construction.description import SAME, Node
from finecops.construction.english.forms import after_words
from finecops.construction.lexicon import Lexicon, Noun, Number, RelationWord
from finecops.construction.rewriting.tokens import words_of

_COMMON: Final = 600
Phrase: TypeAlias = tuple[str, ...]

_SPELLINGS: Final = (
    {"large", "big"},
    {"small", "little"},
    {"gray", "grey"},
    {"blond", "blonde"},
    {"wood", "wooden"},
    {"wool", "woolen"},
    {"colorful", "colourful"},
    {"aluminum", "aluminium"},
    {"striped", "stripy"},
    {"checkered", "chequered"},
)
"""Attributes that say the same, by their last word."""
_SAY_THE_SAME: Final = {
    "next to": ("beside", "right next to", "alongside", "by"),
    "beside": ("next to", "right next to", "alongside", "by"),
    "by": ("next to", "beside", "alongside", "near"),
    "near": ("close to", "by", "nearby"),
    "close to": ("near", "by"),
    "under": ("underneath", "beneath", "below"),
    "underneath": ("under", "beneath", "below"),
    "beneath": ("under", "underneath", "below"),
    "below": ("under", "underneath", "beneath"),
    "above": ("over",),
    "wearing": ("in", "dressed in"),
    "riding": ("riding on",),
    "riding on": ("riding",),
    "holding": ("holding onto",),
    "standing next to": ("standing beside",),
    "sitting next to": ("sitting beside", "seated next to", "seated beside"),
    "sitting on": ("seated on",),
    "sitting in": ("seated in",),
    "sitting at": ("seated at",),
    "in front of": ("before",),
}
"""Relations of GQA → other words for them in a caption. The reverse is not always so: whoever wears a hat is in it."""
SIDES: Final = {"left": "left", "right": "right"}
_BOX_PHRASES: Final = {
    side: tuple(
        words_of(text)
        for text in (
            f"{side} of",
            f"to the {side} of",
            f"on the {side} of",
            f"at the {side} of",
            f"on the {side} side of",
            f"to the {side} side of",
            f"on the {side} hand side of",
        )
    )
    for side in SIDES
}
"""Relations that are read from the boxes: all of these say the same of two boxes."""


class SaidNoun(NamedTuple):
    """One way to name an object."""

    words: Phrase
    name: str
    """The lexicon's name of it."""
    number: Number


class Phrases:
    """The ways to say a lexicon's words.

    Args:
        lexicon: the words.
        looser: objects may also be named by a kind above theirs. The sentence then says less: whether it still fits
            one object alone must be proved anew.
    """

    def __init__(self, lexicon: Lexicon, looser: bool = False) -> None:
        self.lexicon, self.looser = lexicon, looser
        self._nouns: dict[str, tuple[SaidNoun, ...]] = {}
        self._relations: dict[str, tuple[Phrase, ...]] = {}
        self._attributes: dict[str, tuple[Phrase, ...]] = {}

    def nouns(self, name: str) -> tuple[SaidNoun, ...]:
        """The ways to name an object, its own name first."""
        if name not in self._nouns:
            noun = self.lexicon.nouns.get(name, Noun(name))
            others = {*noun.synonyms, *self._named_so.get(name, ())}
            if self.looser:
                others |= noun.kinds
            # "Blue jeans" says more than "jeans".
            attributes = {word for word in self.lexicon.attributes if " " not in word} - set(words_of(name))
            others = {other for other in others if not attributes.intersection(words_of(other))}
            found = [name, *sorted(others - {name})]
            self._nouns[name] = tuple(
                SaidNoun(words_of(said), said, self.lexicon.nouns.get(said, noun).number) for said in found
            )
        return self._nouns[name]

    @cached_property
    def _named_so(self) -> dict[str, set[str]]:
        """Name → names that state it as their synonym."""
        found: dict[str, set[str]] = {}
        for name, noun in self.lexicon.nouns.items():
            for other in noun.synonyms:
                found.setdefault(other, set()).add(name)
        return found

    @cached_property
    def common(self) -> frozenset[str]:
        """Names that rules may use in place of a synonym: "sofa", but not "dude". They are the most frequent ones."""
        return frozenset(islice(self.lexicon.nouns, _COMMON))

    def number(self, name: str) -> Number:
        """How a noun is used."""
        noun = self.lexicon.nouns.get(name)
        return "singular" if noun is None else noun.number

    def is_person(self, name: str) -> bool:
        """Whether "who" may be said of it."""
        noun = self.lexicon.nouns.get(name)
        return noun is not None and noun.being == "person"

    def attribute(self, name: str) -> tuple[Phrase, ...]:
        """The ways to say an attribute, its own first."""
        if name not in self._attributes:
            own = words_of(name)
            found = [own]
            if name in self.lexicon.attributes:
                found += [words_of(form) for form in after_words(Node("", (name,)), self.lexicon) if form != name]
            for same in _SPELLINGS:
                if own[-1] in same:
                    found += [(*own[:-1], other) for other in sorted(same - {own[-1]})]
            if own[-1] in ("colored", "coloured"):
                found += [(*own[:-1], other) for other in ("colored", "coloured") if other != own[-1]]
            else:
                ends = {"color": ("colored", "coloured"), "shape": ("shaped",)}
                more = ends.get(self._kind(name), ())
                found += [(*phrase, word) for phrase in tuple(found) for word in more]
            self._attributes[name] = tuple(found)
        return self._attributes[name]

    def is_no_posture(self, name: str, posture: str) -> bool:
        """Whether "sitting on" says no more of a thing than "on": of no being, and no likeness of one."""
        nouns, word = self.lexicon.nouns, self.lexicon.attributes.get(posture)
        noun = nouns.get(name)
        if noun is None or any(nouns[one].being != "thing" for one in (name, *noun.kinds, *noun.alike) if one in nouns):
            return False
        return word is None or (bool(word.beings) and "thing" not in word.beings)

    def _kind(self, attribute: str) -> str:
        word = self.lexicon.attributes.get(attribute)
        return "" if word is None else word.kind.replace("colour", "color")

    def kind_words(self, attribute: str) -> tuple[str, ...]:
        """What may stand behind it: "red in color", "round in shape"."""
        kind = self._kind(attribute)
        return {"color": ("color", "colour"), "shape": ("shape",), "size": ("size",)}.get(kind, ())

    def is_material(self, name: str) -> bool:
        """Whether something may be made of it."""
        return self._kind(name) == "material"

    def is_said_after(self, name: str) -> bool:
        """Whether an attribute may stand behind its noun without "that is": "the man standing"."""
        word = self.lexicon.attributes.get(name)
        return (word is not None and word.after) or words_of(name)[0].endswith(("ing", "ed"))

    def relation_word(self, name: str) -> RelationWord:
        """The lexicon's word; one that is not in it is said as it is written."""
        return self.lexicon.relations.get(name) or RelationWord(name, (name,))

    def relation(self, name: str) -> tuple[Phrase, ...]:
        """The ways to say a relation behind a noun, its plainest first."""
        if name not in self._relations:
            word = self.relation_word(name)
            found = [words_of(phrase) for phrase in (*word.phrases, name)]
            if word.boxes in SIDES:
                found += _BOX_PHRASES[str(word.boxes)]
            found += [words_of(phrase) for phrase in _SAY_THE_SAME.get(name, ())]
            # Several relations share phrases; each of them once.
            self._relations[name] = tuple(dict.fromkeys(found))
        return self._relations[name]

    def is_place(self, name: str) -> bool:
        """Whether "located" may stand before it."""
        return self.relation_word(name).sort == "place"

    def is_worn(self, name: str) -> bool:
        """Whether the tail of a relation is where its head is, and nobody says a place of it alone."""
        word = self.relation_word(name)
        return word.sort == "action" and word.one_head

    def posture(self, name: str, number: Number) -> tuple[Phrase, Phrase] | None:
        """Of "sitting on": the place, "on", and the verb alone, "sits"; None: it is no posture at a place."""
        word = self.relation_word(name)
        place = self.relation(name)[0][1:]
        if word.sort != "posture" or word.verb is None or not place:
            return None
        return place, self.verbs(name, number)[0][:1]

    def verbs(self, name: str, number: Number) -> tuple[Phrase, ...]:
        """The finite verb of a relation, as it agrees with its subject."""
        verb = self.relation_word(name).verb
        if verb is None:
            return ()
        return (words_of(verb[1] if number in ("plural", "pair") else verb[0]),)

    def exact_inverse(self, name: str) -> str | None:
        """What the tail stands to the head, if it says as much: "behind" of "in front of".

        "Next to" says less than "standing next to", whose inverse it is.
        """
        inverse = self.relation_word(name).inverse
        return inverse if inverse is not None and self.relation_word(inverse).inverse == name else None

    @cached_property
    def entries(self) -> dict[str, frozenset[Phrase]]:
        """What a phrase of the lexicon is → all such phrases."""
        lexicon = self.lexicon
        verbs = [form for word in lexicon.relations.values() for form in word.verb or ()]
        return {
            "an object": frozenset(words_of(name) for name in lexicon.nouns),
            "an attribute": frozenset(words_of(name) for name in lexicon.attributes),
            "a relation": frozenset(
                {phrase for name in lexicon.relations for phrase in self.relation(name)} | {words_of(v) for v in verbs}
            ),
        }

    def kinds(self, relation: str) -> tuple[Phrase, ...]:
        """The ways to say the kind of a relation "same …"."""
        kind = relation.removeprefix(SAME)
        other = kind.replace("color", "colour") if "color" in kind else kind.replace("colour", "color")
        return tuple(dict.fromkeys((words_of(kind), words_of(other))))


def is_same(relation: str) -> bool:
    """Whether a relation compares an attribute."""
    return relation.startswith(SAME)

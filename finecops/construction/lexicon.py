"""The words of a world: nouns, attributes and relations, and what follows from them about the truth of an expression.

A lexicon is data. GQA's is read from tables (`finecops.construction.words`); a drawn world writes its own. Everything
that the construction knows about English and about the world is asked here, and no other file lists words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

Number = Literal["singular", "plural", "mass", "pair"]
"""`car`; `cars`; `grass`, which has no plural and no "a"; `scissors`, of which one thing is "a pair of scissors"."""
Being = Literal["person", "animal", "thing"]
"""For "who" or "that", and for verbs that only a being does."""
Sort = Literal["place", "posture", "action", "state", "having"]
"""How a relation is built: `on`; `sitting on`, a participle before a place; `wearing`; `covered with`; `with`, which is
"has" in a clause. "On the table is a cup" is said of the first two alone."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A name of objects.

    Attributes:
        name: as in the scene graphs.
        number: how it is used in a sentence.
        being: what it names.
        target: whether an expression may ask for it: no region (sky), no part of something (ear), nothing vague.
        synonyms: names of the same things (`couch` of `sofa`).
        kinds: names of kinds above it, all of them (`animal`, `mammal` of `elephant`).
        alike: names that an annotator may have given to the same thing, neither synonym nor kind (`cup`, `mug`).
        singular: of a plural or group, the name of one of it (`tree` of `trees`, `person` of `people`).
    """

    name: str
    number: Number = "singular"
    being: Being = "thing"
    target: bool = True
    synonyms: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    alike: frozenset[str] = frozenset()
    singular: str | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """A word for how an object is.

    Attributes:
        name: as in the scene graphs.
        kind: colour, material, size, state, …: the word that stands in "the same colour as".
        near: words of the kind that may be said of the same object (`beige` of `tan`).
        opposites: words that exclude it, whatever its kind (`closed` of `open`).
        after: it stands behind the noun ("the man that is looking down"), not before it ("the open door").
        order: place among the words before a noun, smaller first: size, state, colour, material, purpose.
        beings: of which it is said; empty: all. Nobody says "the ceramic man" or "the kneeling plate".
        unsaid: names of which it is not said either: no "female man", no "wet water".
        several: kinds of which an object that has it may have more values than are said: a striped shirt has more
            colors than "white".
    """

    name: str
    kind: str
    near: frozenset[str] = frozenset()
    opposites: frozenset[str] = frozenset()
    after: bool = False
    order: int = 0
    beings: frozenset[Being] = frozenset()
    unsaid: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RelationWord:
    """A relation: how it is said, and what it excludes.

    Attributes:
        name: as in the scene graphs.
        phrases: its wordings behind a noun ("wearing", "to the left of", "left of"); the first is the plainest.
        verb: third person singular and plural ("wears", "wear"), or None where "is" and "are" stand before a phrase.
        inverse: what the tail stands to the head (`to the right of` of `to the left of`), if there is a word.
        contradictions: relations that cannot hold from the same head to the same tail at the same time.
        mirror: what it becomes when the image is flipped, if that changes it.
        boxes: it is read from the boxes: `left`, `right`; a drawn world may have `above`, `below`.
        contact: head and tail touch (`on`, `wearing`).
        one_head: a tail has at most one head (`wearing`: nobody else wears this hat).
        one_tail: a head has at most one tail of a name (`on`: a cup on this table is not on another table).
        heads: beings that may be its head; empty: all.
        question: it may stand in an expression. Vague ones (`of`, `n/a`) may not.
        sort: how it is built: which templates it may stand in.
    """

    name: str
    phrases: tuple[str, ...]
    verb: tuple[str, str] | None = None
    inverse: str | None = None
    contradictions: frozenset[str] = frozenset()
    mirror: str | None = None
    boxes: Literal["left", "right", "above", "below"] | None = None
    contact: bool = False
    one_head: bool = False
    one_tail: bool = False
    heads: frozenset[Being] = frozenset()
    question: bool = True
    sort: Sort = "place"


@dataclass(frozen=True)
class Lexicon:
    """The words of a world.

    Attributes:
        nouns: by name, most frequent first. A name that is not here is never said. An object of such a name may be what
            an object of the name's last words may be, if they are here ("garden table": a table); else nothing.
        attributes: by name. One that is not here is never said.
        exclusive: kinds of attributes of which an object has one value.
        relations: by name. One that is not here is never said.
        complete: whether a graph says everything, so that what it does not say is false. GQA's graphs do not.
        compared: kinds that may stand in "the same ... as": color and shape, but not size or age.
    """

    nouns: Mapping[str, Noun]
    attributes: Mapping[str, Attribute]
    exclusive: frozenset[str]
    relations: Mapping[str, RelationWord]
    complete: bool = False
    compared: frozenset[str] = frozenset()
    min_side: float = 32.0
    """Targets are not smaller, as the square root of the box's area in pixels."""
    min_side_share: float = 0.05
    """The shorter side of a target is at least this share of the image's shorter side."""

    @cached_property
    def _certain(self) -> dict[str, frozenset[str]]:
        """Name → all that an object of this name certainly is."""
        found = {}
        for name, noun in self.nouns.items():
            same = {name, *noun.synonyms}
            above = set(noun.kinds)
            for other in tuple(above | same):
                if other in self.nouns:
                    above |= self.nouns[other].synonyms | self.nouns[other].kinds
            found[name] = frozenset(same | above)
        return found

    @cached_property
    def _possible(self) -> dict[str, frozenset[str]]:
        """Name → all that an object of this name may be."""
        may: dict[str, set[str]] = {name: set(certain) for name, certain in self._certain.items()}
        for name, noun in self.nouns.items():
            for other in noun.alike:
                # All that one of the two certainly is, the other may be.
                may[name] |= self._certain.get(other, frozenset({other}))
                may.setdefault(other, {other})
                may[other] |= self._certain[name]
        _both_ways(may)
        # A group may hold whatever one of it may be: a man is among the "people".
        for name, noun in self.nouns.items():
            if noun.singular is not None:
                may[name] |= may.get(noun.singular, {noun.singular})
        _both_ways(may)
        return {name: frozenset(others) for name, others in may.items()}

    @cached_property
    def postures(self) -> frozenset[str]:
        """Participles that begin relations: `sitting`, `parked`."""
        return frozenset(w.phrases[0].split()[0] for w in self.relations.values() if w.sort == "posture")

    def is_a(self, name: str, said: str) -> bool:
        """Whether an object that the graph calls `name` certainly is a `said`."""
        return name == said or said in self._certain.get(name, ())

    def may_be(self, name: str, said: str) -> bool:
        """Whether an object that the graph calls `name` may be a `said`. It is so in both directions."""
        if name == said:
            return True
        one, other = self._head(name), self._head(said)
        return one is not None and other is not None and (one == other or other in self._possible[one])

    def _head(self, name: str) -> str | None:
        """The name, or else the last of its words that are a name or its plural: the most of them."""
        while True:
            for form in (name, name.removesuffix("s")):
                if form in self.nouns:
                    return form
            _, blank, name = name.partition(" ")
            if not blank:
                return None

    def is_group(self, name: str) -> bool:
        """Whether an object of this name is several things (trees, a crowd), or one without a border."""
        head = self._head(name)
        if head is None:
            return False
        noun = self.nouns[head]
        several = not name.endswith(head)
        return several or noun.number in ("plural", "mass") or noun.singular is not None

    def fits(self, name: str, attribute: str) -> bool:
        """Whether an attribute can be said of a name in a sentence: no "ceramic man", no "orange orange"."""
        noun, word = self.nouns.get(name), self.attributes.get(attribute)
        if noun is None or word is None or name in word.unsaid or (word.beings and noun.being not in word.beings):
            return False
        return not any(
            _repeats(one, other)
            for one in attribute.split()
            for said in (name, noun.singular or name)
            for other in said.replace("-", " ").split()
        )

    def excluded(self, values: Iterable[str], attribute: str) -> bool:
        """Whether an object with these attributes cannot have another one.

        Two or more values of an exclusive kind (a black and white dog) leave all of its values open, and so does a word
        that implies several (a striped shirt).
        """
        word = self.attributes[attribute]
        known = [self.attributes[v] for v in values if v in self.attributes]
        if any(v.name in word.opposites for v in known):
            return True
        same_kind = [v for v in known if v.kind == word.kind]
        return (
            word.kind in self.exclusive
            and len(same_kind) == 1
            and same_kind[0].name != attribute
            and same_kind[0].name not in word.near
            and not any(word.kind in v.several for v in known)
        )

    def of_kind(self, kind: str) -> list[str]:
        """All attributes of a kind, in the lexicon's order."""
        return [name for name, word in self.attributes.items() if word.kind == kind]


@lru_cache(maxsize=2**16)
def _repeats(one: str, other: str) -> bool:
    """Whether two words are of one stem: "snowy", "snow"; "skiing", "skier"; "baseball", "ball"."""
    short, long = sorted((one, other), key=len)
    return _stem(one) == _stem(other) or (len(short) > 3 and short in long)


def _stem(word: str) -> str:
    for ending in ("ing", "ers", "er", "ed", "ies", "es", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            word = word[: -len(ending)]
            break
    # "swimming", "swim"
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word


def _both_ways(may: dict[str, set[str]]) -> None:
    """What is called "animal" may be an elephant, as an elephant is an animal."""
    for name, others in list(may.items()):
        for other in tuple(others):
            may.setdefault(other, {other}).add(name)

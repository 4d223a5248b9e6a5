"""A description in English, with the character span of every object that it names."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from finecops.construction.description import Description
from finecops.construction.english.fitting import Piece, fits, fitting, pieces, relation_of
from finecops.construction.english.forms import (
    PICKS,
    NounPhrase,
    Phrasing,
    chosen,
    goes_before,
    kind_word,
    noun_phrase,
    phrasing,
    stands_alone,
)
from finecops.construction.lexicon import Lexicon


@dataclass(frozen=True, slots=True)
class Wording:
    """The free choices of an expression.

    They stay valid for another description of the same type. Where its relation does not fit the template, the most
    similar one that fits is taken in its place.

    Attributes:
        template: a text of `finecops.construction.english.templates`.
        picks: two numbers below `forms.PICKS` for each edge (its phrase; its verb), then two for each node.
    """

    template: str
    picks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """A text and, for each node, the half-open character span of its noun phrase.

    The span is that of the noun and the words before it, without the article. Attributes that stand behind the noun
    ("the man looking down") are outside, as for `finecops.extraction`.
    """

    text: str
    spans: tuple[tuple[int, int], ...]


def sample_wording(rng: random.Random, description: Description, lexicon: Lexicon) -> Wording:
    """Choose a template that fits a description, plain ones more often, and the forms of its words.

    Raises:
        ValueError: there is no template for its tuple type.
    """
    known = fitting(description, lexicon)
    template = rng.choices([text for _, text in known], [weight for weight, _ in known])[0]
    # All picks are drawn, used or not: a negative may need one that its positive did not.
    picks = tuple(rng.randrange(PICKS) for _ in range(2 * (len(description.edges) + len(description.nodes))))
    return Wording(template, picks)


def realise(
    description: Description, wording: Wording, definite: Sequence[bool], lexicon: Lexicon, sentence: bool = False
) -> Expression:
    """Say a description in English.

    Args:
        description: what is said.
        wording: how; a negative has that of its positive.
        definite: for each node, whether it is the only object of the image that its own words fit: such a related
            object has "the". A negative has those of its positive: else the article would give it away. The target's
            article is the template's.
        lexicon: the world's words.
        sentence: with a capital letter and a full stop.

    Raises:
        KeyError: a word is not in the lexicon.
    """
    parts = pieces(_fitting_template(wording.template, description, lexicon))
    writer = _Writer(
        description,
        [phrasing(edge.relation, lexicon) for edge in description.edges],
        _noun_phrases(description, wording, definite, lexicon, the_target=all(piece.slot != "aT" for piece in parts)),
        wording.picks,
    )
    for i, piece in enumerate(parts):
        writer.write(piece, parts[i + 1 :])
    text = "".join(writer.out)
    if sentence:
        text = f"{text[0].upper()}{text[1:]}."
    return Expression(text, tuple(writer.spans[i] for i in range(len(description.nodes))))


def _fitting_template(template: str, description: Description, lexicon: Lexicon) -> str:
    """The template, or the one most like it: a negative may have a relation that cannot stand where the old one did."""
    if fits(template, description, lexicon):
        return template
    known = [text for _, text in fitting(description, lexicon)]
    # The target's article comes first: "a" where positives have "the" would tell what is negative.
    return max(known, key=lambda text: (("{aT}" in text) == ("{aT}" in template), _same_beginning(text, template)))


def _same_beginning(one: str, other: str) -> int:
    """How many parts two templates begin with together."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(pieces(one), pieces(other))))


def _noun_phrases(
    description: Description, wording: Wording, definite: Sequence[bool], lexicon: Lexicon, the_target: bool
) -> list[NounPhrase]:
    # The edges' picks come first.
    picks = wording.picks[2 * len(description.edges) :]
    found = []
    for i, node in enumerate(description.nodes):
        before = [phrasing(edge.relation, lexicon) for edge in description.edges if edge.tail == i]
        the = definite[i] if i else the_target
        bare = before[0].bare if before else "never"
        again = i > 0 and node.name == description.nodes[0].name
        found.append(noun_phrase(node, lexicon, the, bare, again, picks[2 * i : 2 * i + 2]))
    return found


@dataclass(slots=True)
class _Writer:
    """Fills the slots of a template, from left to right."""

    description: Description
    said: list[Phrasing]
    nouns: list[NounPhrase]
    picks: tuple[int, ...]
    out: list[str] = field(default_factory=list)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    pending: int | None = None
    """The node just written whose attributes behind the noun are still to be written."""
    skips_blank: bool = False
    """A relation was left out, "next to the bus and the car": the blank behind it is left out, too."""

    def write(self, piece: Piece, rest: Sequence[Piece]) -> None:
        """Fill one slot, or copy a text."""
        if piece.slot in ("T", "aT", "O"):
            self._noun(max(piece.number, 0), rest)
        elif not piece.slot:
            self.out.append(piece.text.removeprefix(" ") if self.skips_blank else piece.text)
            self.skips_blank = False
        elif (edge := relation_of(piece)) is not None:
            self._relation(piece, edge, rest)
        else:
            self._small_word(piece, rest)

    def _noun(self, index: int, rest: Sequence[Piece]) -> None:
        noun = self.nouns[index]
        self.out.append(noun.head)
        end = sum(map(len, self.out))
        # From the end: the article before the core may be of any length, or missing.
        self.spans[index] = (end - len(noun.core), end)
        if not noun.after:
            return
        following = next((piece for piece in rest if piece.text != " "), None)
        about = following is not None and (
            following.slot == "who"
            or (
                following.slot in ("r", "q", "b")
                and (edge := relation_of(following)) is not None
                and self.description.edges[edge].head == index
            )
        )
        if about:
            self.pending = index
            return
        self.out.append(f" {_after(noun)}" if stands_alone(noun.after) else f" {noun.who} {_is(noun)} {_after(noun)}")
        # Without a comma, what follows "and" would be said of this noun.
        if following is not None and following.text.startswith(" and "):
            self.out.append(",")

    def _relation(self, piece: Piece, edge: int, rest: Sequence[Piece]) -> None:
        phrase, head = self.said[edge], self.nouns[self.description.edges[edge].head]
        if self._is_said_twice(edge):
            self.skips_blank = True
            return
        if self.pending is not None and self.description.edges[edge].head == self.pending:
            self._behind_attribute(piece, edge, rest)
            return
        joined = bool(self.out) and self.out[-1].endswith(" and ")
        # "To the left of the cup and right of the plate" limps.
        words = phrase.phrases[0] if joined else chosen(self.picks[2 * edge], phrase.phrases)
        if piece.slot == "is":
            words = self._verb(edge)
        elif piece.slot == "i":
            words = f"{_is(head)} {words}"
        elif piece.slot == "p":
            # The place alone: the participle comes later, as the verb.
            words = words.split(maxsplit=1)[1]
        self.out.append(words)

    def _behind_attribute(self, piece: Piece, edge: int, rest: Sequence[Piece]) -> None:
        """The relation of a noun that has attributes behind it: "standing next to", "that is on and is next to"."""
        noun = self.nouns[self.description.edges[edge].head]
        self.pending = None
        in_clause = piece.slot in ("is", "i")
        if goes_before(noun.after, self.said[edge]):
            words = f"{_after(noun)} {self.said[edge].phrases[0]}"
            self.out.append(f"{_is(noun)} {words}" if in_clause else words)
            return
        start = "" if in_clause else f"{noun.who} "
        # A list of three: "that is on, is near the bus and has a door".
        edges = self.description.edges
        others = [edges[k] for other in rest if (k := relation_of(other)) is not None]
        three = any(other.head == 0 and other.relation != edges[edge].relation for other in others)
        joint = "," if three else " and"
        self.out.append(f"{start}{_is(noun)} {_after(noun)}{joint} {self._verb(edge)}")

    def _verb(self, edge: int) -> str:
        plural = self.nouns[self.description.edges[edge].head].plural
        options = [pair[plural] for pair in self.said[edge].verbs]
        # The same phrase as behind a noun, then rarer the plain verb.
        return chosen(self.picks[2 * edge + 1], options)

    def _is_said_twice(self, edge: int) -> bool:
        edges = self.description.edges
        before = edges[edge - 1]
        # Edge 0 has none before it; edges[-1] would be the last one.
        joined = edge > 0 and bool(self.out) and self.out[-1].endswith(" and ")
        return joined and (before.relation, before.head) == (edges[edge].relation, edges[edge].head)

    def _small_word(self, piece: Piece, rest: Sequence[Piece]) -> None:
        target = self.nouns[0]
        match piece.slot:
            case "who":
                words = self.nouns[piece.number].who
            case "W":
                words = "who"
            case "is":
                words = _is(target)
            case "there":
                words = f"there {_is(target)}"
            case "v":
                posture = self.said[piece.number - 1].posture
                assert posture is not None  # `fits` looked.
                words = posture[target.plural]
            case "kind":
                words = kind_word(self.description.edges[0].relation)
            case _:
                raise ValueError(f"a template has an unknown slot: {piece.slot}")
        self.out.append(words)


def _is(noun: NounPhrase) -> str:
    return "are" if noun.plural else "is"


def _after(noun: NounPhrase) -> str:
    return " and ".join(noun.after)

"""The grammar of rewrites, first part: noun phrases. Every function gives all ways to go on from a place in a sentence.

The grammar is read with the description in hand: it accepts a word only if it belongs to the description or to a closed
list of function words. So what is accepted says the description and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from finecops.construction.description import Description
from finecops.construction.english.forms import ONE_IN_THE_WORLD, indefinite
from finecops.construction.rewriting.phrases import Phrase, Phrases, SaidNoun
from finecops.construction.rewriting.tokens import Token
from finecops.records import Span

MOST_STEPS: Final = 50_000
"""Noun phrases that are tried for one sentence; an ordinary one needs less than a hundred."""
SINGULAR: Final = frozenset({"singular", "mass"})


class State(NamedTuple):
    """What of the description was said so far."""

    attributes: frozenset[tuple[int, str]]
    """Node and attribute that are still to be said."""
    edges: frozenset[int]
    """Edges that are still to be said."""
    spans: tuple[tuple[int, Span], ...] = ()
    """Node → its noun phrase without the article."""
    nouns: tuple[tuple[int, SaidNoun], ...] = ()
    """Node → how it is named."""

    def noun(self, node: int) -> SaidNoun:
        """How a node that was said is named."""
        return dict(self.nouns)[node]


class TooManyStepsError(ValueError):
    """A sentence can be read in far too many ways."""


class NounPhrases:
    """Noun phrases of a description in a sentence.

    Args:
        tokens: the sentence.
        said: the description.
        phrases: how its words may be said.
        definite: for each node, whether it may have "the"; None: all may.
    """

    def __init__(
        self, tokens: Sequence[Token], said: Description, phrases: Phrases, definite: Sequence[bool] | None
    ) -> None:
        self.words = tuple(token.word for token in tokens)
        self.tokens, self.said, self.phrases, self.definite = tokens, said, phrases, definite
        self._steps = 0

    def start(self) -> State:
        """Nothing was said yet."""
        wanted = ((i, name) for i, node in enumerate(self.said.nodes) for name in node.attributes)
        return State(frozenset(wanted), frozenset(range(len(self.said.edges))))

    def at(self, position: int) -> str:
        """The word at a place; empty behind the end."""
        return self.words[position] if position < len(self.words) else ""

    def after(self, position: int, *choices: str) -> Iterator[int]:
        """Places behind any of some phrases, each given as words with blanks."""
        for choice in choices:
            yield from self.behind(position, [tuple(choice.split())])

    def behind(self, position: int, choices: Iterable[Phrase]) -> Iterator[int]:
        """Places behind any of some phrases."""
        for words in choices:
            if self.words[position : position + len(words)] == words:
                yield position + len(words)

    def noun_phrase(self, node: int, position: int, state: State) -> Iterator[tuple[int, State]]:
        """An object with its article and what stands before its noun; its span is noted."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooManyStepsError("it can be read in far too many ways")
        # An object is named once; its spans would be two otherwise.
        if any(said == node for said, _ in state.spans):
            return
        # A span begins behind the article, as those of the templates do.
        for start, article in self._articles(node, position):
            for place, left, pair in self._before_noun(node, start, state.attributes):
                for noun in self.phrases.nouns(self.said.nodes[node].name):
                    for end in self.behind(place, [noun.words]):
                        if self._agrees(article, start, noun, pair):
                            span = (self.tokens[start].start, self.tokens[end - 1].end)
                            named = noun._replace(number="singular") if pair else noun
                            yield (
                                end,
                                state._replace(
                                    attributes=left,
                                    spans=(*state.spans, (node, span)),
                                    nouns=(*state.nouns, (node, named)),
                                ),
                            )

    def _articles(self, node: int, position: int) -> Iterator[tuple[int, str]]:
        """Places behind an article, with the article."""
        word = self.at(position)
        allowed = {"a", "an", "some"}
        name = self.said.nodes[node].name
        if node == 0 or self.definite is None or self.definite[node] or name in ONE_IN_THE_WORLD:
            allowed.add("the")
        if node != 0 and name == self.said.nodes[0].name:
            allowed |= {"another", "other"}
        if node == 0:
            allowed |= {"this", "these", "that", "those"}
        if word in allowed:
            yield position + 1, word
        # Whether a noun may do without an article, its number says.
        yield position, ""

    def _agrees(self, article: str, start: int, noun: SaidNoun, pair: bool) -> bool:
        """Whether an article fits its noun and the word behind it."""
        number = "singular" if pair else noun.number
        if article in ("a", "an"):
            return number == "singular" and article == indefinite(self.at(start))
        if article in ("another", "other"):
            return (article == "another") == (number == "singular")
        if article in ("this", "that"):
            return number in SINGULAR
        if article in ("these", "those", "some"):
            return number != "singular" and (article == "some" or number != "mass")
        if article == "":
            # "Red cup on a table", as people write too; "wearing jeans".
            return number != "singular" or start == 0
        return True

    def _before_noun(
        self, node: int, position: int, left: frozenset[tuple[int, str]], first: bool = True, pair: bool = False
    ) -> Iterator[tuple[int, frozenset[tuple[int, str]], bool]]:
        """Places in front of the noun, with the attributes that are left, and whether "pair of" was there."""
        yield position, left, pair
        if not pair and any(noun.number == "pair" for noun in self.phrases.nouns(self.said.nodes[node].name)):
            for place in self.after(position, "pair of"):
                yield from self._before_noun(node, place, left, True, True)
        starts = [position] if first else [position, *self.after(position, ",", "and", ", and")]
        for start in starts:
            for place, rest in self.attribute(node, start, left):
                yield from self._before_noun(node, place, rest, False, pair)

    def attribute(
        self, node: int, position: int, left: frozenset[tuple[int, str]]
    ) -> Iterator[tuple[int, frozenset[tuple[int, str]]]]:
        """Places behind one of a node's attributes that are left, and what is then left."""
        # Sorted: a set has another order in each process, and the first reading is taken.
        for wanted in sorted(left):
            if wanted[0] == node:
                for place in self.behind(position, self.phrases.attribute(wanted[1])):
                    yield place, left - {wanted}

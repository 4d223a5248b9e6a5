"""A negative in the very words of its positive: the changed part is put in its place in the positive's final sentence.

Positive and negative then differ in one place alone, whoever wrote the sentence, and its style tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise, product
from typing import Final, TypeAlias

from finecops.construction.description import Description
from finecops.construction.english.forms import indefinite
from finecops.construction.rewriting.checker import Checker
from finecops.construction.rewriting.phrases import SIDES, Phrase, Phrases, is_same
from finecops.construction.rewriting.relation_phrases import PLACED
from finecops.construction.rewriting.tokens import Token, tokens_of
from finecops.construction.samples import Phrased

Change: TypeAlias = tuple[int, int, str]
"""Characters from, to, and what stands there then."""
_MOST_TRIALS: Final = 60
"""Texts that are checked for one negative; the first is nearly always the right one."""


def transferred(
    final: Phrased, said: Description, new: Description, checker: Checker, definite: Sequence[bool]
) -> Phrased | None:
    """The sentence of a positive, changed so that it says another description of the same type.

    Args:
        final: the positive's sentence.
        said: what it says.
        new: what it shall say: other names, attributes or relations in the same places.
        checker: reads what comes out.
        definite: see `Checker.check`.

    Returns:
        The changed sentence with its spans; None: no change of words alone makes it say the other description.
    """
    if len(said.nodes) != len(new.nodes) or [e.head for e in said.edges] != [e.head for e in new.edges]:
        return None
    tokens = tokens_of(final.text)
    wanted = [
        *_nouns(final, said, new, tokens, checker.phrases),
        *_attributes(final, said, new, tokens, checker.phrases),
    ]
    wanted += _relations(said, new, tokens, checker.phrases)
    # Each change has its likeliest place first; the checker decides.
    for changes in islice(product(*wanted), _MOST_TRIALS):
        text = _with_articles(_changed(final.text, changes))
        found = checker.check(text, new, definite)
        if found.expression is not None:
            return found.expression
    return None


def _nouns(
    final: Phrased, said: Description, new: Description, tokens: Sequence[Token], phrases: Phrases
) -> Iterator[list[Change]]:
    """For each renamed node, the ways to rename it: there is one, at the end of its span."""
    for (start, end), old, other in zip(final.spans, said.nodes, new.nodes, strict=True):
        if old.name != other.name:
            inside = [token for token in tokens if start <= token.start and token.end <= end]
            ways = [
                (inside[-len(noun.words)].start, end, other.name)
                for noun in phrases.nouns(old.name)
                if tuple(token.word for token in inside[-len(noun.words) :]) == noun.words
            ]
            # "Stuffed animal" is no "animal" with an attribute.
            yield sorted(ways)


def _attributes(
    final: Phrased, said: Description, new: Description, tokens: Sequence[Token], phrases: Phrases
) -> Iterator[list[Change]]:
    """For each replaced attribute, its places: in the noun's span first, then behind it, the nearest first."""
    for (start, end), old, other in zip(final.spans, said.nodes, new.nodes, strict=True):
        gone = [name for name in old.attributes if name not in other.attributes]
        came = [name for name in other.attributes if name not in old.attributes]
        for before, after in zip(gone, came, strict=False):
            places = _places(tokens, phrases.attribute(before))
            places.sort(key=lambda place: (not start <= place[0] < end, abs(place[0] - end), -place[1]))
            yield [(first, last, after) for first, last in places]


def _relations(
    said: Description, new: Description, tokens: Sequence[Token], phrases: Phrases
) -> Iterator[list[Change]]:
    """For each replaced relation, its places, each with the words for the new one."""
    for old, other in zip(said.edges, new.edges, strict=True):
        if old.relation == other.relation:
            continue
        ways: list[Change] = []
        if is_same(old.relation) and is_same(other.relation):
            kind = " ".join(phrases.kinds(other.relation)[0])
            ways += [(*place, kind) for place in _places(tokens, phrases.kinds(old.relation))]
        elif not is_same(old.relation) and not is_same(other.relation):
            ways += _phrases(old.relation, other.relation, tokens, phrases)
        yield ways


def _phrases(old: str, new: str, tokens: Sequence[Token], phrases: Phrases) -> Iterator[Change]:
    sides = [str(phrases.relation_word(name).boxes) for name in (old, new)]
    if all(side in SIDES for side in sides) and sides[0] != sides[1]:
        # "To the plate's left", "with a plate to its right": the side alone is another one.
        for place in _places(tokens, [(side,) for side in SIDES]):
            word = next(token.word for token in tokens if token.start == place[0])
            yield (*place, "right" if word == "left" else "left")
    for number in ("singular", "plural"):
        be = "is" if number == "singular" else "are"
        verbs = [" ".join(form) for form in phrases.verbs(new, number)]
        for place in _places(tokens, phrases.verbs(old, number)):
            yield from ((*place, form) for form in (*verbs, f"{be} {phrases.relation_word(new).phrases[0]}"))
        for place in _places(tokens, [(be, *form) for form in phrases.relation(old)]):
            yield from ((*place, form) for form in verbs)
    plain, placed = phrases.relation(old), [(word, *form) for word in PLACED for form in phrases.relation(old)]
    # "Located next to" becomes "located behind", or "holding".
    for forms in (plain, placed) if phrases.is_place(new) else (placed, plain):
        for place in _places(tokens, forms):
            yield from ((*place, phrase) for phrase in phrases.relation_word(new).phrases)


def _places(tokens: Sequence[Token], choices: Sequence[Phrase]) -> list[tuple[int, int]]:
    """Where any of some phrases stands, the longest phrase first."""
    words = [token.word for token in tokens]
    found = []
    for phrase in sorted(choices, key=len, reverse=True):
        for i in range(len(words) - len(phrase) + 1):
            if tuple(words[i : i + len(phrase)]) == phrase:
                found.append((tokens[i].start, tokens[i + len(phrase) - 1].end))
    return found


def _changed(text: str, changes: Sequence[Change]) -> str:
    """The text with all changes. Of two that overlap, the checker refuses the result."""
    # From the end: a change moves what is behind it.
    for start, end, words in sorted(changes, reverse=True):
        first = text[start : start + 1]
        text = text[:start] + (words[:1].upper() + words[1:] if first.isupper() else words) + text[end:]
    return text


def _with_articles(text: str) -> str:
    """ "A" and "an" as the word behind them has it."""
    tokens = tokens_of(text)
    # From the end, for the same reason.
    for article, word in reversed(list(pairwise(tokens))):
        if article.word in ("a", "an") and word.word.isalpha():
            fitting = indefinite(word.word)
            if article.word != fitting:
                shown = fitting.capitalize() if text[article.start].isupper() else fitting
                text = text[: article.start] + shown + text[article.end :]
    return text

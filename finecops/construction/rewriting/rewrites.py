"""Rewriting of sentences (paper, III-A): by a language model or by rules, checked; else the template stands."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Literal, Protocol, TypeAlias

from pydantic import JsonValue

from finecops import prompts
from finecops.construction.description import Description
from finecops.construction.lexicon import Lexicon
from finecops.construction.rewriting.asker import Answered, Asker, Task
from finecops.construction.rewriting.checker import Checker
from finecops.construction.rewriting.paraphrase import Draft
from finecops.construction.rewriting.transfer import transferred
from finecops.construction.samples import NegativeRow, Phrased, PositiveRow, RewriteRow
from finecops.text import clean_line, printable

Proof = Callable[[str, Description], bool]
"""A sentence's key and what it says with other names → whether the graph proves that it is still true (of a positive:
unique; of a negative: false)."""

Pair: TypeAlias = tuple[NegativeRow, Sequence[bool]]
"""A negative, and `PositiveRow.definite` of its positive."""
Finals: TypeAlias = Callable[[int], tuple[PositiveRow, RewriteRow] | None]
"""A positive's id → it and its final words."""

UNCHANGED: Final = "the rewrite is the same sentence"
NO_OTHER: Final = "no rule gives another sentence that the checker accepts"
UNPROVED: Final = "with the names in it, the graph does not prove it"
_DRAFTS = 8
_MOST_CHARACTERS = 500
_TOGETHER: Final = 400
"""Sentences that are read before any is asked for: some dozens of requests, so that a server always has enough."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is to be rewritten.

    Attributes:
        key: seeds the choices, and names it to `Proof`; the row's id.
        expression: the template's sentence.
        said: what it says.
        definite: for each node, whether it has "the" (`PositiveRow.definite`).
    """

    key: str
    expression: Phrased
    said: Description
    definite: Sequence[bool]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The final sentence; see `RewriteRow`, whose fields these are."""

    expression: Phrased
    by: Literal["template", "rules", "model"]
    reason: str | None = None
    rejected: str | None = None
    source: Mapping[str, JsonValue] = field(default_factory=dict)


class Rewriter(Protocol):
    """Rewrites sentences."""

    def rewrite(self, sentences: Sequence[Sentence]) -> list[Rewrite]:
        """One for each sentence, in order. The same seed and answers give the same."""
        ...


class Templates:
    """Leaves every sentence as it is."""

    def rewrite(self, sentences: Sequence[Sentence]) -> list[Rewrite]:
        """See `Rewriter`."""
        return [Rewrite(sentence.expression, "template") for sentence in sentences]


class RuleRewriter:
    """Paraphrases by rules (`finecops.construction.rewriting.paraphrase`): no language model.

    Args:
        lexicon: the words.
        seed: of the choices.
        proof: see `Proof`; None: synonyms are taken as they are.
    """

    def __init__(self, lexicon: Lexicon, seed: int | str = 0, proof: Proof | None = None) -> None:
        self._checker, self._seed, self._proof = Checker(lexicon), seed, proof

    def rewrite(self, sentences: Sequence[Sentence]) -> list[Rewrite]:
        """See `Rewriter`."""
        return [self._one(sentence) for sentence in sentences]

    def _one(self, sentence: Sentence) -> Rewrite:
        rng = random.Random(f"{self._seed}/{sentence.key}/rewrite")
        # A draft may be ambiguous, or the template itself: the next one is another.
        rejected, reason = None, NO_OTHER
        for _ in range(_DRAFTS):
            draft = Draft(sentence.said, sentence.definite, self._checker.phrases, rng).sentence()
            found = taken(draft, sentence, self._checker, self._proof)
            if isinstance(found, Phrased):
                return Rewrite(found, "rules")
            if found != UNCHANGED:
                rejected, reason = draft, f"{NO_OTHER}: {found}"
        return Rewrite(sentence.expression, "template", reason, rejected)


class ModelRewriter:
    """Asks a language model, and takes what the checker accepts.

    Args:
        asker: who is asked.
        lexicon: the words.
        seed: of the styles that are asked for.
        proof: see `Proof`. With it a kind above an object's name may stand for it, where that is proved; None: only
            synonyms may.
    """

    def __init__(self, asker: Asker, lexicon: Lexicon, seed: int | str = 0, proof: Proof | None = None) -> None:
        self.asker = asker
        self._checker, self._seed, self._proof = Checker(lexicon, looser=proof is not None), seed, proof

    def rewrite(self, sentences: Sequence[Sentence]) -> list[Rewrite]:
        """See `Rewriter`.

        Raises:
            ModelError: the model is gone.
        """
        answers = self.asker.ask(TASK, [self._question(sentence) for sentence in sentences])
        return [self._one(sentence, answer) for sentence, answer in zip(sentences, answers, strict=True)]

    def _question(self, sentence: Sentence) -> JsonValue:
        text = sentence.expression.text
        start, end = sentence.expression.spans[0]
        style = random.Random(f"{self._seed}/{sentence.key}/style").choice(prompts.REWRITE_STYLES)
        return {"expression": text, "target": text[start:end], "style": style}

    def _one(self, sentence: Sentence, answer: Answered) -> Rewrite:
        source: dict[str, JsonValue] = {"model": self.asker.writer.name, "prompt_sha256": answer.key}
        if not isinstance(answer.answer, str):
            return Rewrite(sentence.expression, "template", answer.reason, source=source)
        found = taken(answer.answer, sentence, self._checker, self._proof)
        if isinstance(found, Phrased):
            return Rewrite(found, "model", source=source)
        rejected = None if found == UNCHANGED else printable(answer.answer)
        return Rewrite(sentence.expression, "template", found, rejected, source)


def _usable(answer: JsonValue) -> JsonValue:
    if isinstance(answer, dict) and len(answer) == 1:
        (answer,) = answer.values()
    if not isinstance(answer, str):
        return None
    # A model may write more than was asked; what is very long is no expression.
    return clean_line(answer).strip("\"'` ")[: _MOST_CHARACTERS + 1] or None


TASK: Final = Task(
    system=prompts.REWRITE_SYSTEM,
    examples=tuple((dict(question), answer) for question, answer in prompts.REWRITE_EXAMPLES),
    usable=_usable,
)
"""The question to a language model."""


def taken(text: str, sentence: Sentence, checker: Checker, proof: Proof | None = None) -> Phrased | str:
    """A rewrite with its spans, written as the template is; or why it is refused."""
    text = styled(text, sentence.expression.text)
    if text.casefold() == sentence.expression.text.casefold():
        return UNCHANGED
    found = checker.check(text, sentence.said, sentence.definite)
    if found.expression is None or found.said is None:
        return str(found.reason)
    if proof is not None and found.said != sentence.said and not proof(sentence.key, found.said):
        return UNPROVED
    return found.expression


def styled(text: str, like: str) -> str:
    """A sentence with the capital letter and the full stop of another one, or without them as that one.

    >>> styled("The cup is on the table.", like="the cup on the table")
    'the cup is on the table'
    """
    text = text.strip()
    if not text or not like:
        return text
    # Of a word in capitals ("TV") and of "I", the first letter stays.
    if like[0].islower() and not text[1:2].isupper() and not text.startswith("I "):
        text = text[0].lower() + text[1:]
    elif like[0].isupper():
        text = text[0].upper() + text[1:]
    text = text.rstrip(". ")
    return f"{text}." if like.endswith(".") else text


def rewritten_positives(positives: Iterable[PositiveRow], rewriter: Rewriter) -> Iterator[RewriteRow]:
    """The rows of the stage `rewrites`, in the order of the positives, which are read some hundreds ahead.

    Raises:
        ModelError: the model is gone. The rows before it were given out.
    """
    waiting = iter(positives)
    while some := list(islice(waiting, _TOGETHER)):
        asked = [Sentence(str(row.id), row.expression, row.said.description(), row.definite) for row in some]
        for row, rewrite in zip(some, rewriter.rewrite(asked), strict=True):
            yield RewriteRow(
                id=row.id,
                expression=rewrite.expression,
                by=rewrite.by,
                reason=rewrite.reason,
                rejected=rewrite.rejected,
                source=dict(rewrite.source),
            )


def rewritten_negatives(
    negatives: Iterable[Pair], rewriter: Rewriter, checker: Checker | None = None, finals: Finals | None = None
) -> Iterator[NegativeRow]:
    """Negative expressions in their final words, in their order.

    Where the positive was rewritten, the changed part is put in its place in the positive's sentence, so that the two
    differ in nothing else. A replacement stays so, or stays the template's where the positive's is. A swap is then
    rewritten and checked against its own description, as in the paper (III-B).

    Args:
        negatives: each with its positive's articles. Those without an expression stay as they are.
        rewriter: see `Rewriter`.
        checker: reads changed sentences.
        finals: finds the positives' final words; without it and `checker`, all negatives are rewritten.

    Raises:
        ModelError: the model is gone.
    """
    waiting = iter(negatives)
    while some := list(islice(waiting, _TOGETHER)):
        based = [_in_the_positives_words(pair, checker, finals) for pair in some]
        asked = {
            index: Sentence(f"negative/{row.id}", row.expression, row.said.description(), definite)
            for index, ((row, settled), (_, definite)) in enumerate(zip(based, some, strict=True))
            if row.expression is not None and not settled
        }
        done = dict(zip(asked, rewriter.rewrite(list(asked.values())), strict=True))
        for index, (row, _) in enumerate(based):
            yield _with(row, done[index]) if index in done else row


def _in_the_positives_words(pair: Pair, checker: Checker | None, finals: Finals | None) -> tuple[NegativeRow, bool]:
    """A negative, worded as its positive is if that is possible; and whether these are its final words."""
    row, definite = pair
    found = finals(row.positive_id) if finals is not None else None
    if found is None or checker is None or row.expression is None:
        return row, False
    positive, final = found
    is_swap = row.chosen_by == "swap"
    if final.by == "template":
        return row, not is_swap
    new = transferred(final.expression, positive.said.description(), row.said.description(), checker, definite)
    if new is None:
        return row, False
    source: dict[str, JsonValue] = {**row.source, "words_of": "the positive"}
    return row.model_copy(update={"expression": new, "by": final.by, "source": source}), not is_swap


def _with(row: NegativeRow, rewrite: Rewrite) -> NegativeRow:
    """A negative with a rewrite, or with why there is none."""
    more: dict[str, JsonValue] = {"rewriting": dict(rewrite.source)} if rewrite.source else {}
    more |= {"rejected": rewrite.rejected} if rewrite.rejected else {}
    source: dict[str, JsonValue] = {**row.source, **more}
    if rewrite.by == "template":
        source |= {"not_rewritten": rewrite.reason} if rewrite.reason else {}
        return row.model_copy(update={"source": source})
    # Then it has words of its own.
    source.pop("words_of", None)
    return row.model_copy(update={"expression": rewrite.expression, "by": rewrite.by, "source": source})

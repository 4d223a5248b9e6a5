"""Who words the sentences of a build: nobody, rules, or a language model; positives and negatives alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from pydantic import JsonValue

from finecops.construction.chain.context import Context
from finecops.construction.chain.settings import RULES
from finecops.construction.chain.worlds import weights_shown
from finecops.construction.description import Description
from finecops.construction.graph import TooMuchWorkError
from finecops.construction.rewriting.checker import Checker
from finecops.construction.rewriting.rewrites import (
    TASK,
    Proof,
    Rewriter,
    RuleRewriter,
    Templates,
    rewritten_negatives,
    rewritten_positives,
)
from finecops.construction.samples import NegativeRow, PositiveRow, RewriteRow

if TYPE_CHECKING:
    from finecops.config.writing import WriterConfig
    from finecops.construction.rewriting.asker import Asker

ANSWERS: Final = "answers.jsonl"
"""What a language model answered, in the build folder: no question is asked twice, whatever is made again."""


def rewriter_settings(context: Context) -> JsonValue:
    """What of the rewriter decides the words, with its licence for the card; None: the templates stand."""
    from finecops.construction.rewriting.answers import answer_key

    asked = context.settings
    # Rules have no settings of their own: the seed is the stage's.
    if asked.rewriter in (None, RULES):
        return asked.rewriter
    config = writer_config(context)
    model = str(config.model)
    # The hash of the whole question but its sentence: another prompt gives other words.
    prompt = answer_key(str(config.model), {}, [TASK.system, [list(example) for example in TASK.examples]])
    return {
        "name": config.name,
        "model": weights_shown(model),
        "licence": config.licence,
        "temperature": config.temperature,
        "prompt_sha256": prompt,
        "budget_tokens": asked.budget_tokens,
        "budget_usd": asked.budget_usd,
    }


def rewritten(context: Context, positives: Iterable[PositiveRow]) -> Iterator[RewriteRow]:
    """The final words of positives."""
    known = {str(row.id): row for row in context.rows("positives", PositiveRow)}

    def proof(key: str, said: Description) -> bool:
        row = known[key]
        with suppress(TooMuchWorkError):
            return context.desk.facts(row.image_id).is_unique(said, row.objects[0])
        return False

    yield from rewritten_positives(positives, _open(context, proof))


def reworded(context: Context, negatives: Iterable[tuple[NegativeRow, PositiveRow]]) -> Iterator[NegativeRow]:
    """Negative expressions in the same kind of words as their positives: else the style would tell them apart."""
    if context.settings.rewriter is None:
        yield from (row for row, _ in negatives)
        return
    images: dict[str, str] = {}

    def noted() -> Iterator[tuple[NegativeRow, list[bool]]]:
        for row, positive in negatives:
            images[f"negative/{row.id}"] = row.image_id
            yield row, positive.definite

    def proof(key: str, said: Description) -> bool:
        with suppress(TooMuchWorkError):
            return context.desk.facts(images[key]).is_false(said)
        return False

    positives = {row.id: row for row in context.rows("positives", PositiveRow)}
    finals = {row.id: row for row in context.rows("rewrites", RewriteRow)}
    # Strict: what a kind above a name would say of other objects is proved by nobody here.
    checker = Checker(context.desk.lexicon)
    yield from rewritten_negatives(
        noted(), _open(context, proof), checker, lambda id_: (positives[id_], finals[id_]) if id_ in finals else None
    )


def _open(context: Context, proof: Proof) -> Rewriter:
    asked = context.settings
    if asked.rewriter is None:
        return Templates()
    if asked.rewriter == RULES:
        return RuleRewriter(context.desk.lexicon, asked.seed, proof)
    from finecops.construction.rewriting.rewrites import ModelRewriter

    return ModelRewriter(asker_of(context), context.desk.lexicon, asked.seed, proof)


def asker_of(context: Context) -> Asker:
    """The language model, with its cache and budget. The stages of a build share one.

    Raises:
        FinecopsError: it cannot be loaded or reached.
    """
    return context.shared("asker", lambda: _asker(context))


def _asker(context: Context) -> Asker:
    from finecops.construction.rewriting.answers import AnswerCache
    from finecops.construction.rewriting.asker import Asker
    from finecops.construction.rewriting.budget import Budget
    from finecops.construction.rewriting.writers import load_writer_model

    asked, config = context.settings, writer_config(context)
    return Asker(
        load_writer_model(config, asked.device or "auto"),
        AnswerCache(context.folder.path / ANSWERS),
        Budget.of(config, asked.budget_tokens, asked.budget_usd),
        config.batch_size,
    )


def writer_config(context: Context) -> WriterConfig:
    """The language model of `--rewriter`, at the server that was named."""
    from finecops.config.find import load_writer
    from finecops.config.server import at_server

    asked = context.settings
    config = load_writer(str(asked.rewriter))
    return cast("WriterConfig", at_server(config, asked.base_url, asked.api_model))

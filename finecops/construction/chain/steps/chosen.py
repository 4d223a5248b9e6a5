"""Stage `chosen`: which negatives stay, by scores and thresholds, and by refinement of the texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from finecops.construction.chain.context import Context
from finecops.construction.chain.stage import Stage, Whole
from finecops.construction.samples import ChosenRow, EditRow, NegativeRow, PositiveRow, RewriteRow, ScoreRow
from finecops.errors import UsageError

if TYPE_CHECKING:
    from finecops.construction.bias.pairs import TextPair
    from finecops.construction.bias.scorers import PairScorer
    from finecops.construction.filters.choose import Thresholds

NAME: Final = "chosen"
SAME_TEXT: Final = "the words are those of the positive"
REFINED: Final = "left out by the refinement"
_READS: Final = ("positives", "rewrites", "negatives", "edits", "scores")


def stage(context: Context) -> Stage[ChosenRow]:
    """The stage of a build."""
    asked = context.settings
    limits = _thresholds(context)
    settings: dict[str, JsonValue] = {
        "seed": asked.seed if asked.refine != "none" else None,
        "refine": asked.refine,
        "synthetic threshold": limits.synthetic,
        "by texts": limits.text_margin is not None,
        "best by": limits.best_by,
    }
    return Stage(NAME, ChosenRow, settings, Whole(lambda: _rows(context, limits)), reads=_READS, remake=True)


def _thresholds(context: Context) -> Thresholds:
    """The thresholds that the scorers allow: a filter without a score would drop everything."""
    from finecops.construction.chain.steps.scores import scorer_configs
    from finecops.construction.filters.choose import Thresholds

    configs = scorer_configs(context.settings.image_scorers)
    margin = 0.0 if "text" in configs else None
    synthetic = context.settings.synthetic_threshold
    if synthetic is not None and "synthetic" not in configs:
        raise UsageError("--synthetic-threshold needs a scorer of synthetic images in --scorers, as ai-vs-human")
    if synthetic is None and "synthetic" in configs:
        synthetic = configs["synthetic"].threshold
    return Thresholds(
        text_margin=margin,
        edit_margin=margin,
        synthetic=synthetic,
        # As in the paper; without a scorer of likeness, the first candidate.
        best_by="similarity" if "features" in configs else None,
    )


def _rows(context: Context, limits: Thresholds) -> Iterator[ChosenRow]:
    from finecops.construction.filters.choose import choose_edit

    scores = {row.id: row for row in context.rows("scores", ScoreRow)}
    yield from _texts(context, scores)
    for edit in context.rows("edits", EditRow):
        if edit.status == "kept":
            yield choose_edit(edit, scores.get(edit.id), limits)


def _texts(context: Context, scores: dict[int, ScoreRow]) -> Iterator[ChosenRow]:
    pairs = text_pairs(context)
    same = [pair.positive == pair.negative for pair in pairs]
    # A pair of equal texts has no gap, and the refinement would keep it.
    kept = _refined(context, [pair for pair, is_same in zip(pairs, same, strict=True) if not is_same], scores)
    for pair, is_same in zip(pairs, same, strict=True):
        stays = not is_same and (kept is None or pair.id in kept)
        reason = None if stays else SAME_TEXT if is_same else f"{REFINED} ({context.settings.refine})"
        yield ChosenRow(id=int(pair.id), kept=stays, reason=reason)


def text_pairs(context: Context) -> list[TextPair]:
    """The negative expressions with their positives, as refinement and scorers of texts take them."""
    from finecops.construction.bias.pairs import TextPair

    texts = positive_texts(context)
    return [
        TextPair(str(row.id), row.image_id, texts[row.positive_id], row.expression.text, row.type)
        for row in context.rows("negatives", NegativeRow)
        if row.status == "kept" and row.expression is not None
    ]


def positive_texts(context: Context) -> dict[int, str]:
    """Positive → its final words before people see it."""
    found = {row.id: row.expression.text for row in context.rows("positives", PositiveRow)}
    return found | {row.id: row.expression.text for row in context.rows("rewrites", RewriteRow)}


def _refined(context: Context, pairs: Sequence[TextPair], scores: dict[int, ScoreRow]) -> set[str] | None:
    """Ids of the pairs that the refinement keeps; None: there is none."""
    asked = context.settings
    if asked.refine == "none" or not pairs:
        return None
    if asked.refine == "blind":
        from finecops.construction.bias.refine_blind import BlindSettings, refine_blind

        left = refine_blind(pairs, BlindSettings(seed=asked.seed)).kept
    else:
        from finecops.construction.bias.adversarial import refine_adversarial

        left = refine_adversarial(pairs, _scored(pairs, scores), asked.seed).kept
    return {pairs[index].id for index in left}


@dataclass
class _Noted:
    """A scorer of pairs whose scores are in rows."""

    name: str
    scores: dict[int, ScoreRow]

    def of_pairs(self, pairs: Sequence[TextPair]) -> NDArray[np.float64]:
        """Scores of positives and negatives, `[n, 2]`."""
        found = [self.scores[int(pair.id)].scores for pair in pairs]
        return np.array([(row[f"{self.name}/positive"], row[self.name]) for row in found], dtype=np.float64)


def _scored(pairs: Sequence[TextPair], scores: dict[int, ScoreRow]) -> list[PairScorer]:
    names = [name for name in scores[int(pairs[0].id)].scores if not name.endswith("/positive")]
    return [_Noted(name, scores) for name in names]

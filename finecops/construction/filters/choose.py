"""Which negatives stay, by their scores: pure functions of rows and thresholds (paper, III-B).

A threshold that is set needs its score: where it is missing, the sample is dropped and the reason says so. None leaves
a filter out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from finecops.construction.filters import scoring
from finecops.construction.filters.scorers import Scorers
from finecops.construction.samples import ChosenRow, EditRow, ScoreRow

TEXT_TYPES: Final = frozenset({"replace_object", "replace_attribute", "swap_object", "swap_attribute"})
"""Types whose texts are compared. Models of images and texts hardly hear relations: there the comparison would be a
coin."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a negative must fulfil. None leaves a filter out.

    Attributes:
        text_margin: the positive expression is more similar to the original image than the negative one, by more than
            this. In the paper 0, for edited images.
        text_types: types that this is asked of.
        edit_margin: the new words are more similar to the part around the box than the old ones, by more than this.
            Not in the paper: an editor often paints the old thing again, and then the expression still fits.
        synthetic: a candidate with a higher probability of being synthetic is dropped. It belongs to the classifier
            (`threshold` in its file); the paper's 0.2 is that of DIRE's.
        synthetic_crop: the same for the part around the box.
        synthetic_rise: but only if the probability is higher than that of the unedited image, by more than this. What
            the classifier says of the photograph itself is no fault of the edit. None: the threshold alone, as in the
            paper.
        best_by: of the candidates that are left, the one with the highest similarity to the original is taken: of the
            whole image, as in the paper, or inside the boxes. None: the first one.
    """

    text_margin: float | None = 0.0
    text_types: frozenset[str] = TEXT_TYPES
    edit_margin: float | None = 0.0
    synthetic: float | None = None
    synthetic_crop: float | None = None
    synthetic_rise: float | None = 0.0
    best_by: Literal["similarity", "similarity_box"] | None = "similarity"


def thresholds_for(scorers: Scorers) -> Thresholds:
    """The usual thresholds of some scorers; a filter without its scorer is left out.

    A classifier's own threshold is used for the whole image and for the part around the box.
    """
    text = None if scorers.text is None else 0.0
    synthetic = None if scorers.synthetic is None else scorers.synthetic.threshold
    return Thresholds(
        text_margin=text,
        edit_margin=text,
        synthetic=synthetic,
        synthetic_crop=synthetic,
        best_by=None if scorers.features is None else "similarity",
    )


NOT_LIKE_POSITIVE: Final = "the negative expression is as similar to the original image as the positive one"
FAILED: Final = "it could not be made"
NOT_EDITED: Final = "the box does not look more like the new words than like the old ones"
SYNTHETIC: Final = "it looks synthetic"
SYNTHETIC_CROP: Final = "the part around the box looks synthetic"
NO_SCORE: Final = "a score is missing"


def choose_expression(id_: int, type_: str, scores: ScoreRow | None, thresholds: Thresholds) -> ChosenRow:
    """Whether a negative expression stays.

    Args:
        id_, type_: of the negative.
        scores: its row; None: there is none.
        thresholds: what it must fulfil.
    """
    reason = _text_fault(type_, scores, thresholds)
    return ChosenRow(id=id_, kept=reason is None, reason=reason)


def choose_edit(row: EditRow, scores: ScoreRow | None, thresholds: Thresholds) -> ChosenRow:
    """Whether an edited image stays, and which of its candidates it is.

    A flip stays: it has one candidate, and nothing in it was painted. A drawn image is judged by the text alone.

    Args:
        row: the edit with its candidates.
        scores: its row; None: there is none.
        thresholds: what it must fulfil.

    Returns:
        The row; `details` counts why candidates were left out, and has the scores of the chosen one.
    """
    if row.status != "kept":
        return ChosenRow(id=row.id, kept=False, reason=row.reason)
    reason = None if row.type == "flip" else _text_fault(row.type, scores, thresholds)
    if reason is not None:
        return ChosenRow(id=row.id, kept=False, reason=reason)
    # Of a flip or a drawing, nothing can look painted.
    painted = bool(row.boxes)
    faults = [_candidate_fault(row, scores, i, thresholds if painted else _NOTHING) for i in range(len(row.candidates))]
    left = [i for i, fault in enumerate(faults) if fault is None]
    counts = Counter(fault for fault in faults if fault is not None)
    dropped = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
    if not left:
        said = ", ".join(f"{count}: {fault}" for fault, count in dropped.items())
        return ChosenRow(id=row.id, kept=False, reason=f"no candidate is left ({said})", details={"dropped": dropped})
    best_by = thresholds.best_by if painted else None
    ranks = [_value(scores, best_by, i) for i in left] if best_by is not None else [0.0] * len(left)
    if any(rank is None for rank in ranks):
        return ChosenRow(id=row.id, kept=False, reason=f"{NO_SCORE}: {best_by}{_why(scores)}")
    # The first of equals: the same on every machine.
    best = left[max(range(len(left)), key=lambda k: (ranks[k] or 0.0, -k))]
    return ChosenRow(
        id=row.id, kept=True, candidate=best, details={"dropped": dropped, "scores": _scores_of(scores, best)}
    )


# By position: whoever adds a threshold has to say here what leaves it out.
_NOTHING: Final = Thresholds(None, frozenset(), None, None, None, None, None)


def _text_fault(type_: str, scores: ScoreRow | None, thresholds: Thresholds) -> str | None:
    if thresholds.text_margin is None or type_ not in thresholds.text_types:
        return None
    positive, negative = (_single(scores, name) for name in (scoring.TEXT_POSITIVE, scoring.TEXT_NEGATIVE))
    if positive is None or negative is None:
        return f"{NO_SCORE}: {scoring.TEXT_POSITIVE}{_why(scores)}"
    return None if positive - negative > thresholds.text_margin else NOT_LIKE_POSITIVE


def _candidate_fault(row: EditRow, scores: ScoreRow | None, i: int, thresholds: Thresholds) -> str | None:
    if not row.candidates[i]:
        return FAILED
    if thresholds.edit_margin is not None:
        margin = _value(scores, scoring.EDIT_MARGIN, i)
        if margin is None:
            return f"{NO_SCORE}: {scoring.EDIT_MARGIN}{_why(scores)}"
        if margin <= thresholds.edit_margin:
            return NOT_EDITED
    checks = (
        (thresholds.synthetic, scoring.SYNTHETIC, scoring.SYNTHETIC_ORIGINAL, SYNTHETIC),
        (thresholds.synthetic_crop, scoring.SYNTHETIC_CROP, scoring.SYNTHETIC_ORIGINAL_CROP, SYNTHETIC_CROP),
    )
    for threshold, name, of_original, fault in checks:
        if threshold is None:
            continue
        chance, before = _value(scores, name, i), _single(scores, of_original)
        if chance is None or before is None:
            return f"{NO_SCORE}: {name}{_why(scores)}"
        rise = thresholds.synthetic_rise
        if chance > threshold and (rise is None or chance - before > rise):
            return fault
    return None


def _single(scores: ScoreRow | None, name: str) -> float | None:
    value = None if scores is None else scores.scores.get(name)
    return value if isinstance(value, float) else None


def _value(scores: ScoreRow | None, name: str, i: int) -> float | None:
    value = None if scores is None else scores.scores.get(name)
    return value[i] if isinstance(value, list) and i < len(value) else None


def _why(scores: ScoreRow | None) -> str:
    return f" ({scores.reason})" if scores is not None and scores.reason else ""


def _scores_of(scores: ScoreRow | None, i: int) -> dict[str, float | None]:
    found = {} if scores is None else scores.scores
    return {name: _at(value, i) for name, value in found.items()}


def _at(value: float | Sequence[float | None] | None, i: int) -> float | None:
    return value[i] if isinstance(value, Sequence) else value

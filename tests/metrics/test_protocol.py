"""What docs/protocol.md (section 4) says of each outcome, of a positive and of its negative."""

from __future__ import annotations

import math

import pytest

from finecops.metrics.arrays import Evaluated, evaluate_arrays, presence_scores
from finecops.metrics.precision import precision_at_k
from finecops.metrics.recall import pair_recall_at_k
from finecops.metrics.selective import answer_confidence, wrong_answers
from finecops.records import Prediction
from tests.conftest import make_negative, make_sample

RIGHT = (10.0, 10.0, 50.0, 50.0)
LOWEST, HIGHEST = -math.inf, math.inf


def answer(id_: str, outcome: str, score: float, presence: float | None = None) -> Prediction | None:
    """An answer; `score` is that of its box. A rejection with a presence score keeps the boxes it scored (CRS)."""
    if outcome == "missing":
        return None
    if outcome == "box" or presence is not None:
        boxes, scores = (RIGHT,), (score,)
    else:
        boxes, scores = (), None
    return Prediction(sample_id=id_, status=outcome, boxes=boxes, scores=scores, presence=presence, source="m")


def evaluated(positive: Prediction | None, negative: Prediction | None) -> Evaluated:
    samples = [make_sample("p", box=RIGHT), make_negative("n", "p")]
    return evaluate_arrays(samples, {one.sample_id: one for one in (positive, negative) if one is not None})


BOX_BELOW = answer("n", "box", 0.1)


@pytest.mark.parametrize(
    ("outcome", "presence", "precise", "recalled", "scored", "rejected", "confidence"),
    [
        ("box", None, 100, 100, 0.7, False, 0.7),
        ("reject", None, 0, 0, LOWEST, True, LOWEST),
        ("reject", 0.2, 0, 100, 0.2, True, LOWEST),
        ("unparsed", None, 0, 0, LOWEST, False, HIGHEST),
        ("failed", None, 0, 0, LOWEST, False, HIGHEST),
        ("missing", None, 0, 0, LOWEST, False, HIGHEST),
    ],
)
def test_a_positive(
    outcome: str,
    presence: float | None,
    precise: int,
    recalled: int,
    scored: float,
    rejected: bool,
    confidence: float,
) -> None:
    data = evaluated(answer("p", outcome, 0.7, presence), BOX_BELOW)
    assert precision_at_k(data.answered_iou[data.positive], 1).percent == precise
    assert pair_recall_at_k(data, (~data.positive).nonzero()[0], 1).expected == recalled
    assert presence_scores(data)[0] == scored
    assert (data.counts()["positive"]["reject"] == 1) is rejected
    assert answer_confidence(data)[0] == confidence
    assert bool(wrong_answers(data)[0]) is (outcome != "box")


@pytest.mark.parametrize(
    ("outcome", "presence", "recalled", "scored", "rejected", "confidence"),
    [
        ("box", None, 0, 0.9, False, 0.9),
        ("reject", None, 100, LOWEST, True, LOWEST),
        ("reject", 0.2, 0, 0.2, True, LOWEST),
        ("unparsed", None, 0, HIGHEST, False, HIGHEST),
        ("failed", None, 0, HIGHEST, False, HIGHEST),
        ("missing", None, 0, HIGHEST, False, HIGHEST),
    ],
)
def test_a_negative(
    outcome: str, presence: float | None, recalled: int, scored: float, rejected: bool, confidence: float
) -> None:
    data = evaluated(answer("p", "box", 0.7), answer("n", outcome, 0.9, presence))
    assert pair_recall_at_k(data, (~data.positive).nonzero()[0], 1).expected == recalled
    assert presence_scores(data)[1] == scored
    assert (data.counts()["negative"]["reject"] == 1) is rejected
    assert answer_confidence(data)[1] == confidence
    assert bool(wrong_answers(data)[1]) is (outcome != "reject")

"""Candidates left out at random: recall as asked for, and answers that follow from the letters that are left."""

from __future__ import annotations

import numpy as np
import pytest

from finecops.metrics.left_out import Choices, choices_of, leave_out
from finecops.records import Candidates, Prediction, Xyxy
from tests.builders_runs import RIGHT, WRONG
from tests.conftest import make_prediction, make_sample

BESIDE: Xyxy = (12.0, 10.0, 52.0, 50.0)  # IoU 0.9 with the truth: right too.


def candidates(id_: str, *boxes: Xyxy) -> Candidates:
    scores = tuple(0.9 - 0.1 * i for i in range(len(boxes)))
    return Candidates(sample_id=id_, status="proposed", boxes=boxes, scores=scores, kept=tuple(range(len(boxes))))


@pytest.mark.parametrize(
    ("proposed", "answer", "expected"),
    [
        # The truth is chosen; without it the other letter is, which is wrong.
        ((RIGHT, WRONG), make_prediction("s", [RIGHT, WRONG], (0.8, 0.2)), (True, False, True, False)),
        # Without the nearest candidate another one is right too.
        ((RIGHT, BESIDE), make_prediction("s", [RIGHT, BESIDE], (0.8, 0.2)), (True, True, True, True)),
        # The wrong letter stays.
        ((RIGHT, WRONG), make_prediction("s", [WRONG, RIGHT], (0.8, 0.2)), (True, False, False, False)),
        # The truth is the third, and two are options.
        ((WRONG, (0.0, 0.0, 5.0, 5.0), RIGHT), make_prediction("s", [WRONG], (0.8,)), (False, False, False, False)),
        # None was chosen, and is chosen without the truth too.
        ((RIGHT, WRONG), make_prediction("s", [RIGHT, WRONG], (0.3, 0.2), "reject"), (True, False, False, False)),
        # No probabilities: the reply names one letter.
        ((RIGHT, WRONG), make_prediction("s", [RIGHT]), (True, False, True, False)),
        ((RIGHT, WRONG), None, (True, False, False, False)),
        ((), make_prediction("s", status="failed"), (False, False, False, False)),
    ],
)
def test_what_an_answer_is_without_the_nearest_candidate(
    proposed: tuple[Xyxy, ...], answer: Prediction | None, expected: tuple[bool, ...]
) -> None:
    answers = {} if answer is None else {"s": answer}
    found = choices_of([make_sample("s")], {"s": candidates("s", *proposed)}, answers, topk=2)
    assert (found.among[0], found.spare[0], found.right[0], found.right_without[0]) == expected


def test_recall_is_as_asked_for_and_what_is_not_below_the_measured_one_is_left_out() -> None:
    among = np.arange(100) < 90
    choices = Choices(among, np.zeros(100, dtype=bool), right=among, right_without=np.zeros(100, dtype=bool))
    found = leave_out(choices, (60.0, 80.0, 90.0, 95.0))
    assert [one.recall for one in found] == [60.0, 80.0]
    # Always right where the truth is an option: precision is the recall, in each draw.
    assert [float(one.right.mean()) for one in found] == pytest.approx([0.6, 0.8])
    # Positives are drawn, not always the same ones.
    assert 0 < found[0].right[0] < 1
    again = leave_out(choices, (60.0,))
    np.testing.assert_array_equal(again[0].right, found[0].right)


def test_a_spare_candidate_keeps_the_recall() -> None:
    everything, half = np.ones(100, dtype=bool), np.arange(100) < 50
    choices = Choices(everything, spare=half, right=everything, right_without=half)
    found = leave_out(choices, (40.0, 70.0))
    # Half of the positives cannot lose their truth, so that 40% cannot be reached.
    assert [one.recall for one in found] == [70.0]
    assert float(found[0].right.mean()) == pytest.approx(0.7)
    assert (found[0].right[:50] == 1).all()

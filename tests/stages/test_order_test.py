"""The option-order test against models whose bias is known."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from finecops.records import Candidates, OrderVotes
from finecops.replies.options import option_order
from finecops.stages.order_test import order_report, voted_prediction
from tests.conftest import make_sample

BOXES = tuple((10.0 * i, 0.0, 10.0 * i + 9, 9.0) for i in range(5))


def votes(n: int, orders: int, bias: float, none: bool = False, seed: int = 0) -> list[OrderVotes]:
    """Answers of a model that knows the right candidate with probability 0.6, and has `bias` on whatever is A."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        options = 5 + none
        right = rng.randrange(5)
        turns = [option_order(5, none, "shuffle", f"{seed}/{i}/{turn}") for turn in range(orders)]
        probabilities = []
        for order in turns:
            fair = np.full(options, 0.4 / (options - 1))
            fair[order.index(right)] = 0.6
            fair = (1 - bias) * fair
            fair[0] += bias
            probabilities.append(tuple(fair.tolist()))
        rows.append(
            OrderVotes(sample_id=str(i), status="asked", orders=tuple(turns), probabilities=tuple(probabilities))
        )
    return rows


def test_an_unbiased_model_never_flips() -> None:
    report = order_report(votes(200, 4, 0.0))
    assert report.flip_rate == 0
    assert report.unstable == 0
    assert all(abs(value) < 1e-9 for value in report.prior.values())


@pytest.mark.parametrize("bias", [0.1, 0.3, 0.7])
def test_a_known_bias_is_found(bias: float) -> None:
    report = order_report(votes(2000, 4, bias))
    # What A has beyond the same option elsewhere is the bias; the others lose it where they are compared with A.
    assert report.prior["A"] / 100 == pytest.approx(bias, abs=0.02)
    assert all(value <= 0 for letter, value in report.prior.items() if letter != "A")


def test_a_bias_that_decides_flips_and_the_mean_undoes_it() -> None:
    rows = votes(300, 12, 0.4)
    report = order_report(rows)
    assert report.flip_rate is not None
    assert report.flip_rate > 20
    candidates = Candidates(sample_id="x", status="proposed", boxes=BOXES, scores=(0.9,) * 5, kept=(0, 1, 2, 3, 4))
    single, voted = [], []
    for row in rows:
        right = _right(row)
        single.append(row.orders[0][int(np.argmax(row.probabilities[0]))] == right)
        voted.append(voted_prediction(make_sample(row.sample_id), candidates, row).boxes[0] == BOXES[right])
    assert np.mean(voted) > 0.95
    assert np.mean(single) < 0.9


def _right(row: OrderVotes) -> int:
    """The candidate that the model knows to be right: the likeliest where it is not A."""
    place = next(i for i, order in enumerate(row.orders) if max(row.probabilities[i][1:]) > 0.3)
    return row.orders[place][1 + int(np.argmax(row.probabilities[place][1:]))]


def test_none_takes_part() -> None:
    row = OrderVotes(
        sample_id="1", status="asked", orders=((0, 1, -1), (-1, 1, 0)), probabilities=((0.2, 0.3, 0.5), (0.6, 0.3, 0.1))
    )
    candidates = Candidates(sample_id="1", status="proposed", boxes=BOXES[:2], scores=(0.9, 0.8), kept=(0, 1))
    answer = voted_prediction(make_sample("1"), candidates, row)
    assert answer.status == "reject"
    assert answer.presence == pytest.approx(1 - 0.55)
    assert answer.boxes[0] == BOXES[1]


@pytest.mark.parametrize("rows", [[], [OrderVotes(sample_id="1", status="failed", orders=(), probabilities=())]])
def test_nothing_asked(rows: list[Any]) -> None:
    assert order_report(rows).n == 0

"""Samples of two sides: the same id is not enough."""

from __future__ import annotations

from typing import Any

import pytest

from finecops.errors import RunError
from finecops.evaluation.same_samples import difference, match_samples
from finecops.records import Negative
from tests.conftest import make_negative, make_sample


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"dataset": "other", "split": "val", "image": "images/1.png"}, None),
        ({"box": (10.004, 10.0, 50.0, 49.996)}, None),
        ({"level": None, "tuple_type": "and"}, None),
        ({"box": (10.0, 10.0, 50.0, 52.0)}, "box is 10, 10, 50, 50 and 10, 10, 50, 52"),
        ({"expression": "the blue car"}, "expression is 'the red car' and 'the blue car'"),
        ({"image": "2.png"}, "image is '1.png' and '2.png'"),
        ({"level": 3}, "level is '1' and '3'"),
        ({"width": 200}, "width is 100 and 200"),
        # What an imported run does not know.
        ({"width": 0, "height": 0, "image": ""}, None),
        ({"truth": "absent", "box": None}, "truth is 'box' and 'absent'"),
    ],
)
def test_what_makes_another_sample(changes: dict[str, Any], said: str | None) -> None:
    assert difference(make_sample("1"), make_sample("1", **changes)) == said


def test_negatives_agree_where_both_say_how_they_were_made() -> None:
    ours = make_negative("n", "p")
    vague = ours.model_copy(update={"negative": Negative(type="replace_object")})
    assert difference(ours, vague) is None
    assert difference(vague, make_negative("n", "p", type_="flip")) is not None


def test_what_is_left_out_is_counted() -> None:
    first = [make_sample(str(i)) for i in range(6)]
    second = [make_sample(str(i), level=1 if i > 2 else 3) for i in range(2, 9)]
    matched = match_samples(first, second, ("a", "b"))
    about = matched.about
    assert [sample.id for sample in matched.samples] == ["3", "4", "5"]
    assert (about.compared, about.first_alone, about.second_alone, about.differ) == (3, 2, 3, 1)
    assert about.sentences("a", "b") == [
        "Left out, of the same id and another content ('2': level is '1' and '3'): 1 sample.",
        "Left out, of a alone: 2 samples.",
        "Left out, of b alone: 3 samples.",
    ]


def test_other_benchmarks_are_refused() -> None:
    first = [make_sample(str(i)) for i in range(3)]
    second = [make_sample(str(i), expression="the cat") for i in range(2)] + [make_sample("2")]
    with pytest.raises(
        RunError, match="about different benchmarks: of 3 ids that both have, 2 name other samples; '0'"
    ):
        match_samples(first, second, ("a", "b"))
    with pytest.raises(RunError, match="a and b have no sample in common"):
        match_samples(first, [make_sample("x")], ("a", "b"))

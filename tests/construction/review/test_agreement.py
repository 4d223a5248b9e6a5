"""Kappa against a library, published examples and what must hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from finecops.construction.review.agreement import agreement
from finecops.construction.review.planting import PlantedFault
from finecops.construction.review.summary import Share, summarise
from finecops.construction.review.votes import Votes
from tests.construction.review.builders import benchmark, vote, votes_of

# Fleiss (1971) as an often printed example has it: 10 subjects, 14 raters, 5 categories; kappa 0.210.
FLEISS = [
    *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
    *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
]


def test_cohen_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        votes = rng.integers(0, 4, (50, 2))
        votes[:25, 1] = votes[:25, 0]
        found = agreement(votes, np.arange(50), 4)
        assert found is not None
        assert found.kappa == pytest.approx(cohen_kappa_score(votes[:, 0], votes[:, 1]))
        assert found.observed == pytest.approx(np.mean(votes[:, 0] == votes[:, 1]))
        assert found.interval is not None
        assert found.interval.low < found.kappa < found.interval.high


def test_fleiss_is_that_of_the_published_example() -> None:
    votes = np.array([np.repeat(np.arange(5), counts) for counts in FLEISS])
    found = agreement(votes, np.arange(10), 5)
    assert found is not None
    assert found.kappa == pytest.approx(0.210, abs=5e-4)


def test_an_interval_is_over_images() -> None:
    votes = np.random.default_rng(1).integers(0, 2, (40, 2))
    alone = agreement(votes, np.arange(40), 2)
    # Every sample four times, in images of four: nothing new was learnt.
    many = agreement(np.repeat(votes, 4, axis=0), np.repeat(np.arange(40), 4), 2)
    assert alone is not None
    assert many is not None
    assert alone.interval == many.interval
    assert many.samples == 160


def test_where_kappa_says_nothing() -> None:
    same = agreement(np.zeros((5, 2), dtype=np.intp), np.arange(5), 2)
    assert same is not None
    assert (same.observed, same.kappa, same.interval) == (1.0, None, None)
    few = agreement(np.tile([[0, 1], [1, 1], [0, 0]], (30, 1)), np.arange(90) % 19, 2)
    assert few is not None
    assert few.kappa is not None
    assert few.interval is None
    assert agreement(np.zeros((0, 2), dtype=np.intp), np.zeros(0, dtype=np.intp), 2) is None


def test_a_share_has_the_interval_of_wilson() -> None:
    # Newcombe (1998), method 3: 81 of 263.
    interval = Share(81, 263).interval
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, None)


def test_summary_of_two_raters(tmp_path: Path) -> None:
    dataset = benchmark(tmp_path, pictures=False)
    # Of each image: two positives, a negative expression, a negative image.
    votes = (*votes_of(dataset, "ana", "kdkkkfku" + "kkdk"), *votes_of(dataset, "ben", "kdkdkkkk" + "kkd "))
    planted = tuple(
        vote(dataset, id_, verdict, rater)
        for rater, verdicts in (("ana", ("drop", "keep")), ("ben", ("fix", "unsure")))
        for id_, verdict in zip(("x1", "x2"), verdicts)
    )
    keys = [
        PlantedFault(sample_id="x1", fault="wrong_box", of="100"),
        PlantedFault(sample_id="x2", fault="wrong_sentence", of="110"),
    ]
    found = summarise(Votes(votes, planted), dataset, keys)
    assert (found.voted, found.disagreed, found.samples) == (12, 3, 24)
    ana, ben = found.raters
    assert (found.verdicts[1, "ana"], ana.reasons) == (
        {"keep": 8, "drop": 2, "fix": 1, "unsure": 1},
        {"wrong_box": 2},
    )
    assert (ana.found, ben.found) == (Share(1, 2), Share(1, 2))
    assert ana.found_of == {"wrong_box": Share(1, 1), "wrong_sentence": Share(0, 1)}
    # Ben dropped one that Ana kept; of what Ben kept Ana dropped nothing.
    assert (ana.dropped, ana.alone, ben.alone) == (Share(2, 12), Share(0, 8), Share(1, 8))
    groups = {group.group: group for group in found.groups}
    assert list(groups) == [
        *("all", "positives", "negative expressions", "negative images"),
        *("level 1", "level 2", "level 3", "replace_object", "flip"),
    ]
    everything, images = groups["all"].verdict, groups["negative images"].verdict
    assert everything is not None
    assert images is not None
    # Not the one that Ben did not vote on.
    assert (everything.samples, everything.observed) == (11, pytest.approx(8 / 11))
    assert (images.samples, images.observed) == (2, 0.0)
    decided = groups["all"].kept
    assert decided is not None
    assert (decided.samples, decided.observed) == (10, pytest.approx(9 / 10))
    assert found.pairs == {}


def test_summary_of_three_raters(tmp_path: Path) -> None:
    dataset = benchmark(tmp_path, pictures=False)
    votes = [
        one for rater in ("ana", "ben", "eva") for one in votes_of(dataset, rater, "kkdk" if rater == "eva" else "kkdd")
    ]
    # A later round is about what was open: it changes no agreement.
    votes += votes_of(dataset, "zoe", "   k", round=2)
    found = summarise(Votes(tuple(votes), ()), dataset)
    first = found.groups[0].verdict
    assert first is not None
    assert first.samples == 4
    assert list(found.pairs) == [("ana", "ben"), ("ana", "eva"), ("ben", "eva")]
    pair = found.pairs["ana", "ben"].verdict
    assert pair is not None
    assert pair.kappa == 1
    assert (found.disagreed, found.raters[0].found) == (0, None)
    assert [one.rater for one in found.raters] == ["ana", "ben", "eva"]
    assert found.verdicts[2, "zoe"] == {"keep": 1}

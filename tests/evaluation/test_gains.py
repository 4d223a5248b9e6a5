"""Gains over the MLLM alone, where they are known: by group, by recall, where they come from, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from finecops.errors import RunError, UsageError
from finecops.evaluation.gain_answers import strategies_of
from finecops.evaluation.gain_groups import TargetFacts, groups_of
from finecops.evaluation.gain_rules import Cell, LossRule, loss_rule, recall_rule
from finecops.evaluation.gains import Gain, Gains, measure_gains
from finecops.evaluation.reading import RunData
from finecops.records import Route
from tests.builders_gains import gain_run
from tests.builders_runs import change_entry, make_run
from tests.conftest import make_sample

FINE, POOR = (0.0, 0.1, 0.2), (0.4, 0.5, 0.6)
"""Losses of the MLLM by size, at two budgets."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Gains:
    folder = tmp_path_factory.mktemp("runs")
    poor, fine = gain_run(folder / "poor", POOR, tokens=9), gain_run(folder / "fine", FINE, tokens=25)
    return measure_gains([RunData(poor), RunData(fine)])


def rows(found: Gains, condition: str, strategy: str = "CRS", tokens: int = 9) -> list[Gain]:
    wanted = (condition, strategy, tokens)
    return [row for row in found.gains if (row.condition, row.strategy, row.visual_tokens) == wanted]


def test_the_gain_is_the_strategy_minus_the_mllm_on_the_same_positives(found: Gains) -> None:
    (whole,) = rows(found, "all")
    assert (whole.n, found.positives) == (120, 120)
    assert (whole.mllm, whole.precision_at_1, whole.gain) == pytest.approx((50.0, 70.0, 20.0))
    assert whole.ci_low < 20 < whole.ci_high
    assert (whole.found, whole.localisation_loss, whole.loss_of_found) == pytest.approx((100.0, 50.0, 50.0))
    assert whole.candidate_recall == 100.0
    # The specialist has all of router level 1, and the MLLM the others.
    (sfa,) = rows(found, "all", "SFA")
    assert sfa.precision_at_1 == pytest.approx(75.0)
    assert sfa.candidate_recall is None


def test_groups_are_sizes_counts_and_levels(found: Gains) -> None:
    sizes = rows(found, "target size")
    assert [row.group for row in sizes] == ["up to 0.64% of the image", "0.64% to 2.6%", "above 2.6%"]
    assert [row.gain for row in sizes] == pytest.approx([10.0, 20.0, 30.0])
    assert [row.loss_of_found for row in sizes] == pytest.approx([40.0, 50.0, 60.0])
    # On router level 2 SFA is the MLLM itself, and that is where the router counted two.
    levels = rows(found, "router level", "SFA")
    assert [(row.group, row.n, row.gain) for row in levels] == [("1", 60, 50.0), ("2", 60, 0.0)]
    counted = rows(found, "instances that the router counted", "SFA")
    assert [(row.group, row.gain) for row in counted] == [("1", 50.0), ("2", 0.0)]
    assert [row.group for row in rows(found, "level")] == ["1", "2", "3"]


def test_the_points_of_all_origins_sum_to_the_gain(found: Gains) -> None:
    for strategy in ("SFA", "SFA+CRS", "CRS"):
        some = [row for row in found.origins if (row.strategy, row.visual_tokens) == (strategy, 9)]
        assert [row.n for row in some] == [60, 60, 0]
        assert sum(row.points for row in some) == pytest.approx(rows(found, "all", strategy)[0].gain)
    kept, given_back, nothing = [row for row in found.origins if (row.strategy, row.visual_tokens) == ("CRS", 9)]
    assert kept.points < 0 < given_back.points
    assert (nothing.right, nothing.points) == (None, 0.0)


def test_recall_is_measured_and_simulated(found: Gains) -> None:
    some = [row for row in found.recalls if row.visual_tokens == 9]
    assert [row.recall for row in some] == pytest.approx([60, 65, 70, 75, 80, 85, 90, 95, 100])
    assert [row.simulated for row in some] == [True] * 8 + [False]
    # The choice is right in 70% of the questions that have the truth, whichever they are.
    for row in some:
        assert row.precision_at_1 == pytest.approx(0.7 * row.recall, abs=2)
    (rule,) = [rule for rule in found.recall_rules if rule.visual_tokens == 9]
    assert rule.threshold == pytest.approx(50 / 0.7, abs=3)
    assert rule.sentence.startswith("CRS at 9 visual tokens gains where recall@2 is above 7")
    (fine,) = [rule for rule in found.recall_rules if rule.visual_tokens == 25]
    assert (fine.threshold, fine.measured) == (None, 100.0)
    assert "does not gain at its recall@2 of 100.0%" in fine.sentence


def test_the_loss_above_which_crs_pays_is_computed(found: Gains) -> None:
    (rule,) = [rule for rule in found.loss_rules if rule.strategy == "CRS"]
    # The gain is the loss minus 30 in every group.
    assert (rule.groups, rule.agree) == (6, 6)
    assert (rule.threshold, rule.slope, rule.below, rule.above) == pytest.approx((30.0, 1.0, 20.0, 40.0))
    assert rule.ci_low is not None
    assert rule.ci_high is not None
    assert 20 < rule.ci_low < 30 < rule.ci_high < 40
    assert rule.sentence.startswith("CRS pays where the MLLM loses more than 30.0% of the targets that it finds by")


def _rule(points: Sequence[tuple[float, float]], each: int = 200) -> LossRule:
    """The rule of groups of that loss and gain, in per cent; the MLLM finds everything."""
    n = each * len(points)
    order, cells = np.random.default_rng(0).permutation(each) / each, []
    for i, (loss, gain) in enumerate(points):
        lost, gained = np.zeros(n), np.zeros(n)
        part = slice(i * each, (i + 1) * each)
        lost[part], gained[part] = 100.0 * (order < loss / 100), 100.0 * np.sign(gain) * (order[::-1] < abs(gain) / 100)
        members = np.zeros(n, dtype=bool)
        members[part] = True
        cells.append(Cell(members, found=np.full(n, 100.0), lost=lost, gain=gained))
    return loss_rule("CRS", cells, np.arange(n))


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([(10, 5), (20, 10), (30, 15)], "gains in all 3 groups, where the MLLM loses 10.0 to 30.0% of the targets"),
        ([(10, -5), (20, -10), (30, 0)], "gains in none of 3 groups"),
        ([(10, -20), (40, 20)], "no threshold follows from 2 groups"),
        # The gain falls with the loss.
        ([(10, 20), (20, 0), (30, -20)], "no threshold follows: over 3 groups"),
        # Up and down, as chance would have it.
        ([(20, -3), (21, 3), (22, -2)], "its gain does not clearly rise with that loss"),
        ([(20, -3), (20, 3), (20, -2)], "its gain does not clearly rise with that loss"),
    ],
)
def test_where_no_threshold_follows_that_is_said(points: Sequence[tuple[float, float]], said: str) -> None:
    rule = _rule(points)
    assert said in rule.sentence
    assert rule.threshold is None


@pytest.mark.parametrize(
    ("points", "threshold", "said"),
    [
        ([(60.0, -10.0), (80.0, 10.0), (90.0, 20.0)], 70.0, "gains where recall@5 is above 70.0% (here: 90.0%)."),
        ([(60.0, 1.0), (90.0, 20.0)], None, "gains at its recall@5 of 90.0%, and still at 60.0%."),
        ([(60.0, -9.0), (90.0, -1.0)], None, "does not gain at its recall@5 of 90.0%, nor would it at a lower one."),
        ([(40.0, 2.0)], None, "gains at its recall@5 of 40.0%"),
    ],
)
def test_the_rule_of_recall(points: Sequence[tuple[float, float]], threshold: float | None, said: str) -> None:
    rule = recall_rule("run", None, "CRS", 5, points)
    assert rule.threshold == threshold
    assert rule.sentence.startswith("CRS ")
    assert said in rule.sentence


def test_graphs_give_counts_and_words_for_sizes() -> None:
    samples = [make_sample(str(i), box=(0, 0, 10 + i % 2 * 50, 10.0), width=100, height=100) for i in range(60)]
    facts = {s.id: TargetFacts(of_its_kind=1 + i % 6, size=("tiny", "large")[i % 2]) for i, s in enumerate(samples)}
    routes = {s.id: Route(sample_id=s.id, status="routed", level=2, boxes=(), scores=()) for s in samples}
    groups = groups_of(samples, routes, facts)
    # Groups of ten are too small; the router's counts are not needed where the truth is known.
    assert [(g.condition, g.name, int(g.members.sum())) for g in groups] == [
        ("all", "all", 60),
        ("target size", "tiny", 30),
        ("target size", "large", 30),
        ("things of its kind", "4 or more", 30),
        ("level", "1", 60),
        ("router level", "2", 60),
    ]
    # One word among many targets is no grouping.
    few = {"0": facts["0"]}
    assert next(g.name for g in groups_of(samples, None, few) if g.condition == "target size").startswith("up to")


def test_strategies_are_told_apart(tmp_path: Path) -> None:
    folder = gain_run(tmp_path / "run", FINE)
    assert strategies_of(RunData(folder)) == {"SFA": "sfa", "SFA+CRS": "sfa-crs", "CRS": "crs-top2-toy"}
    # A selection that was asked about hard samples alone is no answer to every sample.
    change_entry(folder, "crs-top2-toy", share={"router_level": 2})
    assert "CRS" not in strategies_of(RunData(folder))


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without=("sfa",))
    with pytest.raises(RunError, match=r"lacks answers of SFA or CRS to every sample: `finecops advise` makes"):
        measure_gains([RunData(folder)])
    other = make_run(tmp_path / "other")
    change_entry(other, "mllm", share={"router_level": 2})
    with pytest.raises(RunError, match="lacks the MLLM's own answer to every sample"):
        measure_gains([RunData(other)])
    with pytest.raises(UsageError, match="named twice"):
        measure_gains([RunData(other), RunData(other)])


def test_one_run_without_images_sizes_and_routes(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without=("routes",))
    found = measure_gains([RunData(folder)])
    (row,) = [row for row in found.gains if row.condition == "all"]
    # The specialist is wrong on 8 of 20, of which 4 are its share in SFA.
    assert (row.strategy, row.mllm, row.gain) == ("SFA", 100.0, pytest.approx(-20.0))
    assert found.recalls == ()

"""Figures: what is drawn, its units and its n; not how it looks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from finecops.errors import ConfigError
from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.settings import MetricSettings
from finecops.evaluation.sweep import sweep_run
from finecops.report.figures import (
    Series,
    bars_figure,
    line_figure,
    reliability_figure,
    risk_coverage_figure,
    save_figure,
    sweep_figure,
)
from tests.builders_runs import make_run


def test_bars_have_units_counts_and_intervals(tmp_path: Path) -> None:
    evaluation = evaluate_run(make_run(tmp_path / "run"), MetricSettings(metrics=("p1",), intervals=True))
    figure = bars_figure(evaluation, "precision@1")
    (axes,) = figure.axes
    assert axes.get_ylabel() == "Precision@1 (%)"
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "all\nn = 20",
        "level 1\nn = 10",
        "level 2\nn = 10",
    ]
    heights = [[bar.get_height() for bar in group] for group in axes.containers]
    assert heights[0] == [60.0, 60.0, 60.0]  # the specialist: 12 of 20
    assert len(axes.collections) == 9  # an interval on each bar
    assert [text.get_text() for text in figure.legends[0].get_texts()][1] == "MLLM toy, 95% interval"
    with pytest.raises(ConfigError, match="has no recall@1"):
        bars_figure(evaluation, "recall@1")


def test_the_sweep_has_its_bounds(tmp_path: Path) -> None:
    found = sweep_run(make_run(tmp_path / "run"))
    (axes,) = sweep_figure(found, "toy").axes
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == [
        "396 rules",
        "Pareto front",
        "specialist alone",
        "MLLM alone",
        "oracle (share of positives)",
    ]
    (line,) = axes.lines
    assert line.get_ydata().tolist() == [rule.precision_at_1 for rule in found.front]
    assert "%" in axes.get_xlabel()
    assert axes.get_title() == "toy (n = 20 positives)"


def test_risk_and_reliability_say_how_many_answers_they_are_of() -> None:
    confidence = np.linspace(0, 1, 50)
    right = confidence > 0.5
    (axes,) = risk_coverage_figure({"toy": (confidence, ~right)}).axes
    assert axes.lines[0].get_label() == "toy (n = 50)"
    assert axes.lines[0].get_ydata()[-1] == pytest.approx(50)
    (axes,) = reliability_figure({"toy": (confidence, right)}, bins=5).axes
    assert axes.lines[0].get_ydata().tolist() == [0, 0, 50, 100, 100]


def test_lines_are_told_apart_by_more_than_colour() -> None:
    (axes,) = line_figure([Series(name, [0, 1], [1, 2]) for name in "ab"], "loss", "step", "loss (nats)").axes
    assert len({line.get_linestyle() for line in axes.lines}) == 2


def test_without_matplotlib_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[plot\]'"):
        line_figure([Series("a", [0], [0])], "", "", "")


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.png, \.pdf"):
        save_figure(line_figure([], "", "", ""), tmp_path / "a.txt")

"""The charts and tables of gains, and several charts in one file."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from finecops.evaluation.gains import Gains, measure_gains
from finecops.evaluation.reading import RunData
from finecops.report.charts.files import save_panels
from finecops.report.charts.gains import gain_charts
from finecops.report.gains import gains_document
from finecops.report.writers import WRITERS
from tests.builders_gains import gain_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunData]:
    folder = tmp_path_factory.mktemp("runs")
    losses = {9: (0.4, 0.5, 0.6), 25: (0.0, 0.1, 0.2)}
    return [RunData(gain_run(folder / f"<{tokens}>", of, tokens)) for tokens, of in losses.items()]


@pytest.fixture(scope="module")
def found(runs: list[RunData]) -> Gains:
    return measure_gains(runs)


def test_charts_of_several_budgets(found: Gains) -> None:
    charts = {chart.name: chart for chart in gain_charts(found)}
    assert list(charts) == [
        *("gain-tokens", "gain-recall", "gain-target-size", "gain-instances-that-the-router-counted", "gain-level"),
    ]
    tokens = {series.name: [(p.x, p.y) for p in series.points] for series in charts["gain-tokens"].series}
    assert tokens["CRS"] == [(9.0, pytest.approx(20.0)), (25.0, pytest.approx(-20.0))]
    assert tokens["what the MLLM loses by localisation"] == [(9.0, 50.0), (25.0, pytest.approx(10.0))]
    assert [s.name for s in charts["gain-recall"].series] == ["CRS, 9 tokens", "CRS, 25 tokens", "MLLM alone"]
    # A colour is a strategy's in all charts, so that budgets have others.
    strategies = {s.colour for s in charts["gain-target-size"].series}
    assert not strategies & {s.colour for s in charts["gain-recall"].series}
    assert charts["gain-target-size"].title == "By the target's size, 9 visual tokens"


def test_one_run_has_no_chart_of_budgets(runs: list[RunData]) -> None:
    names = [chart.name for chart in gain_charts(measure_gains(runs[:1]))]
    assert names == ["gain-recall", "gain-target-size", "gain-instances-that-the-router-counted", "gain-level"]


def test_several_charts_are_one_file_without_markup_of_others(found: Gains, tmp_path: Path) -> None:
    save_panels(gain_charts(found), tmp_path / "new" / "a.svg")
    root = ET.parse(tmp_path / "new" / "a.svg").getroot()
    assert root.attrib["width"] == "700"
    panels = [child for child in root if child.tag.endswith("}g")]
    assert [panel.attrib["transform"].split()[0] for panel in panels] == [
        *["translate(0", "translate(350"] * 2,
        "translate(0",
    ]
    # Each panel says what it shows, by ids of its own; nothing lies outside of the picture.
    ids = Counter(one.attrib["id"] for one in root.iter() if "id" in one.attrib)
    assert set(ids.values()) == {1}
    assert all(part in ids for panel in panels for part in panel.attrib["aria-labelledby"].split())
    texts = [one for one in root.iter() if one.tag.endswith("}text")]
    assert all(0 <= float(one.attrib["x"]) <= 350 for one in texts)


def test_tables_say_what_follows_and_rows_are_tidy(found: Gains) -> None:
    document = gains_document(found)
    text = WRITERS["text"](document)
    assert "Gain over the MLLM alone, points of precision@1, on 120 positives" in text
    assert "CRS pays where the MLLM loses more than 30.0% of the targets that it finds by localisation" in text
    assert "100.0 (measured)" in text
    # On router level 2 SFA is the MLLM itself.
    assert "An interval without width" in text
    assert "<9>" in text
    assert r"\<9\>" in WRITERS["markdown"](document)
    rows = list(csv.DictReader(io.StringIO(WRITERS["csv"](document))))
    assert list(rows[0])[:9] == "run visual_tokens condition group strategy n mllm precision_at_1 gain".split()
    (crs,) = [r for r in rows if (r["condition"], r["strategy"], r["visual_tokens"]) == ("all", "CRS", "9")]
    assert float(crs["gain"]) == pytest.approx(20)
    recalls = [row for row in rows if row["condition"] == "candidate recall"]
    assert len(recalls) == 18
    assert float(recalls[-1]["mllm"]) == pytest.approx(90)
    # Every row has the same columns, each named once.
    assert set(rows[0]) == {*gains_document(found).leading}

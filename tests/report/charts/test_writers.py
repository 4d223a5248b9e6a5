"""Charts as SVG, figures and data: what is in them, in the right place, and nothing of a text as markup."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from finecops.errors import ConfigError, UsageError
from finecops.report.charts.chart import MUTED, Axis, Chart, Point, Series
from finecops.report.charts.data import chart_csv, chart_json
from finecops.report.charts.plot import figure_of, save_figure
from finecops.report.charts.scale import scale_of
from finecops.report.charts.svg import svg, svg_file

EVIL = '<script>alert("1")</script>\x1b[31m & "x" \'y\''
BARS = Chart(
    "bars",
    "Precision",
    Axis("", names=("all", "level 1"), details=("n = 20", "n = 10")),
    Axis("precision@1 (%)", 0.0, 100.0),
    (
        Series("first", (Point(0, 50.0, 40.0, 60.0, 20), Point(1, 100.0, n=10)), "bars", 0),
        Series("second", (Point(0, 25.0), Point(1, None)), "bars", 1),
    ),
    ("A note.",),
)
LINES = Chart(
    "lines",
    "Risk",
    Axis("coverage (%)", 0.0, 100.0),
    Axis("risk (%)", 0.0),
    (
        Series("one", (Point(0, 0), Point(50, 20), Point(100, 37.0)), colour=0),
        Series("two", (Point(0, 5), Point(100, 10)), colour=1, dots=True),
        Series("chance", (Point(0, 0), Point(100, 40)), colour=MUTED),
        Series("rules", (Point(10, 10), Point(20, 20)), "cloud", MUTED),
        Series("oracle", (Point(30, 30, 20, 40),), "marks", 2),
    ),
)


def parts(markup: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(markup).iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


def texts(markup: str, tag: str = "text") -> list[str]:
    return ["".join(element.itertext()) for element in parts(markup, tag)]


def test_bars_have_their_lengths_numbers_and_intervals() -> None:
    drawn = svg(BARS)
    tipped = {"".join(r.itertext()): float(r.attrib["width"]) for r in parts(drawn, "rect") if len(r)}
    assert list(tipped) == [
        "first, all: 50.0 (40.0 to 60.0), n = 20",
        "second, all: 25.0",
        "first, level 1: 100.0, n = 10",
    ]
    half, quarter, full = tipped.values()
    assert half == pytest.approx(full / 2, abs=0.1)
    assert quarter == pytest.approx(full / 4, abs=0.1)
    # A value that is not there is a dash and no bar.
    assert {"50.0", "25.0", "100.0", "–", "level 1", "n = 10", "precision@1 (%)"} <= set(texts(drawn))


def test_points_of_lines_are_where_their_values_are() -> None:
    one, _, _ = (p.attrib["points"].split() for p in parts(svg(LINES), "polyline"))
    (x0, y0), (x1, y1), (x2, y2) = ([float(v) for v in point.split(",")] for point in one)
    assert x1 - x0 == pytest.approx((x2 - x0) / 2, abs=0.1)
    assert (y0 - y1) / (y0 - y2) == pytest.approx(20 / 37, abs=0.01)
    assert y0 > y1 > y2  # up on the screen is less
    dashes = [p.attrib.get("stroke-dasharray") for p in parts(svg(LINES), "polyline")]
    assert len(set(dashes)) == 3


@pytest.mark.parametrize("write", [svg, svg_file])
def test_no_text_is_markup(write: object) -> None:
    series = (Series(EVIL, (Point(0, 1.0),), "bars"),)
    for chart in (
        Chart("evil", EVIL, Axis(EVIL, names=(EVIL,), details=(EVIL,)), Axis(EVIL), series, (EVIL,)),
        Chart("evil", EVIL, Axis(EVIL), Axis(EVIL), (Series(EVIL, (Point(0, 1.0),), "marks"),), (EVIL,)),
    ):
        drawn = write(chart)  # type: ignore[operator]
        assert "<script" not in drawn
        assert "\x1b" not in drawn
        assert not parts(drawn, "script")
        assert any("alert" in text for text in texts(drawn))


def test_a_drawing_for_a_page_brings_nothing_of_its_own() -> None:
    for chart in (BARS, LINES):
        drawn = svg(chart)
        # The page's policy allows no style and no request; the ids are the chart's own.
        own = drawn.replace("www.w3.org/2000/svg", "")
        assert not re.search(r"style|href|url\(|www|font-family|<script", own)
        assert "currentColor" in drawn
        assert "var(--chart-1" in drawn
        (root,) = parts(drawn, "svg")
        assert root.attrib["role"] == "img"
        assert "width" not in root.attrib
        ids = [e.attrib["id"] for e in ElementTree.fromstring(drawn).iter() if "id" in e.attrib]
        assert (
            root.attrib["aria-labelledby"].split()
            == ids
            == [f"chart-{chart.name}-{p}" for p in ("title", "description")]
        )
    assert texts(svg(BARS), "desc")[0].startswith("precision@1 (%) by group. first, all: 50.0 (40.0 to 60.0), n = 20.")
    assert "A note." not in texts(svg(BARS))
    assert "A note." in texts(svg_file(BARS))
    assert "var(" not in svg_file(BARS)


@pytest.mark.parametrize("chart", [BARS, LINES])
def test_texts_stay_inside(chart: Chart) -> None:
    series = tuple(replace(one, name="run name " * 9 + one.name) for one in chart.series)
    long = replace(chart, title="title " * 30, series=series)
    for drawn in (svg(long), svg_file(long)):
        (root,) = parts(drawn, "svg")
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        for text in parts(drawn, "text"):
            x, y, size = (float(text.attrib[name]) for name in ("x", "y", "font-size"))
            wide = 0.5 * size * len(text.text or "")
            left = x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[text.attrib["text-anchor"]]
            assert 0 <= left <= width - wide, text.text
            assert 0 < y < height, text.text


@pytest.mark.parametrize(
    ("values", "ends", "ticks"),
    [
        ([3.0, 97.0], (0, 100), [0, 20, 40, 60, 80, 100]),
        ([0.2, 0.47], (0.2, 0.5), [0.2, 0.3, 0.4, 0.5]),
        ([5.0], (4.4, 5.6), [4.4, 4.6, 4.8, 5.0, 5.2, 5.4, 5.6]),  # one value alone
        ([0.0], (-1.0, 1.0), [-1.0, -0.5, 0.0, 0.5, 1.0]),
        ([-30.0, 1200.0], (-250, 1250), [-250, 0, 250, 500, 750, 1000, 1250]),
    ],
)
def test_axes_end_at_round_numbers(values: list[float], ends: tuple[float, float], ticks: Iterable[float]) -> None:
    scale = scale_of(Axis("x"), values, (0, 1))
    assert (scale.low, scale.high) == pytest.approx(ends)
    assert scale.ticks == pytest.approx(list(ticks))


def test_figures_show_the_same_values() -> None:
    bars, lines, empty = figure_of([BARS, LINES, LINES]).axes[:3]
    assert [bar.get_width() for group in bars.containers for bar in group] == [50.0, 25.0, 100.0]
    assert [label.get_text() for label in bars.get_yticklabels()] == ["all\nn = 20", "level 1\nn = 10"]
    assert [text.get_text() for text in bars.get_legend().get_texts()] == ["first", "second"]
    assert lines.lines[0].get_ydata().tolist() == [0, 20, 37]
    assert len({line.get_linestyle() for line in lines.lines}) == 3
    assert empty.get_title() == "Risk"


def test_files_of_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_figure([LINES], tmp_path / "new" / "a.PDF")
    assert (tmp_path / "new" / "a.PDF").read_bytes().startswith(b"%PDF")
    with pytest.raises(UsageError, match=r"\.png, \.pdf, \.svg"):
        save_figure([LINES], tmp_path / "a.gif")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"pip install -e '\.\[plot\]'"):
        save_figure([LINES], tmp_path / "a.png")


def test_data_has_every_point() -> None:
    assert chart_csv(BARS).splitlines() == [
        "series,name,x,y,low,high,n,base",
        "first,all,,50.0,40.0,60.0,20,0.0",
        "first,level 1,,100.0,,,10,0.0",
        "second,all,,25.0,,,,0.0",
        "second,level 1,,,,,,0.0",
    ]
    found = json.loads(json.dumps(chart_json(LINES)))
    assert found["x"]["title"] == "coverage (%)"
    assert found["series"][0]["points"][1]["y"] == 20

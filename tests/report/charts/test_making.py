"""`finecops figures`: files of what can be drawn, and reasons for the rest."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from finecops.datasets.image_place import ImageFolders
from finecops.evaluation.reading import RunData
from finecops.records import Candidates, Sample
from finecops.report.charts.chart import Missing
from finecops.report.charts.figure_6 import Picture, figure_6
from tests.builders_runs import RIGHT, WRONG, make_run, stage_entry, write_run
from tests.cli.invoke import run as invoke
from tests.conftest import make_prediction, make_sample

THREE = ("specialist", "mllm", "crs")


def crs_run(folder: Path, right: tuple[str, ...] = ("crs",)) -> Path:
    """A run with one positive, which these methods have right; times are 1, 2 and 4 seconds for ten samples."""
    (folder.parent / "images").mkdir(exist_ok=True)
    Image.new("RGB", (100, 100), "white").save(folder.parent / "images" / "1.png")
    sample: Sample = make_sample("1", image="images/1.png", expression="the cup")
    rows = {name: [make_prediction("1", [RIGHT if name in right else WRONG], (0.5,))] for name in THREE}
    times = {"specialist": 1.0, "mllm": 2.0, "crs": 4.0, "candidates": 1.0}
    common = {name: {"seconds": s, "timed_samples": 10, "gflops_per_sample": s} for name, s in times.items()}
    stages = {name: stage_entry("answers", name, **common[name]) for name in THREE}
    stages["candidates"] = stage_entry("candidates", **common["candidates"])
    crs = stage_entry("answers", "crs", inputs={"candidates": "0"}, settings={"topk": 2}, **common["crs"])
    boxes = Candidates(sample_id="1", status="proposed", boxes=(RIGHT,), scores=(0.9,), kept=(0,))
    return write_run(folder, {"samples": [sample], "candidates": [boxes], **rows}, {**stages, "crs": crs})


def test_files_by_format_and_what_was_not_drawn(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    names = "precision-level,crs-losses,paper-6"
    code, said = invoke("figures", str(folder), "--only", names, "--as", "svg,csv,json")
    assert code == 0
    written = sorted(path.name for path in (folder / "figures").iterdir())
    assert written == ["precision-level.csv", "precision-level.json", "precision-level.svg"]
    assert said.split()[:3] == [str(folder / "figures" / f"precision-level.{s}") for s in ("svg", "csv", "json")]
    assert "not drawn: crs-losses: no run has a selection among candidates" in said
    assert "not drawn: paper-6: the run has no answers of crs" in said
    chart = json.loads((folder / "figures" / "precision-level.json").read_text())
    assert chart["series"][0]["points"][0]["y"] == 60.0
    # What `eval` wrote stands: figures are of other metrics.
    assert not (folder / "metrics.json").exists()


def test_two_runs_go_beside_them(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in ("a", "b")]
    _, said = invoke("figures", *map(str, runs), "--only", "iou-threshold", "--as", "csv")
    assert said.split() == [str(tmp_path / "figures-a-and-b" / "iou-threshold.csv")]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--only", "pie"), 2, "unknown figure pie; there are: precision-level,"),
        (("--only", ","), 2, "unknown figure (none)"),
        (("--as", "gif"), 2, "unknown format gif; there are: png, pdf, svg, csv, json"),
        (("--only", "crs-losses"), 1, "none of the figures could be drawn"),
        (("{run}",), 2, "a run is named twice"),
        (("nothing-here",), 1, "is no run"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    folder = make_run(tmp_path / "run")
    found, message = invoke("figures", str(folder), *(word.format(run=folder) for word in words))
    assert found == code
    assert said in message


def test_without_matplotlib_svg_and_data_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    words = ("figures", str(make_run(tmp_path / "run")), "--only", "precision-level", "--as")
    assert invoke(*words, "svg,csv")[0] == 0
    assert "pip install -e '.[plot]'" in invoke(*words, "png")[1]


def test_the_papers_figures_5(tmp_path: Path) -> None:
    folder = crs_run(tmp_path / "run")
    invoke("figures", str(folder), "--only", "paper-5a,paper-5b", "--as", "json")
    first, second = (json.loads((folder / "figures" / f"paper-5{part}.json").read_text()) for part in "ab")
    # CRS costs its candidates too.
    assert [s["points"][0]["x"] for s in first["series"]] == [1.0, 2.0, 5.0]
    assert [s["points"][0]["y"] for s in first["series"]] == [0.0, 0.0, 100.0]
    assert "CRS top-2 toy: 250% of the MLLM's number of operations." in first["notes"]
    assert second["x"]["names"] == ["MLLM toy", "CRS top-2 toy"]
    assert [[p["y"] for p in s["points"]] for s in second["series"]] == [[200.0, 400.0], [200.0, 500.0]]
    assert "CRS top-2 toy takes 200% of the MLLM's own time." in second["notes"]


def test_precision_over_time(tmp_path: Path) -> None:
    folder = crs_run(tmp_path / "run")
    invoke("figures", str(folder), "--only", "paper-5a-time", "--as", "json")
    chart = json.loads((folder / "figures" / "paper-5a-time.json").read_text())
    # A second for ten samples is 100 milliseconds; CRS takes its candidates' time too.
    assert [s["points"][0]["x"] for s in chart["series"]] == [100.0, 200.0, 500.0]
    assert "CRS top-2 toy: 250% of the MLLM's time." in chart["notes"]


def test_the_papers_pair_is_computed_without_a_run_and_said_to_be(tmp_path: Path) -> None:
    names = [f"paper-5{part}-computed" for part in ("a", "a-time", "b")]
    code, said = invoke("figures", "--only", ",".join(names), "--as", "json,csv", "--out", str(tmp_path))
    assert code == 0, said
    charts = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in names}
    for name, chart in charts.items():
        assert all("(computed)" in series["name"] for series in chart["series"])
        assert "not measured" in chart["notes"][0]
        assert "computed" in (tmp_path / f"{name}.csv").read_text()
    points = {s["name"].split()[0]: s["points"][0] for s in charts["paper-5a-time-computed"]["series"]}
    # Precision is the paper's (Tables III and VI).
    assert {name: p["y"] for name, p in points.items()} == {
        "specialist": 68.32,
        "MLLM": 73.09,
        "SFA": 74.06,
        "CRS": 78.33,
    }
    assert points["specialist"]["x"] < points["CRS"]["x"] < points["SFA"]["x"] < points["MLLM"]["x"]
    own, whole = ([p["y"] for p in s["points"]] for s in charts["paper-5b-computed"]["series"])
    assert own[0] == whole[0]
    assert own[1] < whole[1]


@pytest.mark.parametrize("words", [("{run}",), ("--val", "{run}"), ("--images", "{run}")])
def test_computed_figures_take_no_run(tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = make_run(tmp_path / "run")
    given = [word.format(run=folder) for word in words]
    code, said = invoke("figures", *given, "--only", "paper-5a-computed", "--as", "csv", "--out", str(tmp_path / "out"))
    assert (code, "have no use" in said) == (2, True)
    assert not (tmp_path / "out").exists()


def test_figure_6_is_of_samples_that_crs_alone_has_right(tmp_path: Path) -> None:
    images = ImageFolders(tmp_path, ("images",))
    found = figure_6(RunData(crs_run(tmp_path / "run")), images)
    assert isinstance(found, Picture)
    assert found.rows[0]["sample_id"] == "1"
    assert (found.rows[0]["crs"], found.rows[0]["mllm"]) == (list(RIGHT), list(WRONG))
    # Three panels beside each other.
    assert found.pixels.width > 3 * 400
    none = figure_6(RunData(crs_run(tmp_path / "other", right=THREE)), images)
    assert isinstance(none, Missing)
    assert none.reason == "no positive is right by CRS and wrong by both models alone"
    (tmp_path / "images" / "1.png").unlink()
    gone = figure_6(RunData(tmp_path / "run"), images)
    assert isinstance(gone, Missing)
    assert "--images FOLDER_OR_ZIP" in gone.reason

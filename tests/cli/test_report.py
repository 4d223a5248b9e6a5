"""`finecops report` as it is typed."""

from __future__ import annotations

from pathlib import Path

from tests.builders_runs import make_run
from tests.cli.invoke import run
from tests.report.page.builders import add_images, point_to


def test_it_says_where_the_report_is_and_what_is_missing(tmp_path: Path) -> None:
    folder = add_images(make_run(tmp_path / "run"), tmp_path / "data", [f"p{i}.png" for i in range(20)])
    code, output = run("report", str(folder), "--metrics", "p1")
    assert code == 0
    assert f"{folder}/report/report.html  (" in output
    assert "40 of 40 samples)" in output
    assert "20 images cannot be shown: image n0.png is missing; " in output
    # Where they are is said with an option.
    point_to(folder, tmp_path / "nowhere")
    add_images(make_run(tmp_path / "other"), tmp_path / "there", [f"{kind}{i}.png" for kind in "pn" for i in range(20)])
    code, output = run("report", str(folder), "--metrics", "p1", "--images", str(tmp_path / "there"))
    assert code == 0
    assert "cannot be shown" not in output
    assert "../../there/p0.png" in (folder / "report/report_data/samples.js").read_text()


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    assert run("report", str(folder), "--out", str(folder)) == (
        1,
        f"{folder}/ is no report, and holds for example {next(folder.iterdir()).name}. Choose another --out",
    )
    code, output = run("report", str(folder), "--max-mb", "3")
    assert (code, output) == (2, "--max-mb goes with --single")
    code, output = run("report", f"{folder}:nobody")
    assert code == 2
    assert "has no method 'nobody'" in output

"""The scripts in `examples/` run as their docstrings say, on small data."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

from finecops.metrics.dictionary import METRICS
from tests.builders_runs import make_run, stage_entry
from tests.cli.invoke import run

PROJECT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((PROJECT / "examples").glob("*.py"))
MOST_LINES = 60


def output_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, *arguments: str
) -> list[str]:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(PROJECT / "examples" / name), run_name="__main__")
    return capsys.readouterr().out.splitlines()


def test_a_list_is_scored(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    annotations = str(PROJECT / "data/finecops-mini/val_expression_all_coco_format.json")
    lines = output_of(monkeypatch, capsys, "score_list.py", annotations)
    assert re.fullmatch(r"precision@1: \d+\.\d\d% of 480", lines[0])
    assert "negative_accuracy: 0.00% of 594" in lines
    assert any(line.startswith("r1 is absent: ") for line in lines)
    assert "outcomes of positives: {'box': 480, 'reject': 0, 'unparsed': 0, 'failed': 0, 'missing': 0}" in lines


def test_a_run_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    entry = stage_entry("answers", "sfa", rows=40, failed=0, inputs={"routes": "0", "mllm": "0"})
    folder = str(make_run(tmp_path / "run", sfa=entry))
    lines = output_of(monkeypatch, capsys, "read_run.py", folder)
    assert lines[0] == "toy, test: 40 samples"
    assert "sfa: SFA, 40 rows, 0 failed, from ['mllm', 'routes']" in lines
    # The command line computes the same number from the same rows.
    printed = run("eval", folder, "--metrics", "p1", "--csv")[1].splitlines()
    overall = next(line.split(",") for line in printed if line.split(",")[1:8] == ["sfa", "precision@1", *[""] * 5])
    assert f"sfa, all: {float(overall[8]):.2f}% of {overall[9]}" in lines


def test_two_runs_are_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first, second = (str(make_run(tmp_path / name)) for name in ("a", "b"))
    lines = output_of(monkeypatch, capsys, "compare_runs.py", first, second)
    assert lines[0] == f"first is {first}, second is {second}"
    assert "sfa, all levels: +0.00 points (+0.00 to +0.00), p 1.000, n 20" in lines


def test_a_metric_is_added(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setitem(METRICS, "median_iou", METRICS["miou"])  # So that the example's entry goes with the test.
    text = "\n".join(output_of(monkeypatch, capsys, "own_metric.py", str(make_run(tmp_path / "run"))))
    assert "median IoU on positives, %" in text
    assert "Precision@1 on positives" in text


def test_targets_are_extracted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = output_of(monkeypatch, capsys, "extract_targets.py", "the red car near the tree", "a big dog")
    assert lines == [
        "'red car' at (4, 11) in 'the red car near the tree' (found)",
        "'big dog' at (2, 9) in 'a big dog' (found)",
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_and_names_its_command(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= MOST_LINES
    commands = [shlex.split(line) for line in lines if line.startswith("    python examples/")]
    assert [command[1] for command in commands] == [f"examples/{path.name}"]

"""`finecops gains` on runs whose gains are known, and the script that makes such runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders_gains import gain_run
from tests.builders_runs import RIGHT, make_run, stage_entry, write_run
from tests.cli.invoke import run
from tests.conftest import make_prediction, make_sample
from tests.test_docs import check

PROJECT = Path(__file__).resolve().parents[2]


def test_runs_at_two_budgets_are_one_result_with_a_figure(tmp_path: Path) -> None:
    runs = [gain_run(tmp_path / f"r{n}", losses, n) for n, losses in ((9, (0.4, 0.5, 0.6)), (25, (0.0, 0.1, 0.2)))]
    graph = {"objects": {"0": {"name": "cup", "x": 10, "y": 10, "w": 8, "h": 8, "attributes": [], "relations": []}}}
    (tmp_path / "g.json").write_text(json.dumps({f"p{i}": graph | {"width": 100, "height": 100} for i in range(40)}))
    given = ("gains", *map(str, runs), "--scene-graphs", str(tmp_path / "g.json"))
    code, text = run(*given, "--figure", str(tmp_path / "f.svg"))
    assert code == 0
    assert f"wrote {tmp_path / 'f.svg'}" in text
    assert "things of its kind: 1" in text
    assert "CRS pays where the MLLM loses more than 30.0% of the targets that it finds by localisation" in text
    assert "The scene graphs have the targets of 40 of 120 positives." in text
    found = json.loads(run(*given, "--json")[1])
    assert (found["version"], found["positives"]) == (1, 120)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("{crs}", "{crs}"), 2, "a run is named twice"),
        (("{plain}",), 1, "lacks answers of SFA or CRS to every sample: `finecops advise` makes a run with both"),
        (("{crs}", "{sfa}"), 1, "are about different benchmarks"),
        (("{crs}", "--scene-graphs", "none.json"), 1, "no scene graph file none.json"),
        (("{crs}", "--scene-graphs", "{other}"), 1, "no target of {crs}/ is in these scene graphs"),
        (("{crs}", "--iou", "0.05"), 2, "--iou is at least 0.1"),
        (("{crs}", "--figure", "a.gif"), 2, "a figure is written as .png, .pdf, .svg"),
        (("{few}", "--figure", "a.svg"), 1, "a.svg cannot be drawn: no group has 20 positives, and no run has CRS"),
        (("nothing-here",), 1, "is no run"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    runs = {"crs": gain_run(tmp_path / "crs", (0.1, 0.1, 0.1)), "sfa": make_run(tmp_path / "sfa")}
    samples, answers = [make_sample("p")], {name: [make_prediction("p", [RIGHT], (0.5,))] for name in ("mllm", "sfa")}
    stages = {name: stage_entry("answers", name) for name in answers}
    runs["few"] = write_run(tmp_path / "few", {"samples": samples, **answers}, stages)
    runs["plain"] = make_run(tmp_path / "plain", without=("sfa",))
    runs["other"] = tmp_path / "other.json"
    runs["other"].write_text(json.dumps({"elsewhere": {"objects": {}}}))
    found, message = run("gains", *(word.format(**runs) for word in words))
    assert (found, said.format(**runs) in message) == (code, True), message


def test_one_positive_has_a_row_and_a_sentence(tmp_path: Path) -> None:
    answers = {name: [make_prediction("p", [RIGHT], (0.5,))] for name in ("mllm", "sfa")}
    stages = {name: stage_entry("answers", name) for name in answers}
    folder = write_run(tmp_path / "few", {"samples": [make_sample("p")], **answers}, stages)
    code, text = run("gains", str(folder))
    assert code == 0
    assert "on 1 positive" in text
    assert "No rule: in no group the MLLM finds 20 targets" in text


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/when_it_pays.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)


@pytest.mark.slow
def test_the_script_makes_the_runs_and_continues(tmp_path: Path) -> None:
    given = ("--out", str(tmp_path / "o"), "--limit", "24", "--split", "val")
    done = script(*given, "--tokens", "9,25", "--figure", str(tmp_path / "new" / "f.svg"))
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "o").iterdir()}
    assert written == {"9tokens", "25tokens", *(f"when_it_pays.{s}" for s in ("svg", "csv", "json", "md"))}
    assert (tmp_path / "new" / "f.svg").read_bytes() == (tmp_path / "o" / "when_it_pays.svg").read_bytes()
    found = json.loads((tmp_path / "o" / "when_it_pays.json").read_text())
    assert [row["visual_tokens"] for row in found["gains"] if row["condition"] == "all"] == [9] * 3 + [25] * 3
    assert "What follows:" in done.stdout
    answers = tmp_path / "o" / "9tokens" / "mllm.jsonl"
    before = answers.stat().st_mtime_ns
    assert script(*given, "--tokens", "9").returncode == 0
    assert answers.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--visual-tokens", "9"), "--visual-tokens is chosen here"),
        (("--figure", "a.png"), "--figure is an .svg file"),
        (("--tokens", "0"), "argument --tokens: invalid budgets value"),
    ],
)
def test_the_script_refuses_what_is_wrong(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = script("--out", str(tmp_path / "o"), *words)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "o").exists()


def test_the_script_says_what_it_would_run(tmp_path: Path) -> None:
    done = script("--out", str(tmp_path / "o"), "--dry-run", "--split", "val")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"finecops advise --split val --limit 0 --visual-tokens 36 --run {tmp_path / 'o' / '36tokens'}"
    assert [line.split()[6] for line in lines[:4]] == ["--visual-tokens"] * 4
    assert [line.split()[7] for line in lines[:4]] == ["36", "25", "16", "9"]
    assert [line.split(" >")[1] for line in lines[4:]] == [
        str(tmp_path / "o" / f"when_it_pays.{s}") for s in ("md", "csv", "json")
    ]
    assert {word: check(line.split(" >")[0]) for word, line in enumerate(lines)} == dict.fromkeys(range(7))
    assert not (tmp_path / "o").exists()

"""Help in panels, and what a shell offers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from finecops.cli import complete, metavars
from finecops.cli.app import HEADINGS, app
from finecops.cli.panels import App
from tests.cli.invoke import run


def test_options_stand_under_headings_and_fit_80_columns() -> None:
    shown = run("sfa", "run", "--help")[1]
    headings = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Data:", "Models:", "Router:", "CRS:", "Machine:", "Options:"]
    data = shown.partition("Data:")[2].partition("Models:")[0]
    assert "--dataset NAME" in data
    assert "--mllm" not in data
    # No name of a Python type.
    assert "<str>" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_completions_offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mini-1", "mini-2"):
        (tmp_path / "outputs" / name).mkdir(parents=True)
    (tmp_path / "outputs" / "mini-1" / "run.json").touch()
    own = tmp_path / "configs" / "models"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("kind: mllm\n")
    (own / "broken.yaml").write_bytes(b"\xff\xfe")
    cases = {
        "a dataset": (complete.datasets("finecops"), ["finecops-mini", "finecops-ref"]),
        "a preset": (complete.presets(""), ["mini", "paper"]),
        "an MLLM": (complete.models("mllm")("mini-qwen2vl-crs"), ["mini-qwen2vl-crs", "mini-qwen2vl-crs-none"]),
        "an MLLM of one's own": (complete.models("mllm")("min"), None),
        "no specialist": (complete.models("specialist")("mini-qwen"), []),
        "a broken file": (complete.models()("broken"), []),
        "a run": (complete.runs("m"), ["mini-1"]),
        "metrics after a comma": (complete.metrics("p1,r1,p"), ["p1,r1,p5", "p1,r1,p10"]),
        "one of several": (complete.one_of("rank", "shuffle")("s"), ["shuffle"]),
        "nothing": (complete.datasets("zzz"), []),
    }
    for name, (found, wanted) in cases.items():
        assert wanted is None or found == wanted, name
    assert "mine" in complete.models("mllm")("min")


def test_a_shell_gets_the_names() -> None:
    program = "from finecops.cli.app import app; app(prog_name='finecops')"
    words = {"COMP_WORDS": "finecops sfa run --mllm molmo", "COMP_CWORD": "4", "_FINECOPS_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PATH": "", **words}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["molmo2-8b"]


def walk(command: object, *path: str) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every command and group of the program, with the words that call it."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, *path, name)


def test_every_completion_and_metavar_is_of_a_parameter() -> None:
    names = {p.name for _, command in walk(get_command(app)) for p in getattr(command, "params", ())}
    assert complete.OF_PARAMETERS.keys() - names == set()
    assert metavars.OF_PARAMETERS.keys() - names == set()


def test_every_help_fits_80_columns_and_names_no_type() -> None:
    for path, _ in walk(get_command(app)):
        code, shown = run(*path, "--help")
        assert code == 0
        assert max(map(len, shown.splitlines())) <= 80, path
        assert not re.search(r"<(str|path|int|float|list)", shown, re.IGNORECASE), path


def test_commands_stand_under_headings_in_their_order() -> None:
    lines = run("--help")[1].splitlines()
    headings = [line[:-1] for line in lines if re.fullmatch(r"[A-Z].*:", line)]
    assert headings == [*HEADINGS, "Options"], "a command without a heading: its name belongs in HEADINGS"
    after = lines[lines.index("Run:") + 1 :][:3]
    assert [line.split()[0] for line in after] == ["sfa", "crs", "infer"]
    stages = run("crs", "--help")[1].partition("Commands:")[2].split("Options:")[0].splitlines()
    assert [line.split()[0] for line in stages if line] == [
        "run",
        "candidates",
        "select",
        "tune-data",
        "tune",
        "tables",
    ]


def test_a_command_that_no_heading_names_stands_last() -> None:
    group = App(headings={"First": ("b", "not-there")})
    for name in "ab":
        group.command(name)(lambda: None)
    shown = CliRunner().invoke(group, ["--help"]).output
    assert shown.index("First:") < shown.index("\n  b") < shown.index("Commands:") < shown.index("\n  a")

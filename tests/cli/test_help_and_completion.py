"""Help in panels, and what a shell offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from finecops.cli import complete
from finecops.cli.app import app
from tests.cli.invoke import run


def test_options_stand_under_headings_and_fit_80_columns() -> None:
    shown = run("sfa", "run", "--help")[1]
    headings = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Data:", "Models:", "Router:", "CRS:", "Machine:", "Options:"]
    data = shown.partition("Data:")[2].partition("Models:")[0]
    assert "--dataset TEXT" in data
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


def test_every_completion_is_of_a_parameter() -> None:
    from typer.main import get_command

    names = set()

    def walk(command: object) -> None:
        for inner in getattr(command, "commands", {}).values():
            walk(inner)
        names.update(parameter.name for parameter in getattr(command, "params", ()))

    walk(get_command(app))
    assert complete.OF_PARAMETERS.keys() - names == set()

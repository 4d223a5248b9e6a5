"""Whole runs with servers that finecops starts: the same rows whatever happens to them, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finecops.models import attempts
from tests.cli.invoke import run
from tests.processes import soon
from tests.serving.conftest import PROJECT, FakeVllm

LIMIT = 24


def command(folder: Path, *more: str, model: str = "mini-qwen2vl", serve: str = "vllm") -> list[str]:
    served = ["--serve", serve] if serve else []
    return ["infer", "mllm", "--limit", str(LIMIT), "--run", str(folder), "--no-watch", "--mllm", model, *served, *more]


def rows(folder: Path) -> dict[str, Any]:
    lines = (folder / "mllm.jsonl").read_text().splitlines()
    return {row["sample_id"]: row for row in map(json.loads, lines)}


def stage(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text())["stages"]["mllm"]


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.2)


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    """The file of one server, once it is known."""
    return {}


@pytest.mark.parametrize(
    ("gpus", "faults", "starts"),
    [
        pytest.param("", {}, 1, id="one server"),
        pytest.param("0,1", {}, 2, id="two servers"),
        pytest.param("0,1", {"start": 1}, 2, id="slow start", marks=pytest.mark.engines),
        pytest.param("", {"dies": 9, "lives": 1}, 2, id="dies at request 9"),
        pytest.param("0,1", {"dies": 5, "lives": 2}, 4, id="both die at request 5", marks=pytest.mark.engines),
        pytest.param("", {"deaf": True}, 1, id="deaf to the polite signal", marks=pytest.mark.engines),
    ],
)
def test_the_rows_are_those_of_one_server_whatever_happens(
    vllm: FakeVllm, tmp_path: Path, whole: dict[str, bytes], gpus: str, faults: dict[str, Any], starts: int
) -> None:
    vllm.faults(**faults)
    vllm.monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    code, text = run(*command(tmp_path / "run"))
    assert code == 0, text
    content = (tmp_path / "run" / "mllm.jsonl").read_bytes()
    assert content == whole.setdefault("rows", content)
    assert len(rows(tmp_path / "run")) == LIMIT
    assert {row["status"] for row in rows(tmp_path / "run").values()} == {"box"}
    assert len(vllm.starts) == starts
    # The servers have ended with the command, not with this process.
    assert vllm.is_gone(0)
    entry = stage(tmp_path / "run")
    assert entry["fingerprint"] == whole.setdefault("fingerprint", entry["fingerprint"])
    assert entry["served"]["servers"] == max(1, len(gpus.split(",")))
    assert entry["served"]["program"] == "vllm"
    if len(gpus) > 1 and not faults:
        # Both had their share.
        assert min(vllm.asked) >= LIMIT // 4
    if "dies" not in faults:
        assert sum(vllm.asked) == LIMIT


@pytest.mark.parametrize(
    ("faults", "messages"),
    [
        pytest.param(
            {"exits": 3},
            ("ended (exit code 3) before it answered", "INFO loading with [key]", "ValueError: no such layer"),
            id="an error at once",
        ),
        pytest.param({"never": True}, ("did not answer within 2 s (`start_seconds`)",), id="never ready"),
        pytest.param(
            {"dies": 3},
            ("ended (signal SIGKILL: the machine may have no memory left), 6 times in a row", "illegal memory access"),
            id="dies at request 3 of each life",
            marks=pytest.mark.engines,
        ),
    ],
)
def test_a_server_that_does_not_work_ends_the_run(
    vllm: FakeVllm, tmp_path: Path, faults: dict[str, Any], messages: tuple[str, ...]
) -> None:
    text = (PROJECT / "configs/models/mini-qwen2vl.yaml").read_text().replace("transformers", "openai")
    text = text.replace("name: mini-qwen2vl", "name: own").replace("dtype: float32", "serve: vllm\nstart_seconds: 30.0")
    model = tmp_path / "own.yaml"
    model.write_text(text.replace("30.0", "2.0") if "never" in faults else text)
    vllm.faults(**faults)
    code, said = run(*command(tmp_path / "run", model=str(model), serve=""))
    assert code == 1
    for message in messages:
        assert message in said
    assert str(tmp_path / "run/servers/vllm-1.log") in said
    # One that is given up may not even have noted its start.
    assert len(vllm.starts) in {"dies": (6,), "exits": (1,), "never": (0, 1)}[next(iter(faults))]
    # What was answered is kept, and a sound server makes the rest.
    partial = tmp_path / "run" / "mllm.jsonl.partial"
    kept = partial.read_text().splitlines() if partial.exists() else []
    assert bool(kept) == ("dies" in faults)
    # Where a server dies at every third request, one that was there four times may be taken for the reason.
    found = [json.loads(row) for row in kept]
    assert all(row["status"] == "box" or "the server ended" in row["reason"] for row in found)
    vllm.faults()
    model.write_text(text)
    assert run(*command(tmp_path / "run", model=str(model), serve=""))[0] == 0
    assert [row["status"] for row in rows(tmp_path / "run").values()] == ["box"] * LIMIT


@pytest.mark.engines
def test_a_request_that_kills_every_server_fails_alone(vllm: FakeVllm, tmp_path: Path) -> None:
    assert run(*command(tmp_path / "sound"))[0] == 0
    prompts = [row["prompt"] for row in rows(tmp_path / "sound").values()]
    # A negative image has its positive's sentence; two such requests would end the run.
    poisoned = next(prompt for prompt in prompts if sum(prompt in other for other in prompts) == 1)
    same = [id_ for id_, row in rows(tmp_path / "sound").items() if poisoned in row["prompt"]]
    vllm.faults(poison=json.dumps(poisoned)[1:-1])
    code, said = run(*command(tmp_path / "run", "--max-failed", "0.5"))
    assert code == 0, said
    found = rows(tmp_path / "run")
    assert [id_ for id_, row in found.items() if row["status"] == "failed"] == same
    assert "the server ended 4 times while it had this, twice nothing else" in found[same[0]]["reason"]


@pytest.mark.engines
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("when", ["starting", "answering"])
def test_no_server_outlives_the_command(vllm: FakeVllm, tmp_path: Path, how: signal.Signals, when: str) -> None:
    vllm.faults(deaf=how == signal.SIGKILL, slow=0.5, start=60 if when == "starting" else 0)
    vllm.monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    partial = tmp_path / "run" / "mllm.jsonl.partial"
    process = subprocess.Popen(
        [sys.executable, "-m", "finecops", *command(tmp_path / "run")], cwd=PROJECT, stderr=subprocess.PIPE, text=True
    )
    if when == "starting":
        assert soon(lambda: len(vllm.starts) == 2, 120)
    else:
        assert soon(lambda: partial.exists() and partial.read_bytes().count(b"\n") >= 2, 120)
    os.kill(process.pid, how)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == (-9 if how == signal.SIGKILL else 128 + how)
    assert how == signal.SIGKILL or "finished rows are kept" in said
    # A killed command is noticed by the guards; any other has seen to it before it ended.
    assert vllm.is_gone(60 if how == signal.SIGKILL else 2)


def test_every_server_has_its_own_gpus_and_a_key(vllm: FakeVllm, tmp_path: Path) -> None:
    vllm.monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    code, text = run(*command(tmp_path / "run", serve="vllm --tensor-parallel-size 2 --max-num-seqs 8"))
    assert code == 0, text
    starts = vllm.starts
    assert sorted(start["CUDA_VISIBLE_DEVICES"] for start in starts) == ["4,5", "6,7"]
    for start in starts:
        argv = " ".join(start["argv"])
        for given in ("--tensor-parallel-size 2", "--max-num-seqs 8", "--host 127.0.0.1", "--dtype float32"):
            assert given in argv
        assert start["argv"][:2] == ["serve", str(PROJECT / "checkpoints/mini-qwen2vl")]
        assert start["VLLM_NO_USAGE_STATS"] == "1"
        assert len(start["VLLM_API_KEY"]) >= 32
        # In the environment alone: everyone sees a process's arguments.
        assert start["VLLM_API_KEY"] not in argv
    assert stage(tmp_path / "run")["served"]["gpus_per_server"] == 2
    logs = [path.read_text() for path in sorted((tmp_path / "run/servers").iterdir())]
    assert [log.count("# 2") for log in logs] == [1, 1]
    # Nothing is left to do: no server is started.
    assert run(*command(tmp_path / "run"))[0] == 0
    assert len(vllm.starts) == 2

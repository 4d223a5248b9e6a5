"""Real servers with the mini MLLM: `transformers serve` here, vLLM in another environment, also started by a run.

The replies must equal those of the same weights in this process.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_mllm, resolve
from finecops.config.schema import MllmConfig
from finecops.images import Picture, read_picture
from finecops.models.backends import load_mllm_model
from finecops.models.openai_mllm import OpenAiMllm
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup
from finecops.models.server_status import server_states
from tests.cli.invoke import run

QUERIES = (Query("the car"), Query("the tree", "tree", (4, 8)))
QUESTION = Question("Which of these is the car?\nA. (0,0),(100,100)\nB. (500,640),(790,890)", ("A", "B"))
VLLM_URL, VLLM = "FINECOPS_VLLM_URL", "FINECOPS_VLLM"
CPU_BUILD = {
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "HF_HUB_OFFLINE": "1",
}
START_SECONDS = 120


@pytest.fixture(scope="module")
def images() -> list[Picture]:
    return [read_picture(path) for path in sorted(Path("data/finecops-mini/images").glob("test_*.png"))[:2]]


def server_config(url: str, model: str) -> MllmConfig:
    mini = load_mllm("mini-qwen2vl")
    return mini.model_copy(update={"backend": "openai", "base_url": url, "weights": model, "concurrency": 4})


@pytest.fixture(scope="module")
def transformers_server() -> Iterator[MllmConfig]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    weights = str(resolve("checkpoints/mini-qwen2vl").resolve())
    command = [str(Path(sys.executable).parent / "transformers"), "serve", weights, "--port", str(port)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(
        [*command, "--device", "cpu"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/health", process)
        yield server_config(f"http://127.0.0.1:{port}/v1", weights)
    finally:
        process.kill()
        process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            assert process.stderr is not None
            pytest.fail(f"the server ended: {process.stderr.read().decode()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail("the server did not come up")


def same_texts(model: OpenAiMllm, local: Any, images: list[Picture]) -> list[Any]:
    groups = [QueryGroup(image, QUERIES) for image in images]
    replies = [reply for group in model.ground(groups) for reply in group]
    here = [reply for group in local.ground(groups) for reply in group]
    assert [reply.answer for reply in replies] == [None] * len(replies)
    assert [reply.text for reply in replies] == [reply.text for reply in here]
    return list(zip(replies, here, strict=True))


@pytest.mark.slow
def test_transformers_serve_gives_the_same_texts_without_scores(
    transformers_server: MllmConfig, mini_mllm: Any, images: list[Picture]
) -> None:
    (state,) = server_states([transformers_server])
    assert state.good, state
    assert "answers and has" in state.said
    model = OpenAiMllm(transformers_server)
    for reply, _ in same_texts(model, mini_mllm, images):
        assert reply.token_probs is None
    ((scores,),) = model.choose([QuestionGroup(images[0], (QUESTION,))])
    assert scores.error is None
    assert scores.probabilities is None
    assert scores.reply is not None


@pytest.mark.vllm
def test_vllm_gives_the_same_texts_with_scores(mini_mllm: Any, images: list[Picture]) -> None:
    if VLLM_URL not in os.environ:
        pytest.skip(f"NOT CHECKED: {VLLM_URL} names no server (scripts/vllm_environment.sh starts one)")
    model = load_mllm_model(server_config(os.environ[VLLM_URL], "mini"), "cpu")
    for reply, here in same_texts(model, mini_mllm, images):  # type: ignore[arg-type]
        assert reply.token_probs == pytest.approx(here.token_probs, abs=0.02)
    ((scores,),) = model.choose([QuestionGroup(images[0], (QUESTION,))])
    ((expected,),) = mini_mllm.choose([QuestionGroup(images[0], (QUESTION,))])
    assert scores.probabilities == pytest.approx(expected.probabilities, abs=0.02)


@pytest.mark.vllm
def test_a_run_that_starts_vllm_has_the_texts_of_a_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(os.environ.get(VLLM, "")) is None:
        pytest.skip(f"NOT CHECKED: {VLLM} names no vLLM (scripts/vllm_environment.sh makes one)")
    for name, value in CPU_BUILD.items():
        monkeypatch.setenv(name, value)
    given = ["--limit", "12", "--no-watch", "--mllm", "mini-qwen2vl"]
    serve = ["--serve", "vllm --enforce-eager --max-model-len 512"]
    code, said = run("infer", "mllm", *given, *serve, "--run", str(tmp_path / "served"))
    assert code == 0, said
    assert run("infer", "mllm", *given, "--run", str(tmp_path / "here"))[0] == 0
    served, here = (
        [json.loads(line) for line in (tmp_path / name / "mllm.jsonl").read_text().splitlines()]
        for name in ("served", "here")
    )
    assert [row["reply"] for row in served] == [row["reply"] for row in here]
    for one, other in zip(served, here, strict=True):
        assert one["scores"] == pytest.approx(other["scores"], abs=0.02)
    entry = json.loads((tmp_path / "served" / "run.json").read_text())["stages"]["mllm"]
    assert entry["served"]["servers"] == 1
    # A LoRA adapter on the same checkpoint: its own letters.
    select = ["crs", "select", "--limit", "12", "--no-watch", "--preset", "mini"]
    assert run(*select, *serve, "--run", str(tmp_path / "crs-served"))[0] == 0
    assert run(*select, "--run", str(tmp_path / "crs-here"))[0] == 0
    (served_rows,) = (tmp_path / "crs-served").glob("crs-*.jsonl")
    (here_rows,) = (tmp_path / "crs-here").glob("crs-*.jsonl")
    letters = [
        [json.loads(line)["choice"] for line in path.read_text().splitlines()] for path in (served_rows, here_rows)
    ]
    assert letters[0] == letters[1]

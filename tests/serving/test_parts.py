"""The parts of served models: who gets a request, the command, the settings, what `run.json` depends on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from finecops.config.find import load_mllm
from finecops.config.fingerprint import model_settings
from finecops.config.schema import MllmConfig
from finecops.config.served import name_on_server, served_of
from finecops.config.server import ServerOptions, placed
from finecops.errors import ModelError, UsageError
from finecops.models.server_command import command_for, need_program
from finecops.replicas import Replicas
from finecops.serving import run as serving


def served(serve: str = "vllm", model: str = "qwen2-vl-7b-server", **changes: Any) -> MllmConfig:
    return placed(load_mllm(model), ServerOptions(serve=serve)).model_copy(update=changes)


def test_the_least_busy_gets_a_request_and_an_image_stays_where_it_is() -> None:
    replicas = Replicas(["a", "b"])
    first = replicas.take()
    assert first is not None
    second = replicas.take()
    assert second is not first
    assert replicas.take(near=first) is first
    assert replicas.take() is second


def test_a_server_that_is_not_reached_rests() -> None:
    replicas = Replicas(["a", "b"])
    a, b = replicas.all
    # It is news once.
    assert [replicas.not_reached(a), replicas.not_reached(a)] == [True, False]
    assert {replicas.take(), replicas.take(near=a)} == {b}
    # With nobody else there it is better than none.
    replicas.not_reached(b)
    assert replicas.take() is not None
    replicas.reached(a)
    assert a.rests_until < time.monotonic()


def test_who_is_asked_alone_waits_for_a_server_that_nobody_else_gets() -> None:
    replicas = Replicas(["a"])
    busy = replicas.take()
    assert busy is not None
    assert replicas.take(alone=True) is None
    # It is kept for that request from now on.
    assert replicas.take() is None
    replicas.give_back(busy)
    assert replicas.take(alone=True) is busy
    assert replicas.take() is None
    replicas.give_back(busy, alone=True)
    assert replicas.take() is busy


def test_servers_that_are_started_come_and_go() -> None:
    replicas, heard = Replicas([None, None], is_up=False), list[int]()
    replicas.listen(lambda: heard.append(1))
    assert replicas.take() is None
    replicas.set_up(1, "http://127.0.0.1:1/v1")
    found = replicas.take()
    assert found is replicas.all[1]
    assert heard
    assert not replicas.has_died(found, 1)
    replicas.set_down(1)
    assert replicas.has_died(found, 1)
    replicas.set_up(1, "http://127.0.0.1:2/v1")
    assert replicas.has_died(found, 1)
    replicas.give_up("too often")
    assert (replicas.take(), replicas.fault) == (None, "too often")


@pytest.mark.parametrize(
    ("serve", "changes", "adapters", "has_gpu", "there", "not_there"),
    [
        ("vllm", {}, (), False, ["--limit-mm-per-prompt", "--load-format safetensors"], ["--gpu-mem", "--tensor"]),
        ("vllm", {}, (), True, ["--gpu-memory-utilization 0.85"], ["--tensor"]),
        ("vllm -tp 4", {}, (), True, ["--tensor-parallel-size 4"], ["-tp"]),
        ("vllm --tensor_parallel_size=2", {}, (), True, ["--tensor-parallel-size 2"], ["_"]),
        ("vllm --dtype float16", {}, (), False, ["--dtype auto", "--dtype float16"], []),
        ("vllm", {"allow_pickle": True, "revision": "abc"}, (), False, ["--revision abc"], ["--load-format"]),
        ("vllm", {"remote_code": True, "trust_remote_code": True}, (), False, ["--trust-remote-code"], []),
        ("vllm", {"trust_remote_code": True}, (), False, [], ["--trust-remote-code"]),
        ("vllm", {}, ("me/lora",), False, ["--enable-lora --max-lora-rank 16 --lora-modules me/lora=me/lora"], []),
    ],
)
def test_the_command_of_a_server(
    serve: str,
    changes: dict[str, Any],
    adapters: tuple[str, ...],
    has_gpu: bool,
    there: list[str],
    not_there: list[str],
) -> None:
    text = " ".join(command_for(served_of(served(serve, **changes)), adapters, has_gpu))
    assert text.startswith("vllm serve Qwen/Qwen2-VL-7B-Instruct --served-model-name Qwen/Qwen2-VL-7B-Instruct")
    assert all(part in text for part in there), text
    assert not any(part in text for part in not_there), text


def test_neither_number_nor_place_of_servers_is_in_the_fingerprint_but_arguments_that_change_answers_are() -> None:
    usual = model_settings(load_mllm("qwen2-vl-7b-server"))
    url = "http://a/v1"
    same = [
        served(),
        served("vllm --tensor-parallel-size 2 --max-num-seqs 8"),
        placed(load_mllm("qwen2-vl-7b-server"), ServerOptions(servers=f"{url},http://b/v1")),
        placed(load_mllm("qwen2-vl-7b-server"), ServerOptions(base_url=url)),
    ]
    assert [model_settings(config) for config in same] == [usual] * len(same)
    assert model_settings(served("vllm --dtype float16"))["serve_args"] == ["--dtype", "float16"]
    # A model that was in this process is another one behind a server.
    assert served(model="mini-qwen2vl").name == "mini-qwen2vl-server"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"servers": ["http://a/v1"]}, "`base_url` and `servers` do not go together"),
        ({"base_url": None, "serve": "sglang"}, "Input should be 'vllm'"),
        ({"backend": "transformers", "base_url": None, "serve": "vllm"}, "`serve` is for models behind a server"),
        ({"serve_args": ["--api-key", "x"]}, "--api-key: finecops sets it itself, leave it out"),
        ({"serve_args": ["dtype"]}, "'dtype' is no argument"),
        ({"gpus_per_server": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_of_servers_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    given = load_mllm("qwen2-vl-7b-server").model_dump() | settings
    with pytest.raises(ValidationError, match=message):
        MllmConfig.model_validate(given)


def test_a_program_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("FINECOPS_VLLM", raising=False)
    with pytest.raises(ModelError, match="vllm is not installed here"):
        need_program("m", "vllm")
    monkeypatch.setenv("FINECOPS_VLLM", str(tmp_path / "no"))
    with pytest.raises(ModelError, match=r"FINECOPS_VLLM=.*/no is no program"):
        need_program("m", "vllm")
    program = tmp_path / "vllm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.delenv("FINECOPS_VLLM")
    assert need_program("m", "vllm") == str(program)


@pytest.mark.parametrize(
    ("gpus", "each", "visible"),
    [
        (["0", "1", "2"], 1, ["0", "1", "2"]),
        (["0", "1", "2"], 2, ["0,1"]),
        (["GPU-8a", "GPU-8b"], 1, ["GPU-8a", "GPU-8b"]),
        ([], 1, [None]),
    ],
)
def test_gpus_of_each_server(gpus: list[str], each: int, visible: list[str | None]) -> None:
    places = serving._places(served(gpus_per_server=each), gpus)
    assert [place.get("CUDA_VISIBLE_DEVICES") for place in places] == visible


@pytest.mark.parametrize("gpus", [[], ["0"]])
def test_more_gpus_than_there_are_are_refused(gpus: list[str]) -> None:
    with pytest.raises(UsageError, match="--tensor-parallel-size 2: this machine has"):
        serving._places(served(gpus_per_server=2), gpus)


def test_servers_are_of_one_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"one checkpoint, and here are qwen2-vl-7b-server .* and mini-qwen2vl-server"):
        serving.prepare([served(), served(model="mini-qwen2vl")], tmp_path)


def test_an_adapter_has_a_name_of_its_own_on_the_same_servers() -> None:
    plain, tuned = served(model="mini-qwen2vl"), served(model="mini-qwen2vl-crs")
    assert served_of(plain) == served_of(tuned)
    assert [name_on_server(plain), name_on_server(tuned)] == [plain.weights, "checkpoints/mini-qwen2vl-crs"]

"""What would stop a run is found before a model is loaded, for each backend."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_extractor, load_mllm, load_model, load_specialist, names
from finecops.config.schema import AnyModelConfig
from finecops.errors import FinecopsError
from finecops.models import readiness
from finecops.models.backends import BACKENDS, check_model_config
from tests.hostile.checkpoint_folders import copied, edit
from tests.hostile.hostile_server import Write, closed_port, send, serving


def check(config: AnyModelConfig, device: str = "cpu", **changes: Any) -> None:
    check_model_config(config.model_copy(update=changes), device)


@pytest.mark.parametrize("name", ["mini-gdino", "mini-qwen2vl", "mini-qwen2vl-crs", "mini-qwen2vl-crs-none", "rules"])
def test_the_models_of_this_repository_are_ready(name: str) -> None:
    check(load_model(name))


def test_every_backend_has_a_check_of_its_own_kind() -> None:
    for backends in BACKENDS.values():
        for backend in backends.values():
            assert backend.check.__module__ == "finecops.models.readiness"


@pytest.mark.parametrize("name", names("models"))
def test_every_model_of_the_table_is_ready_or_says_what_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "MDETR_PYTHON", "COGVLM_PYTHON", "YOLO_WORLD_PYTHON"):
        monkeypatch.delenv(variable, raising=False)
    said = ""
    try:
        check(load_model(name))
    except FinecopsError as error:
        said = str(error)
    assert said == "" or name in said
    assert said.isprintable()


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "meta", "cpu:x", "cuda:-1"])
@pytest.mark.parametrize("name", ["mini-gdino", "mini-qwen2vl"])
def test_a_device_that_cannot_be_used(name: str, device: str) -> None:
    with pytest.raises(FinecopsError, match="cannot be used"):
        check(load_model(name), device)


MISSING: list[tuple[str, dict[str, Any], str]] = [
    ("mini-gdino", {"weights": "checkpoints/none"}, "no model in checkpoints/none/"),
    ("mini-gdino", {"weights": "a b//c"}, "neither a folder nor the id of a model"),
    ("mini-gdino", {"dtype": "int8"}, "no number type 'int8'"),
    ("mini-qwen2vl", {"adapter": "./none"}, "no model in"),
    ("mini-qwen2vl", {"adapter": "checkpoints/mini-gdino"}, "has no adapter_config.json"),
    ("mini-qwen2vl", {"weights": "checkpoints/mini-qwen2vl-crs"}, "it is an adapter; name it as `adapter`"),
    ("mini-qwen2vl", {"remote_code": True}, "--trust-remote-code"),
    ("mini-qwen2vl", {"remote_code": True, "trust_remote_code": True, "revision": "main"}, "pin `revision`"),
    ("shikra-7b", {}, "which does not exist: make it with the model's own code"),
    ("shikra-7b", {"file_format": "csv"}, "unknown file_format 'csv'"),
    ("mdetr", {}, "set MDETR_PYTHON"),
    ("mdetr", {"command": ("/no/such/python", "mdetr.py")}, "program /no/such/python does not exist"),
    ("mdetr", {"command": (sys.executable, "/no/such/worker.py")}, "script /no/such/worker.py does not exist"),
    ("llm-extractor", {"model": None}, "names no model"),
    ("llm-extractor", {"model": "./none"}, "no model in"),
    ("openai-extractor", {"model": None}, "names no model"),
    ("openai-extractor", {"model": "m"}, "set OPENAI_API_KEY"),
    ("mini-gdino", {"backend": "nope"}, "unknown backend 'nope'"),
    (
        "mini-qwen2vl",
        {"box_format": "norm1000_parens"},
        r"unknown box_format 'norm1000_parens' \(did you mean 'norm1000_paren', .*\?\); there are: ",
    ),
    ("mini-qwen2vl", {"box_format": ""}, "unknown box_format ''; there are: "),
]


@pytest.mark.parametrize(("name", "changes", "message"), MISSING)
def test_what_is_missing_is_said(
    name: str, changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "MDETR_PYTHON"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(FinecopsError, match=message):
        check(load_model(name), **changes)


def test_an_incomplete_folder(tmp_path: Path) -> None:
    folder = copied("mini-gdino", tmp_path / "m")
    (folder / "model.safetensors").unlink()
    with pytest.raises(FinecopsError, match="has no weights"):
        check(load_specialist(f"mini-gdino@{folder}"))
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(FinecopsError, match="--allow-pickle"):
        check(load_specialist(f"mini-gdino@{folder}"))
    edit(folder / "model.safetensors.index.json", weight_map={"a": "model-1.safetensors"})
    with pytest.raises(FinecopsError, match="1 of 1 files of weights are missing"):
        check(load_extractor(f"llm-extractor@{folder}"))


def test_a_model_that_is_not_downloaded_without_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FinecopsError, match="is not downloaded yet, and HF_HUB_OFFLINE is set"):
        check(load_specialist("mini-gdino"), weights="nobody/nothing")


@pytest.mark.parametrize(("name", "package"), [("mm-gdino-t-mmdet", "mmdet"), ("qwen2-vl-7b-server", "openai")])
def test_an_extra_that_is_missing(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda asked: None if asked == package else find(asked))
    with pytest.raises(FinecopsError, match=rf"pip install -e '\.\[{package}\]'"):
        check(load_model(name))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda h, b: send(h, {"data": []}), None),
        (lambda h, b: send(h, b"not found", 404), None),
        (lambda h, b: send(h, b"broken", 500), None),
        (lambda h, b: send(h, b"", 302, Location="http://127.0.0.1:1/"), None),
        (lambda h, b: send(h, b"x", Content_Encoding="br"), None),
        (lambda h, b: send(h, {"error": "sk-sesame-open"}, 401), "refuses the key: OPENAI_API_KEY must hold one"),
        (lambda h, b: send(h, b"", 403), "refuses the key"),
        (lambda h, b: time.sleep(3), "no server answers at .* within 0.3 s"),
        (lambda h, b: h.wfile.write(b"nonsense\r\n\r\n"), "no server answers at"),
    ],
)
def test_a_server_answers_or_does_not(write: Write, message: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sesame-open")
    monkeypatch.setattr(readiness, "_ANSWER_SECONDS", 0.3 if message and "0.3" in message else 20.0)
    with serving(write) as (url, seen):
        config = load_mllm("qwen2-vl-7b-server")
        if message is None:
            check(config, base_url=url)
        else:
            with pytest.raises(FinecopsError, match=message) as caught:
                check(config, base_url=url)
            assert url in str(caught.value)
            assert "sesame" not in str(caught.value)
    assert seen[0]["authorization"] == "Bearer sk-sesame-open"


def test_a_server_without_the_model_is_said_before_anything_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    for ids, said in (
        (["other"], "has no Qwen/Qwen2-VL-7B-Instruct; it has other"),
        (["Qwen/Qwen2-VL-7B-Instruct"], ""),
    ):
        caplog.clear()
        with serving(lambda h, b, ids=ids: send(h, {"data": [{"id": one} for one in ids]})) as (url, _):
            check(load_mllm("qwen2-vl-7b-server"), base_url=url)
        assert (said in caplog.text) if said else not caplog.records


def test_a_server_that_is_not_there_is_named() -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"
    for name in ("qwen2-vl-7b-server", "openai-extractor"):
        with pytest.raises(FinecopsError, match=f"no server answers at {url}/models"):
            check(load_model(name), **{"base_url": url} | ({"model": "m"} if "extractor" in name else {}))


def test_a_check_imports_no_torch_where_no_model_runs_here() -> None:
    script = (
        "import sys\n"
        "from finecops.config.find import load_model\n"
        "from finecops.models.backends import check_model_config\n"
        "for name in ('rules', 'qwen2-vl-7b-server', 'mdetr', 'shikra-7b'):\n"
        "    try: check_model_config(load_model(name), 'cpu')\n"
        "    except Exception as error: print(type(error).__name__)\n"
        "print([one for one in ('torch', 'transformers') if one in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1].replace("'", '"')) == []

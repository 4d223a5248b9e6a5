"""Servers are asked whether they answer and whether they have the model, and say so plainly."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from finecops.bench import doctor
from finecops.config.find import load_mllm, load_model
from finecops.config.schema import MllmConfig
from finecops.models.server_status import server_states
from tests.cli.invoke import run
from tests.hostile.hostile_server import Write, closed_port, completion, send, serving


def at(url: str, **changes: Any) -> MllmConfig:
    return load_mllm("qwen2-vl-7b-server").model_copy(update={"base_url": url, "weights": "m/new", **changes})


def listed(*ids: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": one, "object": "model"} for one in ids]}


@pytest.mark.parametrize(
    ("write", "good", "said"),
    [
        (lambda h, b: send(h, listed("x", "m/new")), True, "answers and has m/new"),
        (lambda h, b: send(h, listed("m/old", "x")), False, "answers and has no m/new; it has m/old, x (--api-model)"),
        (lambda h, b: send(h, listed()), False, "answers and has no m/new; it has none (--api-model)"),
        (lambda h, b: send(h, listed("x\x1b[2J")), False, "it has x?[2J (--api-model)"),
        (lambda h, b: send(h, b"no", 404), True, "answers (HTTP 404), and does not say which models it has"),
        (lambda h, b: send(h, {"data": [7]}), True, "answers (HTTP 200), and does not say which models it has"),
        (lambda h, b: send(h, b"[" * 100_000), True, "answers (HTTP 200), and does not say which models it has"),
        (lambda h, b: send(h, b"", 401), False, "refuses the key: OPENAI_API_KEY must hold one"),
        (lambda h, b: time.sleep(2), False, "no server answers at"),
    ],
)
def test_a_server_says_whether_it_has_the_model(write: Write, good: bool, said: str) -> None:
    # One that answers has as long as a busy machine may need.
    with serving(write) as (url, _):
        (state,) = server_states([at(url)], seconds=0.3 if said.startswith("no server") else 20.0)
    assert (state.good, said in state.said) == (good, True), state
    assert state.said.isprintable()


def test_each_server_is_asked_once_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", "sk-sesame-open")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    nobody = f"http://127.0.0.1:{closed_port()}/v1"
    with serving(lambda h, b: send(h, listed("m/new"))) as (url, seen):
        configs = [at(url), at(url, weights="m/old"), at(nobody), at(url, api_key_env="OWN_KEY")]
        extractor = load_model("openai-extractor")
        states = server_states([*configs, extractor])  # type: ignore[list-item]
    assert [state.good for state in states] == [True, False, False, True, False]
    assert states[2].said == f"no server answers at {nobody}/models (ConnectError)"
    assert states[4].said == "OPENAI_API_KEY is not set"
    assert sorted(one["authorization"] for one in seen) == ["Bearer sk-sesame-open", "Bearer unused"]


def test_a_host_that_is_not_found_in_time_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    from finecops.models import server_client

    monkeypatch.setattr(server_client.socket, "getaddrinfo", lambda *_: time.sleep(2))
    (state,) = server_states([at("http://some.where/v1")], seconds=0.1)
    assert state.said == "no server answers at http://some.where/v1/models (the host is not found within 0.1 s)"


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model's file in the user's folder."""
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path))
    folder = tmp_path / "configs" / "models"
    folder.mkdir(parents=True)
    raw = {"name": "own", "kind": "mllm", "backend": "openai", "weights": "m/new", "focus": ""}
    raw |= {
        "prompt": "Where is {expression}?",
        "box_format": {"text": "<{x1},{y1},{x2},{y2}>", "coordinates": "percent"},
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(raw | {"base_url": f"http://127.0.0.1:{closed_port()}/v1"}))
    return folder / "own.yaml"


def test_list_and_doctor_say_what_servers_say(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_file.parent / "broken.yaml").write_text("name: broken\nkind: mllm\nprompt: none\n")
    assert "not asked (--servers)" in run("models", "list", "--kind", "mllm")[1]
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    facts = {fact["name"]: fact for fact in json.loads(run("models", "list", "--json", "--servers")[1])}
    assert "no server answers at" in facts["own"]["server"]
    assert facts["own"]["lacks"] == facts["own"]["server"]
    assert (facts["own"]["licence"], facts["own"]["score"]) == ("not stated", "not stated")
    assert facts["mini-gdino"]["server"] is None
    assert "its file has faults" in facts["broken"]["lacks"]
    found = {finding.what: finding for finding in doctor._server_findings()}
    port = yaml.safe_load(own_file.read_text())["base_url"].split("/")[2]
    assert found[f"server {port}"].good
    assert "no server answers" in found[f"server {port}"].state
    assert "(own)" in found[f"server {port}"].state


def test_a_run_on_a_server_that_only_the_command_line_names(own_file: Path, tmp_path: Path) -> None:
    asked: list[Any] = []

    def write(handler: BaseHTTPRequestHandler, body: str) -> None:
        if not body:
            send(handler, listed("newer"))
            return
        asked.append(json.loads(body))
        send(handler, completion("It is <10,20,50,60>.", model="newer"))

    folder = tmp_path / "run"
    given = ("infer", "mllm", "--mllm", "own", "-n", "3", "--run", str(folder), "--api-model", "newer")
    with serving(write) as (url, _):
        assert run(*given, "--base-url", url)[0] == 0
    assert {request["model"] for request in asked} == {"newer"}
    rows = [json.loads(line) for line in (folder / "mllm.jsonl").read_text().splitlines()]
    assert rows[0]["prompt"].startswith("Where is ")
    # Of the image's width and height, 224 pixels each.
    assert rows[0]["boxes"] == [[22.4, 44.8, 112.0, 134.4]]
    # The same model at another address goes on; another model does not.
    assert run(*given, "--base-url", "http://127.0.0.1:9/v1")[0] == 0
    code, said = run(*given[:-1], "newest", "--base-url", "http://127.0.0.1:9/v1")
    assert (code, "weights was 'newer', is 'newest'" in said) == (1, True), said

"""Where the page listens and what its gate lets through, without Gradio."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import pytest

from finecops.demo.gate import POLICY, Gate
from finecops.demo.page import _refuse_addresses
from finecops.demo.server import address_of, is_local, listen, names_of, quiet_gradio
from finecops.errors import ConfigError
from tests.cli.invoke import run


def status(path: str, host: str, names: list[str]) -> tuple[int, dict[bytes, bytes]]:
    """How the gate answers, and with which headers."""
    sent: list[MutableMapping[str, Any]] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        policy = [(b"Content-Security-Policy", b"default-src *")]
        await send({"type": "http.response.start", "status": 200, "headers": policy})
        await send({"type": "http.response.body", "body": b""})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": [(b"host", host.encode())]}
    asyncio.run(Gate(behind, names)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"])


LOCAL = ["127.0.0.1", "localhost"]


@pytest.mark.parametrize(
    ("path", "host", "wanted"),
    [
        ("/", "127.0.0.1:7860", 200),
        ("/", "localhost:7860", 200),
        ("/gradio_api/queue/join", "127.0.0.1", 200),
        ("/gradio_api/file=/tmp/x/a.png", "127.0.0.1", 200),
        ("/", "evil.example", 404),
        ("/", "", 404),
        ("/gradio_api/file=http://example.com/a.png", "127.0.0.1", 404),
        ("/gradio_api/proxy=http://example.com/", "127.0.0.1", 404),
        ("/gradio_api/vibe-edit", "127.0.0.1", 404),
        ("/gradio_api/run-history/connect", "127.0.0.1", 404),
        ("/docs", "127.0.0.1", 404),
    ],
)
def test_the_gate_lets_through_what_the_page_needs(path: str, host: str, wanted: int) -> None:
    found, headers = status(path, host, LOCAL)
    assert found == wanted
    # Of the page and of a refusal, and not another one's.
    assert headers[b"content-security-policy"] == POLICY.encode()
    assert b"Content-Security-Policy" not in headers


def test_with_other_machines_let_in_any_name_is_right() -> None:
    assert status("/", "my-workstation:7860", [])[0] == 200


def test_it_listens_here_and_takes_the_next_free_port(caplog: pytest.LogCaptureFixture) -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert is_local(first)
        assert address_of(first) == f"http://127.0.0.1:{port}"
        assert "localhost" in names_of(first)
        with listen("127.0.0.1", port) as second:
            assert second.getsockname()[1] > port
            assert f"port {port} is not free" in caplog.text
    with listen("0.0.0.0", 0) as everywhere:
        assert not is_local(everywhere)
        assert names_of(everywhere) == []
        assert address_of(everywhere).startswith("http://127.0.0.1:")
    with pytest.raises(ConfigError, match="nothing can listen at 192"):
        listen("192.0.2.1", 0)
    with pytest.raises(ConfigError, match="--host no such host"):
        listen("no such host", 0)


def test_uploads_are_deleted_and_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "True")
    with quiet_gradio() as folder:
        (folder / "photo.png").touch()
        assert folder.stat().st_mode & 0o077 == 0
        assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
        assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
    assert not folder.exists()
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "True"


@pytest.mark.parametrize("place", ["http://127.0.0.1/a.png", "https://example.com/a.png", "file:///etc/passwd"])
def test_no_picture_is_fetched_from_an_address(place: str) -> None:
    with pytest.raises(ValueError, match="not fetched"):
        _refuse_addresses(place)
    _refuse_addresses("/tmp/finecops-demo-x/a.png")


def test_wrong_options_and_a_missing_gradio_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    code, text = run("demo")
    assert (code, "[demo]" in text) == (1, True)
    assert run("demo", "--mllm", "qwen9")[0] == 1
    code, text = run("demo", "--order", "best")
    assert (code, "unknown order" in text) == (2, True)

"""Target extraction by a text model: parsing, repeated requests, failures, and a server that misbehaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from finecops.config.schema import ExtractorConfig
from finecops.errors import ConfigError
from finecops.models import attempts
from finecops.models.extractors import LlmExtractor, RulesExtractor, conversation, parse_phrases
from finecops.models.openai_text import OpenAiText
from tests.conftest import make_sample

SAMPLES = [
    make_sample("a", expression="the red car near the tree"),
    make_sample("b", expression="on the table stands a cup"),
    make_sample("c", expression="the fish"),
]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"1": "the red car", "2": "a cup", "3": "the fish"}', {"a": "the red car", "b": "a cup", "c": "the fish"}),
        ("{'1': 'the red car', 2: 'a cup'}", {"a": "the red car", "b": "a cup"}),  # a Python dictionary, one missing
        ('Sure! ```json\n{"1": "the red car"}\n```', {"a": "the red car"}),
        ('{"1": ["car"], "2": "", "3": "the fish"}', {"c": "the fish"}),
        ('{"1": "the red car", "2": ', {}),
        ("", {}),
        ("[1, 2]", {}),
        ("__import__('os').system('true')", {}),
    ],
)
def test_parse_phrases(reply: str, expected: dict[str, str]) -> None:
    assert parse_phrases(SAMPLES, reply) == expected


class Scripted:
    """A text model that answers from a list."""

    def __init__(self, *replies: str | Exception) -> None:
        self.replies = list(replies)
        self.asked: list[Any] = []

    def complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        self.asked += conversations
        return [self.replies.pop(0) for _ in conversations]


def test_a_missing_phrase_is_requested_again_alone_and_fails_alone() -> None:
    llm = Scripted('{"1": "the red car"}', '{"1": "mug"}', TimeoutError("slow"))
    rows = {row.sample_id: row for row in LlmExtractor(llm, "scripted", 8).extract(SAMPLES)}
    assert (rows["a"].status, rows["a"].phrase) == ("found", "red car")
    assert (rows["b"].status, rows["b"].span) == ("unmatched", None)
    assert rows["c"].status == "failed"
    assert "TimeoutError: slow" in str(rows["c"].reason)
    assert len(llm.asked) == 3


def test_the_question_has_the_papers_text() -> None:
    messages = conversation(SAMPLES[:1])
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert messages[1]["content"].startswith(
        'Which object does given expressions refer to? Answer in dict format{"1": "next'
    )
    assert json.loads(messages[2]["content"]) == {"1": "the white truck", "2": "the young girl", "3": "this tree."}
    assert json.loads(messages[3]["content"]) == {"1": "the red car near the tree"}


class Server(BaseHTTPRequestHandler):
    """A chat completions server, as far as the client needs one. It answers from the class's script."""

    script: ClassVar[list[tuple[int, dict[str, str], Any]]] = []
    seen: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        self.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, headers, content = self.script.pop(0) if self.script else (500, {}, "no more")
        if status == 200:
            message = {"role": "assistant", "content": content}
            body = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
            choices = [{"index": 0, "finish_reason": "stop", "message": message}] if content is not None else []
            raw = json.dumps(body | {"choices": choices}).encode()
        else:
            raw = json.dumps({"error": {"message": content}}).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.01)
    Server.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def openai_config(url: str | None) -> ExtractorConfig:
    return ExtractorConfig(name="srv", kind="extractor", backend="openai", model="m", base_url=url, concurrency=2)


def test_a_busy_server_is_asked_again_and_an_error_becomes_a_failed_row(server_url: str) -> None:
    Server.script = [
        (429, {"Retry-After": "0"}, "slow down"),  # retried by the client
        (200, {}, '{"1": "the red car", "2": "a cup"}'),
        (401, {}, "bad key"),
    ]
    rows = LlmExtractor(OpenAiText(openai_config(server_url)), "srv", 8).extract(SAMPLES)
    assert [row.status for row in rows] == ["found", "found", "failed"]
    assert "AuthenticationError" in str(rows[2].reason)
    assert Server.seen[0]["model"] == "m"
    assert Server.seen[0]["temperature"] == 0


def test_an_answer_without_content_is_requested_again(server_url: str) -> None:
    Server.script = [(200, {}, None), (200, {}, '{"1": "the fish"}')]
    extractor = LlmExtractor(OpenAiText(openai_config(server_url)), "srv", 8)
    assert extractor.extract(SAMPLES[2:])[0].status == "found"


def test_a_missing_key_is_an_error_before_any_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAiText(openai_config(None))


def test_the_rules_mark_what_they_are_not_sure_of() -> None:
    texts = ("red car near the tree", "not the mom the baby")
    rows = RulesExtractor().extract([SAMPLES[0].model_copy(update={"expression": text}) for text in texts])
    assert [(row.phrase, row.status) for row in rows] == [("red car", "found"), ("baby", "doubtful")]

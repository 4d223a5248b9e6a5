"""One client for all requests to a server: who waits for whom, in which order, on how many connections."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from finecops.errors import ModelError
from finecops.models import attempts, openai_client
from finecops.models.completion import Completion
from finecops.models.endpoint import Endpoint
from finecops.models.openai_client import ask_all, width_of_endpoint
from finecops.models.openai_requests import Request
from tests.hostile.hostile_server import completion


class Server:
    """Keeps connections open, and answers each request with its own text; `hold(text)` may wait."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.connections = 0
        self.most = 0
        self.under_way = 0
        self.lock = threading.Lock()
        self.status = 200
        self.hold: Any = lambda text: None

    def config(self, concurrency: Any = 4) -> Endpoint:
        return Endpoint("m", self.url, "k", concurrency, 20.0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.01)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with state.lock:
                state.connections += 1

        def do_POST(self) -> None:
            text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][0]["content"]
            with state.lock:
                state.seen.append(text)
                state.under_way += 1
                state.most = max(state.most, state.under_way)
                status = state.status
            state.hold(text)
            with state.lock:
                state.under_way -= 1
            body = json.dumps(completion(text)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads, http.block_on_close = True, False
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    state.url = f"http://127.0.0.1:{http.server_port}/v1"
    yield state
    http.shutdown()
    http.server_close()


def requests(*texts: str) -> list[Request]:
    return [{"messages": [{"role": "user", "content": text}]} for text in texts]


def texts(answers: list[Completion | ModelError]) -> list[str]:
    return [answer.text if isinstance(answer, Completion) else "failed" for answer in answers]


def test_answers_are_in_the_order_of_the_requests_and_connections_are_kept(server: Server) -> None:
    names = [str(number) for number in range(20)]
    for _ in range(3):
        assert texts(ask_all(server.config(), requests(*names))) == names
    assert server.most <= 4
    assert server.connections <= 4


def test_one_at_a_time_requests_arrive_in_their_order(server: Server) -> None:
    names = [str(number) for number in range(10)]
    ask_all(server.config(1), requests(*names))
    assert server.seen == names


def test_nobody_waits_for_a_slow_answer(server: Server) -> None:
    """The slow one is answered when those of two other calls are."""
    others = threading.Semaphore(0)

    def hold(text: str) -> None:
        if text == "slow":
            for _ in range(8):
                assert others.acquire(timeout=30)
        else:
            others.release()

    server.hold = hold
    found: dict[str, list[str]] = {}

    def ask(*names: str) -> None:
        found[names[0]] = texts(ask_all(server.config(2), requests(*names)))

    threads = [
        threading.Thread(target=ask, args=names) for names in (("slow", "a", "b"), ("c", "d", "e"), ("f", "g", "h"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {"slow": ["slow", "a", "b"], "c": ["c", "d", "e"], "f": ["f", "g", "h"]}
    assert server.most == 2


def test_who_stops_gives_up_what_is_not_asked_yet(server: Server) -> None:
    def answered(index: int, answer: Completion | ModelError) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask_all(server.config(1), requests(*map(str, range(50))), answered)
    assert texts(ask_all(server.config(1), requests("after"))) == ["after"]
    assert len(server.seen) < 10


def test_answers_are_told_in_the_callers_thread(server: Server) -> None:
    noticed: list[tuple[int, int]] = []
    ask_all(server.config(), requests("a", "b"), lambda index, answer: noticed.append((index, threading.get_ident())))
    assert sorted(noticed) == [(index, threading.get_ident()) for index in (0, 1)]


def test_a_busy_server_gets_fewer_requests(server: Server) -> None:
    endpoint = server.config("auto")
    before = width_of_endpoint(endpoint)
    server.status = 429
    (answer,) = ask_all(endpoint, requests("a"))
    assert isinstance(answer, ModelError)
    assert width_of_endpoint(endpoint) == before // 2


def test_clients_that_nobody_uses_are_closed(server: Server) -> None:
    for concurrency in range(1, 9):
        assert texts(ask_all(server.config(concurrency), requests("a"))) == ["a"]
    assert len(openai_client._clients) <= openai_client._MOST_CLIENTS

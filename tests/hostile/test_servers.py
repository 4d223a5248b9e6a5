"""Servers that drip, flood, redirect, echo the key or answer nonsense: a sample fails alone, with a reason, in time."""

from __future__ import annotations

import base64
import gzip
import io
import json
import logging
import time
import zlib
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from finecops.config.find import load_extractor, load_mllm
from finecops.config.schema import MllmConfig
from finecops.images import Picture
from finecops.models import attempts, redaction, server_client
from finecops.models.extractors import LlmExtractor, parse_phrases
from finecops.models.openai_mllm import OpenAiMllm, without_end
from finecops.models.openai_text import OpenAiText
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup
from finecops.models.redaction import RedactingFilter, keep_secret, one_line, redact
from finecops.models.server_client import _wait_seconds
from finecops.replies.answer import Reply
from finecops.replies.letters import LetterScores
from tests.conftest import make_sample
from tests.hostile.hostile_server import BOX, Write, closed_port, completion, send, serving, token
from tests.processes import at_most

KEY = "sk-open/sesame+4711=?"
IMAGE = Picture(Image.new("RGB", (100, 50)))


@pytest.fixture(autouse=True)
def quick_and_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """One retry after a short wait, and a key."""
    monkeypatch.setattr(attempts, "RETRIES", 1)
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(redaction, "_known", set())


def config(url: str, seconds: float = 5.0) -> MllmConfig:
    base = load_mllm("qwen2-vl-7b-server")
    return base.model_copy(update={"base_url": url, "weights": "m", "name": "served", "timeout_seconds": seconds})


def ground(url: str, *texts: str, seconds: float = 5.0) -> list[Reply]:
    group = QueryGroup(IMAGE, tuple(Query(text) for text in texts or ("a car",)))
    (replies,) = OpenAiMllm(config(url, seconds)).ground([group])
    return replies


def choose(url: str) -> LetterScores:
    question = Question("Which?", ("A", "B"))
    ((scores,),) = OpenAiMllm(config(url)).choose([QuestionGroup(IMAGE, (question,))])
    return scores


def reason(write: Write, seconds: float = 5.0) -> str:
    """Why the answer of such a server is a failure."""
    with serving(write) as (url, _):
        (reply,) = ground(url, seconds=seconds)
    assert reply.answer is not None
    assert reply.answer.status == "failed"
    assert reply.answer.reason is not None
    assert reply.answer.reason.startswith(url)
    assert reply.answer.reason.isprintable()
    return reply.answer.reason.removeprefix(url)


NUMBERS = [
    *((value, "a log-probability is not a number") for value in (float("nan"), float("inf"))),
    *((value, "a log-probability is above 0") for value in (5.0, 1e308)),
    *((value, "logprob: Input should be a valid number") for value in ("many", "-0.1", False, True, None, [], {})),
]


@pytest.mark.parametrize(("value", "message"), NUMBERS)
def test_a_log_probability_that_is_none_fails_its_sample_alone(value: Any, message: str) -> None:
    def write(handler: BaseHTTPRequestHandler, body: str) -> None:
        bad = value if "the bad car" in body else -0.1
        send(handler, completion(logprobs={"content": [token(BOX, bad)]}))

    with serving(write) as (url, _):
        good, bad, other = ground(url, "the good car", "the bad car", "another car")
    assert bad.answer is not None
    assert message in str(bad.answer.reason)
    assert [reply.text for reply in (good, other)] == [BOX, BOX]
    assert good.token_probs == other.token_probs == (pytest.approx(0.9048, abs=1e-4),)


@pytest.mark.parametrize(("value", "message"), NUMBERS)
def test_a_letters_log_probability_that_is_none_is_an_error(value: Any, message: str) -> None:
    top = completion("A", {"content": [token("A", -0.1, A=-0.1, B=value)]})
    with serving(lambda handler, body: send(handler, top)) as (url, _):
        scores = choose(url)
    assert scores.probabilities is None
    assert message in str(scores.error)


def test_a_probability_of_0_is_a_number() -> None:
    top = completion("A", {"content": [token("A", -0.1, A=-0.1, B=float("-inf"))]})
    with serving(lambda handler, body: send(handler, top)) as (url, _):
        assert choose(url).probabilities == (1.0, 0.0)


def drip(handler: BaseHTTPRequestHandler, body: str) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def drip_headers(handler: BaseHTTPRequestHandler, body: str) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
    for _ in range(100):
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.1)


def silence(handler: BaseHTTPRequestHandler, body: str) -> None:
    time.sleep(5)


@pytest.mark.parametrize(
    "write", [drip, *(pytest.param(w, marks=pytest.mark.hostile) for w in (drip_headers, silence))]
)
def test_a_server_that_drips_or_is_silent_holds_a_sample_no_longer_than_its_deadline(write: Write) -> None:
    start = time.monotonic()
    assert reason(write, seconds=0.5) == ": no answer within 0.5 s"
    # Two attempts, of servers that would go on for five or ten seconds each.
    assert time.monotonic() - start < 8


def flood(handler: BaseHTTPRequestHandler, body: str) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b" " * 1_000_000)


def bomb(layers: int = 1) -> bytes:
    content = zlib.compress(b" " * 200_000_000, 9, wbits=31)
    return gzip.compress(content) if layers == 2 else content


BODIES = [
    (flood, "more than 4,000,000 bytes"),
    (lambda h, b: send(h, bomb(), Content_Encoding="gzip"), "more than 4,000,000 bytes"),
    (lambda h, b: send(h, zlib.compress(b" " * 100_000_000), Content_Encoding="deflate"), "more than 4,000,000 bytes"),
    (lambda h, b: send(h, b"x", Content_Encoding="br"), "packed as 'br'"),
    (lambda h, b: send(h, b"x", Content_Encoding="gzip, gzip"), "packed as 'gzip, gzip'"),
    (lambda h, b: send(h, b"not packed", Content_Encoding="gzip"), "cannot be unpacked"),
    (lambda h, b: send(h, gzip.compress(b"{}" * 1000)[:20], Content_Encoding="gzip"), "cannot be read"),
    (lambda h, b: send(h, b""), "cannot be read"),
    (lambda h, b: send(h, b"\xff\xfe{}"), "cannot be read"),
    (lambda h, b: send(h, b"[" * 200_000), "cannot be read"),
    (lambda h, b: send(h, b'{"choices": [{"mess'), "cannot be read"),
    (lambda h, b: send(h, b"<html>"), "cannot be read"),
    (lambda h, b: send(h, b"<html>", Content_Type="text/html"), ""),
    (lambda h, b: h.wfile.write(b"nonsense\r\n\r\n"), "no connection"),
    (lambda h, b: h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), "no connection"),
    (lambda h, b: h.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "no connection"),
    (lambda h, b: h.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), "no connection"),
    (lambda h, b: None, "no connection"),
    (lambda h, b: send(h, completion("x" * 200_001)), "more than 200,000 characters"),
    *(
        (lambda h, b, value=value: send(h, value), "")
        for value in (
            None, 7, "text", [], {}, {"choices": 3}, {"choices": "abc"}, {"choices": [None]}, {"choices": [{}]},
            {"choices": [{"message": 3}]}, {"choices": [{"message": {"content": 7}}]}, {"choices": {"a": 1}},
            completion([{"type": "text", "text": "x"}]), completion(logprobs=7), completion(logprobs={"content": "x"}),
            completion(logprobs={"content": [7]}), completion(logprobs={"content": [{"token": 7, "logprob": -1}]}),
            completion(model=7), completion(model="another"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("write", "message"), BODIES)
def test_an_answer_that_is_none_is_a_failure(write: Write, message: str) -> None:
    assert message in reason(write)


def test_a_packed_answer_is_read() -> None:
    content = gzip.compress(json.dumps(completion()).encode())
    with serving(lambda h, b: send(h, content, Content_Encoding="gzip")) as (url, _):
        assert ground(url)[0].text == BOX


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("999999", 30), ("30.5", 30), ("2", 2), ("0", 0), ("-5", 0), ("1e308", 30), ("inf", 30), ("nan", 0), ("", 0),
        ("soon", 0), ("Wed, 21 Oct 2099 07:28:00 GMT", 30), ("Wed, 21 Oct 2026 07:28:10 GMT", 10),
        ("Wed, 21 Oct 2001 07:28:00 GMT", 0), ("Wed, 99 Oct 2026 07:28:00 GMT", 0), ("9" * 5000, 30),
    ],
)  # fmt: skip
def test_how_long_to_wait_has_a_limit(header: str, seconds: float) -> None:
    assert _wait_seconds(header, "Wed, 21 Oct 2026 07:28:00 GMT") == seconds
    assert _wait_seconds("Wed, 21 Oct 2026 07:28:10 GMT", None) == 0


@pytest.mark.parametrize("header", ["999999", "-5", "soon", "Wed, 21 Oct 2099 07:28:00 GMT"])
@pytest.mark.parametrize("more", [{}, {"x_should_retry": "false", "retry_after_ms": "999999999"}])
def test_a_server_that_asks_for_a_long_wait_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, header: str, more: dict[str, str]
) -> None:
    monkeypatch.setattr(server_client, "MOST_WAIT_SECONDS", 0.05)
    replies = [(429, {"error": {"message": "slow down"}}), (200, completion())]

    def write(handler: BaseHTTPRequestHandler, body: str) -> None:
        status, content = replies.pop(0)
        send(handler, content, status, Retry_After=header, **more)

    with serving(write) as (url, _):
        assert ground(url)[0].text == BOX


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_neither_image_nor_key_follows_a_redirect(status: int) -> None:
    with serving(lambda handler, body: send(handler, completion())) as (other, seen_by_other):
        where = f"{other}/chat/completions"
        said = reason(lambda handler, body: send(handler, b"", status, Location=where))
    assert seen_by_other == []
    assert "it sends to another address, which gets neither key nor image" in said


ECHOES = {
    "as it is": KEY,
    "Bearer": f"Bearer {KEY}",
    "URL-encoded": quote(KEY, safe=""),
    "URL-encoded, lower case": quote(KEY, safe="").lower(),
    "form-encoded": quote_plus(KEY),
    "lower case": KEY.lower(),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of user:key": base64.b64encode(f"user:{KEY}".encode()).decode(),
    "base64 of Bearer key": base64.b64encode(f"Bearer {KEY} ".encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"ab{KEY}".encode()).decode(),
    "hexadecimal": KEY.encode().hex(),
}


def leaks(text: str) -> bool:
    """Whether a part of the key of 12 characters stands in a text, in any form."""
    plain, lowered = KEY.lower(), text.lower()
    encoded = [base64.b64encode(b"\0" * n + KEY.encode()).decode()[4:16] for n in range(3)]
    forms = [plain[:12], quote(KEY, safe="").lower()[:12], KEY.encode().hex()[:12], *(one.lower() for one in encoded)]
    return any(form in lowered for form in forms)


@pytest.mark.parametrize(
    "echo",
    [
        pytest.param(echo, id=name, marks=[] if name == "as it is" else pytest.mark.hostile)
        for name, echo in ECHOES.items()
    ],
)
def test_a_key_that_a_server_echoes_stands_nowhere(echo: str, caplog: pytest.LogCaptureFixture) -> None:
    assert leaks(echo)
    caplog.set_level(logging.DEBUG)
    caplog.handler.addFilter(RedactingFilter())
    pieces = [token(echo[i : i + 3], -0.1, A=-1.0, **{echo: -2.0}) for i in range(0, len(echo), 3)]
    answers: Sequence[Write] = [
        lambda h, b: send(h, {"error": {"message": f"bad key {echo}"}}, 401),
        lambda h, b: send(h, {"error": {"message": f"bad key {echo}"}}, 400),
        lambda h, b: send(h, {"detail": [{"headers": echo}]}, 403),
        lambda h, b: send(h, ("x" * 490 + echo).encode(), 500),
        lambda h, b: send(h, completion(f"your key is {echo}")),
        lambda h, b: send(h, completion(echo, {"content": pieces})),
        lambda h, b: send(h, completion(BOX, {"content": pieces})),
        lambda h, b: send(h, completion(model=echo)),
        lambda h, b: send(h, b"", 302, Location=f"http://127.0.0.1/{echo}"),
        lambda h, b: send(h, {"choices": [{"message": {"content": {echo: echo}}}]}),
        lambda h, b: send(h, f'{{"a": {echo}'.encode()),
        lambda h, b: send(h, completion(None, choices=[{"message": {"refusal": echo, "content": None}}])),
    ]
    for write in answers:
        with serving(write) as (url, seen):
            (reply,), scores = ground(url), choose(url)
            sample = make_sample("a")
            extractor = load_extractor("openai-extractor").model_copy(update={"base_url": url, "model": "m"})
            (row,) = LlmExtractor(OpenAiText(extractor), "x", 8).extract([sample])
        assert seen[0]["authorization"] == f"Bearer {KEY}"
        assert not leaks(f"{reply}{scores}{row}")
        assert not leaks("".join(reply.token_texts or ()))
    assert not leaks(caplog.text)


def test_a_filter_hides_keys_in_messages_arguments_and_tracebacks() -> None:
    keep_secret(KEY)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    log = logging.getLogger("tests.hostile.redaction")
    log.propagate = False
    log.addHandler(handler)
    try:
        log.warning("sent %s to %s", KEY, f"http://user:{KEY}@host/v1")
        try:
            raise ValueError(f"Illegal header value b'Bearer {KEY}'")
        except ValueError:
            log.exception("failed")
        log.warning("too few arguments %s %s", "a")
    finally:
        log.removeHandler(handler)
    assert "sent [key] to http://[key]@host/v1" in stream.getvalue()
    assert not leaks(stream.getvalue())


def test_words_that_servers_without_keys_get_are_no_secret() -> None:
    for word in ("unused", "EMPTY", "none", "", " "):
        keep_secret(word)
    assert redact("an unused EMPTY box, none") == "an unused EMPTY box, none"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60), st.text())
def test_any_key_is_hidden_in_any_text(before: str, key: str, after: str) -> None:
    keep_secret(key)
    with at_most(0.5):
        for form in (key, quote(key, safe=""), base64.b64encode(f"{before}{key}".encode("utf-8", "replace")).decode()):
            assert key not in redact(f"{before} {form} {after}").replace(before, "").replace(after, "")
        assert one_line(before).isprintable()


FAILURES: Sequence[Any] = [
    lambda n: {"error": {"message": f"Error in request req_{n}a8f3c2d1e at 2026-11-24T18:0{n}:12.345Z"}},
    lambda n: {"error": {"message": f"request_id: 1234567{n}-89ab-cdef-0123-456789abcdef took {n}.25 s"}},
    lambda n: {"error": {"message": f"upstream 10.0.0.1:4512{n} reset after 3{n} ms"}},
]


@pytest.mark.parametrize("body", FAILURES)
def test_like_failures_have_like_reasons(body: Any) -> None:
    count = iter(range(1, 9))
    with serving(lambda handler, _: send(handler, body(next(count)), 404)) as (url, _):
        replies = ground(url, "a", "b", "c")
    reasons = {str(reply.answer and reply.answer.reason) for reply in replies}
    assert len(reasons) == 1
    assert reasons.pop().startswith(f"{url}: NotFoundError: ")


def test_no_server_is_named() -> None:
    url = f"http://127.0.0.1:{closed_port()}/v1"
    (reply,) = ground(url)
    assert reply.answer is not None
    assert str(reply.answer.reason).startswith(f"{url}: no connection (")


@pytest.mark.parametrize("text", ["<|im_end|>" * 20_000 + "x", "<|im_end|>" * 20_000, "</s><" * 20_000, "<" * 200_000])
def test_the_end_of_a_turn_is_found_in_linear_time(text: str) -> None:
    with at_most(0.5):
        without_end(text)


@pytest.mark.parametrize(
    "text",
    [
        "{" * 200_000, "{'a': " * 50_000 + "}", "{" + "[" * 100_000 + "}", "{'a': " + "-" * 19_000 + "1}",
        "{'1': " + "9" * 15_000 + "}", "{" + "(" * 90 + ")" * 90 + "}", "{'1': b'x'}", "{{}: 1}", "{**{}}", "{1j: 1}",
        '{"a":' * 30_000 + "1" + "}" * 30_000, "{'1': '" + "\\N{SPACE}" * 1500 + "'}", "}{", "{'1': 1e999}",
        "{'1': '\\ud800'}", "{'1': '''" + "a\n" * 5000 + "'''}", "{[1]: 2}", "{'1': {1, 2}}", "{'1': 1 if 1 else 2}",
    ],
)  # fmt: skip
def test_a_hostile_dictionary_is_read_in_linear_time_or_not_at_all(text: str) -> None:
    with at_most(0.5):
        found = parse_phrases([make_sample("a")], text)
    assert all(isinstance(value, str) for value in found.values())


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="{}[]()'\":,1aé\\\n -", max_size=200))
def test_any_reply_of_a_text_model_gives_phrases_or_none(text: str) -> None:
    with at_most(1.0):
        found = parse_phrases([make_sample("a")], text)
    assert all(isinstance(value, str) for value in found.values())

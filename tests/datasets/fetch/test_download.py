"""One file from a server that drops connections, is busy, does not continue, redirects, or has another file."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finecops.datasets.fetch import download as module
from finecops.datasets.fetch import http
from finecops.datasets.fetch.download import Wanted, download
from finecops.datasets.fetch.http import NetworkError, Session
from tests.datasets.fetch.shelf import Answer, Shelf, change, cut, no_range, serving, status
from tests.hostile.hostile_server import closed_port

CONTENT = random.Random(0).randbytes(100_000)
OTHER = random.Random(1).randbytes(100_000)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with serving() as shelf:
        shelf.files["/a.json"] = CONTENT
        yield shelf


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    seen: list[float] = []
    monkeypatch.setattr(http, "wait", seen.append)
    return seen


def wanted(folder: Path, shelf: Shelf, **changes: Any) -> Wanted:
    usual = {"size": len(CONTENT), "md5": hashlib.md5(CONTENT).hexdigest(), "md5_of": "of the test"}
    return Wanted(name="a.json", url=f"{shelf.url}/a.json", path=folder / "a.json", **(usual | changes))


def get(file: Wanted) -> list[int]:
    """Download it; the numbers of bytes that the bar was told."""
    came: list[int] = []
    download(Session(), file, came.append)
    return came


def test_a_file_comes_whole_and_leaves_nothing_else(tmp_path: Path, shelf: Shelf, waits: list[float]) -> None:
    assert get(wanted(tmp_path, shelf))[-1] == len(CONTENT)
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_bytes() == CONTENT
    assert waits == []


@pytest.mark.parametrize("known", [{}, {"size": None, "md5": None}])
def test_a_dropped_connection_is_continued(tmp_path: Path, shelf: Shelf, known: Any, waits: list[float]) -> None:
    shelf.faults["/a.json"] = [cut(30_000), cut(0), cut(1), cut(20_000)]
    get(wanted(tmp_path, shelf, **known))
    assert (tmp_path / "a.json").read_bytes() == CONTENT
    assert shelf.ranges("/a.json") == [None, "bytes=30000-", "bytes=30000-", "bytes=30001-", "bytes=50001-"]
    # Longer each time nothing came, and short again after something did.
    assert waits == [1, 2, 1, 1]


def test_a_server_that_never_gives_anything_is_given_up(tmp_path: Path, shelf: Shelf) -> None:
    shelf.always = [cut(0)]
    with pytest.raises(NetworkError, match=r"a\.json: the connection ended after 0 of 100,000 bytes; given up after 6"):
        get(wanted(tmp_path, shelf))


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "86400"}, 120),
        ({"Retry_After": "Wed, 01 Jan 2031 00:00:09 GMT", "Date": "Wed, 01 Jan 2031 00:00:00 GMT"}, None),
        ({"Retry_After": "soon"}, 1),
        ({"Retry_After": "-5"}, 1),
        ({}, 1),
    ],
)
@pytest.mark.parametrize("code", [503, 429])
def test_a_busy_server_is_waited_for(
    tmp_path: Path, shelf: Shelf, waits: list[float], headers: dict[str, str], waited: float | None, code: int
) -> None:
    shelf.faults["/a.json"] = [status(code, **headers)]
    get(wanted(tmp_path, shelf))
    assert (tmp_path / "a.json").read_bytes() == CONTENT
    # A date is by the server's own clock; Python's server sends another date before ours.
    assert len(waits) == 1 if waited is None else waits == [waited]
    assert 0 <= waits[0] <= 120


@pytest.mark.parametrize(
    ("code", "message"),
    [(404, "answers 404"), (403, "answers 403"), (401, "answers 401"), (500, "given up after 6 attempts")],
)
def test_a_refusal_is_an_error(tmp_path: Path, shelf: Shelf, code: int, message: str) -> None:
    shelf.always = [status(code)]
    with pytest.raises(NetworkError, match=message):
        get(wanted(tmp_path, shelf))


def stopped_at(folder: Path, shelf: Shelf, count: int, **changes: Any) -> None:
    """A download that was stopped after so many bytes."""
    shelf.faults["/a.json"] = [cut(count), status(404)]
    with pytest.raises(NetworkError):
        get(wanted(folder, shelf, **changes))
    assert (folder / "a.json.partial").stat().st_size == count
    shelf.asked.clear()


def test_the_same_command_goes_on(tmp_path: Path, shelf: Shelf) -> None:
    stopped_at(tmp_path, shelf, 70_000)
    get(wanted(tmp_path, shelf))
    assert shelf.ranges("/a.json") == ["bytes=70000-"]
    assert (tmp_path / "a.json").read_bytes() == CONTENT


def test_a_server_that_does_not_continue_begins_anew(
    tmp_path: Path, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    stopped_at(tmp_path, shelf, 70_000)
    shelf.faults["/a.json"] = [no_range]
    get(wanted(tmp_path, shelf))
    assert (tmp_path / "a.json").read_bytes() == CONTENT
    assert "the server does not continue it; it is downloaded from its start" in caplog.text


def no_if_range(answer: Answer) -> bool:
    """A server that does not know If-Range: it sends a part of another file."""
    answer.if_range = None
    return False


def no_etag(answer: Answer) -> bool:
    """A server without ETags, which sends a part of another file."""
    first = int((answer.range or "bytes=0-").removeprefix("bytes=").rstrip("-"))
    assert answer.content is not None
    where = f"bytes {first}-{len(answer.content) - 1}/{len(answer.content)}"
    return answer.send(206, answer.content[first:], Content_Range=where)


@pytest.mark.parametrize("md5", [hashlib.md5(OTHER).hexdigest(), None])
@pytest.mark.parametrize("fault", [None, no_if_range])
def test_a_file_that_changed_on_the_server_begins_anew(
    tmp_path: Path, shelf: Shelf, caplog: pytest.LogCaptureFixture, md5: str | None, fault: Any
) -> None:
    stopped_at(tmp_path, shelf, 70_000, md5=md5)
    shelf.files["/a.json"] = OTHER
    shelf.faults["/a.json"] = [fault] if fault is not None else []
    get(wanted(tmp_path, shelf, md5=md5))
    assert (tmp_path / "a.json").read_bytes() == OTHER
    assert "the file has changed on the server; it is downloaded from its start" in caplog.text


def test_a_change_that_no_header_shows_is_found_by_the_md5(
    tmp_path: Path, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    md5 = hashlib.md5(OTHER).hexdigest()
    stopped_at(tmp_path, shelf, 70_000, md5=md5)
    shelf.files["/a.json"] = OTHER
    shelf.faults["/a.json"] = [no_etag]
    get(wanted(tmp_path, shelf, md5=md5))
    assert (tmp_path / "a.json").read_bytes() == OTHER
    assert "it is downloaded again from its start" in caplog.text


def test_a_file_that_shrank_begins_anew(tmp_path: Path, shelf: Shelf) -> None:
    stopped_at(tmp_path, shelf, 70_000, size=None, md5=None)
    shelf.files["/a.json"] = OTHER[:50_000]
    shelf.always = [no_if_range]
    get(wanted(tmp_path, shelf, size=None, md5=None))
    assert (tmp_path / "a.json").read_bytes() == OTHER[:50_000]


def test_a_new_version_in_the_record_begins_anew(
    tmp_path: Path, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    stopped_at(tmp_path, shelf, 70_000)
    shelf.files["/a.json"] = OTHER
    get(wanted(tmp_path, shelf, md5=hashlib.md5(OTHER).hexdigest()))
    assert shelf.ranges("/a.json") == [None]
    assert "of another version of the file" in caplog.text


@pytest.mark.parametrize("about", [b"", b"{", b"[]", b'{"size": "x", "etag": null, "md5": null}', None])
def test_a_partial_file_of_nobody_begins_anew(tmp_path: Path, shelf: Shelf, about: bytes | None) -> None:
    (tmp_path / "a.json.partial").write_bytes(OTHER[:5000])
    if about is not None:
        (tmp_path / "a.json.partial.json").write_bytes(about)
    get(wanted(tmp_path, shelf))
    assert (tmp_path / "a.json").read_bytes() == CONTENT


def test_a_wrong_file_is_asked_for_twice_and_not_kept(
    tmp_path: Path, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.files["/a.json"] = OTHER
    with pytest.raises(NetworkError, match=r"came twice with a fault: its MD5 is .*\(of the test\)"):
        get(wanted(tmp_path, shelf))
    assert len(shelf.asked) == 2
    assert list(tmp_path.iterdir()) == []
    assert "it is downloaded again from its start" in caplog.text


def test_a_damaged_partial_file_is_found(tmp_path: Path, shelf: Shelf) -> None:
    stopped_at(tmp_path, shelf, 70_000)
    with (tmp_path / "a.json.partial").open("r+b") as file:
        file.write(b"power was lost")
    get(wanted(tmp_path, shelf))
    assert (tmp_path / "a.json").read_bytes() == CONTENT


def test_a_whole_partial_file_needs_no_server(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*paths: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "replace", killed)
        # The record of the version is written by its own function, before the file.
        patch.setattr(module, "write_atomically", lambda path, content: path.write_bytes(content))
        with pytest.raises(KeyboardInterrupt):
            get(wanted(tmp_path, shelf))
    shelf.asked.clear()
    get(wanted(tmp_path, shelf))
    assert shelf.asked == []
    assert (tmp_path / "a.json").read_bytes() == CONTENT


def test_a_size_that_is_not_meant_is_refused_before_it_comes(tmp_path: Path, shelf: Shelf) -> None:
    shelf.files["/a.json"] = OTHER[:777]
    with pytest.raises(NetworkError, match="has a file of 777 bytes, and 100,000 are meant"):
        get(wanted(tmp_path, shelf))


def test_an_endless_file_is_stopped(tmp_path: Path, shelf: Shelf) -> None:
    def endless(answer: Answer) -> bool:
        answer.handler.send_response(200)
        answer.handler.send_header("Connection", "close")
        answer.handler.end_headers()
        answer.handler.close_connection = True
        while True:
            answer.handler.wfile.write(b"x" * 65_536)

    shelf.always = [endless]
    with pytest.raises(NetworkError, match="sends more than the 100,000 bytes"):
        get(wanted(tmp_path, shelf))


def test_a_redirect_is_followed_and_continued(tmp_path: Path, shelf: Shelf) -> None:
    shelf.files["/s3/a"] = shelf.files.pop("/a.json")
    shelf.faults["/a.json"] = [status(302, Location=f"{shelf.url}/s3/a")] * 3
    shelf.faults["/s3/a"] = [cut(40_000)]
    get(wanted(tmp_path, shelf))
    assert (tmp_path / "a.json").read_bytes() == CONTENT
    assert shelf.ranges("/s3/a") == [None, "bytes=40000-"]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://example.org/a", "is not https"),
        ("ftp://example.org/a", "is not a link to a server"),
        ("file:///etc/passwd", "is not a link to a server"),
        ("https://user:secret@example.org/a", "is not a link to a server"),
        ("/a.json", "more than 5 redirects"),
        ("http://[bad", "redirects to what is no link"),
    ],
)
def test_a_strange_redirect_is_refused(tmp_path: Path, shelf: Shelf, location: str, message: str) -> None:
    shelf.always = [status(302, Location=location)]
    with pytest.raises(NetworkError, match=message):
        get(wanted(tmp_path, shelf))


@pytest.mark.parametrize("link", ["http://127.0.0.1:9/a", "http://localhost/a"])
def test_a_server_elsewhere_cannot_send_to_this_machine(link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        status, url = 302, "https://example.org/a"

        def header(self, name: str) -> str:
            return link

        def close(self) -> None:
            pass

    monkeypatch.setattr(Session, "_ask", lambda *_: Away())
    with pytest.raises(NetworkError, match="is not https"):
        Session().get("https://example.org/a")


def test_a_packed_answer_is_refused(tmp_path: Path, shelf: Shelf) -> None:
    shelf.always = [lambda answer: answer.send(200, b"x", Content_Encoding="gzip")]
    with pytest.raises(NetworkError, match=r"is packed \(gzip\)"):
        get(wanted(tmp_path, shelf))


def test_no_network_is_said_soon(tmp_path: Path, shelf: Shelf, waits: list[float]) -> None:
    nobody = Wanted("a.json", f"http://127.0.0.1:{closed_port()}/a.json", tmp_path / "a.json")
    with pytest.raises(NetworkError, match=r"is not reached .*given up after 3 attempts"):
        get(nobody)
    assert sum(waits) < 5


def test_connections_are_kept_open(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0
    connect = http._connect

    def counting(parts: Any) -> Any:
        nonlocal made
        made += 1
        return connect(parts)

    monkeypatch.setattr(http, "_connect", counting)
    session = Session()
    for number in range(5):
        download(session, Wanted("a.json", f"{shelf.url}/a.json", tmp_path / str(number)), lambda n: None)
    assert made == 1
    # The server hangs up between two requests: that is no attempt that failed.
    shelf.faults["/a.json"] = [lambda answer: setattr(answer.handler, "close_connection", True) or False]
    for number in range(2):
        download(session, Wanted("a.json", f"{shelf.url}/a.json", tmp_path / f"b{number}"), lambda n: None)
    assert made == 2


def test_the_file_changes_while_it_comes(tmp_path: Path, shelf: Shelf) -> None:
    shelf.faults["/a.json"] = [cut(30_000), change(OTHER)]
    get(wanted(tmp_path, shelf, md5=hashlib.md5(OTHER).hexdigest()))
    assert (tmp_path / "a.json").read_bytes() == OTHER

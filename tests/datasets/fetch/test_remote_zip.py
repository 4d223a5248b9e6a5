"""Single images out of a zip file on a server."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finecops.archives.directory import read_directory, unpack_member
from finecops.datasets.fetch import http, images, remote_zip
from finecops.datasets.fetch.http import NetworkError, Session
from finecops.datasets.fetch.images import ImagesReport, fetch_images
from finecops.datasets.fetch.remote_zip import RemoteSource, remote_index
from finecops.errors import DataError
from tests.datasets.fetch.shelf import Answer, Shelf, change, cut, no_range, serving, status

PATH = "/gqa/images.zip"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(http, "wait", lambda seconds: None)


def content_of(number: int) -> bytes:
    return bytes([number % 251]) * (2000 + number)


def packed(folder: Path, count: int = 40, shift: int = 0) -> bytes:
    """A zip file of images, as GQA's: all below `images/`."""
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.mkdir("images/")
        for number in range(count):
            archive.writestr(f"images/{number}.jpg", content_of(number + shift))
    return path.read_bytes()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with serving() as shelf:
        shelf.files[PATH] = packed(tmp_path)
        yield shelf


def get(shelf: Shelf, folder: Path, *numbers: Any) -> tuple[ImagesReport, list[Any]]:
    seen: list[Any] = []
    names = [f"{number}.jpg" for number in numbers]
    report = fetch_images(f"{shelf.url}{PATH}", names, folder, lambda n, b: seen.append((n, b)), seen.append)
    return report, seen


def there(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_only_the_directory_and_the_images_are_asked_for(tmp_path: Path, shelf: Shelf) -> None:
    report, seen = get(shelf, tmp_path / "images", 3, 30)
    assert there(tmp_path / "images") == {"3.jpg": content_of(3), "30.jpg": content_of(30)}
    assert (report.fetched, report.not_there, report.failed) == (2, [], [])
    assert seen == [(2, 2003 + 2030), 2003, 2030] or seen == [(2, 2003 + 2030), 2030, 2003]
    asked = 0
    for range_ in shelf.ranges(PATH):
        assert range_ is not None
        first, last = map(int, range_.removeprefix("bytes=").split("-"))
        asked += last - first + 1
    # The end of the file is read for the directory, which may have a comment of 64 KB after it.
    assert asked < 66_000 + 2 * 40 * 100 + 2 * 2200 + 5000


def test_the_directory_is_kept_while_the_file_is_the_same(tmp_path: Path, shelf: Shelf) -> None:
    get(shelf, tmp_path / "images", 3)
    shelf.asked.clear()
    get(shelf, tmp_path / "images", 3, 4)
    # One byte shows that the file is the same; then the one image that is not here.
    assert len(shelf.asked) == 2
    shelf.files[PATH] = packed(tmp_path, shift=7)
    get(shelf, tmp_path / "images", 5)
    assert there(tmp_path / "images")["5.jpg"] == content_of(12)


def test_zip64_is_read(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 50)
    shelf.files[PATH] = packed(tmp_path)
    assert b"PK\x06\x06" in shelf.files[PATH]
    get(shelf, tmp_path / "images", 39)
    assert there(tmp_path / "images") == {"39.jpg": content_of(39)}


def test_a_server_that_fails_now_and_then_is_asked_again(tmp_path: Path, shelf: Shelf) -> None:
    whole = packed(tmp_path)
    rng = [status(503, Retry_After="1"), cut(1), cut(500), status(503), cut(0), status(500)]
    shelf.faults[PATH] = rng * 4
    report, _ = get(shelf, tmp_path / "images", *range(40))
    assert report.fetched == 40
    assert there(tmp_path / "images") == {f"{n}.jpg": content_of(n) for n in range(40)}
    assert shelf.files[PATH] == whole


def test_at_most_three_connections(tmp_path: Path, shelf: Shelf) -> None:
    get(shelf, tmp_path / "images", *range(40))
    assert 1 < shelf.most_at_once <= images.MOST_CONNECTIONS == 3


def test_what_has_come_is_not_asked_for_again(tmp_path: Path, shelf: Shelf) -> None:
    def dead(answer: Answer) -> bool:
        return len(shelf.asked) > 15 and answer.send(404)

    shelf.always = [dead]
    with pytest.raises(NetworkError, match="answers 404"):
        get(shelf, tmp_path / "images", *range(40))
    before = there(tmp_path / "images")
    assert 5 < len(before) < 20
    assert all(content == content_of(int(name.split(".")[0])) for name, content in before.items())
    shelf.always = []
    shelf.asked.clear()
    report, _ = get(shelf, tmp_path / "images", *range(40))
    assert report.fetched == 40 - len(before)
    assert len(shelf.asked) == 1 + report.fetched
    assert len(there(tmp_path / "images")) == 40


def test_a_zip_file_that_changes_meanwhile_is_read_again(
    tmp_path: Path, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    new = packed(tmp_path, count=41, shift=3)
    # The directory is here already: one request for its state, five images, and then the file is another one.
    remote_index(RemoteSource(Session(), f"{shelf.url}{PATH}"))
    shelf.faults[PATH] = [lambda answer: False] * 6 + [change(new)]
    get(shelf, tmp_path / "images", *range(40))
    assert "has changed on the server; its directory is read again" in caplog.text
    # Those that had come before are of the old file: they are whole, and have the names that were asked for.
    old = sum(content == content_of(int(n.split(".")[0])) for n, content in there(tmp_path / "images").items())
    assert old <= 6
    assert len(there(tmp_path / "images")) == 40


def test_a_server_without_ranges_is_refused(tmp_path: Path, shelf: Shelf) -> None:
    shelf.always = [no_range]
    with pytest.raises(NetworkError, match="the server answers no ranges"):
        get(shelf, tmp_path / "images", 3)


def another_part(answer: Answer) -> bool:
    return answer.send(206, b"x" * 10, Content_Range="bytes 5-14/100")


def no_content_range(answer: Answer) -> bool:
    return answer.send(206, b"x" * 10)


@pytest.mark.parametrize("fault", [another_part, no_content_range])
def test_another_part_is_refused(tmp_path: Path, shelf: Shelf, fault: Any) -> None:
    shelf.always = [fault]
    with pytest.raises(NetworkError, match="sends another part than was asked for"):
        get(shelf, tmp_path / "images", 3)


@pytest.mark.parametrize(
    "content", [lambda c: c[: len(c) // 2], lambda c: c[:-1], lambda c: b"x", lambda c: b"GIF89a" * 99]
)
def test_a_truncated_zip_file_is_refused(tmp_path: Path, shelf: Shelf, content: Any) -> None:
    shelf.files[PATH] = content(shelf.files[PATH])
    with pytest.raises(DataError, match="not a zip file, or is incomplete"):
        get(shelf, tmp_path / "images", 3)
    assert not list((tmp_path / "home").rglob("*.sqlite"))


def test_what_is_missing_damaged_or_there_twice_is_named(tmp_path: Path, shelf: Shelf) -> None:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more/7.jpg", b"another seven")
    whole = path.read_bytes()
    at = whole.index(b"images/5.jpg") + 100
    shelf.files[PATH] = whole[:at] + b"?" + whole[at + 1 :]
    report, _ = get(shelf, tmp_path / "images", 4, 5, 6, 7, 777)
    assert sorted(there(tmp_path / "images")) == ["4.jpg", "6.jpg"]
    assert report.not_there == ["777.jpg"]
    assert sorted(report.failed)[0].startswith("5.jpg: 'images/5.jpg' in http://127.0.0.1:")
    assert sorted(report.failed)[0].endswith("is damaged")
    assert sorted(report.failed)[1] == "7.jpg: the zip file has 2 files of that name"


def test_a_name_that_leads_out_is_refused(tmp_path: Path, shelf: Shelf) -> None:
    with pytest.raises(DataError, match="leads out of the dataset's folder"):
        get(shelf, tmp_path / "images", "../../x")


def test_the_remote_file_reads_like_a_local_one(shelf: Shelf) -> None:
    source = RemoteSource(Session(), f"{shelf.url}{PATH}")
    members = read_directory(source)
    assert len(members) == 40
    assert unpack_member(source, members[11]) == content_of(11)
    assert remote_zip._index_path(source.name) != remote_zip._index_path(source.name + "x")

"""A zip file of images: its directory, single members, the cache, and what is wrong with broken ones."""

from __future__ import annotations

import multiprocessing
import os
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from finecops.archives import directory, zip_images
from finecops.archives.directory import read_directory, unpack_member
from finecops.archives.index import ZipIndex
from finecops.archives.source import LocalSource
from finecops.archives.zip_images import ZipImages, is_zipped, unpack_if_zipped
from finecops.errors import DataError

CONTENT = b"one picture " * 200


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))


def make_zip(path: Path, method: int = zipfile.ZIP_DEFLATED, folder: str = "images/") -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir(folder or "empty/")
        for number in range(5):
            archive.writestr(f"{folder}{number}.jpg", CONTENT + bytes([number]))
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("folder", ["images/", "", "a/b/"])
def test_an_image_is_a_path_at_once_and_a_file_when_it_is_read(tmp_path: Path, method: int, folder: str) -> None:
    images = ZipImages(make_zip(tmp_path / "images.zip", method, folder))
    path = images.image_path("3.jpg")
    assert path is not None
    assert is_zipped(path)
    assert not path.exists()
    assert images.image_path("7.jpg") is None
    unpack_if_zipped(path)
    assert path.read_bytes() == CONTENT + b"\x03"
    # No other image was unpacked, and nothing else is left there.
    assert [p.name for p in path.parent.iterdir()] == ["3.jpg"]


def test_zip64_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The library writes ZIP64 where a count or an offset is beyond these limits.
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 50)
    path = make_zip(tmp_path / "images.zip", zipfile.ZIP_STORED)
    assert b"PK\x06\x06" in path.read_bytes()
    source = LocalSource(path)
    members = read_directory(source)
    assert [member.name for member in members] == [f"images/{n}.jpg" for n in range(5)]
    assert unpack_member(source, members[4]) == CONTENT + b"\x04"


def test_the_directory_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "images.zip")
    ZipImages(path)
    monkeypatch.setattr(zip_images, "read_directory", lambda source: pytest.fail("read again"))
    found = ZipImages(path).image_path("1.jpg")
    assert found is not None
    unpack_if_zipped(found)
    assert found.is_file()


def test_another_process_needs_the_path_alone(tmp_path: Path) -> None:
    path = ZipImages(make_zip(tmp_path / "images.zip")).image_path("2.jpg")
    assert path is not None
    workers = [multiprocessing.get_context("spawn").Process(target=unpack_if_zipped, args=(path,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert path.read_bytes() == CONTENT + b"\x02"
    assert [p.name for p in path.parent.iterdir()] == ["2.jpg"]


def test_a_replaced_zip_file_has_a_cache_of_its_own(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "images.zip")
    before = ZipImages(path).image_path("1.jpg")
    assert before is not None
    later = time.time() + 10
    os.utime(path, (later, later))
    with pytest.raises(DataError, match="has changed since the run began"):
        unpack_if_zipped(before)
    after = ZipImages(path).image_path("1.jpg")
    assert after not in (None, before)


def test_a_moved_zip_file_keeps_its_cache(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "images.zip")
    before = ZipImages(path).image_path("1.jpg")
    path.rename(tmp_path / "moved.zip")
    after = ZipImages(tmp_path / "moved.zip").image_path("1.jpg")
    assert before == after
    assert after is not None
    unpack_if_zipped(after)
    assert after.is_file()


def damage_data(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b"images/1.jpg") + 20
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)


def bend(signature: bytes, at: int, value: bytes, name: bytes = b"images/1.jpg") -> Callable[[Path], None]:
    """Overwrite a field of a member's header (PK34) or of its entry in the directory (PK12)."""

    def change(path: Path) -> None:
        content = bytearray(path.read_bytes())
        length = {b"PK\x03\x04": 30, b"PK\x01\x02": 46}[signature]
        start = content.rindex(name) if signature == b"PK\x01\x02" else content.index(name)
        start -= length
        assert content[start : start + 4] == signature
        content[start + at : start + at + len(value)] = value
        path.write_bytes(content)

    return change


ENTRY, HEADER = b"PK\x01\x02", b"PK\x03\x04"


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        pytest.param(damage_data, "is damaged", id="packed bytes"),
        pytest.param(bend(ENTRY, 16, b"\0\0\0\0"), "is damaged", id="checksum"),
        # A bomb: the directory says 10 bytes, and there are more.
        pytest.param(bend(ENTRY, 24, struct.pack("<I", 10)), "is damaged", id="more than it says"),
        pytest.param(bend(ENTRY, 24, struct.pack("<I", 3_000_000_000)), "the limit is 200,000,000", id="too large"),
        pytest.param(bend(ENTRY, 20, struct.pack("<I", 3_000_000_000)), "the limit is 200,000,000", id="packed size"),
        pytest.param(bend(ENTRY, 8, b"\1\0"), "is encrypted", id="encrypted"),
        pytest.param(bend(ENTRY, 10, b"\x0c\0"), "is packed by method 12", id="bzip2"),
        pytest.param(bend(HEADER, 0, b"JUNK"), "is damaged", id="signature"),
        pytest.param(bend(HEADER, 26, b"\xff\xff"), "is damaged", id="length of the name"),
        pytest.param(bend(HEADER, 30, b"images/2"), "is damaged", id="another name"),
    ],
)
def test_a_damaged_member_is_refused_and_the_others_are_read(
    tmp_path: Path, harm: Callable[[Path], None], message: str
) -> None:
    path = make_zip(tmp_path / "images.zip")
    harm(path)
    images = ZipImages(path)
    bad, good = images.image_path("1.jpg"), images.image_path("2.jpg")
    assert bad is not None
    assert good is not None
    with pytest.raises(DataError, match=message):
        unpack_if_zipped(bad)
    assert not bad.exists()
    unpack_if_zipped(good)
    assert good.read_bytes() == CONTENT + b"\x02"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: b"GIF89a" * 100, id="no zip"),
        pytest.param(lambda whole: whole[: len(whole) // 2], id="half"),
        pytest.param(lambda whole: whole[:-1], id="a byte less"),
        pytest.param(lambda whole: whole[300:], id="its start is missing"),
        pytest.param(lambda whole: whole.replace(b"PK\x01\x02", b"PK\x01\x09"), id="directory"),
    ],
)
def test_a_truncated_zip_file_is_refused(tmp_path: Path, content: Callable[[bytes], bytes]) -> None:
    path = make_zip(tmp_path / "images.zip")
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(DataError, match=r"images\.zip is not a zip file, or is incomplete"):
        ZipImages(path)


def test_a_directory_beyond_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finecops.archives.source._MOST_AT_ONCE", 200)
    with pytest.raises(DataError, match=r"a directory of .* bytes: it is broken"):
        read_directory(LocalSource(make_zip(tmp_path / "images.zip")))


def test_a_name_that_is_there_twice_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train/1.jpg", b"a")
        archive.writestr("test/1.jpg", b"b")
        archive.writestr("test/2.jpg", b"c")
    images = ZipImages(path)
    twice = images.image_path("1.jpg")
    assert twice is not None
    with pytest.raises(DataError, match=r"has 2 files of the name 1\.jpg"):
        unpack_if_zipped(twice)
    # With its folder it is one.
    once = images.image_path("test/1.jpg")
    assert once is not None
    unpack_if_zipped(once)
    assert once.read_bytes() == b"b"


@pytest.mark.parametrize("name", ["../2.jpg", "/etc/passwd", "a\\b", "", "a/../../x", "x" * 300])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    images = ZipImages(make_zip(tmp_path / "images.zip"))
    with pytest.raises(DataError):
        images.image_path(name)
    with pytest.raises(DataError):
        unpack_if_zipped(images.folder / "files" / "x" / ".." / ".." / ".." / "y.jpg")


def test_members_with_evil_names_are_never_files(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.jpg", b"a")
    assert ZipImages(path).count() == 1
    found = ZipImages(path).image_path("evil.jpg")
    assert found is not None
    unpack_if_zipped(found)
    assert found.is_relative_to(ZipImages(path).folder)
    assert not list(tmp_path.glob("evil.jpg"))


def test_a_broken_index_is_written_again(tmp_path: Path) -> None:
    images = ZipImages(make_zip(tmp_path / "images.zip"))
    index = images.folder / "index.sqlite"
    for content in (b"", b"junk" * 100, index.read_bytes()[:5000]):
        index.write_bytes(content)
        zip_images._index.cache_clear()
        assert ZipImages(images.path).image_path("1.jpg") is not None
        assert ZipIndex(index).count() == 5


def test_a_zip_file_that_went_away_is_said(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "images.zip")
    found = ZipImages(path).image_path("1.jpg")
    assert found is not None
    path.unlink()
    with pytest.raises(DataError, match=r"images\.zip cannot be read: No such file"):
        unpack_if_zipped(found)


def test_the_limit_is_checked_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = LocalSource(make_zip(tmp_path / "images.zip"))
    members = read_directory(source)
    monkeypatch.setattr(directory, "MAX_MEMBER_BYTES", 100)
    monkeypatch.setattr(source, "read_at", lambda *_: pytest.fail("read"))
    with pytest.raises(DataError, match="has 2,401 bytes; the limit is 100"):
        unpack_member(source, members[0])

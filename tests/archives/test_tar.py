"""Images out of a tar archive: what is unpacked, what is refused, and archives that are not whole."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from finecops.archives import tar_images
from finecops.archives.tar_images import unpack_images
from finecops.errors import DataError


def add(archive: tarfile.TarFile, name: str, content: bytes = b"picture", kind: bytes = tarfile.REGTYPE) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(content), kind, "/etc/passwd"
    archive.addfile(member, io.BytesIO(content))


def make_tar(path: Path, fill: Callable[[tarfile.TarFile], None], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        add(archive, "neg_images", b"", tarfile.DIRTYPE)
        add(archive, "neg_images/neg_1.jpg", b"one")
        fill(archive)
        add(archive, "neg_images/neg_2.jpg", b"two")
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


GOOD = {"neg_1.jpg": b"one", "neg_2.jpg": b"two"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_images_go_into_one_folder(tmp_path: Path, mode: str) -> None:
    def others(archive: tarfile.TarFile) -> None:
        add(archive, "neg_images/._neg_1.jpg")
        add(archive, "neg_images/.DS_Store")
        add(archive, "README.txt")

    seen: list[int] = []
    done = unpack_images(make_tar(tmp_path / "a.tgz", others, mode), tmp_path / "images", seen.append)
    assert files(tmp_path / "images") == GOOD
    assert (done.images, done.others, done.refused, seen) == (2, 4, [], [1, 2])


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("../../evil.jpg", tarfile.REGTYPE, "outside the destination"),
        ("neg_images/link.jpg", tarfile.SYMTYPE, "it is no plain file"),
        ("neg_images/hard.jpg", tarfile.LNKTYPE, "it is no plain file"),
        ("neg_images/device.jpg", tarfile.CHRTYPE, "it is no plain file"),
        ("neg_images/a\\b.jpg", tarfile.REGTYPE, "is not plain"),
        ("neg_images/" + "x" * 300 + ".jpg", tarfile.REGTYPE, "a name of 304 characters"),
        ("other/neg_1.jpg", tarfile.REGTYPE, "another member has the same name"),
    ],
)
def test_a_bad_member_is_named_and_the_others_are_unpacked(
    tmp_path: Path, name: str, kind: bytes, message: str
) -> None:
    content = b"bad" if kind == tarfile.REGTYPE else b""
    path = make_tar(tmp_path / "a.tgz", lambda archive: add(archive, name, content, kind))
    done = unpack_images(path, tmp_path / "deep" / "images")
    assert files(tmp_path / "deep") == {f"images/{name}": content for name, content in GOOD.items()}
    (refused,) = done.refused
    assert message in refused


def test_an_absolute_name_stays_in_the_folder(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tgz", lambda archive: add(archive, "/abs/neg_3.jpg", b"three"))
    unpack_images(path, tmp_path / "images")
    assert files(tmp_path / "images") == GOOD | {"neg_3.jpg": b"three"}


def test_a_link_in_the_folder_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "victim").write_bytes(b"one")
    (tmp_path / "images" / "neg_1.jpg").symlink_to(tmp_path / "victim")
    unpack_images(make_tar(tmp_path / "a.tgz", lambda archive: add(archive, "x.jpg")), tmp_path / "images")
    assert not (tmp_path / "images" / "neg_1.jpg").is_symlink()


def test_what_is_there_is_left_alone_and_what_is_cut_is_made_again(tmp_path: Path) -> None:
    path, folder = make_tar(tmp_path / "a.tgz", lambda archive: None), tmp_path / "images"
    unpack_images(path, folder)
    (folder / "neg_1.jpg").write_bytes(b"o")
    before = (folder / "neg_2.jpg").stat().st_mtime_ns
    unpack_images(path, folder)
    assert files(folder) == GOOD
    assert (folder / "neg_2.jpg").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[: len(content) // 2], "no tar archive, or not all of one"),
        (lambda content: b"", "no tar archive, or not all of one"),
        (lambda content: b"GIF89a" * 300, "no tar archive, or not all of one"),
        (lambda content: content[:40] + b"\xff" * 20 + content[60:], "no tar archive, or not all of one"),
    ],
)
def test_an_archive_that_is_not_whole_is_refused(
    tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    path = make_tar(tmp_path / "a.tgz", lambda archive: add(archive, "big.jpg", bytes(range(256)) * 50))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        unpack_images(path, tmp_path / "images")


@pytest.mark.parametrize("limit", ["MOST_MEMBERS", "MOST_BYTES"])
def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(tar_images, limit, 4)
    path = make_tar(tmp_path / "a.tgz", lambda archive: [add(archive, f"{n}.jpg") for n in range(9)] and None)
    with pytest.raises(DataError, match="unpacks to more than"):
        unpack_images(path, tmp_path / "images")


def test_a_large_member_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_images, "MAX_MEMBER_BYTES", 10)
    path = make_tar(tmp_path / "a.tgz", lambda archive: add(archive, "big.jpg", b"x" * 11))
    assert unpack_images(path, tmp_path / "images").refused == ["'big.jpg': it has 11 bytes"]


def test_an_archive_without_images_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        add(archive, "README.txt")
    with pytest.raises(DataError, match="has no image"):
        unpack_images(tmp_path / "a.tgz", tmp_path / "images")

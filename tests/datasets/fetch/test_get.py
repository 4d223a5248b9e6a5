"""`finecops data get` against a server with a small release: files, archive, images, questions, kills."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from finecops.config.find import load_dataset
from finecops.datasets.fetch import http
from finecops.errors import ConfigError
from tests.cli.invoke import run
from tests.conftest import coco_file
from tests.datasets.fetch.shelf import Answer, Shelf, change, cut, no_range, serving, status
from tests.hostile.hostile_server import closed_port

PROJECT = Path(__file__).resolve().parents[3]
ARTICLE = "/v2/articles/26048050"
ZIP = "/nlp/data/gqa/images.zip"
ANNOTATIONS = "test_expression_all_coco_format.json"


def picture(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (100, 80), (number, 7, 7)).save(file, "PNG")
    return file.getvalue()


def archive(names: list[str]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for number, name in enumerate(names):
            member = tarfile.TarInfo(name)
            member.size = len(picture(number))
            tar.addfile(member, io.BytesIO(picture(number)))
    return file.getvalue()


def gqa_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.mkdir("images/")
        for number in range(30):
            packed.writestr(f"images/{number}.png", picture(number))
    return file.getvalue()


class Release:
    """A small release on a server, and the YAML file of its dataset."""

    def __init__(self, shelf: Shelf, folder: Path) -> None:
        self.shelf, self.folder, self.root = shelf, folder, folder / "data"
        negative = {"negative_type": "flip", "negative_level": 1, "positive_id": 1, "negative_cate": "image"}
        positives = [{"file_name": f"{number}.png"} for number in (1, 2, 3, 2)]
        path = coco_file(folder / "made.json", [*positives, {**negative, "file_name": "neg_0.png"}])
        self.names = {
            ANNOTATIONS: path.read_bytes(),
            # Twelve files: the record alone has ten of them.
            **{f"more_{n}.json": json.dumps([n] * 100).encode() for n in range(10)},
            "neg_images.tgz": archive(["neg_images/neg_0.png", "neg_images/neg_1.png"]),
        }
        shelf.article(ARTICLE, self.names)
        shelf.files[ZIP] = gqa_zip()

    def dataset(self, **changes: Any) -> str:
        """The dataset's YAML file; `changes` go into its section `download`."""
        section: dict[str, Any] = {
            "licence": "CC BY 4.0",
            "page": "https://example.org/page",
            "figshare": f"{self.shelf.url}{ARTICLE}",
            "files": [
                {"name": ANNOTATIONS, "md5": hashlib.md5(self.names[ANNOTATIONS]).hexdigest()},
                {"name": "neg_images.tgz", "unpack": "negative_images"},
            ],
            "images": {"zip": f"{self.shelf.url}{ZIP}", "folder": "images", "licence": "GQA's"},
        }
        section = {key: value for key, value in (section | changes).items() if value is not None}
        settings = {
            "name": "toy-release",
            "root": str(self.root),
            "image_folders": ["images", "negative_images"],
            "splits": {"test": [ANNOTATIONS]},
            "preset": "mini",
            "get": "1. Put the files here by hand.",
            "download": section,
        }
        path = self.folder / "toy-release.yaml"
        path.write_text(yaml.safe_dump(settings))
        return str(path)

    def there(self) -> set[str]:
        return {str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file() and p.name[0] != "."}


ALL = {ANNOTATIONS, "neg_images.tgz", *(f"more_{n}.json" for n in range(10))}
PICTURES = {"images/1.png", "images/2.png", "images/3.png"}
NEGATIVES = {"negative_images/neg_0.png", "negative_images/neg_1.png"}


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Release]:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(http, "wait", lambda seconds: None)
    with serving() as shelf:
        yield Release(shelf, tmp_path)


def test_one_command_brings_everything_and_the_check_is_content(release: Release) -> None:
    code, output = run("data", "get", release.dataset(), "--yes")
    assert code == 0, output
    assert release.there() == ALL | PICTURES | NEGATIVES
    assert all((release.root / name).read_bytes() == content for name, content in release.names.items())
    for line in ("A toy release", "Licence: CC BY 4.0 (figshare's record: CC BY 4.0, https://cc/by/4.0/)", "GQA's"):
        assert line in output
    (line,) = (line for line in output.splitlines() if line.startswith(f"  {ANNOTATIONS} "))
    assert line.endswith(" B  MD5 known to finecops")
    assert "MD5 of figshare's record, to be unpacked to negative_images/" in output
    assert "12 files downloaded, 0 here already" in output
    assert "3 images fetched" in output
    code, output = run("data", "check", "--dataset", release.dataset())
    assert (code, "5 samples, 4 images: 0 problems" in output) == (0, True)


def test_a_second_command_asks_for_the_record_alone(release: Release) -> None:
    run("data", "get", release.dataset(), "--yes")
    # The archive may go: its images are here.
    (release.root / "neg_images.tgz").unlink()
    release.shelf.asked.clear()
    # Nothing to download is nothing to ask.
    code, output = run("data", "get", release.dataset())
    assert (code, "0 B to download" in output, "All images of test are here" in output) == (0, True, True)
    assert {path for path, _ in release.shelf.asked} == {ARTICLE, f"{ARTICLE}/files?page=1&page_size=100"}
    # Another archive in the record is another version: it is downloaded and unpacked.
    names = release.names | {"neg_images.tgz": archive(["neg_images/neg_9.png"])}
    release.shelf.article(ARTICLE, names)
    assert run("data", "get", release.dataset(), "--yes")[0] == 0
    assert "negative_images/neg_9.png" in release.there()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--no-images",), ALL | NEGATIVES),
        (("--only", "more_*", "--only", ANNOTATIONS), ALL - {"neg_images.tgz"}),
    ],
)
def test_parts_of_it(release: Release, arguments: tuple[str, ...], expected: set[str]) -> None:
    assert run("data", "get", release.dataset(), "--yes", *arguments)[0] == 0
    assert release.there() == expected
    if ANNOTATIONS in expected:
        release.shelf.asked.clear()
        assert run("data", "get", release.dataset(), "--yes", "--images-only", "--split", "test")[0] == 0
        assert release.there() == expected | PICTURES
        assert {path for path, _ in release.shelf.asked} == {ZIP}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 1, "no terminal to ask in; --yes accepts the licence"),
        (("--images-only", "--no-images"), 2, "does not go with"),
        (("--images-only", "--only", "x"), 2, "does not go with"),
        (("--no-images", "--only", "x"), 2, "does not go with"),
        (("--no-images", "--split", "test"), 2, "does not go with"),
        (("--split", "dev"), 2, "no split 'dev'; there are: test"),
        (("--only", "train_*"), 2, "no file has such a name; there are: "),
        (("--images-only", "--yes"), 1, "none of test_expression_all_coco_format.json in"),
    ],
)
def test_what_is_refused_leaves_nothing(release: Release, arguments: tuple[str, ...], code: int, message: str) -> None:
    found, output = run("data", "get", release.dataset(), *arguments)
    assert (found, message in output) == (code, True), output
    assert not release.root.exists() or release.there() == set()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_a_terminal_is_asked_after_licence_and_sizes(
    release: Release, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    import finecops.cli.downloads as command

    class Terminal:
        stdin = type("", (), {"isatty": staticmethod(lambda: True)})

    monkeypatch.setattr(command, "sys", Terminal)
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return answer == "y\n"

    monkeypatch.setattr(command.typer, "confirm", confirm)
    assert run("data", "get", release.dataset())[0] == code
    assert asked == ["Download?"]
    assert bool(release.there()) == (code == 0)


def test_a_dataset_without_sources_says_what_to_do() -> None:
    code, output = run("data", "get", "refcoco")
    assert code == 1
    assert "finecops does not download refcoco. By hand:" in output
    assert "COCO's train2014 images into data/refcoco/train2014/" in output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("refcoco-hub", "A run does: finecops sfa run --dataset hf:lmms-lab/RefCOCO"),
        ("hf:me/own", "A run does: finecops sfa run --dataset hf:me/own"),
        ("finecops-mini", "Here are test, val, test_long, test_short"),
    ],
)
def test_a_dataset_that_needs_no_download_says_so(name: str, said: str) -> None:
    code, output = run("data", "get", name)
    assert code == 1
    assert said in output


def test_direct_links_need_no_figshare(release: Release) -> None:
    files = [{"name": "sub/a.json", "url": f"{release.shelf.url}/ndownloader/more_1.json"}]
    code, output = run("data", "get", release.dataset(figshare=None, files=files, images=None), "--yes")
    assert (code, "no MD5 is known" in output) == (0, True)
    assert (release.root / "sub" / "a.json").read_bytes() == release.names["more_1.json"]


def test_no_network_says_what_to_do_by_hand(release: Release) -> None:
    nowhere = f"http://127.0.0.1:{closed_port()}{ARTICLE}"
    code, output = run("data", "get", release.dataset(figshare=nowhere), "--yes")
    assert code == 1
    for part in (
        "is not reached",
        "Nothing was downloaded. By hand:",
        "1. Put the files here by hand.",
    ):
        assert part in output


def test_a_release_that_changed_is_refused_before_anything_comes(release: Release) -> None:
    release.shelf.article(ARTICLE, release.names | {ANNOTATIONS: b"{}"})
    code, output = run("data", "get", release.dataset(), "--yes")
    assert (code, "the release has changed. Nothing was downloaded" in output) == (1, True)
    assert release.there() == set()


def test_a_file_of_the_user_is_never_overwritten(release: Release) -> None:
    release.root.mkdir()
    (release.root / ANNOTATIONS).write_bytes(b"my own")
    code, output = run("data", "get", release.dataset(), "--yes")
    assert (code, "is not the published file: it has 6 bytes, and" in output) == (1, True)
    assert (release.root / ANNOTATIONS).read_bytes() == b"my own"


def test_a_server_with_every_fault_gives_the_same_files(release: Release, caplog: pytest.LogCaptureFixture) -> None:
    moved = f"/ndownloader/{ANNOTATIONS}"
    release.shelf.files["/s3/a"] = release.names[ANNOTATIONS]
    release.shelf.faults[moved] = [status(302, Location=f"{release.shelf.url}/s3/a")] * 9
    release.shelf.faults["/s3/a"] = [
        cut(100),
        status(503, Retry_After="3"),
        cut(50),
        no_range,
    ]
    release.shelf.faults["/ndownloader/neg_images.tgz"] = [status(503), cut(200), change(b"x" * 999)]
    release.shelf.faults[ARTICLE] = [status(503), cut(20)]
    release.shelf.faults[ZIP] = [cut(1), status(503), cut(3)] * 5
    code, output = run("data", "get", release.dataset(), "--yes")
    # The changed archive is not the one of the record.
    assert (code, "neg_images.tgz: the server has a file of 999 bytes" in output) == (1, True), output
    release.shelf.files["/ndownloader/neg_images.tgz"] = release.names["neg_images.tgz"]
    assert run("data", "get", release.dataset(), "--yes")[0] == 0
    assert release.there() == ALL | PICTURES | NEGATIVES
    assert all((release.root / name).read_bytes() == content for name, content in release.names.items())


def test_images_that_are_missing_or_damaged_end_with_exit_code_1(release: Release) -> None:
    content = release.shelf.files[ZIP].replace(b"images/1.png", b"images/x.png")
    at = content.index(b"images/2.png") + 30
    release.shelf.files[ZIP] = content[:at] + b"????" + content[at + 4 :]
    code, output = run("data", "get", release.dataset(), "--yes")
    assert code == 1
    assert "1 image fetched" in output
    assert "1 image not in " in output
    assert "2.png: 'images/2.png' in " in output
    assert {"images/3.png"} == release.there() & PICTURES


def test_two_commands_at_once_are_refused(release: Release) -> None:
    from finecops.datasets.fetch.get import locked

    seen: list[tuple[int, str]] = []
    with locked(release.root):
        thread = threading.Thread(target=lambda: seen.append(run("data", "get", release.dataset(), "--yes")))
        thread.start()
        thread.join()
    assert seen[0][0] == 1
    assert "another `finecops data get` is writing into" in seen[0][1]


def test_a_full_disk_is_said_before(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    from finecops.datasets.fetch import get

    monkeypatch.setattr(get.shutil, "disk_usage", lambda path: type("", (), {"free": 1000}))
    code, output = run("data", "get", release.dataset(), "--yes")
    assert (code, "GB free" in output) == (1, True)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "../evil"}, "leads out of"),
        ({"name": "a/b.json"}, "the name 'a/b.json'"),
        ({"name": None}, "a name that is null"),
        ({"size": "many"}, "the size of"),
        ({"size": -1}, "the size of"),
        ({"download_url": "http://example.org/x"}, "is not https"),
        ({"download_url": 3}, "is missing"),
    ],
)
def test_a_strange_record_is_refused(release: Release, entry: dict[str, Any], message: str) -> None:
    release.shelf.article(ARTICLE, {"a.json": b"1"}, **entry)
    code, output = run("data", "get", release.dataset(files=[]), "--yes")
    assert (code, message in output) == (1, True), output
    assert release.there() == set()


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b"3"])
def test_a_record_that_is_none_is_refused(release: Release, content: bytes) -> None:
    release.shelf.files[ARTICLE] = content
    assert run("data", "get", release.dataset(), "--yes")[0] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"figshare": "http://example.org/x"}, "is not https"),
        ({"figshare": "https://user:key@example.org/x"}, "is not a link to a server"),
        ({"figshare": None}, "has no `url`"),
        ({"files": [{"name": "../x"}]}, "leads out of"),
        ({"files": [{"name": "x", "md5": "short"}]}, "should match pattern"),
        ({"files": [{"name": "x"}, {"name": "x"}]}, "stands twice"),
        ({"licence": "a\nb"}, "cannot be printed"),
        ({"other": 1}, "not permitted"),
    ],
)
def test_a_wrong_section_is_refused(release: Release, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset(release.dataset(**changes))


def slowly(answer: Answer) -> bool:
    """A kilobyte every few milliseconds."""
    if "write" in vars(answer.handler.wfile):
        return False
    send = answer.handler.wfile.write

    def write(body: bytes) -> int:
        for at in range(0, len(body), 1024):
            send(body[at : at + 1024])
            answer.handler.wfile.flush()
            time.sleep(0.005)
        return len(body)

    answer.handler.wfile.write = write  # type: ignore[method-assign]
    return False


def test_killed_again_and_again_it_ends_with_the_same_files(release: Release) -> None:
    big = {"big.json": os.urandom(300_000)}
    release.names |= big
    release.shelf.article(ARTICLE, release.names)
    release.shelf.always = [slowly]
    line = [sys.executable, "-m", "finecops", "data", "get", release.dataset(), "--yes"]
    partial, sizes = release.root / "big.json.partial", [0]
    while len(sizes) < 3:
        process = subprocess.Popen(line, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        # Killed when it has gone on for some 50 KB.
        while process.poll() is None and time.monotonic() < deadline:
            if partial.is_file() and partial.stat().st_size > sizes[-1] + 50_000:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stderr and process.stderr.read().decode()[-2000:]
        sizes.append(partial.stat().st_size)
    assert sizes == sorted(sizes)
    release.shelf.always = []
    release.shelf.asked.clear()
    # What a killed command may leave of a small file.
    left = [release.root / folder / f".{'0' * 32}.partial" for folder in ("", "images", "negative_images")]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    code, output = run("data", "get", release.dataset(), "--yes")
    assert code == 0, output
    assert not any(path.exists() for path in left)
    assert release.shelf.ranges("/ndownloader/big.json") == [f"bytes={sizes[-1]}-"]
    assert release.there() == ALL | PICTURES | NEGATIVES | set(big)
    assert all((release.root / name).read_bytes() == content for name, content in release.names.items())

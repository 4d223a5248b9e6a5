"""Builds of a benchmark under attack: processes that are killed, servers that lie, photographs that are none."""

from __future__ import annotations

import io
import json
import random
import shutil
import signal
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from finecops.cli.app import app
from finecops.errors import DataError, ModelError
from tests.construction.chain.toy import SIZE, write_toy
from tests.construction.rewriting.text_server import each, serving

pytestmark = pytest.mark.hostile
KEY = "sk-not-for-any-file-123456"


def command(toy: Path, out: Path, *more: str) -> list[str]:
    places = ["--scene-graphs", str(toy / "graphs.json"), "--images", str(toy / "photos"), "--out", str(out)]
    sizes = ["--positives", "40", "40", "40", "--expressions", "20", "--flips", "20"]
    return ["data", "build", "gqa", *places, *sizes, *more]


def contents(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, 60)
    return folder


def start(words: list[str]) -> subprocess.Popen[str]:
    program = "from finecops.cli.app import main; main()"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", program, *words], **quiet)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("seed", range(3))
def test_a_build_that_is_killed_at_any_moment_ends_in_the_same_bytes(toy: Path, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    more = ["--rewriter", "rules", "--refine", "blind"]
    first = CliRunner().invoke(app, [*command(toy, tmp_path / "clean" / "o", "--workers", "1"), *more])
    assert first.exit_code == 0
    out, wait = tmp_path / "killed" / "o", 0.6
    for attempt in range(30):
        # The number of workers is another one each time: no row depends on it.
        process = start([*command(toy, out, "--workers", str(rng.choice((1, 2, 3)))), *more])
        try:
            _, said = process.communicate(timeout=rng.uniform(wait, wait + 1.5) if attempt < 8 else None)
        except subprocess.TimeoutExpired:
            process.send_signal(rng.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
            _, said = process.communicate(timeout=60)
            wait += 0.2
        assert "Traceback" not in said
        # A signal that comes when Python itself is starting or ending kills it: a shell shows the same 130 or 143.
        assert process.returncode in (0, 130, 143, -signal.SIGKILL, -signal.SIGINT, -signal.SIGTERM), said
        if process.returncode == 0:
            break
    assert contents(out) == contents(tmp_path / "clean" / "o")


def test_of_two_builds_in_one_folder_one_gives_way(toy: Path, tmp_path: Path) -> None:
    both = [start(command(toy, tmp_path / "o", "--workers", "1")) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    codes = sorted(process.returncode for process in both)
    # The second may come when the first has gone: then nothing is left to do.
    assert codes in ([0, 1], [0, 0])
    if codes == [0, 1]:
        assert any("another process builds in" in text for text in said)
    assert start(command(toy, tmp_path / "o", "--workers", "1")).wait() == 0
    CliRunner().invoke(app, command(toy, tmp_path / "clean" / "o", "--workers", "1"))
    assert contents(tmp_path / "o") == contents(tmp_path / "clean" / "o")


def words(question: dict[str, Any]) -> Any:
    return f"look for {question['expression']}"


SAID: dict[str, tuple[Callable[[dict[str, Any]], str | int], bool]] = {
    "other ids": (lambda q: json.dumps({str(int(key) + 1): words(one) for key, one in q.items()}), True),
    "ids in another order": (lambda q: json.dumps(dict(zip(reversed(q), map(words, q.values()), strict=True))), True),
    "orders": (each(lambda q: f"Ignore all rules. \x1b[31m ../../etc/passwd {KEY} {q['expression']}"), True),
    "one that is not there": (each(lambda q: q["expression"] + " beside the zebra"), True),
    "the key": (lambda q: KEY, False),
    "nothing": (lambda q: "", False),
    "half": (lambda q: json.dumps({key: words(one) for key, one in q.items()})[:20], False),
    "too deep": (lambda q: '{"1":' * 20_000, False),
    "ten megabytes": (lambda q: "x" * 10**7, False),
    "a refusal": (lambda q: 400, False),
}


@pytest.mark.parametrize("what", SAID)
def test_a_server_that_lies_changes_no_sentence(
    toy: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    say, goes_on = SAID[what]
    writer = tmp_path / "w.yaml"
    writer.write_text(yaml.safe_dump({"name": "w", "model": "m", "concurrency": 2}))
    out = tmp_path / "o"
    with serving(say) as server:
        more = ["--rewriter", str(writer), "--base-url", server.url, "--flips", "0", "--workers", "1"]
        result = CliRunner().invoke(app, command(toy, out, *more))
    assert KEY not in result.output + str(result.exception)
    assert not any(KEY.encode() in content for content in contents(tmp_path).values())
    if not goes_on:
        # It is gone, or no model: a build that goes on would be one of templates, under another name.
        assert isinstance(result.exception, ModelError)
        assert len(server.asked) < 16
        return
    assert (result.exit_code, result.exception) == (0, None)
    rows = [json.loads(line) for line in (out / "build" / "test" / "rewrites.jsonl").read_text().splitlines()]
    assert rows
    for row in rows:
        # Its own sentence, or one that says the same.
        assert row["by"] == "template" or what == "ids in another order"
        assert row["expression"]["text"].isprintable()


@pytest.mark.parametrize("tokens", [1, 700, 2000, 5000])
def test_no_request_is_sent_that_the_budget_may_not_have(toy: Path, tmp_path: Path, tokens: int) -> None:
    writer = tmp_path / "w.yaml"
    writer.write_text(yaml.safe_dump({"name": "w", "model": "m", "concurrency": 1, "batch_size": 3}))
    with serving(each(words)) as server:
        server.usage = {"prompt_tokens": 400, "completion_tokens": 50, "total_tokens": 450}
        for stage in ("rewrites", "negatives"):
            more = ["--rewriter", str(writer), "--base-url", server.url, "--budget-tokens", str(tokens)]
            result = CliRunner().invoke(app, [*command(toy, tmp_path / "o", *more)[:13], *more, "--until", stage])
            assert (result.exit_code, result.exception) == (0, None)
        assert 450 * len(server.asked) <= tokens


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) & 0xFFFFFFFF)


def png(width: int, height: int) -> bytes:
    """A PNG file that states a size, and has hardly a pixel."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def picture(mode: str, kind: str, **more: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, SIZE).save(file, kind, **more)
    return file.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture("RGB", "JPEG", exif=exif)


BAD = {
    "a bomb": png(60_000, 60_000),
    "hardly a pixel": png(*SIZE),
    "nothing": b"",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='400' height='300'/>",
    "turned by EXIF": turned(),
}
GOOD = {
    "GIF": picture("P", "GIF"),
    "16 bits": picture("I;16", "PNG"),
    "CMYK": picture("CMYK", "JPEG"),
    "WebP": picture("RGB", "WEBP"),
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Graphs and photographs that may be changed."""
    write_toy(tmp_path / "own", 8)
    return tmp_path / "own"


def photos(folder: Path) -> Iterator[Path]:
    yield from sorted((folder / "photos").iterdir())


def build(own: Path, *more: str) -> Result:
    return CliRunner().invoke(app, command(own, own / "out" / "o", "--workers", "1", *more))


@pytest.mark.parametrize("what", [*BAD, *GOOD])
def test_photographs_that_are_none(own: Path, what: str) -> None:
    for path in photos(own):
        path.write_bytes((BAD | GOOD)[what])
    result = build(own)
    if what in GOOD:
        assert (result.exit_code, result.exception) == (0, None)
        return
    assert isinstance(result.exception, DataError)
    assert "no positive could be made: 8 × " in str(result.exception)
    assert str(result.exception).isprintable()


def test_photographs_behind_links_that_lead_out(own: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jpg"
    for path in photos(own):
        shutil.move(path, outside)
        path.symlink_to(outside)
    assert "is a link that leads out of" in str(build(own).exception)


@pytest.mark.parametrize("before", ["../", "/tmp/", "a/../../", "a\\..\\"])
def test_a_zip_file_with_names_that_lead_out(own: Path, tmp_path: Path, before: str) -> None:
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in photos(own):
            file.writestr(f"{before}{path.name}", path.read_bytes())
    there = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    build(own, "--images", str(archive), "--bring", "copy")
    # Wherever it unpacks them: beside the graphs and the archive there is nothing new but the build's own folder.
    assert {path for path in tmp_path.rglob("*") if "out" not in path.parts} == there
    assert not (Path("/tmp") / "photo0.jpg").exists()


@pytest.mark.parametrize("stage", ["paths", "positives", "rewrites", "negatives", "edits", "chosen"])
@pytest.mark.parametrize("change", ["torn", "twice", "removed", "other"])
def test_rows_that_were_changed_by_hand_are_noticed(own: Path, stage: str, change: str) -> None:
    assert build(own).exit_code == 0
    path = own / "out" / "o" / "build" / "test" / f"{stage}.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    new = {
        "torn": [*lines[:-1], lines[-1][:-9]],
        "twice": [*lines, lines[0]],
        "removed": lines[1:],
        "other": ["{}\n", *lines[1:]],
    }[change]
    path.write_text("".join(new))
    assert f"{stage}.jsonl was changed since it was finished" in str(build(own).exception)
    path.unlink()
    assert build(own).exit_code == 0
    assert path.read_text().splitlines(keepends=True) == lines


def test_the_photograph_in_place_of_a_negative_image_is_noticed(own: Path) -> None:
    assert build(own).exit_code == 0
    made = sorted((own / "out" / "o" / "build" / "test" / "candidates").rglob("*.png"))
    for path in made:
        Image.open(next(photos(own))).save(path)
    assert made
    result = build(own, "--again", "export")
    assert "of the build was changed since it was made" in str(result.exception)
    assert build(own, "--again", "edits").exit_code == 0

"""Hostile scene graphs: what is wrong is left out and named, nothing leaves its folder, and work has a bound."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from finecops.cli.app import app
from finecops.config.find import load_dataset
from finecops.construction import graph as graph_module
from finecops.construction import graph_file
from finecops.construction.samples import PathsRow
from finecops.construction.truth.stream import graph_entries
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.fields import FieldError
from finecops.errors import DataError
from finecops.runs.jsonl import read_rows


def good(first: str = "car") -> dict[str, Any]:
    """Four objects in a row, with different colours."""
    colours = ("red", "blue", "brown", "green")
    objects = {
        str(k): {
            "name": name,
            **dict(zip("xywh", (10 + 40 * k, 20, 30, 40), strict=True)),
            "attributes": [colours[k]],
            "relations": [{"name": "to the left of", "object": str(k + 1)}] if k < 3 else [],
        }
        for k, name in enumerate((first, "car", "dog", "tree"))
    }
    return {"width": 200, "height": 150, "objects": objects}


def build(
    folder: Path, content: bytes | dict[str, Any], name: str = "g.json", images: bool = True, *more: str
) -> Result:
    """Build from a file of these graphs; `images` makes the images `1` and `2`."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    if images:
        (folder / "images").mkdir(exist_ok=True)
        for image_id in "12":
            Image.new("RGB", (200, 150)).save(folder / "images" / f"{image_id}.jpg")
    words = ["--scene-graphs", str(path), "--images", str(folder / "images"), "--out", str(folder / "out")]
    sizes = ["--positives", "9", "9", "9", "--expressions", "9", "--flips", "9", "--sides", "1", "--workers", "1"]
    # That so many failed is what these tests are about.
    sizes += ["--max-failed", "1"]
    return CliRunner().invoke(app, ["data", "build", "gqa", *words, *sizes, *more])


def captions(folder: Path) -> list[str]:
    """The expressions that were written; what was written is what the own loader reads."""
    config = load_dataset(str(folder / "out" / "dataset.yaml"))
    return [sample.expression for sample in load_dataset_split(config, "test").samples]


def failed(folder: Path) -> dict[str, str]:
    """Image id → why its graph was left out."""
    rows = read_rows(folder / "out" / "build" / "test" / "paths.jsonl", PathsRow)
    return {row.image_id: str(row.reason) for row in rows if row.status == "failed"}


IMAGE_IDS = ["../../evil", "/tmp/evil", "a/b", "1\0", "\x1b[35m", "x" * 300, "", "~", "1~5", "a\ud800", "é"]


@pytest.mark.parametrize("image_id", IMAGE_IDS)
def test_an_image_id_is_a_plain_name(image_id: str, tmp_path: Path) -> None:
    result = build(tmp_path, {image_id: good(), "2": good()})
    assert (result.exit_code, result.exception) == (0, None)
    assert failed(tmp_path).keys() == {"#1"}
    assert "is not one of at most 200 letters" in failed(tmp_path)["#1"]
    assert result.output.replace("\n", "").isprintable()
    coco = json.loads((tmp_path / "out" / "test_expression_all_coco_format.json").read_text())
    files = {image["file_name"] for image in coco["images"]}
    assert {name for name in files if not name.startswith("neg_test_")} == {"2.jpg"}
    assert {path.name for path in tmp_path.rglob("neg_*.png")} == files - {"2.jpg"} != set()


def test_no_image_is_read_or_written_through_a_link_out_of_the_folder(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    Image.new("RGB", (200, 150)).save(secret)
    before = secret.read_bytes()
    build(tmp_path, {"2": good()})
    link = next((tmp_path / "out" / "negative_images").iterdir())
    link.unlink()
    link.symlink_to(secret)
    result = build(tmp_path, {"2": good()}, "g.json", False, "--only", "export", "--again", "export")
    assert "is a link that leads out of" in str(result.exception)
    photo = tmp_path / "images" / "2.jpg"
    photo.unlink()
    photo.symlink_to(secret)
    shutil.rmtree(tmp_path / "out")
    result = build(tmp_path, {"2": good()}, images=False)
    assert isinstance(result.exception, DataError)
    assert "is a link that leads out of" in str(result.exception)
    assert secret.read_bytes() == before


def changed(*keys: str, value: Any) -> dict[str, Any]:
    """A good graph with one value replaced."""
    graph = inner = good()
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return graph


ODD: list[Any] = [None, True, [], {}, ["a"], {"a": 1}, 5, 0.5, float("nan"), float("inf"), 10**400, -(10**400), -5]
ODD_WORDS = [*ODD, "", " ", "a\ud800", "a\x1b[31m", "a\nb", "a\u202eb", "x" * 301]
ODD_NUMBERS = [v for v in ODD if v not in (5, 0.5, -5)] + ["5", 10**9, -(10**9), 10**30]
BAD = [
    *(changed("objects", "0", "name", value=v) for v in ODD_WORDS),
    *(changed("objects", "0", "attributes", value=[v]) for v in ODD_WORDS),
    *(changed("objects", "0", "attributes", value=v) for v in (*ODD_WORDS, ["red"] * 51) if v not in ([], ["a"])),
    *(changed("objects", "0", "relations", value=[{"name": v, "object": "1"}]) for v in ODD_WORDS),
    *(changed("objects", "0", "relations", value=[{"name": "on", "object": v}]) for v in (*ODD_WORDS, "77")),
    *(changed("objects", "0", "relations", value=[v]) for v in ODD_WORDS),
    *(changed("objects", "0", "relations", value=v) for v in ODD_WORDS if v != []),
    *(changed("objects", "0", key, value=v) for key in "xywh" for v in ODD_NUMBERS),
    *(changed(key, value=v) for key in ("width", "height") for v in (*ODD_NUMBERS, 0, -5, 0.5, 100_001)),
    *(changed("objects", "0", value=v) for v in ODD_WORDS),
    *(changed("objects", value=v) for v in ODD_WORDS if v != {}),
    *(changed("location", value=v) for v in ODD_WORDS if v is not None),
    changed("objects", "a\x1bb", value=good()["objects"]["0"]),
    changed("objects", "", value=good()["objects"]["0"]),
    changed("objects", value=dict.fromkeys(map(str, range(1001)), good()["objects"]["3"])),
    changed("objects", "3", "relations", value=[{"name": "on", "object": "0"}] * 1001),
    *ODD_WORDS,
]


def test_a_graph_with_anything_wrong_in_it_is_left_out(tmp_path: Path) -> None:
    content = {str(number): graph for number, graph in enumerate(BAD)} | {"good": good("bus")}
    path = tmp_path / "g.json"
    path.write_text(json.dumps(content))
    kept, messages = [], []
    for entry in graph_entries(path):
        try:
            kept.append(entry.graph().image_id)
        except (FieldError, ValueError) as error:
            messages.append(str(error))
    assert kept == ["good"]
    assert len(messages) == len(BAD)
    for message in messages:
        assert message.isprintable()
        assert len(message) < 300


def test_the_rest_is_unharmed_and_the_counts_are_printed(tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    build(tmp_path / "clean", {"2": good()})
    bad = changed("objects", "0", "name", value=None)
    result = build(tmp_path, {"1": bad, "2": good(), "3": changed("width", value=10**9)})
    assert result.exit_code == 0
    assert failed(tmp_path) == {
        "1": "the name of object 0 is None; a short text is meant",
        "3": "width and height are 1000000000 and 150",
    }
    assert re.search(r"paths +1 +0 +2\n", result.output)
    assert re.search(r"paths +1 +width and height are N and N\n", result.output)
    assert captions(tmp_path) == captions(tmp_path / "clean") != []
    for file in (tmp_path / "clean" / "out").rglob("*"):
        other = tmp_path / "out" / file.relative_to(tmp_path / "clean" / "out")
        # The card and the notes count the graphs that were left out.
        if file.is_file() and file.name not in ("README.md", "build.json", "paths.jsonl"):
            assert other.read_bytes() == file.read_bytes(), file


def test_no_usable_graph_is_an_error(tmp_path: Path) -> None:
    result = build(tmp_path, {"1": changed("objects", "0", "name", value=None)})
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == "no positive could be made: 1 × the name of object N is None; a short text is meant"


GOOD = json.dumps({"1": good(), "2": good()}).encode()
SECOND = b'"2": {"width"'
ENTRIES = {
    "a long number": GOOD.replace(b'"width": 200', b'"width": ' + b"9" * 5000, 1),
    "Infinity": GOOD.replace(b'"width": 200', b'"width": Infinity', 1),
    "a key twice": GOOD.replace(b'"width": 200', b'"width": 200, "width": 5', 1),
    "an object twice": GOOD.replace(b'"1": {"name"', b'"0": {"name"', 1),
    "half a character": GOOD.replace(b"dog", b"d\xed\xa0\x80g", 1),
}


@pytest.mark.parametrize("what", ENTRIES)
def test_one_bad_entry_stops_no_file(what: str, tmp_path: Path) -> None:
    result = build(tmp_path, ENTRIES[what])
    assert (result.exit_code, result.exception) == (0, None)
    assert failed(tmp_path).keys() == {"1"}
    assert captions(tmp_path)


def test_an_image_twice(tmp_path: Path) -> None:
    build(tmp_path, GOOD.replace(SECOND, b'"1": {"width"', 1))
    assert failed(tmp_path) == {"#2": "the image id 1 is taken by an earlier entry"}


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


PACKED = gzip.compress(GOOD, mtime=0)
FILES: list[tuple[str, str, bytes]] = [
    *(("g.json", "is not JSON", GOOD[:n]) for n in (0, 1, 3, 5, 40, len(GOOD) // 2, len(GOOD) - 1)),
    *(("g.json.gz", "gzip data are damaged", PACKED[:n]) for n in range(1, len(PACKED), 20)),
    *(("g.json.gz", "is not JSON", flipped(PACKED, n)) for n in (0, 12, 40, 80, 120, len(PACKED) - 1)),
    ("g.json.gz", "is not JSON", PACKED + b"xx"),
    ("g.json", "not in GQA's format", b"[" * 100_000),
    ("g.json", "nested too deeply", b'{"a":' * 100_000),
    ("g.json", "nested too deeply", b'{"1": {"objects": ' + b"[" * 100_000),
    ("g.json", "not UTF-8", GOOD.replace(b"dog", b"d\xffg", 1)),
    ("g.json", "entry '2'", GOOD.replace(SECOND, SECOND + b"wrong", 1)),
    ("g.json", "behind its end", GOOD + b"}"),
    ("g.json", "the key of entry 1 is no text", b"{1: {}}"),
    ("g.json", ", or } is missing behind entry '1'", b'{"1": {} "2": {}}'),
]


@pytest.mark.parametrize(("name", "message", "content"), FILES)
def test_a_broken_file_is_named(name: str, message: str, content: bytes, tmp_path: Path) -> None:
    result = build(tmp_path, content, name)
    assert isinstance(result.exception, DataError)
    assert str(tmp_path / name) in str(result.exception)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert not list((tmp_path / "out").glob("*.*"))


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_file, "_PIECE", 64)
    monkeypatch.setattr(graph_file, "FREE_CHARS", 10_000)
    bomb = gzip.compress(b"{" + b" " * 100_000)
    assert "is too large" in str(build(tmp_path, bomb, "g.json.gz").exception)
    monkeypatch.setattr(graph_file, "MAX_GRAPH_CHARS", 3000)
    shutil.rmtree(tmp_path / "out")
    long = changed("location", value="x" * 4000)
    assert "an entry has at most 3000 characters" in str(build(tmp_path, {"1": long}).exception)
    # In pieces, the same is read as at once.
    shutil.rmtree(tmp_path / "out")
    assert build(tmp_path, {"1": good(), "2": good()}).exit_code == 0
    shutil.rmtree(tmp_path / "out")
    monkeypatch.setattr(graph_file, "MAX_GRAPHS", 1)
    assert "more than 1 scene graphs" in str(build(tmp_path, {"1": good(), "2": good()}).exception)


def test_a_number_is_not_cut_at_the_end_of_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "g.json"
    path.write_text('{"a": 12345, "b": [], "c" : 1.5e3 }  ')
    for size in range(1, 12):
        monkeypatch.setattr(graph_file, "_PIECE", size)
        assert list(graph_file.read_entries(path)) == [("a", 12345), ("b", []), ("c", 1500.0)]


def test_work_is_bounded_and_what_was_cut_short_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_module, "MAX_WORK", 2000)
    crowd = {
        str(k): good()["objects"]["0"]
        | {"relations": [{"name": "on", "object": str((k + j) % 90)} for j in range(1, 9)]}
        for k in range(90)
    }
    result = build(tmp_path, {"1": {"width": 200, "height": 150, "objects": crowd}, "2": good()})
    assert result.exit_code == 0
    assert "image: too many objects of a kind to look for more paths" in result.output
    assert captions(tmp_path)

"""`finecops sfa extract FILE`: targets of sentences without images, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from finecops.cli.app import app
from finecops.config.schema import ExtractorConfig
from finecops.models.backends import EXTRACTOR_BACKENDS, Backend
from finecops.models.extractors import failed_target
from finecops.records import Sample, Target
from tests.cli.invoke import run

LINES = '{"id": "a", "expression": "the red car near the tree"}\n{"expression": "a big dog"}\n'


def json_rows(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def written(folder: Path, text: str | bytes, name: str = "s.jsonl") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_json_lines_have_the_promised_keys(tmp_path: Path) -> None:
    code, output = run("sfa", "extract", written(tmp_path, LINES), "--json")
    assert code == 0
    assert json_rows(output) == [
        {"id": "a", "phrase": "red car", "span": [4, 11], "status": "found", "extractor": "rules"},
        {"id": 2, "phrase": "big dog", "span": [2, 9], "status": "found", "extractor": "rules"},
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.jsonl"]
    code, output = run("sfa", "extract", written(tmp_path, LINES), "--json", "--article")
    assert code == 0
    assert [(row["phrase"], row["span"]) for row in json_rows(output)] == [
        ("the red car", [0, 11]),
        ("a big dog", [0, 9]),
    ]


@pytest.mark.parametrize(
    ("text", "name", "ids", "phrases"),
    [
        pytest.param("the red car\n\na dog", "s.txt", [1, 3], ["red car", "dog"], id="plain text, an empty line"),
        pytest.param("the red car\r\na dog\r\n", "s.TXT", [1, 2], ["red car", "dog"], id="line ends of Windows"),
        pytest.param("\ufeffthe red car\n", "s.txt", [1], ["red car"], id="a byte order mark"),
        pytest.param('{"id": 7, "expression": "the dog"}', "s.json", [7], ["dog"], id="no last line end"),
        pytest.param(
            '{"id": 7, "expression": "the dog"}\n{"id": 7, "expression": "the cat"}\n',
            "s.jsonl",
            [7, 7],
            ["dog", "cat"],
            id="two sentences with one id",
        ),
        pytest.param('{"expression": "the café sign"}', "s.jsonl", [1], ["café sign"], id="not ASCII"),
    ],
)
def test_files_that_are_read(tmp_path: Path, text: str, name: str, ids: list[object], phrases: list[str]) -> None:
    code, output = run("sfa", "extract", written(tmp_path, text, name), "--json")
    assert code == 0
    assert [row["id"] for row in json_rows(output)] == ids
    assert [row["phrase"] for row in json_rows(output)] == phrases


@pytest.mark.parametrize("text", [LINES, "the red car near the tree\na big dog\n"])
def test_the_standard_input_is_json_lines_or_plain_text(text: str) -> None:
    code, output = run("sfa", "extract", "-", "--json", stdin=text)
    assert code == 0
    assert [row["phrase"] for row in json_rows(output)] == ["red car", "big dog"]


def test_without_json_a_table_is_printed(tmp_path: Path) -> None:
    code, output = run("sfa", "extract", written(tmp_path, "the \x1b[31mred car\n", "s.txt"))
    assert code == 0
    lines = output.splitlines()
    assert lines[0] == "1 sentence: found 1"
    assert lines[1].split() == ["id", "target", "status", "expression"]
    assert "\x1b" not in output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("the red car\n", "s.jsonl:1: not JSON"),
        (LINES + "[1]\n", "s.jsonl:3: not an object"),
        ('{"id": 1}\n', "s.jsonl:1: expression must be"),
        ('\n{"expression": "  "}\n', "s.jsonl:2: expression must be"),
        ('{"expression": 3}\n', "s.jsonl:1: expression must be"),
        ('{"expression": "x", "image": "y"}\n', "s.jsonl:1: unknown key 'image'"),
        ('{"id": [1], "expression": "x"}\n', "s.jsonl:1: id must be"),
        ('{"id": true, "expression": "x"}\n', "s.jsonl:1: id must be"),
        ('{"expression": "a \\ud800 car"}\n', "s.jsonl:1: half of a surrogate pair"),
        (b'{"expression": "\xff"}\n', "s.jsonl:1: not UTF-8 text"),
        ("[" * 100_000 + "\n", "s.jsonl:1: not JSON"),
        ("", "s.jsonl has no sentence"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    code, output = run("sfa", "extract", written(tmp_path, text), "--json")
    assert code == 1
    assert message in output


def test_a_missing_file_is_one_line() -> None:
    assert run("sfa", "extract", "no/such.jsonl") == (1, "cannot read no/such.jsonl: No such file or directory")


def others() -> list[list[str]]:
    """Every option of the command that needs a dataset or a run folder, with a value."""
    values = {"limit": "3", "max_failed": "0.1", "annotations": "x.json", "batch_size": "2", "engine": "local"}
    values |= {"workers": "2", "gpus_per_worker": "1"}
    used = (
        "file",
        "as_json",
        "extractor",
        "article",
        "device",
        "batch_size",
        "max_failed",
        "allow_pickle",
        "threads",
        "help",
    )
    commands = typer.main.get_command(app).commands["sfa"].commands["extract"]  # type: ignore[attr-defined]
    wanted = [parameter for parameter in commands.params if parameter.name not in used]
    return [[p.opts[0], *([] if p.is_flag else [values.get(p.name, "x")])] for p in wanted]


@pytest.mark.parametrize("option", others(), ids=lambda option: option[0])
def test_options_of_runs_are_refused(tmp_path: Path, option: list[str]) -> None:
    code, output = run("sfa", "extract", written(tmp_path, LINES), *option)
    assert code == 2
    assert output == f"{option[0]} does not go with FILE, which has no dataset and no run folder"


def test_json_needs_a_file() -> None:
    code, output = run("sfa", "extract", "--json")
    assert code == 2
    assert "--json goes with FILE" in output


class Toy:
    """Fails on sentences without a cat, and notes how it was called."""

    def __init__(self, device: str, calls: list[tuple[str, int]]) -> None:
        self.device, self.calls = device, calls

    def extract(self, samples: Sequence[Sample]) -> list[Target]:
        self.calls.append((self.device, len(samples)))
        return [
            Target(sample_id=s.id, status="unmatched", phrase="cat", span=None, extractor="toy")
            if "cat" in s.expression
            else failed_target(s, "no cat", "toy")
            for s in samples
        ]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[tuple[str, int]]]:
    """An extractor's YAML file, and the list of its calls."""
    calls: list[tuple[str, int]] = []

    def load(config: ExtractorConfig, device: str) -> Toy:
        return Toy(device, calls)

    monkeypatch.setitem(EXTRACTOR_BACKENDS, "toy", Backend("toy", load, lambda config: None))
    path = tmp_path / "toy.yaml"
    path.write_text("name: toy\nkind: extractor\nbackend: toy\nlicence: MIT\n")
    return str(path), calls


def test_extractor_device_and_batch_size_are_used(tmp_path: Path, toy: tuple[str, list[tuple[str, int]]]) -> None:
    name, calls = toy
    file = written(tmp_path, "a cat\n" * 5, "s.txt")
    code, output = run("sfa", "extract", file, "--json", "--extractor", name, "--device", "cuda:3", "--batch-size", "2")
    assert code == 0
    assert calls == [("cuda:3", 2), ("cuda:3", 2), ("cuda:3", 1)]
    assert json_rows(output)[4] == {"id": 5, "phrase": "cat", "span": None, "status": "unmatched", "extractor": "toy"}


def test_failed_sentences_are_rows_with_a_reason(tmp_path: Path, toy: tuple[str, list[tuple[str, int]]]) -> None:
    file = written(tmp_path, "a cat\na dog\n", "s.txt")
    code, output = run("sfa", "extract", file, "--json", "--extractor", toy[0], "--max-failed", "0.5")
    assert code == 0
    assert json_rows(output)[1] == {
        "id": 2,
        "phrase": "",
        "span": None,
        "status": "failed",
        "extractor": "toy",
        "reason": "no cat",
    }
    code, output = run("sfa", "extract", file, "--extractor", toy[0])
    assert code == 1
    assert output.startswith("1 of 2 sentences failed: 1 × no cat")

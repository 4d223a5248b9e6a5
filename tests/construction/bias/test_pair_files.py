"""Files of pairs: layouts, faults, and the same files with fewer entries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finecops.construction.bias.pair_files import read_pair_file, write_pair_file
from finecops.construction.bias.pairs import TextPair
from finecops.construction.bias.sources import source_of_files
from finecops.errors import DataError, UsageError

ROW = {"caption": "a cat on a mat", "negative_caption": "a dog on a mat"}
# As SugarCrepe's files, in our own words.
KEYED = {"0": {"filename": "1.jpg", **ROW}, "7": {"filename": "2.jpg", **ROW, "more": [1]}}


def file_of(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def pair(id_: str, group: str, type_: str) -> TextPair:
    return TextPair(id_, group, ROW["caption"], ROW["negative_caption"], type_)


LAYOUTS = {
    "swap.json": (KEYED, [pair("0", "1.jpg", "swap"), pair("7", "2.jpg", "swap")]),
    "list.json": (
        [ROW, {**ROW, "id": 5, "type": "order"}],
        [pair("0", "entry 0", "list"), pair("5", "entry 5", "order")],
    ),
    "rows.jsonl": (
        "".join(json.dumps({"id": i, "image": f"{i}.png", **ROW}) + "\n" for i in (3, 4)),
        [pair("3", "3.png", "rows"), pair("4", "4.png", "rows")],
    ),
    "table.csv": (
        "image_id,positive,negative,type\n1,a cat on a mat,a dog on a mat,order\n2,a cat on a mat,a dog on a mat,\n",
        [pair("line 2", "1", "order"), pair("line 3", "2", "table")],
    ),
    "table.tsv": ("pos\tneg\na cat on a mat\ta dog on a mat\n", [pair("line 2", "entry line 2", "table")]),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(tmp_path: Path, name: str) -> None:
    content, expected = LAYOUTS[name]
    found = read_pair_file(file_of(tmp_path, name, content))
    assert found.pairs == expected
    assert not found.problems
    # What is written of the last pair alone reads as that pair, and of all pairs as the file.
    for kept in (expected[-1:], expected):
        write_pair_file(found, {p.id for p in kept}, tmp_path / "new" / name)
        again = read_pair_file(tmp_path / "new" / name)
        assert [(p.positive, p.negative, p.type) for p in again.pairs] == [
            (p.positive, p.negative, p.type) for p in kept
        ]
    if name == "swap.json":
        # Entries are as they were, unknown keys too.
        assert json.loads((tmp_path / "new" / name).read_text()) == KEYED


def test_a_list_without_pairs(tmp_path: Path) -> None:
    rows = "text,label,image\na cat,1,a\na dog,absent,a\na cow,maybe,b\n"
    found = read_pair_file(file_of(tmp_path, "texts.csv", rows))
    assert [(one.text, one.positive, one.group) for one in found.singles] == [
        ("a cat", True, "a"),
        ("a dog", False, "a"),
    ]
    assert [str(p).partition("texts.csv: ")[2] for p in found.problems] == [
        "line 4: label is 'maybe'; one of 1, true, positive, box, 0, -1, false, negative, absent is meant"
    ]
    with pytest.raises(DataError, match="without pairs"):
        source_of_files([found])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "", "ends in"),
        ("a.json", "{", "not JSON"),
        ("a.json", "3", "neither a list nor a dictionary"),
        ("a.json", [], "no column"),
        ("a.json", [{"caption": "x"}], "pairs need"),
        ("a.json", [{"caption": "", "negative_caption": "y"}], "the expression is empty"),
        ("a.csv", "positive,negative\n", "no column"),
        ("a.jsonl", "nothing\n", "no column"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pair_file(file_of(tmp_path, name, content))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (3, "the entry is 3"),
        ({"caption": 3, "negative_caption": "y"}, "the expression is 3"),
        ({**ROW, "id": [1]}, "id is"),
        ({**ROW, "id": "first"}, "stands twice"),
        ({**ROW, "image": {"a": 1}}, "image is"),
    ],
)
def test_entries_that_cannot_be_used_are_left_out_and_said(tmp_path: Path, entry: object, message: str) -> None:
    found = read_pair_file(file_of(tmp_path, "a.json", [{**ROW, "id": "first", "image": "i"}, entry]))
    assert [p.id for p in found.pairs] == ["first"]
    assert [message in str(problem) for problem in found.problems] == [True]


def test_texts_with_control_characters_are_cleaned(tmp_path: Path) -> None:
    found = read_pair_file(file_of(tmp_path, "a.json", [{**ROW, "caption": "a \x1b[31mcat\nsat"}]))
    assert "\x1b" not in found.pairs[0].positive
    assert "\n" not in found.pairs[0].positive


def test_several_files_are_written_into_a_folder(tmp_path: Path) -> None:
    files = [read_pair_file(file_of(tmp_path, name, KEYED)) for name in ("one.json", "two.json")]
    source = source_of_files(files)
    source.check_out(tmp_path / "kept")
    written = source.write_kept([1, 2], tmp_path / "kept", None)
    assert [(path.name, list(json.loads(path.read_text()))) for path in written] == [
        ("one.json", ["7"]),
        ("two.json", ["0"]),
    ]
    with pytest.raises(UsageError, match="folder"):
        source.check_out(tmp_path / "kept.json")
    with pytest.raises(UsageError, match="must end in"):
        source_of_files(files[:1]).check_out(tmp_path / "kept.csv")
    with pytest.raises(DataError, match="choose another --out"):
        source_of_files(files[:1]).write_kept([0], tmp_path / "one.json", None)

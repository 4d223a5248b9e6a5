"""Rows of which only the places are held are what the rows themselves are, and what is no row is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import RunError
from finecops.records import Candidates, Prediction, Route, StageRow, Target
from finecops.runs import jsonl
from finecops.runs.failures import reason_counts
from finecops.runs.jsonl import read_table, replace_rows
from finecops.runs.row_check import row_check, rows_check
from finecops.runs.row_file import RowFaultError, RowFile, finish
from finecops.strict_json import parse_record
from tests.conftest import make_prediction

ROWS = [
    make_prediction("a", [(0.0, 0.0, 1.0, 1.0)], (0.5,)),
    Prediction(sample_id="ö\n", status="failed", source="toy", reason="ö\n is 5 px wide", cause="data"),
    Prediction(sample_id="c", status="reject", source="toy", note="cut from 24 to 16 tokens", reply='{"x" : "\\\\"}'),
    Prediction(sample_id="d", status="failed", source="toy", reason="d is 7 px wide"),
]
OTHERS: list[StageRow] = [
    Target(sample_id="a", status="found", phrase="the car", span=(0, 7), extractor="none"),
    Route(sample_id="a", status="routed", level=1, boxes=((1.0, 2.0, 3.0, 4.5),), scores=(0.25,)),
    Candidates(sample_id="a", status="proposed", boxes=((1.0, 2.0, 3.0, 4.0),), scores=(1e-9,), kept=(0,)),
]
CHANGES: list[Any] = [
    {"sample_id": 5},
    {"sample_id": None},
    {"status": "lost"},
    {"boxes": []},
    {"boxes": [[0, 0, 1]]},
    {"boxes": [[0, 0, 1, 1, 1]]},
    {"boxes": [[0, 0, 1, "1"]]},
    {"boxes": [[0, 0, 1, True]]},
    {"boxes": [[0, 0, 1, 10**400]]},
    {"boxes": [[0, 0, 1, float("nan")]]},
    {"boxes": None},
    {"scores": "x"},
    {"scores": [1]},
    {"reply": "half \ud800"},
    {"reply": 7},
    {"presence": "high"},
    {"presence": True},
    {"letters": ["A", 1]},
    {"more": 1},
]


LINE, OTHER = (make_prediction(i, [(0.0, 0.0, 4.0, 5.0)]).model_dump_json().encode() + b"\n" for i in ("a", "b"))


def rows_in(folder: Path, rows: list[Prediction]) -> RowFile[Prediction]:
    replace_rows(folder / "toy.jsonl", rows)
    found = RowFile(folder / "toy.jsonl", Prediction)
    found.read()
    return found


def test_a_file_of_places_is_a_mapping_of_its_rows(tmp_path: Path) -> None:
    found = rows_in(tmp_path, ROWS)
    assert dict(found) == {row.sample_id: row for row in ROWS}
    assert list(found.values()) == ROWS
    assert list(found.items()) == [(row.sample_id, row) for row in ROWS]
    assert "c" in found
    assert found.get("x") is None
    assert found.tally.failed == ["ö\n", "d"]
    assert found.tally.notes == {"cut from N to N tokens": 1}
    assert found.tally.reasons == reason_counts(ROWS) == {"ID is N px wide": 2}


def test_rows_are_copied_in_any_order(tmp_path: Path) -> None:
    found, partial = rows_in(tmp_path, ROWS), tmp_path / "toy.jsonl.partial"
    partial.touch()
    order = ["d", "a", "ö\n", "c"]
    finish(partial, tmp_path / "final.jsonl", found, order)
    assert not partial.exists()
    again = RowFile(tmp_path / "final.jsonl", Prediction)
    again.read()
    assert list(again) == order
    assert dict(again) == dict(found)


def test_what_is_appended_is_read_on(tmp_path: Path) -> None:
    found = rows_in(tmp_path, ROWS[:2])
    with (tmp_path / "toy.jsonl").open("a", encoding="utf-8") as file:
        jsonl.append_rows(file, ROWS[2:])
    found.read()
    assert list(found.values()) == ROWS
    with (tmp_path / "toy.jsonl").open("a", encoding="utf-8") as file:
        jsonl.append_rows(file, ROWS[2:])
    with pytest.raises(RowFaultError, match="a second row for sample 'c'") as fault:
        found.read()
    assert fault.value.number == 5


@pytest.mark.parametrize("row", [*ROWS[:2], *OTHERS], ids=lambda row: type(row).__name__)
def test_rows_as_they_are_written_pass_the_quick_check(row: StageRow) -> None:
    head = row_check(type(row))(row.model_dump_json().encode())
    assert type(head) is not type(row), "it was validated the slow way"
    assert (head.sample_id, head.reason) == (row.sample_id, row.reason)


@pytest.mark.parametrize("change", CHANGES, ids=repr)
@pytest.mark.parametrize("row", ROWS[:2], ids=["box", "failed"])
def test_a_line_passes_just_where_its_row_is_valid(row: Prediction, change: dict[str, Any]) -> None:
    text = json.dumps(row.model_dump(mode="json") | change)
    for line in (text.encode(), text.replace(": ", ":").encode(), text.replace('": ', '" : ').encode()):
        assert _refused(row_check(Prediction), line) == _refused(lambda one: parse_record(one, Prediction), line)


@pytest.mark.parametrize("broken", [b"", b"{}", b"[", b"null", b"\xff", b'{"sample_id":"a"}', b"[" * 10**5])
def test_what_is_no_row_is_refused(broken: bytes) -> None:
    assert _refused(row_check(Prediction), broken)


def test_a_key_that_stands_twice_is_refused() -> None:
    line = ROWS[0].model_dump_json().encode()
    for twice in (b'{"source":"x",' + line[1:], line[:-1] + b',"mass" :null}', b'{"source" :"x",' + line[1:]):
        assert "twice" in _refused(row_check(Prediction), twice)


@pytest.mark.parametrize("lines", [
    [b"{}\n"],
    [LINE, b'"text"\n'],
    [LINE, b"\n", LINE],
    # Two rows on a line, and one on two lines: as many rows as lines.
    [LINE[:-1] + OTHER, *LINE.replace(b",", b",\n", 1).splitlines(keepends=True)],
    [LINE[:-1] + b"," + OTHER, OTHER],
    [LINE, OTHER, b'{"sample_id":"x"}\n', LINE],
    [LINE, LINE.replace(b'"boxes":[[0.0,0.0,4.0,5.0]]', b'"boxes":[]')],
    [LINE, LINE.replace(b'"source":', b'"status":"box","source":')],
])  # fmt: skip
def test_many_lines_pass_just_where_each_does(lines: list[bytes]) -> None:
    heads, error = rows_check(Prediction)(lines)
    check, wanted = row_check(Prediction), list[str]()
    said = ""
    for line in lines:
        try:
            wanted.append(check(line).sample_id)
        except ValueError as fault:
            said = str(fault)
            break
    assert [head.sample_id for head in heads] == wanted
    assert str(error or "") == said
    heads, error = rows_check(Prediction)([LINE, OTHER, LINE])
    assert ([head.sample_id for head in heads], error) == (["a", "b", "a"], None)


def _refused(check: Any, line: bytes) -> str:
    try:
        check(line)
    except ValueError as error:
        return str(error)
    return ""


def test_a_large_table_holds_places_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "LARGE_BYTES", 1)
    path = tmp_path / "toy.jsonl"
    replace_rows(path, ROWS)
    found = read_table(path, Prediction)
    assert isinstance(found, RowFile)
    assert dict(found) == {row.sample_id: row for row in ROWS}
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(RunError, match=r"toy.jsonl:5: not a Prediction row: .*makes it again from there"):
        read_table(path, Prediction)
    replace_rows(path, [ROWS[0], ROWS[0]])
    with pytest.raises(RunError, match=r"toy.jsonl:2: a second row for sample 'a'"):
        read_table(path, Prediction)

"""Every writer on one document, and what each does to hostile text."""

from __future__ import annotations

import csv
import io
import json

import pytest

from finecops.report import text as text_module
from finecops.report.document import Column, Document, Range, Table, cell_text, columns
from finecops.report.text import labelled, text_table, write_text
from finecops.report.writers import WRITERS, find_writer
from finecops.text import printable

TABLE = Table(
    title="Precision, %",
    columns=(*columns("", "All"), Column("change", "+.1f"), Column("interval", "+.2f"), Column("n")),
    rows=(("SFA_1", 75.0, 2.25, Range(-1.0, 3.5), 40), ("none", None, None, None, 0)),
    notes=("40 of 41 & more",),
    section="run a",
)
DOCUMENT = Document(
    [TABLE, Table(notes=("a sentence",), section="run a"), Table("Other", columns("x"), (("y",),), section="run b")],
    {"version": 1, "rows": [{"value": float("inf")}]},
    [{"metric": "p", "value": 1.5}, {"metric": "q", "value": None, "extra": "a,b"}],
    ("metric", "value"),
)


def test_text() -> None:
    assert write_text(DOCUMENT) == (
        "run a\n\n"
        "Precision, %\n"
        "           All  change        interval   n\n"
        "  -----  -----  ------  --------------  --\n"
        "  SFA_1  75.00    +2.2  -1.00 to +3.50  40\n"
        "  none       –       –               –   0\n"
        "40 of 41 & more\n\n"
        "a sentence\n\n"
        "run b\n\n"
        "Other\n"
        "  x\n"
        "  -\n"
        "  y"
    )


def test_markdown() -> None:
    text = WRITERS["markdown"](DOCUMENT)
    assert "## run a" in text
    assert "**Precision, %**\n\n|  | All | change | interval | n |\n| :-- | --: | --: | --: | --: |" in text
    assert "| SFA\\_1 | 75.00 | +2.2 | -1.00 to +3.50 | 40 |" in text
    assert text.count("## ") == 2


def test_latex() -> None:
    text = WRITERS["latex"](DOCUMENT)
    assert r"\caption{Precision, \%}" in text
    assert r"SFA\_1 & 75.00 & +2.2 & -1.00 to +3.50 & 40 \\" in text
    assert r"none & -- & -- & -- & 0 \\" in text
    assert r"\begin{tabular}{lrrrr}" in text
    assert "% 40 of 41 & more" in text
    assert "% a sentence" in text


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(WRITERS["csv"](DOCUMENT))))
    assert rows == [
        {"metric": "p", "value": "1.5", "extra": ""},
        {"metric": "q", "value": "", "extra": "a,b"},
    ]


def test_json_has_no_infinity() -> None:
    assert json.loads(WRITERS["json"](DOCUMENT)) == {"version": 1, "rows": [{"value": None}]}


def terminal(patch: pytest.MonkeyPatch, width: int) -> None:
    patch.setattr(text_module.sys.stdout, "isatty", lambda: True, raising=False)
    patch.setenv("COLUMNS", str(width))


HOSTILE = "a\x1b[2Jb\rc\nd\x9be\u2028f|g</td>\\h$i_j"


@pytest.mark.parametrize("name", ["text", "markdown", "latex"])
def test_no_output_for_people_carries_control_characters(name: str) -> None:
    table = Table(HOSTILE, (Column(HOSTILE), Column(HOSTILE)), ((HOSTILE, HOSTILE),), (HOSTILE,), HOSTILE)
    text = find_writer(name)(Document([table], None))
    assert not set(text) & set("\x1b\r\x9b\u2028")
    plain = find_writer(name)(Document([Table("a", columns("a", "a"), (("a", "a"),), ("a",), "a")], None))
    assert len(text.splitlines()) == len(plain.splitlines())


def test_markdown_and_latex_escape_what_means_something_to_them() -> None:
    table = Table("t", columns("x"), (("a|b<i>_`",),))
    assert "a\\|b\\<i\\>\\_\\`" in WRITERS["markdown"](Document([table], None))
    table = Table("t", columns("x"), ((r"a_b%c\d{e}",),))
    assert r"a\_b\%c\textbackslash{}d\{e\}" in WRITERS["latex"](Document([table], None))


def test_a_wide_table_is_cut_in_a_terminal_and_whole_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"column-{i:02}" for i in range(12)]
    document = Document([Table("Wide", columns("", *names), (("a row", *range(100, 112)),))], None)
    assert len(write_text(document).splitlines()) == 4
    terminal(monkeypatch, 60)
    lines = write_text(document).splitlines()
    assert max(map(len, lines)) <= 60
    assert [len(line.split()) - 2 for line in lines if line.startswith("  a row")] == [4, 4, 4]
    for i, name in enumerate(names):
        assert sum(name in line for line in lines) == 1
        assert sum(f" {100 + i}" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("given", "printed"),
    [("plain", "plain"), ("ünï – ok", "ünï – ok"), ("\x00\x7f", "\ufffd\ufffd"), ("\u202egpj", "\ufffdgpj")],
)
def test_printable(given: str, printed: str) -> None:
    assert printable(given) == printed


@pytest.mark.parametrize(
    ("cell", "column", "text"),
    [
        (None, Column(""), "–"),
        (1.0, Column(""), "1.00"),
        (1, Column(""), "1"),
        (0.123456, Column("", ".4g"), "0.1235"),
        ("x", Column("", ".4g"), "x"),
    ],
)
def test_cells(cell: float | str | None, column: Column, text: str) -> None:
    assert cell_text(cell, column) == text


def test_a_table_of_ready_texts() -> None:
    assert text_table("T", ["a", "bb"], [["x", "1"]], left=True) == "T\n  a  bb\n  -  --\n  x  1"


def test_a_wide_heading_stands_on_its_rule_and_a_text_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table("", columns("", "router level 1", "n"), (("SFA", 100.0, 3),))
    terminal(monkeypatch, 22)
    assert write_text(Document([table], None)).splitlines() == [
        "        router",
        "       level 1  n",
        "  ---  -------  -",
        "  SFA   100.00  3",
    ]
    rows = [["a", "rules"], ["b", "a-file.jsonl does not exist"]]
    assert text_table("", ["model", "here"], rows, left=True).splitlines() == [
        "  model  here",
        "  -----  -------------",
        "  a      rules",
        "  b      a-file.jsonl",
        "         does not",
        "         exist",
    ]


def test_a_labelled_text_hangs_in_a_terminal_and_is_one_line_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "no server answers at http://localhost:8000"
    assert labelled("server", text, width=8) == f"server   {text}"
    terminal(monkeypatch, 40)
    assert labelled("server", text, width=8) == "server   no server answers at\n         http://localhost:8000"

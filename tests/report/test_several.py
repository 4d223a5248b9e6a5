"""Several runs in one table."""

from __future__ import annotations

from pathlib import Path

from finecops.evaluation.runs import evaluate_runs
from finecops.evaluation.settings import EvalSettings
from finecops.report.document import Table, columns
from finecops.report.several import join_tables, short_names
from finecops.report.tables import evaluation_tables
from tests.builders_runs import make_run


def test_tables_of_one_title_are_joined() -> None:
    a = Table("P", columns("", "All", "L1", "L3"), (("x", 1, 2, 3), ("n", 9, 4, 5)), ("odd",), "A")
    b = Table("P", columns("", "All", "L1", "L2"), (("x", 6, 7, 8), ("n", 9, 4, 5)), (), "B")
    found = join_tables({"out/a": [a, Table("Only here", columns(""), section="A")], "out/b": [b]})
    assert found[0].notes == ("A", "B")
    assert [column.title for column in found[1].columns] == ["", "All", "L1", "L2", "L3"]
    # A column that a run lacks is empty in its rows; the denominators differ in it.
    assert found[1].rows == (
        ("a: x", 1, 2, None, 3),
        ("b: x", 6, 7, 8, None),
        ("a: n", 9, 4, None, 5),
        ("b: n", 9, 4, 5, None),
    )
    assert found[1].notes == ("a: odd",)
    assert [table.title for table in found[2:]] == ["Only here"]


def test_equal_denominators_are_printed_once() -> None:
    tables = {run: [Table("P", columns("", "All"), (("x", i), ("n", 9)))] for i, run in enumerate("ab")}
    assert join_tables(tables)[1].rows == (("a: x", 0), ("b: x", 1), ("n", 9))


def test_runs_of_one_name_keep_their_paths() -> None:
    assert list(short_names(["u/a", "v/a", "v/b"]).values()) == ["u/a", "v/a", "b"]


def test_each_arithmetic_has_its_own_tables(tmp_path: Path) -> None:
    folders = tuple(make_run(tmp_path / name) for name in "ab")
    both = evaluate_runs(EvalSettings(runs=folders, metrics=("p1",), compat="both"))
    titles = [table.title for table in evaluation_tables(both) if table.title.startswith("Precision@1 ")]
    assert titles == ["Precision@1 on positives, % (IoU > 0.5)", "Precision@1 on positives, % (IoU >= 0.5)"]
    alone = evaluate_runs(EvalSettings(runs=folders[:1], metrics=("p1",)))
    assert evaluation_tables(alone)[0].rows[0][0] == "Specialist toy"

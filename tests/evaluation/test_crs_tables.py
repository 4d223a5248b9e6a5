"""Tables VIII, X and XI from runs: which answers belong where, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finecops.config.fingerprint import weights_fingerprint
from finecops.evaluation.crs_tables import BASELINE, CRS, UNTUNED, crs_rows
from finecops.report.crs_tables import crs_tables_document
from finecops.report.writers import WRITERS
from tests.builders_runs import RIGHT, WRONG, stage_entry, write_run
from tests.cli.invoke import run as invoke
from tests.conftest import make_prediction, make_sample


def adapter(folder: Path, rows: int) -> dict[str, Any]:
    """The settings of a model with an adapter that was tuned on so many rows."""
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_bytes(b"x" * rows)
    (folder / "finecops.json").write_text(json.dumps({"rows": rows, "data": {"dataset": "refcoco"}}))
    return {"adapter": str(folder), "adapter_fingerprint": weights_fingerprint(str(folder))}


def tables_run(tmp_path: Path) -> Path:
    """Four positives; each list of answers has as many right as its number says."""
    samples = [make_sample(f"p{i}") for i in range(4)]
    tuned = adapter(tmp_path / "two", 2000)
    stages: dict[str, tuple[int, str, dict[str, Any]]] = {
        "mllm": (1, "mllm", {"mllm": {}}),
        "baseline": (2, "mllm", {"mllm": {"refusal": "NONE_BASELINE", **tuned}}),
        "untuned": (1, "crs", {"topk": 5, "none": True, "mllm": {}}),
        "tuned": (3, "crs", {"topk": 5, "none": False, "mllm": tuned}),
        "tuned-3": (2, "crs", {"topk": 3, "none": False, "mllm": tuned}),
        "shuffled": (4, "crs", {"topk": 5, "none": False, "order": "shuffle", "mllm": tuned}),
    }
    rows: dict[str, Any] = {"samples": samples}
    entries = {}
    for name, (right, method, settings) in stages.items():
        rows[name] = [make_prediction(s.id, [RIGHT if i < right else WRONG], (0.5,)) for i, s in enumerate(samples)]
        entries[name] = stage_entry("answers", method, settings=settings, label=name)
    return write_run(tmp_path / "run", rows, entries)


def test_each_answer_stands_where_it_belongs(tmp_path: Path) -> None:
    rows = {row.label: row for row in crs_rows([tables_run(tmp_path)])}
    assert {name: row.setting for name, row in rows.items() if row.setting} == {
        "baseline": BASELINE,
        "untuned": UNTUNED,
    }
    assert (rows["tuned"].rows, rows["tuned"].source, rows["tuned"].topk) == (2000, "refcoco", 5)
    assert (rows["tuned"].precision_at_1, rows["tuned"].n) == (75.0, 4)
    text = WRITERS["text"](crs_tables_document(list(rows.values()), ("8", "10", "11")))
    eight, ten, eleven = text.split("\n\n")
    assert eight.splitlines()[4].split()[:3] == ["baseline:", "baseline", "50.00"]
    assert f"Missing, {CRS}: `finecops crs tune-data" in eight
    assert [line.split() for line in ten.splitlines()[3:5]] == [
        ["mllm", "–", "–", "25.00", "4"],
        ["tuned", "2000", "refcoco", "75.00", "4"],
    ]
    assert "Missing, 4000, 6000, 8000, 10000, 12000 rows:" in ten
    assert [line.split()[:2] for line in eleven.splitlines()[3:6]] == [["mllm", "–"], ["tuned-3", "3"], ["tuned", "5"]]
    assert "Missing, k = 8, 10" in eleven
    # Another order of options is another experiment.
    assert "shuffled" not in text


def test_an_adapter_that_was_tuned_again_has_unknown_rows(tmp_path: Path) -> None:
    run = tables_run(tmp_path)
    adapter(tmp_path / "two", 4000)
    rows = crs_rows([run])
    assert {row.rows for row in rows} == {None}
    assert "its rows are not known: tuned." in WRITERS["text"](crs_tables_document(rows, ["10"]))


def test_the_papers_rows_are_beside(tmp_path: Path) -> None:
    code, text = invoke("crs", "tables", str(tables_run(tmp_path)), "--table", "8,11", "--paper")
    assert code == 0
    assert "CRS, paper: Qwen2-VL-7B" in text
    assert "paper: Qwen2-VL-7B   8        77.99" in text
    assert "Table X:" not in text
    assert "The paper's precision@1 is of FineCops-Ref." in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--table", "9"), 2, "unknown table 9; there are: 6, 7, 8, 10, 11"),
        (("--as", "pie"), 2, "unknown output 'pie'"),
        (("nowhere",), 1, "is no run"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    found, message = invoke("crs", "tables", str(tables_run(tmp_path)), *words)
    assert found == code
    assert said in message

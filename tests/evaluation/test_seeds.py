"""The paper's tables with several seeds of one setting, and on several test sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finecops.evaluation.crs_tables import CrsRow, crs_rows
from finecops.report.crs_lines import Line, lines_of, split_of, splits_of
from finecops.report.crs_tables import crs_tables_document
from finecops.report.document import Spread
from finecops.report.writers import WRITERS
from tests.builders_tables import Made, Rates, adapter, alone, choice, sfa_with_crs, tables_run
from tests.cli.invoke import run as invoke

TESTS = ("test", "short")


def table_line(text: str, start: str) -> list[str]:
    """The words of the first line that begins so, behind its beginning."""
    line = next(line.strip() for line in text.splitlines() if line.strip().startswith(start))
    return line.removeprefix(start).split()


def seeds(tmp_path: Path, rows: int = 10_000, split: str = "train") -> dict[str, Made]:
    """Choices of three adapters that differ in their seed: 30, 32 and 34 of 40 right."""
    found: dict[str, Made] = {}
    for seed in range(3):
        model = adapter(tmp_path / "adapters" / f"crs-{rows}-{split}-seed{seed}", rows, seed, split=split)
        found |= choice(model, Rates(16 + seed, 14 + seed))
    return found


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """On each of two test sets a run without focus, one with it, and SFA with CRS of two seeds."""
    small = adapter(tmp_path / "adapters" / "crs-2000", 2000)
    plain = {"specialist": Rates(18, 4), "mllm": Rates(14, 12), "sfa": Rates(18, 12)}
    focus = {"specialist": Rates(19, 5), "mllm": Rates(15, 13), "sfa": Rates(19, 13)}
    found = []
    for name in TESTS:
        stages = alone(**plain) | seeds(tmp_path) | choice(small, Rates(10, 10))
        stages |= choice(adapter(tmp_path / "adapters" / "crs-10000-train-seed0", 10_000), Rates(15, 15), topk=3)
        found.append(tables_run(tmp_path / name / "plain", stages, name))
        found.append(tables_run(tmp_path / name / "focus", alone(**focus, focus=True), name))
        for seed in range(2):
            model = adapter(tmp_path / "adapters" / f"crs-10000-train-seed{seed}", 10_000, seed)
            stages = sfa_with_crs(model, Rates(19, 15 + seed))
            found.append(tables_run(tmp_path / name / f"sfa-crs-{seed}", stages, name))
    return found


def test_seeds_are_one_line_with_their_spread(runs: list[Path]) -> None:
    rows = [row for row in crs_rows(runs) if row.method == "crs" and row.rows == 10_000 and row.topk == 5]
    assert {row.seeds for row in rows} == {(0, 0), (1, 1), (2, 2)}
    (line,) = lines_of(rows)
    assert (line.title, line.seeds) == ("CRS top5 toy+crs-10000-train (3 seeds)", 3)
    for one in splits_of(rows):
        assert line.cell(one, lambda row: row.precision_at_1) == Spread(80.0, 5.0)


def test_tables_of_two_test_sets_have_them_side_by_side(runs: list[Path]) -> None:
    code, text = invoke("crs", "tables", *map(str, runs))
    assert code == 0
    six, seven, eight, ten, eleven = text.split("\n\n")
    assert "test L1       test L2      test all" in six
    assert table_line(six, "SFA + focus") == ["95.00", "65.00", "80.00"] * 2 + ["50.0", "3.000"]
    assert six.count("80.00 ± 5.00") == 2
    assert table_line(six, "CRS top5 toy+crs-10000-train (3 seeds)")[:3] == ["85.00", "±", "5.00"]
    assert "SFA with CRS top5 toy+crs-10000-train (2 seeds)" in six
    # Another amount of data and another k are of Tables X and XI.
    assert "crs-2000" not in six
    assert "top3" not in six
    assert table_line(seven, "MLLM toy") == ["65.00", "70.00"] * 2
    assert table_line(seven, "Specialist box") == ["55.00", "60.00"] * 2
    assert "Table VIII" in eight
    assert table_line(ten, "CRS top5 toy+crs-2000") == ["2000", "toy", "50.00", "40", "50.00", "40"]
    assert "crs-2000" not in eleven
    assert table_line(eleven, "CRS top3 toy+crs-10000-train-seed0")[:2] == ["3", "75.00"]
    assert "Missing, k = 8, 10" in eleven


def test_a_source_of_another_split_is_another_setting(tmp_path: Path) -> None:
    run = tables_run(tmp_path / "run", seeds(tmp_path) | seeds(tmp_path, split="plain"))
    rows = crs_rows([run])
    assert {row.source for row in rows} == {"toy", "toy plain"}
    assert [line.seeds for line in lines_of(rows)] == [3, 3]
    text = WRITERS["latex"](crs_tables_document(rows, ["10"]))
    assert text.count(r"\ensuremath{\pm}") == 2


def test_the_same_seed_twice_is_no_spread(tmp_path: Path) -> None:
    runs = [tables_run(tmp_path / name, seeds(tmp_path)) for name in ("a", "b")]
    lines = lines_of(crs_rows(runs))
    assert [line.seeds for line in lines] == [1] * 6
    assert len({line.label for line in lines}) == 6


def test_a_seed_without_a_number_makes_no_mean(tmp_path: Path) -> None:
    (run,) = crs_rows([tables_run(tmp_path / "run", choice({"name": "toy"}, Rates(10, 10)))])
    line = Line("x", (run, run.model_copy(update={"recall_text": None})))
    assert line.cell(split_of(run), lambda row: row.recall_text) is None
    assert line.cell(split_of(run), lambda row: row.precision_at_1) == Spread(50.0, 0.0)
    assert line.cell(("toy", "elsewhere"), lambda row: row.precision_at_1) is None


def test_a_tuning_that_got_fewer_rows_is_of_the_size_that_was_asked_for(tmp_path: Path) -> None:
    model = adapter(tmp_path / "adapters" / "crs", 11_998, positives=12_000)
    (row,) = crs_rows([tables_run(tmp_path / "run", choice(model, Rates(10, 10)))])
    assert (row.rows, row.positives, row.size) == (11_998, 12_000, 12_000)
    assert "Missing, 2000, 4000, 6000, 8000, 10000 rows:" in WRITERS["text"](crs_tables_document([row], ["10"]))


def test_the_papers_rows_stand_below(runs: list[Path]) -> None:
    _, text = invoke("crs", "tables", *map(str, runs[:2]), "--table", "6,7", "--paper")
    assert "Qwen2-VL-7B CRS" in text
    assert table_line(text, "paper: MM-GDINO-L")[:3] == ["81.20", "53.32", "68.32"]
    assert "The paper's precision@1 is of FineCops-Ref." in text


def test_an_answer_whose_inputs_are_gone_has_no_cost(runs: list[Path]) -> None:
    (runs[1] / "specialist.jsonl").unlink()
    by_label: dict[str, CrsRow] = {row.label: row for row in crs_rows([runs[1]])}
    assert by_label["SFA + focus"].gflops is None
    assert by_label["MLLM toy + focus"].gflops == 2.0


def test_programs_get_means_and_every_row(runs: list[Path]) -> None:
    found = json.loads(invoke("crs", "tables", *map(str, runs), "--json")[1])
    line = next(one for one in found["lines"] if one["label"] == "CRS top5 toy+crs-10000-train")
    assert (line["split"], line["seeds"]) == ("test", 3)
    assert line["values"]["precision_at_1"] == {"mean": 80.0, "sd": 5.0}
    text = invoke("crs", "tables", *map(str, runs), "--csv")[1]
    assert text.splitlines()[0].startswith("run,stage,label,dataset,split,method")
    assert len(text.splitlines()) == 1 + len(found["rows"])

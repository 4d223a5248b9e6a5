"""Tables of a benchmark of rejection: a column for each kind of absence, and none that is empty."""

from __future__ import annotations

from pathlib import Path

from finecops.datasets.parquet.layouts import EASY_ABSENCE, HARD_ABSENCE
from finecops.evaluation.runs import evaluate_runs
from finecops.evaluation.settings import EvalSettings
from finecops.records import Negative
from finecops.report.tables import evaluation_tables
from tests.builders_runs import RIGHT, stage_entry, write_run
from tests.conftest import make_prediction, make_sample


def test_kinds_of_absence_are_never_in_one_column(tmp_path: Path) -> None:
    samples, answers = [make_sample("p", level=None)], [make_prediction("p", [RIGHT], (0.9,))]
    for number, type_ in enumerate([HARD_ABSENCE] * 4 + [EASY_ABSENCE] * 2):
        id_ = f"n{number}"
        samples.append(make_sample(id_, box=None, level=None, negative=Negative(kind="text", type=type_)))
        rejected = number in (0, 4, 5)
        answers.append(make_prediction(id_, (), None, "reject") if rejected else make_prediction(id_, [RIGHT], (0.4,)))
    run = write_run(
        tmp_path / "run", {"samples": samples, "mllm": answers}, {"mllm": stage_entry("answers", "mllm", model="toy")}
    )
    found = evaluate_runs(EvalSettings(runs=(run,), metrics=("p1", "r1", "auroc", "reject")))
    tables = {table.title: table for table in evaluation_tables(found, full=True)}
    rejections = tables["Negatives rejected on negative expressions, %"]
    assert [column.title for column in rejections.columns] == ["", "absent easy", "absent hard"]
    assert rejections.rows[0][1:] == (100.0, 25.0)
    assert rejections.rows[1][1:] == (2, 4)
    # There are no pairs: recall and AUROC of pairs would be columns of dashes.
    assert not [title for title in tables if title.startswith(("Recall", "AUROC on"))]
    assert tables["All positives against all negatives, %"].rows[0][-1] == 6

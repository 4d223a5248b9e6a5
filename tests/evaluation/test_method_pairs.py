"""Two methods of any kind on the same samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finecops.errors import RunError, UsageError
from finecops.evaluation.comparison import Comparison, compare
from finecops.evaluation.pair_results import MethodPair
from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.settings import CompareSettings, MetricSettings
from finecops.metrics.values import MEAN_OF_COLUMNS
from finecops.records import Prediction, Sample
from finecops.runs.manifest import Share, StageEntry
from tests.builders_runs import RIGHT, WRONG, make_run, stage_entry, write_run
from tests.conftest import make_negative, make_prediction, make_sample


def _compare(*sources: str, **settings: object) -> Comparison:
    return compare(CompareSettings.model_validate({"runs": sources, **settings}))


def _counts(pair: MethodPair, of: str) -> list[int]:
    cells = next(cells for cells in pair.cells if cells.of == of)
    return [cell.count for cell in (cells.both, cells.first_only, cells.second_only, cells.neither)]


def test_values_are_those_of_eval(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    (pair,) = _compare(f"{folder}:specialist", f"{folder}:mllm").pairs
    evaluation = evaluate_run(folder, MetricSettings(metrics=("p1", "r1", "auroc"), intervals=True))
    of = {method.stage: {(v.metric, v.subset): v for v in method.values} for method in evaluation.methods}
    assert {(m.metric, m.level, m.type) for m in pair.measures} == {
        ("precision@1", None, None),
        ("precision@1", 1, None),
        ("precision@1", 2, None),
        ("recall@1", None, MEAN_OF_COLUMNS),
        ("auroc", None, None),
    }
    for measure in pair.measures:
        for name, value in (("specialist", measure.first), ("mllm", measure.second)):
            assert of[name][measure.metric, measure.subset].value == pytest.approx(value)
        assert measure.ci_low <= measure.difference <= measure.ci_high
    assert _counts(pair, "positive") == [12, 0, 8, 0]


def _write(folder: Path, answers: dict[str, list[Prediction]], samples: list[Sample], **entries: StageEntry) -> Path:
    stages = {name: entries.get(name, stage_entry("answers", "mllm")) for name in answers}
    return write_run(folder, {"samples": samples, **answers}, stages)


POSITIVES = [make_sample(f"p{i}") for i in range(30)]
NEGATIVES = [make_negative(f"n{i}", f"p{i}", "flip" if i % 2 else "replace_object") for i in range(30)]


def _answers(samples: list[Sample], right: int, rejects: int) -> list[Prediction]:
    """The first positives right and the first negatives rejected."""
    found = []
    for i, sample in enumerate(samples):
        if sample.positive:
            found.append(make_prediction(sample.id, [RIGHT if i < right else WRONG], (0.5 + i / 100,)))
        else:
            status = "reject" if i < rejects else "box"
            found.append(make_prediction(sample.id, [WRONG], (0.4,), status))
    return found


def test_rejections_are_compared_where_a_method_rejects(tmp_path: Path) -> None:
    first = _answers(POSITIVES, 20, 0) + _answers(NEGATIVES, 0, 0)
    second = _answers(POSITIVES, 15, 0) + _answers(NEGATIVES, 0, 12)
    folder = _write(tmp_path / "run", {"a": first, "b": second}, POSITIVES + NEGATIVES)
    (pair,) = _compare(f"{folder}:a", f"{folder}:b").pairs
    assert _counts(pair, "positive") == [15, 5, 0, 10]
    assert _counts(pair, "negative") == [0, 0, 12, 18]
    (rejected,) = (m for m in pair.measures if m.metric == "negative_accuracy")
    assert (rejected.first, rejected.second, rejected.n) == (0.0, 40.0, 30)
    # Two types of negatives with 15 samples each: too few to look at one alone.
    assert (pair.strata, pair.small_strata) == ((), 4)


def test_strata_know_of_each_other(tmp_path: Path) -> None:
    samples = [make_sample(f"p{i}", level=1 + i % 3) for i in range(90)]
    first = [make_prediction(s.id, [RIGHT], (0.9,)) for s in samples]
    second = [
        make_prediction(s.id, [WRONG if s.level == 2 and i < 20 else RIGHT], (0.9,)) for i, s in enumerate(samples)
    ]
    folder = _write(tmp_path / "run", {"a": first, "b": second}, samples)
    (pair,) = _compare(f"{folder}:a", f"{folder}:b").pairs
    by_level = {stratum.level: stratum for stratum in pair.strata}
    assert by_level[2].difference == pytest.approx(-100 * 7 / 30)
    # McNemar's exact test: seven of seven on one side; three strata were looked at.
    assert by_level[2].p_randomization == pytest.approx(2 * 0.5**7)
    assert by_level[2].p_adjusted == pytest.approx(3 * 2 * 0.5**7)
    assert (by_level[1].p_adjusted, by_level[3].p_adjusted) == (1.0, 1.0)
    # Scores that are all equal rank nothing.
    assert "all scores are equal" in pair.absent["auroc"]
    assert {m.metric for m in pair.measures} == {"precision@1"}


def test_a_share_is_left_out_and_a_missing_row_is_wrong(tmp_path: Path) -> None:
    entry = stage_entry("answers", "mllm", share=Share(router_level=2))
    folder = make_run(tmp_path / "run", mllm=entry, unknown=1)
    path = tmp_path / "half.jsonl"
    path.write_text("".join((folder / "specialist.jsonl").read_text().splitlines(keepends=True)[:5]))
    (pair,) = _compare(f"{folder}:mllm", str(path), format=("finecops",)).pairs
    about = pair.samples
    # 41 samples, 21 of level 1 (the unknown one too); of the 20 others p1 and p3 are in the file.
    assert (about.compared, about.not_asked_first, about.missing_second, about.missing_both) == (20, 21, 18, 0)
    assert any("Wrong, since the second has no answer: 18 samples" in line for line in about.sentences())
    assert _counts(pair, "positive") == [2, 8, 0, 0]


def test_samples_that_neither_answered_are_left_out(tmp_path: Path) -> None:
    rows = [row.model_dump_json() + "\n" for row in _answers(POSITIVES[:4], 2, 0)]
    (tmp_path / "one.jsonl").write_text("".join(rows[:3]))
    (tmp_path / "two.jsonl").write_text("".join(rows[1:]))
    folder = _write(tmp_path / "run", {"a": []}, POSITIVES)
    files = [str(tmp_path / name) for name in ("one.jsonl", "two.jsonl")]
    (pair, _) = _compare(*files, f"{folder}:a", format=("finecops",)).pairs
    about = pair.samples
    assert (about.compared, about.missing_first, about.missing_second, about.missing_both) == (4, 1, 1, 26)
    (tmp_path / "none.jsonl").write_text("")
    with pytest.raises(RunError, match=r"no answered sample in common\. Left out, without an answer of either: 30"):
        _compare(f"{folder}:a", str(tmp_path / "none.jsonl"), format=("finecops",))


def test_a_file_is_compared_with_a_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    path = tmp_path / "own.jsonl"
    path.write_text((folder / "sfa.jsonl").read_text())
    found = _compare(str(path), f"{folder}:sfa", format="finecops")
    assert {row.difference for row in found.rows} == {0.0}
    assert found.rows[0].method == f"{folder}:sfa − {path}"


def test_one_method_is_compared_with_the_others_of_its_run(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    pairs = _compare(f"{folder}:sfa").pairs
    assert [(pair.first, pair.second) for pair in pairs] == [
        (f"{folder}:sfa", f"{folder}:specialist"),
        (f"{folder}:sfa", f"{folder}:mllm"),
    ]


def test_several_runs_are_compared_name_by_name(tmp_path: Path) -> None:
    a, b = (str(make_run(tmp_path / name)) for name in "ab")
    c = str(make_run(tmp_path / "c", without=["sfa", "mllm"]))
    pairs = [(pair.first, pair.second) for pair in _compare(a, b, c).pairs]
    same = [(f"{a}:{name}", f"{b}:{name}") for name in ("specialist", "mllm", "sfa")]
    assert pairs == [same[0], (f"{a}:specialist", f"{c}:specialist"), *same[1:]]
    d = str(make_run(tmp_path / "d", without=["sfa", "mllm"]))
    e = str(make_run(tmp_path / "e", without=["specialist", "mllm"]))
    with pytest.raises(RunError, match="no method of the same name"):
        _compare(d, e, e)


def test_what_cannot_be_compared_is_wrong_usage(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without=["specialist", "mllm"])
    with pytest.raises(UsageError, match=r"nothing to compare .*run:sfa with"):
        _compare(f"{folder}:sfa")
    with pytest.raises(UsageError, match=r"it must be one method; there are: .*b:specialist, .*b:mllm"):
        _compare(str(make_run(tmp_path / "b")), f"{folder}:sfa")


def test_two_runs_over_other_layouts_are_refused(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a"), tmp_path / "b"
    samples = [json.loads(line) | {"expression": "the cat"} for line in (a / "samples.jsonl").open()]
    rows = {"samples": [Sample.model_validate(s) for s in samples]}
    rows["sfa"] = [Prediction.model_validate_json(line) for line in (a / "sfa.jsonl").open()]  # type: ignore[assignment]
    write_run(b, rows, {"sfa": stage_entry("answers", "sfa")})
    for sources in ((str(a), str(b)), (f"{a}:sfa", f"{b}:sfa")):
        with pytest.raises(RunError, match="different benchmarks: of 40 ids that both have, 40 name other samples"):
            _compare(*sources)


def test_what_two_whole_runs_leave_out_is_counted(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", unknown=2)
    found = _compare(str(a), str(b))
    assert found.samples is not None
    assert (found.samples.compared, found.samples.second_alone) == (40, 2)
    assert found.samples.sentences() == ["Left out, of the second alone: 2 samples."]

"""Which strategy pays: costs, the front, what is clear, and the sentence."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from finecops.errors import RunError
from finecops.evaluation.advice import Advice, advise, pair_of
from finecops.evaluation.reading import RunData
from finecops.evaluation.strategy_costs import strategy_cost
from finecops.metrics.paired import samples_needed
from finecops.records import Prediction, Route
from finecops.report.advice import advice_document
from finecops.report.text import write_text
from tests.builders_runs import RIGHT, WRONG, stage_entry, write_run
from tests.conftest import make_prediction, make_sample

STAGES = {"specialist": "specialist", "MLLM": "mllm", "SFA": "sfa"}
GFLOPS = {"targets": None, "routes": 1.0, "specialist": 2.0, "mllm": 10.0, "sfa": None}


def _run(folder: Path, specialist: Collection[int], mllm: Collection[int], n: int = 100, gflops: bool = True) -> Path:
    """A run of n positives; the numbers of right answers, and every fourth sample goes to the MLLM."""
    samples = [make_sample(f"p{i}") for i in range(n)]
    answers = {name: _answers(n, right) for name, right in (("specialist", specialist), ("mllm", mllm))}
    routes = [Route(sample_id=f"p{i}", status="routed", level=1 if i % 4 else 2, boxes=(), scores=()) for i in range(n)]
    answers["sfa"] = [answers["specialist" if i % 4 else "mllm"][i] for i in range(n)]
    inputs = {"routes": ("targets",), "specialist": ("targets",), "mllm": ("targets",)}
    inputs["sfa"] = ("routes", "specialist", "mllm")
    settings = {"targets": {"extractor": {"backend": "rules"}}, "sfa": {"easy": "specialist", "hard": "mllm"}}
    stages = {
        name: stage_entry(
            {"targets": "targets", "routes": "routes"}.get(name, "answers"),
            name if name in answers else None,
            inputs=dict.fromkeys(inputs.get(name, ()), "0"),
            settings=settings.get(name, {}),
            gflops_per_sample=value if gflops else None,
            seconds=10.0,
            timed_samples=100 if name != "mllm" else 20,
        )
        for name, value in GFLOPS.items()
    }
    return write_run(folder, {"samples": samples, "targets": [], "routes": routes, **answers}, stages)


def _answers(n: int, right: Collection[int]) -> list[Prediction]:
    return [make_prediction(f"p{i}", [RIGHT if i in right else WRONG], (i / n,)) for i in range(n)]


def _advice(folder: Path) -> Advice:
    return advise(folder, STAGES, [make_sample(f"p{i}") for i in range(500)])


def test_a_cost_is_the_router_and_each_pathways_share(tmp_path: Path) -> None:
    run = RunData(_run(tmp_path / "run", range(50), range(80)))
    sfa = strategy_cost(run, "sfa")
    assert sfa.stages == {"targets": 1.0, "routes": 1.0, "specialist": 0.75, "mllm": 0.25, "sfa": 1.0}
    # Each stage took 0.1 s a sample, and the MLLM, of which 20 rows were made, 0.5 s.
    assert sfa.seconds == pytest.approx(0.1 + 0.1 + 0.075 + 0.125 + 0.1)
    assert sfa.gflops == pytest.approx(1 + 0.75 * 2 + 0.25 * 10)
    assert (sfa.to_mllm, strategy_cost(run, "mllm").to_mllm, strategy_cost(run, "specialist").to_mllm) == (25, 100, 0)


def test_a_clear_winner_is_named_with_its_interval(tmp_path: Path) -> None:
    found = _advice(_run(tmp_path / "run", range(40), range(90)))
    assert (found.best, found.undecided) == ("MLLM", ())
    # The samples of the MLLM that are right and get to it in SFA: 40 to 89, every fourth.
    assert [s.precision_at_1 for s in found.strategies] == [40.0, 90.0, 53.0]
    assert found.verdict.startswith("MLLM is the most accurate: 90.0% of the 100 positives right, clearly more than")
    assert "(the nearest is SFA with 37.0 points less, 95% interval 2" in found.verdict
    assert [s.on_front for s in found.strategies] == [True, True, True]
    assert found.front_by == "gflops"


def test_what_the_data_cannot_decide_is_said(tmp_path: Path) -> None:
    found = _advice(_run(tmp_path / "run", range(80), range(84)))
    assert (found.best, found.undecided) == ("MLLM", ("specialist", "SFA"))
    pair = pair_of(found.pairs, "MLLM", "specialist")
    assert (pair.difference, pair.discordant, pair.clear) == (pytest.approx(4.0), 4.0, False)
    assert pair.positives_needed == samples_needed(0.04, 0.04)
    assert found.verdict == (
        "The data cannot decide between MLLM, specialist and SFA: on these 100 positives the differences may be "
        f"chance; of the undecided, specialist costs least (2 GFLOP a sample), and to tell MLLM from "
        f"specialist would take about {pair.positives_needed} positives (the split has 500)."
    )


def test_equal_strategies_need_no_number(tmp_path: Path) -> None:
    found = _advice(_run(tmp_path / "run", range(80), range(80), gflops=False))
    assert found.verdict.endswith("and specialist is right as often as MLLM.")
    assert pair_of(found.pairs, "SFA", "MLLM").positives_needed is None
    # Operations are not known, so that the front is that of seconds.
    assert found.front_by == "seconds"
    assert [s.on_front for s in found.strategies] == [True, False, False]


def test_what_is_clearly_worse_is_said_beside_what_is_open(tmp_path: Path) -> None:
    # The samples of the MLLM are those that the specialist has right, and the other way round.
    specialist = {i for i in range(100) if i % 4 == 0 or i < 60}
    found = _advice(_run(tmp_path / "run", specialist, {i for i in range(96) if i % 4}))
    assert [s.precision_at_1 for s in found.strategies] == [70.0, 72.0, 45.0]
    assert (found.best, found.undecided) == ("MLLM", ("specialist",))
    assert "; clearly worse than MLLM: SFA; of the undecided, specialist costs least" in found.verdict


def test_the_tables_say_what_a_cost_is_and_how_many_are_needed(tmp_path: Path) -> None:
    document = advice_document(_advice(_run(tmp_path / "run", range(80), range(84))))
    text = write_text(document)
    assert "SFA = targets + routes + 0.75 × specialist + 0.25 × mllm" in text
    assert "Here are 100 positives; the split has 500." in text
    assert "Verdict: The data cannot decide" in text
    assert "rej." not in text
    assert "interval without width" not in text
    # With nothing wrong a bootstrap finds 100 to 100, however few the samples are.
    assert "interval without width" in write_text(
        advice_document(_advice(_run(tmp_path / "all", range(100), range(84))))
    )
    assert document.rows[2]["stages"] == "targets + routes + 0.75 × specialist + 0.25 × mllm + sfa"


def test_without_a_true_box_there_is_no_advice(tmp_path: Path) -> None:
    samples = [make_sample("u", truth="unknown", box=None)]
    stage = stage_entry("answers", "mllm")
    folder = write_run(tmp_path / "run", {"samples": samples, "mllm": [make_prediction("u", [RIGHT])]}, {"mllm": stage})
    with pytest.raises(RunError, match="without a true box"):
        advise(folder, {"MLLM": "mllm"}, [])

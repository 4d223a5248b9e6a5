"""The table of aims from runs whose figures are known."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from finecops.errors import RunError
from finecops.evaluation.claims import Claim, measure_claims
from tests.builders_tables import SEEDS, Made, Rates, adapter, alone, choice, sfa_with_crs, tables_run

PROJECT = Path(__file__).resolve().parents[2]


def crs_of(folder: Path, rows: int, seed: int, none: bool = False, split: str = "train") -> dict[str, object]:
    """The settings of an adapter of CRS."""
    name = f"{'none' if none else 'crs'}-{rows}-{split}-seed{seed}"
    return adapter(folder / "adapters" / name, rows, seed, split=split)


def write_runs(tmp_path: Path, easy: int = 18) -> list[Path]:
    """The runs of `scripts/mini_tables.sh` on one split: the specialist has `easy` of 20 on router level 1."""
    stages: dict[str, Made] = alone(Rates(easy, 4), Rates(14, 12), Rates(easy, 12))
    for seed in SEEDS:
        stages |= choice(crs_of(tmp_path, 10_000, seed), Rates(17 + seed, 15))
        stages |= choice(crs_of(tmp_path, 12_500, seed, none=True), Rates(17, 14, rejects=26, ranked=34), none=True)
    stages |= choice(crs_of(tmp_path, 2000, 0), Rates(10, 10))
    stages |= choice(crs_of(tmp_path, 12_000, 0), Rates(19, 17))
    stages |= choice(crs_of(tmp_path, 10_000, 0, split="plain"), Rates(20, 20))
    for k, rates in ((3, Rates(17, 13)), (8, Rates(17, 15)), (10, Rates(20, 19))):
        stages |= choice(crs_of(tmp_path, 10_000, 0), rates, topk=k)
    focused = alone(Rates(19, 5), Rates(14, 12), Rates(19, 12), focus=True)
    found = [tables_run(tmp_path / "plain", stages), tables_run(tmp_path / "focus", focused)]
    for seed in SEEDS:
        model = adapter(tmp_path / "adapters" / f"baseline-seed{seed}", 12_500, seed)
        asked = replace(focused["mllm"], settings={"mllm": model | {"refusal": "NONE_BASELINE"}}, label="MLLM toy")
        baseline = {"mllm": replace(asked, rates=Rates(15, 12, rejects=2, ranked=20))}
        found.append(tables_run(tmp_path / f"baseline-seed{seed}", baseline))
        found.append(
            tables_run(tmp_path / f"sfa-crs-seed{seed}", sfa_with_crs(crs_of(tmp_path, 10_000, seed), Rates(19, 18)))
        )
    return found


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return write_runs(tmp_path)


def by_name(runs: list[Path]) -> dict[str, Claim]:
    return {claim.claim: claim for claim in measure_claims(runs).claims}


def test_each_claim_has_its_figure(runs: list[Path]) -> None:
    found = {name: (round(claim.value or 0.0, 4), claim.met) for name, claim in by_name(runs).items()}
    assert found == {
        "specialist above the MLLM on router level 1": (20.0, True),
        "MLLM above the specialist on router level 2": (40.0, True),
        "SFA above the specialist alone": (20.0, True),
        "SFA above the MLLM alone": (10.0, True),
        "SFA above the specialist alone, all with focus": (17.5, True),
        "SFA above the MLLM alone, all with focus": (12.5, True),
        "focus helps the specialist": (5.0, True),
        "focus helps the MLLM": (0.0, False),
        "tuned CRS above the specialist alone": (27.5, True),
        "tuned CRS above the MLLM alone": (17.5, True),
        "CRS tuned on 12000 rows above 2000 (Table X)": (40.0, True),
        "k = 3 not above k = 5 (Table XI)": (-5.0, True),
        "k = 8 not above k = 5 (Table XI)": (0.0, True),
        "k = 10 not above k = 5 (Table XI)": (17.5, False),
        "None rejects negatives": (65.0, True),
        "None as an option costs positives": (-5.0, False),
        "CRS with None above the baseline with None, recall@1 on negative expressions": (40.0, True),
        "CRS with None above the baseline with None, recall@1 on negative images": (40.0, True),
        "SFA with CRS on hard samples above the best other row (CRS)": (10.0, True),
        "of the MLLM's calls, SFA with CRS makes": (50.0, True),
    }


def test_several_seeds_have_a_mean_an_interval_over_samples_and_a_spread(runs: list[Path]) -> None:
    claim = by_name(runs)["tuned CRS above the MLLM alone"]
    # 80, 82.5 and 85% against 65%.
    assert (claim.seeds, claim.n, claim.deviation) == (3, 40, pytest.approx(2.5))
    assert claim.ci_low is not None
    assert claim.ci_high is not None
    assert 0 < claim.ci_low < 17.5 < claim.ci_high
    # The interval is that of the answers, not of three times as many samples.
    one = by_name([runs[0], runs[1]])["SFA above the MLLM alone"]
    assert (one.seeds, one.deviation) == (1, None)


def test_an_adapter_of_another_source_is_not_the_one_that_is_meant(runs: list[Path]) -> None:
    found = measure_claims(runs)
    assert found.notes[0].count("crs-10000-train-seed") == 3
    assert "plain" not in found.notes[0]
    assert (found.positives, found.negatives) == (40, 80)


def test_an_aim_that_is_missed_is_said(tmp_path: Path) -> None:
    found = by_name(write_runs(tmp_path, easy=14))
    claim = found["specialist above the MLLM on router level 1"]
    assert (claim.value, claim.ci_low, claim.ci_high, claim.met) == (0.0, 0.0, 0.0, False)


def test_what_no_run_has_is_not_measured(runs: list[Path]) -> None:
    found = by_name(runs[1:2])
    assert found["SFA above the MLLM alone, all with focus"].met is True
    missing = {name: claim.said for name, claim in found.items() if claim.met is None}
    assert missing["tuned CRS above the MLLM alone"] == "answers that it is about are not in these runs"
    assert missing["None rejects negatives"] == "no CRS with None by a tuned model"
    assert missing["of the MLLM's calls, SFA with CRS makes"] == "no SFA with CRS by a tuned model"
    assert all(found[name].value is None for name in missing)


def test_failed_rows_are_named(tmp_path: Path) -> None:
    stages = alone(Rates(18, 4), Rates(14, 12), Rates(18, 12))
    run = tables_run(tmp_path / "run", stages, missing={"mllm": 2})
    assert "MLLM toy" in measure_claims([run]).notes[0]
    assert "2 samples without an answer, which count as wrong" in measure_claims([run]).notes[0]


def test_runs_on_two_splits_are_refused(tmp_path: Path) -> None:
    stages = alone(Rates(1, 1), Rates(1, 1), Rates(1, 1))
    both = [tables_run(tmp_path / name, stages, name) for name in ("test", "short")]
    with pytest.raises(RunError, match="claims are about one split: call it once for each"):
        measure_claims(both)


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/mini_aims.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)


def test_the_script_prints_the_table(runs: list[Path]) -> None:
    done = script(*map(str, runs[:2]), "--as", "markdown")
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if "focus helps the MLLM" in line)
    assert line.split(" | ")[1:3] == ["≥ 1 points", "+0.00"]
    assert line.endswith("| no |")
    assert "Not measured, of the MLLM's calls, SFA with CRS makes: no SFA with CRS by a tuned model." in done.stdout
    assert json.loads(script(str(runs[0]), "--as", "json").stdout)["version"] == 1
    wrong = script("nowhere-at-all")
    assert (wrong.returncode, "is no run" in wrong.stderr, wrong.stderr.count("\n")) == (1, True, 1)

"""Stages that do their batches together: one pass per image over the run, and the same files as one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import RunError
from finecops.records import Prediction, Route
from finecops.runs import beside
from finecops.runs.folder import open_run
from finecops.runs.jsonl import read_rows
from finecops.runs.manifest import read_manifest
from finecops.runs.run import Run
from finecops.strategies.crs import candidates, crs
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.running import do_all
from finecops.strategies.sfa import sfa

LIMIT = 20
STAGES = ("routes", "specialist")


@pytest.fixture(scope="module")
def mini_dataset() -> Dataset:
    return load_dataset_split(load_dataset("finecops-mini"))


def parts(**changes: Any) -> Parts:
    return Parts(Options(device="cpu", batch_size=8, **changes))


def specs(**changes: Any) -> list[Any]:
    """The specialist of SFA, which the router goes before."""
    (merged,) = sfa(parts(**changes))
    return [spec for spec in merged.walk() if spec.name == "specialist"]


def files(run: Run) -> dict[str, bytes]:
    return {name: run.file(name).read_bytes() for name in STAGES}


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory, mini_dataset: Dataset) -> dict[str, bytes]:
    run = open_run(tmp_path_factory.mktemp("one") / "run", mini_dataset, LIMIT)
    # Without a plan, a stage knows nothing of those after it.
    for spec in specs():
        run.do(spec)
    return files(run)


def images_of(rows: Any) -> int:
    return len({sample.image for sample in rows})


def test_routing_and_specialist_share_one_backbone_pass_per_image(
    tmp_path: Path,
    mini_dataset: Dataset,
    mini_specialist: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On a CPU, of the same images alone: what is routed to the specialist is computed again.
    everything = {spec.name: spec for one in sfa(parts(both=True)) for spec in one.walk()}
    asked = [everything[name] for name in STAGES]
    alone = open_run(tmp_path / "alone", mini_dataset, LIMIT)
    for spec in asked:
        alone.do(spec)
    run = open_run(tmp_path / "run", mini_dataset, LIMIT)
    monkeypatch.setattr(beside, "forget_computed", lambda: None)
    mini_specialist.backbone.images.forget()
    before = mini_specialist.backbone.images.computed
    do_all(run, asked)
    assert mini_specialist.backbone.images.computed - before == images_of(run.samples)
    assert files(run) == files(alone)
    stages = read_manifest(run.folder).stages
    assert {stages[name].state for name in STAGES} == {"done"}
    # The time is each stage's own, of the specialist that of the batch in which it computes everything itself.
    assert all((stages[name].seconds or 0) > 0 for name in STAGES)
    assert 0 < (stages["specialist"].timed_samples or 0) < (stages["specialist"].rows or 0)
    assert list(stages["specialist"].inputs.values()) == [stages[n].sha256 for n in stages["specialist"].inputs]
    assert not list(run.folder.glob("*.partial"))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("written", [0, 1])
def test_a_killed_run_goes_on_to_the_same_files(
    tmp_path: Path,
    mini_dataset: Dataset,
    one_by_one: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    written: int,
) -> None:
    original, calls = beside.append_rows, []

    def kill(file: Any, rows: Any) -> None:
        calls.append(1)
        if len(calls) > written:
            raise Killed
        original(file, rows)

    with monkeypatch.context() as patch:
        patch.setattr(beside, "append_rows", kill)
        with pytest.raises(Killed):
            do_all(open_run(tmp_path / "run", mini_dataset, LIMIT), specs())
    run = open_run(tmp_path / "run", mini_dataset, LIMIT)
    assert read_manifest(run.folder).stages["specialist"].state == "begun"
    do_all(run, specs())
    assert files(run) == one_by_one


def test_what_was_begun_beside_is_not_continued_with_other_settings(
    tmp_path: Path, mini_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = beside.append_rows, []

    def kill(file: Any, rows: Any) -> None:
        original(file, rows)
        calls.append(1)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(beside, "append_rows", kill)
        with pytest.raises(Killed):
            do_all(open_run(tmp_path / "run", mini_dataset, LIMIT), specs())
    with pytest.raises(RunError, match=r"specialist\.jsonl was made with other settings: focus was True, is False"):
        do_all(open_run(tmp_path / "run", mini_dataset, LIMIT), specs(focus=False))


def test_candidates_and_the_specialists_answers_are_one_pass(
    tmp_path: Path, mini_dataset: Dataset, mini_specialist: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = parts(both=True)
    run = open_run(tmp_path / "run", mini_dataset, 8)
    monkeypatch.setattr(beside, "forget_computed", lambda: None)
    passes: list[int] = []
    handle = mini_specialist.model.register_forward_hook(lambda *_: passes.append(1))
    answers = next(spec for spec in crs(asked) if spec.name == "specialist")
    do_all(run, [candidates(asked), answers])
    handle.remove()
    assert len(passes) == 1
    rows = list(read_rows(run.file("specialist"), Prediction))
    proposed = run.rows(candidates(asked))
    assert [row.boxes for row in rows] == [proposed[row.sample_id].boxes for row in rows]


def test_what_a_stage_costs_alone_is_measured_beside_another(
    tmp_path: Path, mini_dataset: Dataset, counting: None
) -> None:
    together, alone = (open_run(tmp_path / name, mini_dataset, 8) for name in ("together", "alone"))
    asked = parts(both=True)
    answers = next(spec for spec in crs(asked) if spec.name == "specialist")
    do_all(together, [candidates(asked), answers])
    alone.do(answers)
    costs = [read_manifest(run.folder).stages["specialist"].gflops_per_sample for run in (together, alone)]
    assert costs[0] == costs[1]
    assert costs[0]


def test_a_batch_with_a_failed_route_is_not_done_beside(
    tmp_path: Path, mini_dataset: Dataset, monkeypatch: pytest.MonkeyPatch, one_by_one: dict[str, bytes]
) -> None:
    made: list[int] = []
    original = beside.BesideStages.__call__

    def seen(self: Any, batch: Any, rows: Any, make: Any) -> Any:
        failed = [rows[0].model_copy(update={"status": "failed", "level": 2, "reason": "once"}), *rows[1:]]
        found = original(self, batch, failed if not made else rows, make)
        made.append(sum(len(part.rows) for part in found))
        return found

    monkeypatch.setattr(beside.BesideStages, "__call__", seen)
    run = open_run(tmp_path / "run", mini_dataset, LIMIT)
    do_all(run, specs())
    assert made[0] == 0
    assert any(made[1:])
    assert files(run) == one_by_one
    assert {row.status for row in read_rows(run.file("routes"), Route)} == {"routed"}

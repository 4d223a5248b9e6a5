"""SFA, CRS and the baselines on run folders, with the mini models."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import ConfigError, RunError
from finecops.records import Prediction, Route
from finecops.runs import jsonl
from finecops.runs.folder import open_run
from finecops.runs.jsonl import read_rows
from finecops.runs.manifest import read_manifest
from finecops.runs.run import Run, RunOptions
from finecops.runs.specification import StageSpec
from finecops.strategies.baselines import mllm_baseline, routes, specialist, targets
from finecops.strategies.crs import crs, order_test
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.running import default_run_name, do_all
from finecops.strategies.sfa import sfa


@pytest.fixture(scope="module")
def mini_dataset() -> Dataset:
    return load_dataset_split(load_dataset("finecops-mini"))


def parts(**changes: Any) -> Parts:
    return Parts(Options(device="cpu", **changes))


def every_spec() -> list[StageSpec[Any]]:
    """The last stages of every strategy, with everything before them through their inputs."""
    asked = parts(both=True, orders=2)
    router = parts(fast="router", slow="crs")
    return [*sfa(asked), *sfa(router), *crs(asked), *order_test(asked), specialist(asked), mllm_baseline(asked)]


def test_every_specification_can_be_made_elsewhere() -> None:
    for last in every_spec():
        for spec in last.walk():
            again = pickle.loads(pickle.dumps(spec))
            assert again.key == spec.key
            assert again.make is spec.make
            # Settings and paths alone: a specification does not carry a run's samples.
            assert len(pickle.dumps(spec)) < 30_000


def test_inputs_come_before_what_reads_them() -> None:
    (merged,) = sfa(parts())
    assert [spec.name for spec in merged.walk()] == ["targets", "routes", "specialist", "mllm", "sfa"]
    assert [str(spec.share) for spec in merged.inputs] == ["all", "router level 1", "router level 2"]


def test_sfa_sends_each_sample_one_way(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 24)
    do_all(run, sfa(parts()))
    found = {r.sample_id: r for r in read_rows(run.file("routes"), Route)}
    answers = {name: list(read_rows(run.file(name), Prediction)) for name in ("specialist", "mllm", "sfa")}
    assert {p.sample_id for p in answers["specialist"]} == {i for i, r in found.items() if r.level == 1}
    assert {p.sample_id for p in answers["mllm"]} == {i for i, r in found.items() if r.level == 2}
    assert [p.sample_id for p in answers["sfa"]] == [s.id for s in run.samples]
    for row in answers["sfa"]:
        assert row.source == ("specialist" if found[row.sample_id].level == 1 else "mllm")


def test_run_json_says_how_everything_was_made(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 12)
    do_all(run, sfa(parts()))
    stages = read_manifest(run.folder).stages
    assert {name: (s.role, str(s.share), s.state) for name, s in stages.items()} == {
        "targets": ("targets", "all", "done"),
        "routes": ("routes", "all", "done"),
        "specialist": ("answers", "router level 1", "done"),
        "mllm": ("answers", "router level 2", "done"),
        "sfa": ("answers", "all", "done"),
    }
    assert list(stages["sfa"].inputs) == ["routes", "specialist", "mllm"]
    assert stages["sfa"].inputs["mllm"] == stages["mllm"].sha256
    assert stages["mllm"].label == "MLLM mini-qwen2vl + focus"
    assert stages["mllm"].answering is not None
    assert (stages["mllm"].answering.method, stages["mllm"].answering.focus) == ("mllm", True)


def test_a_file_is_read_once(tmp_path: Path, mini_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    kept = jsonl.read_rows
    monkeypatch.setattr(jsonl, "read_rows", lambda path, *more: (opened.append(path.name), kept(path, *more))[1])
    run = open_run(tmp_path / "run", mini_dataset, 12)
    do_all(run, sfa(parts(both=True)))
    # The last one is read by nobody.
    assert sorted(opened) == ["mllm.jsonl", "routes.jsonl", "specialist.jsonl", "targets.jsonl"]


@pytest.mark.parametrize("share", ["routed", "both"])
def test_routing_moves_no_other_samples_batch(tmp_path: Path, mini_dataset: Dataset, share: str) -> None:
    """What a sample's row is depends on its own batch, cut from all samples, and not on other samples' routes."""
    run = open_run(tmp_path / share, mini_dataset, 24)
    do_all(run, sfa(parts(both=share == "both")))
    whole = open_run(tmp_path / "whole", mini_dataset, 24)
    whole.do(specialist(parts()))
    rows = {row.sample_id: row for row in read_rows(whole.file("specialist"), Prediction)}
    for row in read_rows(run.file("specialist"), Prediction):
        assert row.boxes[0] == pytest.approx(rows[row.sample_id].boxes[0], abs=0.01)
    if share == "both":
        assert run.file("specialist").read_bytes() == whole.file("specialist").read_bytes()


def test_another_setting_refuses_the_old_file(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 6)
    run.do(routes(parts()))
    with pytest.raises(RunError, match=r"score_threshold was 0\.28, is 0\.5"):
        run.do(routes(parts(score_threshold=0.5)))
    with pytest.raises(RunError, match="limit was 6, is 8"):
        open_run(tmp_path / "run", mini_dataset, 8)
    # What costs no answer may differ.
    run.do(routes(parts(batch_size=2)))


def test_what_costs_nothing_follows_its_inputs(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 12)
    do_all(run, sfa(parts()))
    before = run.file("sfa").read_bytes()
    for name in ("specialist", "mllm", "targets", "routes"):
        run.file(name).unlink()
    again = open_run(tmp_path / "run", mini_dataset, 12)
    do_all(again, sfa(parts(focus=False, confidence="product")))
    assert again.file("sfa").read_bytes() != before
    rows = {p.sample_id: p for p in read_rows(again.file("mllm"), Prediction)}
    for row in read_rows(again.file("sfa"), Prediction):
        assert row.source != "mllm" or row == rows[row.sample_id]


def test_without_upstream_the_command_that_is_missing_is_named(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 6, RunOptions(upstream=False))
    with pytest.raises(RunError, match="`finecops sfa extract` makes it"):
        run.do(routes(parts()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fast": "mllm"}, "unknown fast pathway 'mllm'; there are: specialist, router"),
        ({"slow": "both"}, "unknown slow pathway 'both'; there are: mllm, crs"),
        ({"fast": "router", "both": True}, "does not go with --both"),
    ],
)
def test_pathways_that_there_are_not(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        sfa(parts(**changes))


def test_an_unknown_engine_is_said_before_a_model_is_loaded(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 6, RunOptions(engine="spark"))
    with pytest.raises(ConfigError, match="unknown engine 'spark'; there are: local"):
        run.do(targets(parts()))


def test_the_routers_box_can_stand_for_the_specialists_answer(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 18)
    do_all(run, sfa(parts(fast="router")))
    found = run.do(routes(parts()))
    rows = list(read_rows(run.file("specialist"), Prediction))
    assert rows
    for row in rows:
        assert row.boxes == found[row.sample_id].boxes
        assert len(row.boxes) == 1


def test_a_broken_image_costs_its_samples_only(tmp_path: Path, mini_dataset: Dataset) -> None:
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    chosen = [s for s in mini_dataset.samples if s.positive][:6]
    for sample in chosen:
        (root / sample.image).write_bytes(mini_dataset.image_path(sample).read_bytes())
    broken = chosen[0].image
    (root / broken).write_bytes(b"broken")
    dataset = Dataset(mini_dataset.config, "test", root, (), "0", tuple(chosen), ())
    run: Run = open_run(tmp_path / "run", dataset, 0, RunOptions(max_failed=1.0))
    do_all(run, sfa(parts()))
    rows = {p.sample_id: p for p in read_rows(run.file("sfa"), Prediction)}
    for sample in chosen:
        assert (rows[sample.id].status == "failed") == (sample.image == broken)
    assert "cannot be read" in str(next(r for r in rows.values() if r.status == "failed").reason)
    assert (read_manifest(run.folder).stages["routes"].failed or 0) >= 1


def test_a_default_run_is_named_after_the_models_that_would_collide_in_it() -> None:
    wanted = {
        (None, ()): "finecops-mini-mini",
        (None, (("mllm", "mine/own.yaml"),)): "finecops-mini-mini-own",
        (None, (("mllm", "qwen2-vl-7b@org/tuned"), ("limit", 20))): "finecops-mini-mini-qwen2-vl-7b-tuned-20",
        # Selections have their model's name, and share candidates.
        ("crs", (("mllm", "own.yaml"), ("adapter", "a/b"), ("focus", False))): "finecops-mini-mini-crs",
        ("crs", (("mllm", "own.yaml"), ("both", True), ("focus", False))): "finecops-mini-mini-crs-own",
        ("crs", (("specialist", "own.yaml"), ("focus", False))): "finecops-mini-mini-crs-own",
    }
    dataset = load_dataset_split(load_dataset("finecops-mini"))
    for (part, given), name in wanted.items():
        assert default_run_name(Parts(Options(**dict(given))), dataset, part) == name  # type: ignore[arg-type]

"""A failure is never a result: failed rows are asked again, what follows is made anew, bytes end as in a clean run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import FailuresError
from finecops.models.protocols import QueryGroup
from finecops.records import Prediction, Route
from finecops.replies.answer import Answer
from finecops.runs.engines import local
from finecops.runs.folder import open_run
from finecops.runs.jsonl import read_rows
from finecops.runs.manifest import read_manifest
from finecops.runs.run import Run, RunOptions
from finecops.runs.specification import ImageGroup
from finecops.stages import specialist as specialist_stage
from finecops.stages.specialist import SpecialistStage
from finecops.strategies.baselines import specialist
from finecops.strategies.crs import crs
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.sfa import sfa
from tests.conftest import uncounted

N = 10
ANY = RunOptions(max_failed=1.0)
STAGES = ("targets", "routes", "specialist", "mllm", "sfa")


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Some samples of the mini benchmark, whose images no test changes."""
    mini = load_dataset_split(load_dataset("finecops-mini"))
    chosen = choose_samples(mini.samples, N)
    root = tmp_path_factory.mktemp("data")
    for sample in chosen:
        (root / sample.image).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(mini.image_path(sample), root / sample.image)
    return Dataset(mini.config, "test", root, (), "0", tuple(chosen), ())


@pytest.fixture
def data(tmp_path: Path, untouched: Dataset) -> Dataset:
    """The samples with images of their own, which tests may take away."""
    return replace(untouched, root=shutil.copytree(untouched.root, tmp_path / "data"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, untouched: Dataset) -> Iterator[Run]:
    """SFA without any failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "_counted", uncounted)
        yield do(tmp_path_factory.mktemp("finished") / "run", untouched)


@pytest.fixture(scope="module")
def clean(finished: Run) -> dict[str, bytes]:
    """The files of SFA without any failure."""
    return files(finished)


def do(folder: Path, data: Dataset, options: RunOptions = ANY, **changes: Any) -> Run:
    """SFA in a run folder, as a command without its look ahead."""
    run = open_run(folder, data, 0, options)
    for spec in sfa(Parts(Options(device="cpu", **changes))):
        run.do(spec)
    return run


def files(run: Run) -> dict[str, bytes]:
    return {name: run.file(name).read_bytes() for name in STAGES}


def failed(run: Run, stage: str) -> list[str]:
    return [row.sample_id for row in read_rows(run.file(stage), Prediction) if row.status == "failed"]


@pytest.mark.parametrize("away", [1, 3, N])
def test_images_that_come_back_end_in_the_bytes_of_a_clean_run(
    tmp_path: Path, data: Dataset, clean: dict[str, bytes], away: int
) -> None:
    images = list(dict.fromkeys(data.image_path(s) for s in data.samples))[:away]
    for image in images:
        image.rename(image.with_suffix(".away"))
    broken = do(tmp_path / "run", data)
    assert files(broken) != clean
    assert failed(broken, "sfa")
    for image in images:
        image.with_suffix(".away").rename(image)
    assert files(do(tmp_path / "run", data)) == clean
    entry = read_manifest(tmp_path / "run").stages["sfa"]
    assert entry.failed == 0


def test_a_sample_is_not_asked_again_while_its_data_is_the_same(
    tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.image_path(data.samples[0]).write_bytes(b"broken")
    asked: list[str] = []
    kept = SpecialistStage.__call__

    def noting(self: SpecialistStage, groups: Sequence[ImageGroup]) -> list[Prediction]:
        asked.extend(s.id for g in groups for s in g.samples)
        return kept(self, groups)

    monkeypatch.setattr(SpecialistStage, "__call__", noting)
    spec = specialist(Parts(Options(device="cpu", focus=False)))
    open_run(tmp_path / "run", data, 0, ANY).do(spec)
    first, asked[:] = len(asked), []
    assert first >= N
    for retry, again in (("changed", False), ("none", False), ("all", True)):
        open_run(tmp_path / "run", data, 0, replace(ANY, retry=retry)).do(spec)  # type: ignore[arg-type]
        assert bool(asked) == again, retry
    # Another broken file is other data.
    asked.clear()
    data.image_path(data.samples[0]).write_bytes(b"broken otherwise")
    open_run(tmp_path / "run", data, 0, ANY).do(spec)
    assert data.samples[0].id in asked


class Server:
    """A specialist that is down for some expressions until it is repaired."""

    def __init__(self, down: set[str]) -> None:
        self.down = down

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        return [[self._answer(query.sample_id or "") for query in group.queries] for group in groups]

    def _answer(self, id_: str) -> Answer:
        if id_ in self.down:
            return Answer.failed(f"connection refused for {id_}")
        return Answer("box", ((1.0, 1.0, 20.0, 20.0),), (0.5,))


def test_a_failure_of_the_server_is_asked_again_and_what_follows_is_made_anew(
    tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(set())
    monkeypatch.setattr(specialist_stage, "load_specialist_model", lambda config, device: server)
    clean = files(do(tmp_path / "clean", data, both=True))
    server.down = {data.samples[2].id, data.samples[9].id}
    broken = do(tmp_path / "run", data, both=True)
    assert set(failed(broken, "specialist")) == server.down
    server.down = set()
    assert files(do(tmp_path / "run", data, RunOptions(retry="none", max_failed=1.0), both=True)) == files(broken)
    assert files(do(tmp_path / "run", data, both=True)) == clean


def test_too_many_failures_stop_the_run_before_a_table(
    tmp_path: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server({s.id for s in data.samples[:4]})
    monkeypatch.setattr(specialist_stage, "load_specialist_model", lambda config, device: server)
    with pytest.raises(FailuresError, match=r"4 of 10 samples failed: 4 × connection refused for ID.*--max-failed"):
        do(tmp_path / "run", data, RunOptions(), both=True)
    assert not (tmp_path / "run" / "sfa.jsonl").exists()
    assert len(failed(open_run(tmp_path / "run", data, 0), "specialist")) == 4  # they are kept, and asked again
    server.down = set()
    assert not failed(do(tmp_path / "run", data, RunOptions(), both=True), "sfa")


def test_a_stage_that_was_killed_in_its_repair_ends_in_the_same_bytes(
    tmp_path: Path, data: Dataset, clean: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = list(dict.fromkeys(data.image_path(s) for s in data.samples))[:2]
    for image in images:
        image.rename(image.with_suffix(".away"))
    do(tmp_path / "run", data)
    for image in images:
        image.with_suffix(".away").rename(image)
    import finecops.runs.run as made

    class KilledError(BaseException):
        """Stands for SIGKILL between two steps."""

    left = 0
    kept = made.write_manifest

    def counted(*arguments: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KilledError
        kept(*arguments)

    monkeypatch.setattr(made, "write_manifest", counted)
    kills = 0
    while True:
        left = kills + 1
        try:
            run = do(tmp_path / "run", data)
        except KilledError:
            kills += 1
            continue
        break
    assert kills > 3, "nothing was killed"
    assert files(run) == clean


@pytest.mark.parametrize("damage", ["cut at a row", "cut in a row", "emptied", "edited", "longer"])
@pytest.mark.parametrize("stage", ["targets", "mllm"])
def test_a_finished_file_that_was_changed_is_noticed_and_made_again(
    tmp_path: Path,
    untouched: Dataset,
    finished: Run,
    clean: dict[str, bytes],
    damage: str,
    stage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = shutil.copytree(finished.folder, tmp_path / "run") / f"{stage}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        {
            "cut at a row": b"".join(lines[:-3]),
            "cut in a row": b"".join(lines)[:-40],
            "emptied": b"",
            "edited": b"".join(lines).replace(b'"status":"found"', b'"status":"failed"').replace(b'"box"', b'"reject"'),
            "longer": b"".join([*lines, lines[-1]]),
        }[damage]
    )
    caplog.clear()
    assert files(do(tmp_path / "run", untouched)) == clean
    assert f"{stage}.jsonl was changed after row" in caplog.text


def test_rows_of_samples_that_left_a_share_go(tmp_path: Path, data: Dataset) -> None:
    """A repaired route moves a sample from the MLLM, which takes what could not be routed, to the specialist."""
    image = data.image_path(next(s for s in data.samples))
    image.rename(image.with_suffix(".away"))
    do(tmp_path / "run", data)
    image.with_suffix(".away").rename(image)
    run = do(tmp_path / "run", data)
    level = {row.sample_id: row.level for row in read_rows(run.file("routes"), Route)}
    for stage, wanted in (("specialist", 1), ("mllm", 2)):
        ids = [row.sample_id for row in read_rows(run.file(stage), Prediction)]
        assert ids == [s.id for s in data.samples if level[s.id] == wanted]


def test_crs_follows_its_candidates(tmp_path: Path, data: Dataset) -> None:
    def select(folder: str) -> bytes:
        run = open_run(tmp_path / folder, data, 0, ANY)
        (spec,) = crs(Parts(Options(device="cpu", focus=False, none=True)))
        run.do(spec)
        return run.file(spec.name).read_bytes()

    clean = select("clean")
    image = data.image_path(data.samples[5])
    image.rename(image.with_suffix(".away"))
    assert select("run") != clean
    image.with_suffix(".away").rename(image)
    assert select("run") == clean

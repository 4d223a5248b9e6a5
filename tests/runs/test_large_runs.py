"""Runs on a table of samples: the rows of a run on a list, with hardly a sample as an object."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.config.find import load_dataset
from finecops.datasets import table
from finecops.datasets.dataset import Dataset
from finecops.datasets.parts import kept, taken
from finecops.datasets.table import SampleTable
from finecops.records import Prediction, Sample
from finecops.runs.batches import Batches, batches_with, ids_in, ids_of, make_batches, share_of
from finecops.runs.folder import open_run
from finecops.runs.jsonl import read_rows
from finecops.runs.run import Run
from finecops.runs.specification import ImageGroup
from tests.conftest import make_negative, make_sample
from tests.runs.test_runner import Recorder, toy_spec

N = 600
SAMPLES = [
    *(make_sample(str(i), image=f"images/{i // 3}.jpg", box=(i / 7, 1.0, 50.0 + i / 7, 60.0)) for i in range(N // 2)),
    *(make_negative(f"n{i}", str(i)).model_copy(update={"image": f"images/{i // 3}.jpg"}) for i in range(N // 2)),
]


def opened(folder: Path, samples: Sequence[Sample]) -> Run:
    config = load_dataset("finecops-mini")
    return open_run(folder, Dataset(config, "test", folder / "data", (), "0", samples, ()), 0)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """The samples that are made of a table."""
    found: list[Sample] = []
    plain = table._sample

    def noted(*args: Any, **values: Any) -> Sample:
        found.append(plain(*args, **values))
        return found[-1]

    monkeypatch.setattr(table, "_sample", noted)
    return found


@pytest.mark.parametrize("size", [1, 2, 4, 7, 16, 1000])
@pytest.mark.parametrize("images", [None, 1, 2])
def test_batches_of_a_table_are_those_of_a_list(size: int, images: int | None) -> None:
    def path(sample: Sample) -> Path:
        return Path(sample.image)

    plain = list(make_batches(SAMPLES, path, size, images))
    lazy = make_batches(SampleTable.of(SAMPLES), path, size, images)
    assert list(lazy) == plain
    assert [lazy[i] for i in range(-len(lazy), len(lazy))] == plain * 2
    assert lazy[1:3] == plain[1:3]
    assert all(len(ids_of(batch)) <= size and (images is None or len(batch) <= images) for batch in plain)
    assert sorted(ids_in(plain)) == sorted(ids_in(lazy)) == sorted(sample.id for sample in SAMPLES)
    wanted = {"0", "n1", "n2", "77", "299", "another"}
    assert list(share_of(lazy, wanted)) == list(share_of(plain, wanted))
    assert list(batches_with(lazy, wanted.__contains__)) == list(batches_with(plain, wanted.__contains__))
    rest = share_of(share_of(lazy, {id_ for id_ in ids_in(lazy) if id_ not in wanted}), wanted)
    assert len(rest) == 0
    assert list(batches_with(rest, wanted.__contains__)) == []
    assert list(ids_in(rest)) == []


def test_batches_of_nothing() -> None:
    assert len(make_batches([], lambda sample: Path(sample.image), 3)) == 0
    assert isinstance(make_batches((), lambda sample: Path(sample.image), 3), Batches)


def test_the_rows_are_the_same_and_samples_live_with_their_batch(tmp_path: Path, made: list[Sample]) -> None:
    alive: list[int] = []

    class Counting(Recorder):
        def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
            made.clear()
            if len(self.calls) in (20, 60):
                gc.collect()
                own = {id(sample) for sample in SAMPLES}
                alive.append(sum(type(one) is Sample and id(one) not in own for one in gc.get_objects()))
            return super().__call__(groups)

    opened(tmp_path / "plain", SAMPLES).do(toy_spec(Recorder(), 8))
    run = opened(tmp_path / "table", SampleTable.of(SAMPLES))
    assert made == []
    run.do(toy_spec(Counting(), 8))
    for name in ("toy.jsonl", "samples.jsonl"):
        assert (tmp_path / "table" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    # The batch, and what other tests hold.
    assert len(alive) == 2
    assert alive[1] <= alive[0] + 8


def test_of_a_run_with_one_row_missing_one_batch_is_made(tmp_path: Path, made: list[Sample]) -> None:
    samples = SampleTable.of(SAMPLES)
    opened(tmp_path / "run", samples).do(toy_spec(Recorder(), 8))
    whole = (tmp_path / "run" / "toy.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    for missing in (0, 17, len(lines) - 1):
        partial = tmp_path / f"again-{missing}" / "toy.jsonl.partial"
        run = opened(partial.parent, samples)
        partial.write_bytes(b"".join(lines[:missing] + lines[missing + 1 :]))
        made.clear()
        stage = Recorder()
        _begin(run, stage)
        run.do(toy_spec(stage, 8))
        assert len(stage.calls) == 1
        assert len(made) == len(stage.calls[0]) <= 8
        assert (partial.parent / "toy.jsonl").read_bytes() == whole
        assert [row.sample_id for row in read_rows(partial.parent / "toy.jsonl", Prediction)] == list(samples.ids)


def _begin(run: Run, stage: Recorder) -> None:
    """Note in `run.json` that the stage was begun."""
    from finecops.runs.entries import entry_of
    from finecops.runs.manifest import read_manifest, write_manifest

    spec = toy_spec(stage, 8)
    write_manifest(run.folder, read_manifest(run.folder).with_stage("toy", entry_of(spec, spec.described({}))))


def test_parts_of_samples() -> None:
    samples = SampleTable.of(SAMPLES)
    rows = np.array([5, 2, 400, 2])
    assert list(taken(samples, rows)) == taken(SAMPLES, rows) == [SAMPLES[i] for i in rows]
    positives = kept(samples, lambda sample: sample.positive)
    assert isinstance(positives, SampleTable)
    assert list(positives) == kept(SAMPLES, lambda sample: sample.positive)
    # What no sample has is gone: columns of negatives are counted by it.
    assert all(kind.truth == "box" for kind in positives.kinds)
    assert kept(samples, lambda sample: True) is samples


def test_a_run_whose_limit_is_all_keeps_the_table(tmp_path: Path) -> None:
    samples = SampleTable.of(SAMPLES)
    run = opened(tmp_path, samples)
    assert run.samples is samples
    assert replace(run).samples is samples

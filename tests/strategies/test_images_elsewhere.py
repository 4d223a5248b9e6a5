"""A run has the same bytes wherever its images are, and a damaged image in a zip file is a failed row."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from finecops.config.find import load_dataset
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.image_place import ImagePlace
from finecops.records import Prediction
from finecops.runs.folder import open_run
from finecops.runs.jsonl import read_rows
from finecops.runs.manifest import read_manifest
from finecops.runs.run import RunOptions
from finecops.strategies.baselines import specialist
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.running import do_all


def answers(folder: Path, data: Dataset) -> bytes:
    """The specialist's rows, as the command makes them."""
    run = open_run(folder, data, 0, RunOptions(max_failed=0.5))
    spec = specialist(Parts(Options(device="cpu", focus=False)))
    do_all(run, [spec])
    return run.file(spec.name).read_bytes()


def test_a_run_goes_on_where_images_move_and_a_damaged_one_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    mini = load_dataset_split(load_dataset("finecops-mini"))
    usual = replace(mini, samples=tuple(choose_samples(mini.samples, 6)))
    clean = answers(tmp_path / "clean", usual)
    path = tmp_path / "gqa.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for image in {sample.image for sample in usual.samples}:
            archive.write(mini.root / image, image)
    whole, name = path.read_bytes(), usual.samples[0].image
    at = whole.index(name.encode()) + 60
    path.write_bytes(whole[:at] + b"????" + whole[at + 4 :])
    # An empty root: every image comes out of the zip file.
    packed = replace(usual, root=tmp_path / "nothing", place=ImagePlace(path))
    assert answers(tmp_path / "run", packed) != clean
    rows = [row for row in read_rows(tmp_path / "run" / "specialist.jsonl", Prediction) if row.status == "failed"]
    assert {row.sample_id for row in rows} == {s.id for s in usual.samples if s.image == name}
    assert all(row.cause == "data" and "is damaged" in (row.reason or "") for row in rows)
    images = read_manifest(tmp_path / "run").images
    assert images is not None
    assert images.place == str(path)
    # Not asked again while the zip file is the same.
    assert answers(tmp_path / "run", replace(packed)) != clean
    path.write_bytes(whole)
    assert answers(tmp_path / "run", replace(packed, place=ImagePlace(path))) == clean
    # The images are where they always were: the run is the same run.
    assert answers(tmp_path / "run", usual) == clean

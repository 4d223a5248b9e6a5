"""What would stop a run is found before a model is loaded, all of it at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.datasets import image_place
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import DataError, FinecopsError, ModelError, RunError
from finecops.models import backends
from finecops.runs.folder import open_run
from finecops.runs.run import Run, RunOptions
from finecops.strategies import preflight as checks
from finecops.strategies.baselines import targets
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.preflight import check_disk, preflight
from finecops.strategies.running import do_all
from finecops.strategies.sfa import sfa


@pytest.fixture
def opened(tmp_path: Path) -> Run:
    """A run on 40 samples whose images are copies."""
    mini = load_dataset_split(load_dataset("finecops-mini"))
    chosen = choose_samples(mini.samples, 40)
    root = tmp_path / "data"
    for sample in chosen:
        (root / sample.image).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(mini.image_path(sample), root / sample.image)
    dataset = Dataset(mini.config, "test", root, (), "0", tuple(chosen), ())
    return open_run(tmp_path / "run", dataset, 0)


def specs(**changes: Any) -> Any:
    return sfa(Parts(Options(device="cpu", **changes)))


def take_away(run: Run, count: int) -> list[Path]:
    images = list(dict.fromkeys(run.dataset.image_path(s) for s in run.samples))[:count]
    for image in images:
        image.unlink()
    return images


@pytest.mark.parametrize("listed", [0, 10_000])
def test_no_image_at_all_is_refused_with_three_paths_and_what_to_fetch(
    opened: Run, listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_place, "LISTED", listed)
    gone = take_away(opened, 1000)
    with pytest.raises(
        DataError, match=rf"(?s)none of the {len(gone)} images is there: .*finecops data build"
    ) as raised:
        preflight(opened, specs())
    assert all(str(path) in str(raised.value) for path in gone[:3])
    assert str(gone[3]) not in str(raised.value)


def test_some_missing_images_are_said_and_too_many_are_refused(opened: Run, caplog: pytest.LogCaptureFixture) -> None:
    gone = take_away(opened, 1)
    lost = sum(opened.dataset.image_path(s) == gone[0] for s in opened.samples)
    allowed = open_run(opened.folder, opened.dataset, 0, RunOptions(max_failed=lost / 40))
    preflight(allowed, specs())
    assert (
        f"1 of {len({s.image for s in opened.samples})} images is missing: {gone[0]}; their {lost} samples"
        in caplog.text
    )
    strict = open_run(opened.folder, opened.dataset, 0, RunOptions(max_failed=lost / 40 - 0.01))
    with pytest.raises(DataError, match=r"of the samples would fail, more than --max-failed"):
        preflight(strict, specs())


def test_a_stage_that_opens_no_image_needs_none(opened: Run) -> None:
    take_away(opened, 1000)
    do_all(opened, [targets(Parts(Options()))])
    assert opened.file("targets").exists()


def test_all_that_is_missing_is_said_at_once(opened: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(config: Any, device: str) -> None:
        if config.name != "rules":
            raise ModelError(f"{config.name} cannot be reached")

    monkeypatch.setattr(checks, "check_model_config", refuse)
    take_away(opened, 1000)
    with pytest.raises(RunError, match=r"mini-gdino cannot be reached\nmini-qwen2vl cannot be reached\nnone of the"):
        preflight(opened, specs())
    assert not opened.file("targets").exists()


def test_a_finished_run_needs_nothing(opened: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    do_all(opened, specs())
    take_away(opened, 1000)

    def refuse(config: Any, device: str) -> None:
        raise FinecopsError("nothing may be asked")

    monkeypatch.setattr(checks, "check_model_config", refuse)
    preflight(opened, specs())


def test_a_full_disk_is_said_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 5, 5))  # type: ignore[attr-defined]
    with pytest.raises(RunError, match=r"a disk with 0\.0 GB free; 10000 rows need about 0\.1 GB"):
        check_disk(tmp_path, 10_000)


def test_every_model_of_a_strategy_is_looked_at(opened: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(checks, "check_model_config", lambda config, device: seen.append(f"{config.name} {device}"))
    preflight(opened, specs(router="mm-gdino-t"))
    assert seen == ["rules cpu", "mm-gdino-t cpu", "mini-gdino cpu", "mini-qwen2vl cpu"]
    assert backends.backend_of(Parts(Options()).router).title == "transformers"

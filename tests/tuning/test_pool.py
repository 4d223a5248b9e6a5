"""Tuning data detects only what it needs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from finecops.runs.folder import read_samples
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.tuning import pool as module
from finecops.tuning.data import TunePlan, usable_samples
from finecops.tuning.pool import make_pool

FOLDER = Path("outputs/finecops-mini-mini-val-crs-tune0")


def grown(**plan: Any) -> module.Pool:
    """The pool of a plan, on the val split."""
    return make_pool(Parts(Options(split="val", focus=False)), TunePlan(**plan))


def test_a_pool_grows_as_far_as_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = {"positives": 16, "negatives": 4}
    # At first too much is expected of the detector: a second round is needed.
    monkeypatch.setattr(module, "_USABLE", 1.5)
    with caplog.at_level(logging.INFO):
        first = grown(**plan)
    said = [record.getMessage() for record in caplog.records if "are needed" in record.getMessage()]
    assert said[0].startswith("candidates of 11 positives and 5 negatives are needed, of 1074 samples of finecops-mini")
    assert len(said) > 1
    usable, _ = usable_samples(first.samples, first.candidates, TunePlan(**plan))
    assert len(usable[True]) >= 16
    assert len(usable[False]) >= 4
    assert len(first.samples) < 60
    assert {sample.id for sample in first.samples} == set(first.candidates)
    # A larger plan keeps what is there; a smaller one detects nothing.
    before = {sample.id for sample in read_samples(FOLDER)}
    assert before < {sample.id for sample in grown(positives=24, negatives=4).samples}
    rows = (FOLDER / "candidates.jsonl").read_bytes()
    grown(positives=4)
    assert (FOLDER / "candidates.jsonl").read_bytes() == rows


def test_the_baseline_needs_no_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = make_pool(Parts(Options(split="val")), TunePlan(style="baseline"))
    assert len(found.samples) == 1074
    assert found.candidates == {}
    assert not FOLDER.parent.exists()


def test_a_detector_that_finds_nothing_looks_at_all_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    samples: list[int] = []

    class Nothing:
        def __init__(self, dataset: Any) -> None:
            self.dataset, self.samples = dataset, dataset.samples

        def rows(self, spec: Any) -> dict[str, Any]:
            return {}

    monkeypatch.setattr(module, "open_for", lambda parts, dataset, folder: Nothing(dataset))
    monkeypatch.setattr(module, "do_all", lambda run, specs: samples.append(len(run.samples)))
    grown(positives=10)
    assert samples[-1] == 480
    assert len(samples) <= 3

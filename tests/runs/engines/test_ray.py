"""The engine `ray`: the rows of `local`, whatever happens to its workers. Ray runs on this machine with two workers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import ModelError, RunError
from finecops.runs.engines.local import run_local
from finecops.runs.engines.ray import run_ray
from tests.runs.engines.toys import SAMPLES, toy_batches, toy_work

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module", autouse=True)
def shut_down() -> Iterator[None]:
    yield
    import ray

    ray.shutdown()


def rows_of(engine: Any, **settings: Any) -> dict[str, str]:
    """What an engine gives, by sample id."""
    results = engine(toy_work(**settings), toy_batches())
    return {row.sample_id: row.model_dump_json() for result in results for row in result.rows}


EXPECTED = {row.sample_id: row.model_dump_json() for r in run_local(toy_work(), toy_batches()) for row in r.rows}


def test_rows_are_those_of_the_local_engine(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "finecops"):
        assert rows_of(run_ray) == EXPECTED
    assert [record.message for record in caplog.records if record.name == "finecops.toy"] == ["made"]


def test_a_batch_whose_worker_dies_is_done_by_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert rows_of(run_ray, dies_of=("17",), times=1, notes=str(tmp_path)) == EXPECTED
    assert "a worker died" in caplog.text


def test_a_sample_that_kills_every_worker_ends_the_run_when_all_else_is_done(tmp_path: Path) -> None:
    results = run_ray(toy_work(dies_of=("17",), notes=str(tmp_path)), toy_batches())
    found = [row.sample_id for result in islice(results, len(toy_batches()) - 1) for row in result.rows]
    with pytest.raises(RunError, match="workers died 3 times with no batch done in between; left are 1 batches"):
        next(results)
    assert len(found) == len(set(found)) == len(SAMPLES) - 5


def test_a_stage_that_cannot_be_made_is_said_as_here() -> None:
    with pytest.raises(ModelError, match="no such weights"):
        list(run_ray(toy_work(fault="model"), toy_batches()))

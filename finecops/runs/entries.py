"""What `run.json` says of a stage when it is begun, and when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from finecops.runs.engines.cores import threads_used
from finecops.runs.manifest import StageEntry
from finecops.runs.runner import StageReport
from finecops.runs.specification import StageSpec, fingerprint


def entry_of(spec: StageSpec[Any], described: Mapping[str, JsonValue]) -> StageEntry:
    """The entry of a stage that was begun."""
    return StageEntry.model_validate(
        {
            **described,
            "role": spec.role,
            "label": spec.label,
            "answering": spec.answering,
            "fingerprint": fingerprint(described),
            "state": "begun",
        }
        | _computing(spec)
    )


def _computing(spec: StageSpec[Any]) -> dict[str, int]:
    """What the last digits of a model's numbers may depend on."""
    if spec.model is None:
        return {}
    return {"batch_size": spec.resources.batch_size, "threads": threads_used()}


def measured(report: StageReport) -> dict[str, object]:
    """What an entry says of a stage that is done."""
    return {
        "state": "done",
        "rows": report.rows,
        "failed": report.failed,
        "seconds": round(report.seconds, 3),
        "timed_samples": report.made_now if report.seconds else 0,
        "samples_per_second": report.per_second,
        "gflops_per_sample": report.gflops_per_sample,
        "notes": dict(report.notes),
    }

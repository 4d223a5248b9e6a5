"""What `run.json` says of a stage when it is begun, and when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from finecops.config.schema import MllmConfig
from finecops.config.served import served_of
from finecops.replicas import replicas_of
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
            "served": _served(spec),
            "fingerprint": fingerprint(described),
            "state": "begun",
        }
        | _computing(spec)
    )


def _served(spec: StageSpec[Any]) -> dict[str, JsonValue] | None:
    """How the model of a stage is served, where there is more to say than that it is behind a server."""
    for config in dict(spec.settings).values():
        if isinstance(config, MllmConfig) and config.serve is not None:
            found = replicas_of(served_of(config))
            return dict(found.how) if found is not None else None
        if isinstance(config, MllmConfig) and len(config.servers) > 1:
            return {"servers": len(config.servers)}
    return None


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

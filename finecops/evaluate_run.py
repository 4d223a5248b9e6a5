"""Evaluating a run folder: every list of predictions in it, with outcomes and timings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finecops.errors import RunError
from finecops.jsonl import read_rows, write_json_atomically
from finecops.metrics.evaluate import METRICS, evaluate
from finecops.records import Prediction, Route, Sample, Target
from finecops.run import read_run_json, read_samples

ANSWERS = ("specialist", "mllm", "sfa")
"""Stages that answer, in the order of the table."""


def evaluate_run(folder: Path, metrics: Sequence[str] = METRICS) -> dict[str, Any]:
    """Numbers of a run: `{"dataset", "methods": {stage: evaluation}, "router", "targets", "stages"}`.

    A pathway that was run on its share of the samples alone is evaluated on that share; its entry says so in
    `samples`. The result is also written to `metrics.json` in the folder.
    """
    about = read_run_json(folder)
    samples = read_samples(folder)
    routes = _read(folder, "routes", Route)
    methods: dict[str, Any] = {}
    for name in ANSWERS:
        predictions = _read(folder, name, Prediction)
        if predictions is None:
            continue
        share = about["stages"].get(name, {}).get("settings", {}).get("samples", "all")
        chosen = _share(samples, share, routes)
        methods[name] = {"samples": share, **evaluate(chosen, predictions, routes, metrics)}
    if not methods:
        raise RunError(f"{folder}/ has no predictions yet; `finecops sfa run --run {folder}` makes them")
    result = {
        "dataset": {key: about["dataset"][key] for key in ("name", "split", "limit", "samples")},
        "methods": methods,
        "router": _router(samples, routes),
        "targets": _statuses(_read(folder, "targets", Target)),
        "stages": about["stages"],
    }
    write_json_atomically(folder / "metrics.json", result)
    return result


def _read(folder: Path, stage: str, row_type: type[Any]) -> dict[str, Any] | None:
    path = folder / f"{stage}.jsonl"
    return {row.sample_id: row for row in read_rows(path, row_type)} if path.exists() else None


def _share(samples: list[Sample], share: str, routes: dict[str, Route] | None) -> list[Sample]:
    if routes is None or not share.startswith("router level "):
        return samples
    level = int(share.removeprefix("router level "))
    return [sample for sample in samples if routes[sample.id].level == level]


def _router(samples: list[Sample], routes: dict[str, Route] | None) -> dict[str, Any] | None:
    """Share sent to the MLLM, and on positives how the router's level meets the ground truth's (1, or more)."""
    if routes is None:
        return None
    positives = [s for s in samples if s.negative is None and s.level is not None and s.id in routes]
    confusion = {f"{truth}->{level}": 0 for truth in (1, 2) for level in (1, 2)}
    for sample in positives:
        assert sample.level is not None
        confusion[f"{min(sample.level, 2)}->{routes[sample.id].level}"] += 1
    hard = confusion["2->1"] + confusion["2->2"]
    right = confusion["1->1"] + confusion["2->2"]
    return {
        "to_mllm": sum(route.level == 2 for route in routes.values()),
        "n": len(routes),
        "failed": sum(route.status == "failed" for route in routes.values()),
        "level_accuracy": 100 * right / len(positives) if positives else None,
        "level2_recall": 100 * confusion["2->2"] / hard if hard else None,
        "confusion": confusion,
    }


def _statuses(targets: dict[str, Target] | None) -> dict[str, int] | None:
    if targets is None:
        return None
    found = {"found": 0, "matched": 0, "unmatched": 0, "failed": 0}
    for target in targets.values():
        found[target.status] += 1
    return found

"""Evaluating a run folder: every list of predictions in it, with outcomes and timings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from finecops.errors import RunError
from finecops.jsonl import read_rows, write_json_atomically
from finecops.metrics.arrays import evaluate_arrays
from finecops.metrics.evaluate import METRICS, Cluster, clusters_of, evaluate
from finecops.metrics.intervals import paired_difference
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.metrics.routing import LabData, default_rules, detections_of, oracle, pareto_front, sfa_ledger, sweep
from finecops.records import Prediction, Route, Sample, Target
from finecops.run import read_run_json, read_samples

ANSWERS = ("specialist", "mllm", "sfa")
"""Stages that answer, in the order of the table."""


def evaluate_run(folder: Path, metrics: Sequence[str] = METRICS, cluster: Cluster | None = None) -> dict[str, Any]:
    """Numbers of a run: `{"dataset", "methods": {stage: evaluation}, "router", "ledger", "targets", "stages"}`.

    A pathway that was run on its share of the samples alone is evaluated on that share; its entry says so in
    `samples`. With `cluster`, values carry bootstrap intervals. The result is also written to `metrics.json` in the
    folder.
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
        methods[name] = {"samples": share, **evaluate(chosen, predictions, routes, metrics, cluster)}
    if not methods:
        raise RunError(f"{folder}/ has no predictions yet; `finecops sfa run --run {folder}` makes them")
    result = {
        "dataset": {key: about["dataset"][key] for key in ("name", "split", "limit", "samples")},
        "methods": methods,
        "router": _router(samples, routes),
        "ledger": _ledger(folder, samples, routes),
        "targets": _statuses(_read(folder, "targets", Target)),
        "stages": about["stages"],
    }
    write_json_atomically(folder / "metrics.json", result)
    return result


def compare_runs(first: Path, second: Path, cluster: Cluster = "positive") -> list[dict[str, Any]]:
    """Precision@1 of the second run minus that of the first, per method and level, on the positives both have.

    Rows: method, level (None: all), n, first, second, difference, ci_low, ci_high (per cent), p_value.

    Raises:
        RunError: the runs share no sample or no method.
    """
    sides = [{s.id: s for s in read_samples(folder)} for folder in (first, second)]
    shared = [s for s in sides[0].values() if s.negative is None and sides[1].get(s.id) == s]
    pairs = [(m, _read(first, m, Prediction), _read(second, m, Prediction)) for m in ANSWERS]
    rows = [row for m, a, b in pairs for row in _differences(m, shared, a or {}, b or {}, cluster)]
    if not rows:
        raise RunError(f"{first}/ and {second}/ share no method with answers on the same positive samples")
    return rows


def compare_methods(folder: Path, cluster: Cluster = "positive") -> list[dict[str, Any]]:
    """Precision@1 of SFA minus that of each pathway alone, on the positives that the pathway has; as `compare_runs`.

    Raises:
        RunError: the run has no SFA, or no pathway to compare it with.
    """
    samples = [s for s in read_samples(folder) if s.negative is None]
    sfa = _read(folder, "sfa", Prediction)
    if sfa is None:
        raise RunError(f"{folder}/ has no sfa.jsonl to compare; `finecops sfa run --both` makes it")
    rows = []
    for method in ("specialist", "mllm"):
        rows += _differences(f"SFA − {method}", samples, _read(folder, method, Prediction) or {}, sfa, cluster)
    if not rows:
        raise RunError(f"{folder}/ has no pathway to compare SFA with")
    return rows


def route_sweep(folder: Path) -> dict[str, Any]:
    """The router lab on a run with both pathways on every sample: `{"rules": [...], "front": [...], "oracle": {...}}`.

    Raises:
        RunError: the run lacks its routes or a pathway on some samples.
    """
    samples = read_samples(folder)
    routes = _read(folder, "routes", Route)
    answers = {name: _read(folder, name, Prediction) or {} for name in ("specialist", "mllm")}
    if routes is None or any(len(found) < len(samples) for found in answers.values()):
        raise RunError(f"{folder}/ lacks both pathways on every sample; `finecops sfa run --both --run …` makes them")
    data = {name: evaluate_arrays(samples, found) for name, found in answers.items()}
    right = {name: d.iou[:, 0] > IOU_THRESHOLD for name, d in data.items()}
    confidence = np.nan_to_num(data["specialist"].scores[:, 0], nan=-np.inf)
    scores, iou = detections_of(samples, routes)
    lab = LabData(scores, iou, confidence, right["specialist"], right["mllm"], data["specialist"].positive)
    results = sweep(lab, default_rules(confidence))
    best, needed = oracle(lab)
    alone = [100 * float(right[name][lab.positive].mean()) for name in ("specialist", "mllm")]
    return {
        "rules": [asdict(result) for result in results],
        "front": [asdict(result) for result in pareto_front(results)],
        "oracle": {"precision_at_1": best, "to_mllm_of_positives": needed},
        "specialist": alone[0],
        "mllm": alone[1],
    }


def _differences(
    label: str,
    samples: Sequence[Sample],
    first: Mapping[str, Prediction],
    second: Mapping[str, Prediction],
    cluster: Cluster,
) -> list[dict[str, Any]]:
    there = [s for s in samples if s.id in first and s.id in second]
    if not there:
        return []
    hits = [np.asarray(100.0 * (evaluate_arrays(there, p).iou[:, 0] > IOU_THRESHOLD)) for p in (first, second)]
    levels = np.array([s.level or 0 for s in there])
    rows = []
    for level in (None, *sorted(set(levels.tolist()) - {0})):
        chosen = np.flatnonzero(levels == level) if level else np.arange(len(there))
        a, b = (side[chosen] for side in hits)
        found = paired_difference(a, b, clusters_of([there[i] for i in chosen], cluster))
        rows.append(
            {
                "method": label,
                "level": level,
                "n": len(chosen),
                "first": float(a.mean()),
                "second": float(b.mean()),
                "difference": found.difference,
                "ci_low": found.interval.low,
                "ci_high": found.interval.high,
                "p_value": found.p_value,
            }
        )
    return rows


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


def _ledger(folder: Path, samples: list[Sample], routes: dict[str, Route] | None) -> dict[str, int] | None:
    """SFA's ledger on positives with a level, where both pathways answered all of them."""
    counted = [s for s in samples if s.negative is None and s.level is not None]
    answers = [_read(folder, name, Prediction) for name in ("specialist", "mllm")]
    if routes is None or not counted or any(a is None or any(s.id not in a for s in counted) for a in answers):
        return None
    right = [evaluate_arrays(counted, a or {}).iou[:, 0] > IOU_THRESHOLD for a in answers]
    level = np.array([s.level for s in counted], dtype=np.intp)
    router = np.array([routes[s.id].level for s in counted], dtype=np.intp)
    return asdict(sfa_ledger(level, router, right[0], right[1]))


def _statuses(targets: dict[str, Target] | None) -> dict[str, int] | None:
    if targets is None:
        return None
    found = {"found": 0, "matched": 0, "unmatched": 0, "failed": 0}
    for target in targets.values():
        found[target.status] += 1
    return found

"""Evaluating a run folder: every list of predictions in it, with outcomes and timings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from finecops.errors import DataError, RunError
from finecops.evaluation import reference
from finecops.evaluation.validated import validated_rows
from finecops.evaluation.values import METRICS, Cluster, clusters_of, evaluate
from finecops.metrics.answers import Answers, Floats, answers_of_predictions
from finecops.metrics.arrays import Bools, evaluate_arrays
from finecops.metrics.calibration import Calibration, save_calibrations
from finecops.metrics.intervals import paired_difference
from finecops.metrics.ledgers import crs_ledger, sfa_ledger
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.metrics.routing import Costs, LabData, default_rules, detections_of, oracle, pareto_front, sweep
from finecops.records import Candidates, Prediction, Route, Sample, Target
from finecops.runs.folder import read_run_json, read_samples
from finecops.runs.jsonl import read_rows, write_json_atomically
from finecops.stages.candidates import candidate_recall, truth_ranks

ANSWERS = ("specialist", "mllm", "sfa")
"""Stages that answer, in the order of the table; after them come CRS's, one per way of asking (`crs-…`)."""


def answering_stages(folder: Path) -> list[str]:
    """The stages of a run that have answered, in the order of the table."""
    crs = sorted(path.stem for path in folder.glob("crs-*.jsonl"))
    return [name for name in (*ANSWERS, *crs) if (folder / f"{name}.jsonl").exists()]


def evaluate_run(
    folder: Path,
    metrics: Sequence[str] = METRICS,
    cluster: Cluster | None = None,
    iou_threshold: float = IOU_THRESHOLD,
    val: Path | None = None,
) -> dict[str, Any]:
    """Numbers of a run: `{"dataset", "methods": {stage: evaluation}, "router", "ledger", "targets", "stages"}`.

    A pathway that was run on its share of the samples alone is evaluated on that share; its entry says so in
    `samples`. With `cluster`, values carry bootstrap intervals. With `val`, a run of the same models on another split,
    there are rows with calibrated scores and at operating points; the maps go to `calibration.json`. The result is
    also written to `metrics.json` in the folder.

    Raises:
        RunError: the run, or `val`, has no predictions.
    """
    about = read_run_json(folder)
    routes = _read(folder, "routes", Route)
    methods: dict[str, Any] = {}
    calibrations: dict[str, Calibration] = {}
    for name, share, samples, answers in _answers(folder, about, routes):
        methods[name] = {"samples": share, **evaluate(samples, answers, routes, metrics, cluster, iou_threshold)}
        if name.startswith("crs"):
            methods[name]["ledger"] = _crs_ledger(folder, about, name, answers, iou_threshold)
        if val is not None:
            rows, calibrations[name] = validated_rows(_val_split(val, name), (samples, answers), metrics, iou_threshold)
            methods[name]["rows"] += rows
    if not methods:
        raise RunError(f"{folder}/ has no predictions yet; `finecops sfa run --run {folder}` makes them")
    if val is not None:
        save_calibrations(folder / "calibration.json", str(val), calibrations)
    samples = read_samples(folder)
    result = {
        "dataset": {key: about["dataset"][key] for key in ("name", "split", "limit", "samples")},
        "methods": methods,
        "router": _router(samples, routes),
        "ledger": _ledger(folder, samples, routes),
        "targets": _statuses(_read(folder, "targets", Target)),
        "candidates": _candidates(folder),
        "stages": about["stages"],
    }
    write_json_atomically(folder / "metrics.json", result)
    return result


def evaluate_run_as_reference(folder: Path) -> dict[str, Any]:
    """A run's predictions by the arithmetic of the paper's scripts (`--compat reference`), in the same shape.

    A row without a box is one of no area with score 0, as the scripts have it. With both pathways on every sample,
    `ledger` is what the SFA script prints: level 1 also where nothing was detected, NMS on misread boxes.
    """
    about = read_run_json(folder)
    samples = read_samples(folder)
    truths = reference.truths_of_samples(samples)
    methods: dict[str, Any] = {}
    for name, share, _, answers in _answers(folder, about, _read(folder, "routes", Route)):
        rows: list[dict[str, Any]] = []
        absent = {}
        try:
            rows = reference.box_rows(reference.detector_entries(truths, answers))
        except reference.ScriptStopsError as error:
            absent["everything"] = str(error)
        methods[name] = {"samples": share, "rows": rows, "outcomes": {}, "absent": absent}
    return {
        "dataset": {key: about["dataset"][key] for key in ("name", "split", "limit", "samples")},
        "methods": methods,
        "router": None,
        "ledger": None,
        "targets": None,
        "stages": about["stages"],
        "reference_sfa": _reference_sfa(folder, samples),
    }


def run_answers(folder: Path) -> dict[str, Answers]:
    """The answers of each method of a run."""
    about = read_run_json(folder)
    return {name: answers for name, _, _, answers in _answers(folder, about, _read(folder, "routes", Route))}


def compare_runs(first: Path, second: Path, cluster: Cluster = "positive") -> list[dict[str, Any]]:
    """Precision@1 of the second run minus that of the first, per method and level, on the positives both have.

    Rows: method, level (None: all), n, first, second, difference, ci_low, ci_high (per cent), p_value.

    Raises:
        RunError: the runs share no sample or no method.
    """
    sides = [{s.id: s for s in read_samples(folder)} for folder in (first, second)]
    shared = [s for s in sides[0].values() if s.positive and sides[1].get(s.id) == s]
    methods = dict.fromkeys((*answering_stages(first), *answering_stages(second)))
    pairs = [(m, _read(first, m, Prediction), _read(second, m, Prediction)) for m in methods]
    rows = [row for m, a, b in pairs for row in _differences(m, shared, a or {}, b or {}, cluster)]
    if not rows:
        raise RunError(f"{first}/ and {second}/ share no method with answers on the same positive samples")
    return rows


def compare_methods(folder: Path, cluster: Cluster = "positive") -> list[dict[str, Any]]:
    """Precision@1 of SFA and CRS minus that of each pathway alone, on the positives both have; as `compare_runs`.

    Raises:
        RunError: the run has neither, or no pathway to compare with.
    """
    samples = [s for s in read_samples(folder) if s.positive]
    together = [name for name in answering_stages(folder) if name not in ("specialist", "mllm")]
    if not together:
        raise RunError(f"{folder}/ has no sfa.jsonl or crs-….jsonl to compare; `finecops sfa run --both` makes it")
    rows = []
    for name in together:
        label = "SFA" if name == "sfa" else name
        answers = _read(folder, name, Prediction) or {}
        for method in ("specialist", "mllm"):
            alone = _read(folder, method, Prediction) or {}
            rows += _differences(f"{label} − {method}", samples, alone, answers, cluster)
    if not rows:
        raise RunError(f"{folder}/ has no pathway to compare with; --both answers every sample on each")
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
    right = {name: d.answered_iou[:, 0] > IOU_THRESHOLD for name, d in data.items()}
    confidence = np.nan_to_num(data["specialist"].scores[:, 0], nan=-np.inf)
    scores, iou = detections_of(samples, routes)
    lab = LabData(scores, iou, confidence, right["specialist"], right["mllm"], data["specialist"].positive)
    results = sweep(lab, default_rules(confidence), costs := _costs(read_run_json(folder)))
    best, needed = oracle(lab)
    alone = [100 * float(right[name][lab.positive].mean()) for name in ("specialist", "mllm")]
    return {
        "rules": [asdict(result) for result in results],
        "front": [asdict(result) for result in pareto_front(results)],
        "oracle": {"precision_at_1": best, "to_mllm_of_positives": needed},
        "specialist": alone[0],
        "mllm": alone[1],
        "gflops_per_sample": asdict(costs) if costs else None,
    }


def _costs(about: Mapping[str, Any]) -> Costs | None:
    """What a sample cost each stage, as the run measured it; None if one was not measured."""
    found = [about["stages"].get(stage, {}).get("gflops_per_sample") for stage in ("routes", "specialist", "mllm")]
    return Costs(*found) if all(isinstance(v, float) for v in found) else None


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
    hits: list[Floats] = [100.0 * _right(there, p).astype(np.float64) for p in (first, second)]
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


def _candidates(folder: Path) -> dict[str, Any] | None:
    """Candidate recall@k, the ceiling of any choice; None where there are no candidates."""
    found = _read(folder, "candidates", Candidates)
    return candidate_recall([s for s in read_samples(folder) if s.id in found], found) if found is not None else None


def _crs_ledger(
    folder: Path, about: Mapping[str, Any], stage: str, answers: Answers, iou_threshold: float
) -> dict[str, int] | None:
    """CRS's ledger of a selection, over the positives that were asked about."""
    candidates = _read(folder, "candidates", Candidates)
    topk = about["stages"].get(stage, {}).get("settings", {}).get("topk")
    if candidates is None or topk is None:
        return None
    # In SFA only the hard samples are asked about.
    positives = [s for s in read_samples(folder) if s.positive and s.id in candidates]
    if not positives:
        return None
    proposed, rank = truth_ranks(positives, candidates, iou_threshold)
    data = evaluate_arrays(positives, answers)
    right = data.answered_iou[:, 0] > iou_threshold
    return crs_ledger(proposed, np.isfinite(rank), rank < topk, data.outcome, right)


def _right(samples: Sequence[Sample], predictions: Mapping[str, Prediction]) -> Bools:
    """Which samples are answered with a right box, `[n]`."""
    right: Bools = evaluate_arrays(samples, predictions).answered_iou[:, 0] > IOU_THRESHOLD
    return right


def _answers(
    folder: Path, about: Mapping[str, Any], routes: dict[str, Route] | None
) -> Iterator[tuple[str, str, list[Sample], Answers]]:
    """Of each method that has predictions: name, share, the samples of that share, and the answers."""
    samples = read_samples(folder)
    for name in answering_stages(folder):
        path = folder / f"{name}.jsonl"
        share = about["stages"].get(name, {}).get("settings", {}).get("samples", "all")
        answers = answers_of_predictions(read_rows(path, Prediction), str(path))
        yield name, share, _share(samples, share, routes), answers


def _val_split(folder: Path, method: str) -> tuple[list[Sample], Answers]:
    about = read_run_json(folder)
    for name, _, samples, answers in _answers(folder, about, _read(folder, "routes", Route)):
        if name == method:
            return samples, answers
    raise DataError(f"{folder}/ has no answers of the {method} to calibrate on; run the same command on that split")


def _reference_sfa(folder: Path, samples: Sequence[Sample]) -> dict[str, Any] | None:
    """What `SFA/evaluation_SFA.py` prints: accuracy (IoU > 0.5) of the positives it calls single and multiple."""
    positives = [s for s in samples if s.positive]
    routes = _read(folder, "routes", Route)
    answers = [_read(folder, name, Prediction) for name in ("specialist", "mllm")]
    if routes is None or not positives or any(a is None or any(s.id not in a for s in positives) for a in answers):
        return None
    found = [routes[s.id] for s in positives]
    level = np.array(
        [reference.router_level(np.array(r.all_boxes).reshape(-1, 4), np.array(r.all_scores)) for r in found]
    )
    right = [_right(positives, a or {}) for a in answers]
    counted = {1: right[0][level == 1], 2: right[1][level == 2]}
    everything = np.concatenate(list(counted.values()))
    return {
        "single": round(100 * float(counted[1].mean()), 2) if len(counted[1]) else None,
        "multiple": round(100 * float(counted[2].mean()), 2) if len(counted[2]) else None,
        "all": round(100 * float(everything.mean()), 2),
        "n_single": len(counted[1]),
        "n_multiple": len(counted[2]),
    }


def _read(folder: Path, stage: str, row_type: type[Any]) -> dict[str, Any] | None:
    path = folder / f"{stage}.jsonl"
    return {row.sample_id: row for row in read_rows(path, row_type)} if path.exists() else None


def _share(samples: list[Sample], share: str, routes: dict[str, Route] | None) -> list[Sample]:
    if routes is None or not share.startswith("router level "):
        return samples
    level = int(share.removeprefix("router level "))
    return [sample for sample in samples if routes[sample.id].level == level]


def _router(samples: list[Sample], routes: dict[str, Route] | None) -> dict[str, Any] | None:
    """Share sent to the MLLM, how many things were detected, and on positives how the router's level meets the ground
    truth's (1, or more): `confusion` maps "truth->router" to a number."""
    if routes is None:
        return None
    positives = [s for s in samples if s.positive and s.level is not None and s.id in routes]
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
        "detections": {str(k): v for k, v in sorted(Counter(len(route.boxes) for route in routes.values()).items())},
        "level_accuracy": 100 * right / len(positives) if positives else None,
        "level2_recall": 100 * confusion["2->2"] / hard if hard else None,
        "confusion": confusion,
    }


def _ledger(folder: Path, samples: list[Sample], routes: dict[str, Route] | None) -> dict[str, int] | None:
    """SFA's ledger on positives with a level, where both pathways answered all of them."""
    counted = [s for s in samples if s.positive and s.level is not None]
    answers = [_read(folder, name, Prediction) for name in ("specialist", "mllm")]
    if routes is None or not counted or any(a is None or any(s.id not in a for s in counted) for a in answers):
        return None
    right = [_right(counted, a or {}) for a in answers]
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

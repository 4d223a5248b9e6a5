"""Evaluating a run folder: every list of answers in it, with its ledgers, routing and timings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from finecops.errors import DataError, RunError
from finecops.evaluation import reference
from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.reading import AnsweringStage, RunData
from finecops.evaluation.reference_entries import ScriptStopsError, detector_entries, truths_of_samples
from finecops.evaluation.results import (
    EvaluatedData,
    Evaluation,
    Measured,
    MethodResult,
    Outcomes,
    ReferenceSfa,
    RouterSummary,
    StageTiming,
    write_evaluation,
)
from finecops.evaluation.settings import EvalSettings, MetricSettings, named_or_newest
from finecops.evaluation.validated import Split, validated_values
from finecops.metrics.answers import Answers
from finecops.metrics.arrays import Bools, Predictions, evaluate_arrays, scored_samples
from finecops.metrics.calibration import Calibration, save_calibrations
from finecops.metrics.candidates import candidate_recall, truth_ranks
from finecops.metrics.ledgers import SfaLedger, crs_ledger, sfa_ledger
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Candidates, Prediction, Route, Sample, Target

CALIBRATION_JSON = "calibration.json"


def evaluate_runs(settings: EvalSettings) -> list[Evaluation]:
    """Every run, by each arithmetic that is asked for, with the paper's figures where they are."""
    found: list[Evaluation] = []
    for folder in named_or_newest(settings.runs):
        if settings.compat != "reference":
            found.append(evaluate_run(folder, settings, settings.val))
        if settings.compat != "none":
            found.append(evaluate_run_as_reference(folder))
    if not settings.paper:
        return found
    from finecops.evaluation.paper import with_paper

    return [with_paper(evaluation, settings.paper_row) for evaluation in found]


def evaluate_run(folder: Path, settings: MetricSettings | None = None, val: Path | None = None) -> Evaluation:
    """The numbers of a run; also written to `metrics.json` in its folder.

    A pathway that was run on its share of the samples alone is evaluated on that share. With `val`, a run of the same
    models on another split, there are values with calibrated scores and at operating points; the maps go to
    `calibration.json`.

    Raises:
        RunError: the run has no answers.
        DataError: `val` has none of one of its methods.
    """
    settings = settings or MetricSettings()
    run = RunData(folder)
    routes = run.first("routes", Route)
    val_splits = _splits(val) if val is not None else {}
    methods: list[MethodResult] = []
    problems: list[str] = []
    calibrations: dict[str, Calibration] = {}
    for stage in run.methods():
        measured = evaluate(stage.samples, stage.answers, routes, settings)
        if val is not None:
            split = _of_method(val_splits, stage.name, val)
            values, calibrations[stage.name] = validated_values(split, (stage.samples, stage.answers), settings)
            measured = measured.model_copy(update={"values": (*measured.values, *values)})
        methods.append(_method(stage, measured, _crs_ledger(run, stage, settings.iou)))
        problems += stage.answers.problems
    if not methods:
        raise RunError(f"{folder}/ has no predictions yet; `finecops sfa run --run {folder}` makes them")
    if val is not None:
        save_calibrations(folder / CALIBRATION_JSON, str(val), calibrations)
    evaluation = _evaluation(run, methods, str(folder)).model_copy(
        update={
            "router": _router(run.samples, routes),
            "ledger": _sfa_ledger(run, routes, settings.iou),
            "targets": _statuses(run.first("targets", Target)),
            "candidates": _candidate_recall(run, settings.iou),
            "problems": tuple(problems),
        }
    )
    write_evaluation(folder, evaluation)
    return evaluation


def evaluate_run_as_reference(folder: Path) -> Evaluation:
    """A run's answers by the arithmetic of the paper's scripts (`--compat reference`).

    A row without a box is one of no area with score 0, as the scripts have it. With both pathways on every sample,
    `reference_sfa` is what the SFA script prints: level 1 also where nothing was detected, NMS on misread boxes.
    """
    run = RunData(folder)
    truths = truths_of_samples(scored_samples(run.samples))
    methods = []
    for stage in run.methods():
        try:
            answers = stage.answers.only(truths)
            values, absent = reference.box_values(detector_entries(truths, answers)), {}
        except ScriptStopsError as error:
            values, absent = [], {"everything": str(error)}
        measured = Measured(values=tuple(values), outcomes=Outcomes(), absent=absent)
        methods.append(_method(stage, measured, None))
    evaluation = _evaluation(run, methods, f"{folder}, arithmetic of the paper's scripts")
    return evaluation.model_copy(update={"reference_sfa": _reference_sfa(run)})


def run_answers(folder: Path) -> dict[str, Answers]:
    """The answers of each method of a run."""
    return {stage.name: stage.answers for stage in RunData(folder).methods()}


def _method(stage: AnsweringStage, measured: Measured, ledger: dict[str, int] | None) -> MethodResult:
    entry = stage.entry
    about = {"stage": stage.name, "label": entry.label, "share": entry.share, "answering": entry.answering}
    return MethodResult.model_validate(dict(measured) | about | {"ledger": ledger})


def _evaluation(run: RunData, methods: Sequence[MethodResult], title: str) -> Evaluation:
    about = run.manifest.dataset
    timings = {
        name: StageTiming.model_validate(entry.model_dump(include=set(StageTiming.model_fields)))
        for name, entry in run.manifest.stages.items()
    }
    return Evaluation(
        title=title,
        dataset=EvaluatedData(name=about.name, split=about.split, limit=about.limit, samples=about.samples),
        methods=tuple(methods),
        stages=timings,
        unknown=sum(sample.truth == "unknown" for sample in run.samples),
    )


def _splits(folder: Path) -> dict[str, Split]:
    """What each method of a run answered, on its share."""
    return {stage.name: (stage.samples, stage.answers) for stage in RunData(folder).methods()}


def _of_method(splits: Mapping[str, Split], name: str, folder: Path) -> Split:
    if name not in splits:
        raise DataError(f"{folder}/ has no answers of the {name} to calibrate on; run the same command on that split")
    return splits[name]


def right_answers(samples: Sequence[Sample], predictions: Predictions, iou: float = IOU_THRESHOLD) -> Bools:
    """Which samples are answered with a right box, `[n]`; their truth must be known."""
    right: Bools = evaluate_arrays(samples, predictions).answered_iou[:, 0] > iou
    return right


def _candidate_recall(run: RunData, iou: float) -> dict[str, int | float | None] | None:
    found = run.first("candidates", Candidates)
    return None if found is None else candidate_recall([s for s in run.samples if s.id in found], found, iou)


def _crs_ledger(run: RunData, stage: AnsweringStage, iou: float) -> dict[str, int] | None:
    """CRS's ledger of a selection, over the positives that were asked about; None of another method."""
    candidates, topk = run.candidates_of(stage.entry), stage.entry.settings.get("topk")
    if candidates is None or not isinstance(topk, int):
        return None
    # In SFA only the hard samples are asked about.
    positives = [s for s in run.samples if s.positive and s.id in candidates]
    if not positives:
        return None
    proposed, rank = truth_ranks(positives, candidates, iou)
    data = evaluate_arrays(positives, stage.answers)
    right = data.answered_iou[:, 0] > iou
    return crs_ledger(
        proposed=proposed, after_nms=np.isfinite(rank), among_k=rank < topk, outcome=data.outcome, right=right
    )


def _pathways(run: RunData, positives: Sequence[Sample]) -> list[Mapping[str, Prediction]] | None:
    """What specialist and MLLM answered; None unless both answered all of some positives."""
    found = [run.pathway("specialist"), run.pathway("mllm")]
    there = [rows for rows in found if rows is not None and all(s.id in rows for s in positives)]
    return there if positives and len(there) == len(found) else None


def _sfa_ledger(run: RunData, routes: Mapping[str, Route] | None, iou: float) -> SfaLedger | None:
    """SFA's ledger on positives with a level, where both pathways answered all of them."""
    counted = [s for s in run.samples if s.positive and s.level is not None]
    pathways = _pathways(run, counted)
    if routes is None or pathways is None:
        return None
    specialist, mllm = (right_answers(counted, rows, iou) for rows in pathways)
    level = np.array([s.level for s in counted], dtype=np.intp)
    router = np.array([routes[s.id].level for s in counted], dtype=np.intp)
    return sfa_ledger(level, router, specialist, mllm)


def _reference_sfa(run: RunData) -> ReferenceSfa | None:
    """What `SFA/evaluation_SFA.py` prints."""
    positives = [s for s in run.samples if s.positive]
    routes, pathways = run.first("routes", Route), _pathways(run, positives)
    if routes is None or pathways is None:
        return None
    # The scripts route anew, from everything that was detected.
    found = [routes[s.id] for s in positives]
    level = np.array(
        [reference.router_level(np.array(r.all_boxes).reshape(-1, 4), np.array(r.all_scores)) for r in found]
    )
    specialist, mllm = (right_answers(positives, rows) for rows in pathways)
    single, multiple = specialist[level == 1], mllm[level == 2]

    def percent(right: Bools) -> float | None:
        return round(100 * float(right.mean()), 2) if len(right) else None

    return ReferenceSfa(
        single=percent(single),
        multiple=percent(multiple),
        all=percent(np.concatenate([single, multiple])),
        n_single=len(single),
        n_multiple=len(multiple),
    )


def _router(samples: Sequence[Sample], routes: Mapping[str, Route] | None) -> RouterSummary | None:
    if routes is None:
        return None
    positives = [s for s in samples if s.positive and s.level is not None and s.id in routes]
    confusion = {f"{truth}->{level}": 0 for truth in (1, 2) for level in (1, 2)}
    for sample in positives:
        confusion[f"{min(sample.level or 0, 2)}->{routes[sample.id].level}"] += 1
    # Level 3 counts as hard too: the router knows two levels.
    hard = confusion["2->1"] + confusion["2->2"]
    right = confusion["1->1"] + confusion["2->2"]
    counts = Counter(len(route.boxes) for route in routes.values())
    return RouterSummary(
        to_mllm=sum(route.level == 2 for route in routes.values()),
        n=len(routes),
        failed=sum(route.status == "failed" for route in routes.values()),
        detections={str(k): v for k, v in sorted(counts.items())},
        level_accuracy=100 * right / len(positives) if positives else None,
        level2_recall=100 * confusion["2->2"] / hard if hard else None,
        confusion=confusion,
    )


def _statuses(targets: Mapping[str, Target] | None) -> dict[str, int] | None:
    if targets is None:
        return None
    found = {"found": 0, "matched": 0, "unmatched": 0, "failed": 0}
    for target in targets.values():
        found[target.status] += 1
    return found

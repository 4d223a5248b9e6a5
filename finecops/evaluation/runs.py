"""Evaluating a run folder: every list of answers in it, with its ledgers, routing and timings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from finecops.datasets.parts import count_of_truth
from finecops.errors import DataError, RunError, UsageError
from finecops.evaluation import reference
from finecops.evaluation.calibrations import save_calibrations
from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.reading import AnsweringStage, RunData
from finecops.evaluation.reference_entries import ScriptStopsError, detector_entries, truths_of_samples
from finecops.evaluation.results import (
    EvaluatedData,
    Evaluation,
    Measured,
    MethodResult,
    Outcomes,
    StageTiming,
    write_evaluation,
)
from finecops.evaluation.settings import EvalSettings, MetricSettings, named_or_newest
from finecops.evaluation.summaries import (
    doubtful_scores,
    router_summary,
    run_candidate_recall,
    run_crs_ledger,
    run_reference_sfa,
    run_sfa_ledger,
    target_statuses,
)
from finecops.evaluation.validated import Split, validated_values
from finecops.metrics.answers import Answers
from finecops.metrics.arrays import scored_samples
from finecops.metrics.calibration import Calibration
from finecops.records import Route, Target

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


def evaluate_run(
    folder: Path | RunData, settings: MetricSettings | None = None, val: Path | None = None, write: bool = True
) -> Evaluation:
    """The numbers of a run; also written to `metrics.json` in its folder.

    A pathway that was run on its share of the samples alone is evaluated on that share. With `val`, a run of the same
    models on another split, there are values with calibrated scores and at operating points; the maps go to
    `calibration.json`.

    Args:
        folder: the run's, or the run if it was read already.
        settings: which numbers, and how.
        val: the run of the other split.
        write: whether `metrics.json` is written.

    Raises:
        RunError: the run has no answers.
        UsageError: `val` is the run itself.
        DataError: `val` has none of one of its methods.
    """
    settings = settings or MetricSettings()
    run = folder if isinstance(folder, RunData) else RunData(folder)
    folder = run.folder
    refuse_itself(val, folder)
    routes, targets = run.first("routes", Route), run.first("targets", Target)
    # Read once for all methods.
    val_splits = _splits(val) if val is not None else {}
    methods: list[MethodResult] = []
    problems: list[str] = []
    calibrations: dict[str, Calibration] = {}
    for stage in run.methods():
        measured = evaluate(stage.samples, predictions=stage.answers, routes=routes, settings=settings)
        if val is not None:
            split = _of_method(val_splits, stage.name, val)
            values, calibrations[stage.name] = validated_values(split, (stage.samples, stage.answers), settings)
            measured = measured.model_copy(update={"values": (*measured.values, *values)})
        methods.append(_method(stage, measured, run_crs_ledger(run, stage, settings.iou)))
        # Each method reads its own file, so no problem is listed twice.
        problems += stage.answers.problems
    if not methods:
        raise RunError(f"{folder}/ has no predictions yet: repeat the command that started it, or name another run")
    if val is not None:
        save_calibrations(folder / CALIBRATION_JSON, str(val), calibrations)
    evaluation = _evaluation(run, methods, str(folder)).model_copy(
        update={
            "router": router_summary(run.samples, routes),
            "ledger": run_sfa_ledger(run, routes, settings.iou),
            "targets": target_statuses(targets),
            "doubtful": doubtful_scores(run, targets, settings.iou),
            "candidates": run_candidate_recall(run, settings.iou),
            "problems": tuple(problems),
        }
    )
    if write:
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
            # The scripts stop at an id without an annotation.
            answers = stage.answers.only(truths)
            values, absent = reference.box_values(detector_entries(truths, answers)), {}
        except ScriptStopsError as error:
            values, absent = [], {"everything": str(error)}
        measured = Measured(values=tuple(values), outcomes=Outcomes(), absent=absent)
        methods.append(_method(stage, measured, None))
    evaluation = _evaluation(run, methods, f"{folder}, arithmetic of the paper's scripts")
    return evaluation.model_copy(update={"reference_sfa": run_reference_sfa(run)})


def run_answers(folder: Path) -> dict[str, Answers]:
    """The answers of each method of a run."""
    return {stage.name: stage.answers for stage in RunData(folder).methods()}


def _method(stage: AnsweringStage, measured: Measured, ledger: dict[str, int] | None) -> MethodResult:
    entry = stage.entry
    about = {"stage": stage.name, "label": entry.label, "share": entry.share, "answering": entry.answering}
    return MethodResult.model_validate(dict(measured) | about | {"ledger": ledger, "reasons": stage.reasons})


def _evaluation(run: RunData, methods: Sequence[MethodResult], title: str) -> Evaluation:
    about = run.manifest.dataset
    timings = {
        name: StageTiming.model_validate(entry.model_dump(include=set(StageTiming.model_fields)))
        for name, entry in run.manifest.stages.items()
    }
    return Evaluation(
        title=title,
        dataset=EvaluatedData(
            name=about.name,
            split=about.split,
            limit=about.limit,
            samples=about.samples,
            entries=about.entries,
            left_out=len(about.left_out),
        ),
        methods=tuple(methods),
        stages=timings,
        unknown=count_of_truth(run.samples, "unknown"),
    )


def refuse_itself(val: Path | None, folder: Path) -> None:
    """
    Raises:
        UsageError: scores of a run would be calibrated on the run itself.
    """
    if val is not None and val.resolve() == folder.resolve():
        raise UsageError(f"--val {val} is the evaluated run itself: scores are calibrated on another split")


def _splits(folder: Path) -> dict[str, Split]:
    """What each method of a run answered, on its share."""
    return {stage.name: (stage.samples, stage.answers) for stage in RunData(folder).methods()}


def _of_method(splits: Mapping[str, Split], name: str, folder: Path) -> Split:
    if name not in splits:
        raise DataError(f"{folder}/ has no answers of the {name} to calibrate on; run the same command on that split")
    return splits[name]

"""Facts of a whole run: the router, targets, candidates, and the ledgers of SFA and CRS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from finecops.datasets.parts import kept
from finecops.evaluation import reference
from finecops.evaluation.reading import AnsweringStage, RunData
from finecops.evaluation.results import Counts, ReferenceSfa, RouterSummary
from finecops.metrics.arrays import Bools, Predictions, evaluate_arrays
from finecops.metrics.candidates import candidate_recall, truth_ranks
from finecops.metrics.ledgers import SfaLedger, crs_ledger, sfa_ledger
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Candidates, Prediction, Route, Sample, Target


def right_answers(samples: Sequence[Sample], predictions: Predictions, iou: float = IOU_THRESHOLD) -> Bools:
    """Which samples are answered with a right box, `[n]`; their truth must be known."""
    right: Bools = evaluate_arrays(samples, predictions).answered_iou[:, 0] > iou
    return right


def run_candidate_recall(run: RunData, iou: float) -> dict[str, int | float | None] | None:
    """Candidate recall@k of the run's candidates, the ceiling of any choice; None where there are none."""
    found = run.first("candidates", Candidates)
    return None if found is None else candidate_recall(kept(run.samples, lambda s: s.id in found), found, iou)


def run_crs_ledger(run: RunData, stage: AnsweringStage, iou: float) -> Counts | None:
    """CRS's ledger of a selection, over the positives that were asked about; None of another method."""
    candidates, topk = run.candidates_of(stage.entry), stage.entry.settings.get("topk")
    if candidates is None or not isinstance(topk, int):
        return None
    # In SFA only the hard samples are asked about.
    positives = kept(run.samples, lambda s: s.positive and s.id in candidates)
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


def run_sfa_ledger(run: RunData, routes: Mapping[str, Route] | None, iou: float) -> SfaLedger | None:
    """SFA's ledger on positives with a level, where all of them have a route and both pathways' answers."""
    counted = kept(run.samples, lambda s: s.positive and s.level is not None)
    pathways = _pathways(run, counted)
    if routes is None or pathways is None or not all(s.id in routes for s in counted):
        return None
    specialist, mllm = (right_answers(counted, rows, iou) for rows in pathways)
    level = np.array([s.level for s in counted], dtype=np.intp)
    router = np.array([routes[s.id].level for s in counted], dtype=np.intp)
    return sfa_ledger(level, router_level=router, specialist_right=specialist, mllm_right=mllm)


def run_reference_sfa(run: RunData) -> ReferenceSfa | None:
    """What `SFA/evaluation_SFA.py` prints."""
    positives = kept(run.samples, lambda s: s.positive)
    routes, pathways = run.first("routes", Route), _pathways(run, positives)
    if routes is None or pathways is None or not all(s.id in routes for s in positives):
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


def router_summary(samples: Sequence[Sample], routes: Mapping[str, Route] | None) -> RouterSummary | None:
    """Where the router sent the samples; None where nothing was routed."""
    if routes is None:
        return None
    positives = kept(samples, lambda s: s.positive and s.level is not None and s.id in routes)
    confusion = {f"{truth}->{level}": 0 for truth in (1, 2) for level in (1, 2)}
    for sample in positives:
        confusion[f"{min(sample.level or 0, 2)}->{routes[sample.id].level}"] += 1
    # Level 3 counts as hard too: the router knows two levels.
    hard = confusion["2->1"] + confusion["2->2"]
    right = confusion["1->1"] + confusion["2->2"]
    # How many instances decided the level.
    counts = Counter(len(route.boxes) for route in routes.values())
    return RouterSummary(
        to_mllm=sum(route.level == 2 for route in routes.values()),
        n=len(routes),
        doubtful=sum(route.status == "doubtful" for route in routes.values()),
        failed=sum(route.status == "failed" for route in routes.values()),
        detections={str(k): v for k, v in sorted(counts.items())},
        level_accuracy=100 * right / len(positives) if positives else None,
        level2_recall=100 * confusion["2->2"] / hard if hard else None,
        confusion=confusion,
    )


def target_statuses(targets: Mapping[str, Target] | None) -> Counts | None:
    """Targets by status; None where nothing was extracted."""
    if targets is None:
        return None
    found = {"found": 0, "doubtful": 0, "matched": 0, "unmatched": 0, "failed": 0}
    for target in targets.values():
        found[target.status] += 1
    return found


def doubtful_scores(run: RunData, targets: Mapping[str, Target] | None, iou: float) -> dict[str, Counts] | None:
    """Of each method the positives with a doubtful target: `n` of them, `right` answers. None where there are none."""
    doubtful = {name for name, target in (targets or {}).items() if target.status == "doubtful"}
    scores: dict[str, Counts] = {}
    if not doubtful:
        return None
    for stage in run.methods():
        positives = kept(stage.samples, lambda s: s.positive and s.id in doubtful)
        if positives:
            right = right_answers(positives, stage.answers, iou)
            scores[stage.entry.label] = {"n": len(positives), "right": int(right.sum())}
    return scores or None

"""Runs as gains look at them: what the MLLM alone and each strategy answered to the positives that all runs have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finecops.errors import RunError
from finecops.evaluation.reading import RunData
from finecops.evaluation.same_samples import match_samples
from finecops.metrics.answers import Floats
from finecops.metrics.arrays import Bools, evaluate_arrays
from finecops.metrics.left_out import Choices, choices_of
from finecops.records import Prediction, Sample
from finecops.runs.manifest import ALL


@dataclass(frozen=True)
class Choice:
    """A selection among candidates: how many there were, and what became of each positive."""

    topk: int
    choices: Choices


@dataclass(frozen=True)
class Answered:
    """A run's answers to the positives that all runs have.

    Attributes:
        name: as the user typed it.
        tokens: the MLLM's budget; None: as in its checkpoint.
        overlap: `[n]`, IoU of the MLLM's box with the truth.
        right: by strategy, `[n]`.
        choices: of the strategies that are a choice among the specialist's candidates.
        missing: by who is asked, the positives without an answer.
    """

    name: str
    tokens: int | None
    overlap: Floats
    right: Mapping[str, Bools]
    choices: Mapping[str, Choice]
    missing: Mapping[str, int]


def shared_positives(runs: Sequence[RunData]) -> tuple[list[Sample], list[str]]:
    """The positives that all runs have, and what is to be said of others.

    Raises:
        RunError: the runs are about different samples, or there is no positive.
    """
    shared, notes = list(runs[0].samples), []
    for run in runs[1:]:
        matched = match_samples(shared, run.samples, (f"{runs[0].folder}/", f"{run.folder}/"))
        shared = matched.samples
        notes += matched.about.sentences(f"{runs[0].folder}", f"{run.folder}")
    positives = [sample for sample in shared if sample.positive]
    if not positives:
        raise RunError(f"{runs[0].folder}/ has no positive sample: without a true box nothing says what is right")
    return positives, notes


def read_answered(run: RunData, positives: Sequence[Sample], iou: float) -> Answered:
    """What a run answered to positives.

    Raises:
        RunError: it lacks the MLLM's answers to every sample, or has none of SFA or CRS.
    """
    whole = [name for name in run.answering() if run.stages[name].share == ALL]
    alone = [name for name in run.answering("mllm") if name in whole]
    names = strategies_of(run)
    if not alone or not names:
        lacks = "the MLLM's own answer to every sample" if not alone else "answers of SFA or CRS to every sample"
        raise RunError(
            f"{run.folder}/ lacks {lacks}: `finecops advise` makes a run with both; or repeat the command that made "
            "this run, with --both"
        )
    rows = {name: run.rows(name, Prediction) for name in (alone[0], *names.values())}
    overlap = {name: evaluate_arrays(positives, found).answered_iou[:, 0] for name, found in rows.items()}
    choices = {}
    for strategy, name in names.items():
        candidates, topk = run.candidates_of(run.stages[name]), run.stages[name].settings.get("topk")
        if candidates is not None and isinstance(topk, int):
            choices[strategy] = Choice(topk, choices_of(positives, candidates, rows[name], topk, iou))
    missing = {who: sum(s.id not in rows[name] for s in positives) for who, name in {"MLLM": alone[0], **names}.items()}
    return Answered(
        name=str(run.folder),
        tokens=_tokens(run, alone[0]),
        overlap=overlap[alone[0]],
        right={strategy: overlap[name] > iou for strategy, name in names.items()},
        choices=choices,
        missing=missing,
    )


def strategies_of(run: RunData) -> dict[str, str]:
    """The stages of a run that answer every sample by SFA or CRS, by what the strategy is called.

    Of several of a kind each has its stage's name beside it.
    """
    kinds = {}
    for name in run.answering("sfa", "crs"):
        entry = run.stages[name]
        if entry.share != ALL or entry.answering is None:
            continue
        hard = run.stages.get(str(entry.settings.get("hard")))
        by_crs = hard is not None and hard.answering is not None and hard.answering.method == "crs"
        kinds[name] = "CRS" if entry.answering.method == "crs" else "SFA+CRS" if by_crs else "SFA"
    often = Counter(kinds.values())
    return {kind if often[kind] == 1 else f"{kind} ({name})": name for name, kind in kinds.items()}


def _tokens(run: RunData, stage: str) -> int | None:
    model = run.stages[stage].settings.get("mllm")
    tokens = model.get("visual_tokens") if isinstance(model, dict) else None
    return tokens if isinstance(tokens, int) else None

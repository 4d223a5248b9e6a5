"""When SFA and CRS pay: their gain over the MLLM alone, group by group, and the reason beside it.

The reason is the MLLM's localisation loss: of the targets that it finds (IoU above 0.1), those whose box is not right
(IoU not above 0.5). A specialist's boxes can give these back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np

from finecops.errors import UsageError
from finecops.evaluation.gain_answers import Answered, read_answered, shared_positives
from finecops.evaluation.gain_groups import ALL, FEWEST, SIZE, Group, TargetFacts, groups_of
from finecops.evaluation.gain_rules import Cell, LossRule, RecallRule, loss_rule, recall_rule
from finecops.evaluation.reading import RunData
from finecops.evaluation.settings import GainSettings
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.arrays import Bools
from finecops.metrics.intervals import clusters_of
from finecops.metrics.left_out import leave_out
from finecops.metrics.paired import paired_difference
from finecops.records import Record, Route, Sample
from finecops.text import counted

FOUND_IOU: Final = 0.1
"""Above this, a box is on the right thing."""
RECALLS: Final = tuple(float(recall) for recall in range(60, 100, 5))
"""Candidate recalls, in per cent, that are simulated where they are below the measured one."""

MllmAnswer: TypeAlias = Literal["right", "lost by localisation", "another thing or no box"]


class Gain(Record):
    """A strategy and the MLLM alone on some positives; rates in per cent, differences in points."""

    run: str
    visual_tokens: int | None
    """The MLLM's budget; None: as in its checkpoint."""
    condition: str
    """What the groups of a condition differ in (`finecops.evaluation.gain_groups`)."""
    group: str
    n: int
    strategy: str
    mllm: float
    """Precision@1 of the MLLM alone."""
    precision_at_1: float
    """Of the strategy."""
    gain: float
    ci_low: float
    """Of the gain's paired 95% bootstrap interval."""
    ci_high: float
    found: float
    """What the MLLM alone finds: its box has an IoU above 0.1."""
    localisation_loss: float
    """What it finds without being right: `found` minus `mllm`."""
    loss_of_found: float | None
    """The same as a share of what it finds; None if it finds nothing."""
    candidate_recall: float | None
    """Of a choice among candidates: how often the truth is one of them."""


class Origin(Record):
    """Where a strategy's gain comes from: what it makes of the positives that the MLLM alone has right, of those that
    it loses by localisation, and of the others. The points of the three sum to the gain."""

    run: str
    visual_tokens: int | None
    strategy: str
    mllm: MllmAnswer
    n: int
    share: float
    """Per cent of the positives."""
    right: float | None
    """How many of them the strategy has right, per cent; None of none."""
    points: float
    """What they add to the gain."""


class RecallGain(Record):
    """A choice among candidates with some candidate recall, on all positives."""

    run: str
    visual_tokens: int | None
    strategy: str
    topk: int
    n: int
    recall: float
    simulated: bool
    """Whether candidates were left out at random."""
    precision_at_1: float
    gain: float
    ci_low: float
    ci_high: float


class Gains(Record):
    """What `finecops gains` says."""

    version: Literal[1] = 1
    dataset: str
    split: str
    runs: tuple[str, ...]
    positives: int
    iou: float
    found_iou: float = FOUND_IOU
    gains: tuple[Gain, ...]
    origins: tuple[Origin, ...]
    recalls: tuple[RecallGain, ...]
    loss_rules: tuple[LossRule, ...]
    recall_rules: tuple[RecallRule, ...]
    notes: tuple[str, ...] = ()


def measure_gains(
    runs: Sequence[RunData], settings: GainSettings | None = None, facts: Mapping[str, TargetFacts] | None = None
) -> Gains:
    """The gains of runs over their MLLM alone.

    Args:
        runs: at least one; all are about the same samples.
        settings: how; which runs is not read here.
        facts: what scene graphs say of targets, by sample id; None: there are no graphs.

    Raises:
        RunError: a run lacks the MLLM's answers to every sample, or has none of SFA or CRS; the runs share no positive.
        UsageError: a run is named twice, or a box would be right without being on the thing.
    """
    settings = settings or GainSettings()
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise UsageError("a run is named twice")
    if settings.iou < FOUND_IOU:
        raise UsageError(f"--iou is at least {FOUND_IOU}: a box with less is on another thing")
    positives, notes = shared_positives(runs)
    answered = [read_answered(run, positives, settings.iou) for run in runs]
    # Runs may have other routers; all else is the same in all of them.
    grouped = [groups_of(positives, run.first("routes", Route), facts) for run in runs]
    clusters = clusters_of(positives, settings.cluster)
    rows = [row for one, groups in zip(answered, grouped) for row in _gains(one, groups, clusters, settings.iou)]
    recalls = [row for one in answered for row in _recall_gains(one, clusters, settings.iou)]
    first = runs[0].manifest.dataset
    return Gains(
        dataset=first.name,
        split=first.split,
        runs=tuple(one.name for one in answered),
        positives=len(positives),
        iou=settings.iou,
        gains=tuple(rows),
        origins=tuple(row for one in answered for row in _origins(one, settings.iou)),
        recalls=tuple(recalls),
        loss_rules=tuple(_loss_rules(answered, grouped[0], clusters, settings.iou)),
        recall_rules=tuple(_recall_rules(recalls)),
        notes=(*notes, *_without_facts(positives, facts), *_missing(answered)),
    )


def _lost(overlap: Floats, iou: float) -> Bools:
    """Where the MLLM found the thing and its box is not good enough."""
    lost: Bools = (overlap > FOUND_IOU) & (overlap <= iou)
    return lost


def _percent(which: Bools) -> Floats:
    """Of each sample 100 or 0, so that means and differences are in points."""
    return np.where(which, 100.0, 0.0)


def _gains(one: Answered, groups: Sequence[Group], clusters: Ints, iou: float) -> list[Gain]:
    rows = []
    for group in groups:
        members = np.flatnonzero(group.members)
        # A group has some of the clusters: the bootstrap needs them numbered without gaps.
        own = np.unique(clusters[members], return_inverse=True)[1]
        alone = _percent(one.overlap[members] > iou)
        lost, seen = float(_lost(one.overlap[members], iou).mean()), float((one.overlap[members] > FOUND_IOU).mean())
        for strategy, right in one.right.items():
            found = paired_difference(alone, _percent(right[members]), own)
            choice = one.choices.get(strategy)
            rows.append(
                Gain(
                    run=one.name,
                    visual_tokens=one.tokens,
                    condition=group.condition,
                    group=group.name,
                    n=len(members),
                    strategy=strategy,
                    mllm=found.first,
                    precision_at_1=found.second,
                    gain=found.difference,
                    ci_low=found.interval.low,
                    ci_high=found.interval.high,
                    found=100 * seen,
                    localisation_loss=100 * lost,
                    loss_of_found=100 * lost / seen if seen else None,
                    candidate_recall=None if choice is None else 100 * float(choice.choices.among[members].mean()),
                )
            )
    return rows


def _origins(one: Answered, iou: float) -> list[Origin]:
    right, lost = one.overlap > iou, _lost(one.overlap, iou)
    kinds: dict[MllmAnswer, Bools] = {
        "right": right,
        "lost by localisation": lost,
        "another thing or no box": ~right & ~lost,
    }
    return [
        Origin(
            run=one.name,
            visual_tokens=one.tokens,
            strategy=strategy,
            mllm=kind,
            n=int(members.sum()),
            share=100 * float(members.mean()),
            right=100 * float(found[members].mean()) if members.any() else None,
            # What the MLLM alone has right can only be lost.
            points=float(np.where(members, _percent(found) - _percent(right), 0.0).mean()),
        )
        for strategy, found in one.right.items()
        for kind, members in kinds.items()
    ]


def _recall_gains(one: Answered, clusters: Ints, iou: float) -> list[RecallGain]:
    """Each choice at its measured recall, and with candidates left out, by rising recall."""
    alone = _percent(one.overlap > iou)
    rows = []
    for strategy, choice in one.choices.items():
        measured = 100 * float(choice.choices.among.mean())
        # The measured recall is a point too: the simulated ones can be checked against it.
        points = [(left.recall, 100.0 * left.right, True) for left in leave_out(choice.choices, RECALLS)]
        for recall, right, simulated in [*points, (measured, _percent(choice.choices.right), False)]:
            found = paired_difference(alone, right, clusters)
            rows.append(
                RecallGain(
                    run=one.name,
                    visual_tokens=one.tokens,
                    strategy=strategy,
                    topk=choice.topk,
                    n=len(alone),
                    recall=recall,
                    simulated=simulated,
                    precision_at_1=found.second,
                    gain=found.difference,
                    ci_low=found.interval.low,
                    ci_high=found.interval.high,
                )
            )
    return rows


def _loss_rules(answered: Sequence[Answered], groups: Sequence[Group], clusters: Ints, iou: float) -> list[LossRule]:
    """A rule for each strategy that all runs have, over the sizes in all runs; without sizes over the whole runs."""
    sizes = [group for group in groups if group.condition == SIZE] or [g for g in groups if g.condition == ALL]
    shared = [name for name in answered[0].right if all(name in one.right for one in answered)]
    rules = []
    for strategy in shared:
        cells = [
            Cell(
                members=group.members,
                lost=_percent(_lost(one.overlap, iou)),
                found=_percent(one.overlap > FOUND_IOU),
                gain=_percent(one.right[strategy]) - _percent(one.overlap > iou),
            )
            for one in answered
            for group in sizes
            if (group.members & (one.overlap > FOUND_IOU)).sum() >= FEWEST
        ]
        if cells:
            rules.append(loss_rule(strategy, cells, clusters))
    return rules


def _recall_rules(rows: Sequence[RecallGain]) -> list[RecallRule]:
    keys = dict.fromkeys((row.run, row.strategy) for row in rows)
    found = []
    for run, strategy in keys:
        some = [row for row in rows if (row.run, row.strategy) == (run, strategy)]
        points = [(row.recall, row.gain) for row in some]
        found.append(recall_rule(run, some[0].visual_tokens, strategy, some[0].topk, points))
    return found


def _without_facts(positives: Sequence[Sample], facts: Mapping[str, TargetFacts] | None) -> list[str]:
    known = len(positives) if facts is None else sum(sample.id in facts for sample in positives)
    if known == len(positives):
        return []
    return [f"The scene graphs have the targets of {known} of {counted(len(positives), 'positive')}."]


def _missing(answered: Sequence[Answered]) -> list[str]:
    return [
        f"{one.name}: {counted(number, 'positive')} without an answer of {who}; that counts as wrong."
        for one in answered
        for who, number in one.missing.items()
        if number
    ]

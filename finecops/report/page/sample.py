"""Which samples go into a one-file report: a stratified, seeded order of whole pairs, of which a prefix is taken."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence

from finecops.evaluation.cases import Case, Cases
from finecops.records import Sample

SEED = 0


def in_turns(cases: Cases, seed: int = SEED) -> list[list[Sample]]:
    """The samples in groups (a positive with its negatives), in the order in which a smaller report takes them.

    The strata take turns: each level, kind of sample, and combination of outcome and right or wrong by method gives one
    group, then each gives the next. So rare ones are in every prefix; shares in a prefix are not those of the data.

    Args:
        cases: all samples.
        seed: of the order inside a stratum.
    """
    groups = _groups(cases)
    random.Random(seed).shuffle(groups)
    of_stratum: dict[Hashable, list[int]] = {}
    for number, group in enumerate(groups):
        for stratum in dict.fromkeys(_stratum(cases[sample.id]) for sample in group):
            of_stratum.setdefault(stratum, []).append(number)
    # Sorted by their text: the order of first appearance would depend on the shuffle alone, and None has no order.
    queues = [iter(of_stratum[key]) for key in sorted(of_stratum, key=repr)]
    taken: dict[int, None] = {}
    while queues:
        # One round: every stratum that still has a group gives one.
        waiting, queues = queues, []
        for queue in waiting:
            found = next((number for number in queue if number not in taken), None)
            if found is not None:
                taken[found] = None
                queues.append(queue)
    return [groups[number] for number in taken]


def first_groups(groups: Sequence[Sequence[Sample]], count: int, of: Sequence[Sample]) -> list[Sample]:
    """The samples of the first groups, in the order of the data."""
    chosen = {sample.id for group in groups[:count] for sample in group}
    return [sample for sample in of if sample.id in chosen]


def _groups(cases: Cases) -> list[list[Sample]]:
    """Each positive with its negatives; a sample that belongs to none is alone."""
    positives = {sample.id for sample in cases.samples if sample.positive}
    found: dict[str, list[Sample]] = {}
    for sample in cases.samples:
        own = sample.positive_id if sample.positive_id in positives else sample.id
        found.setdefault(own or sample.id, []).append(sample)
    return list(found.values())


def _stratum(case: Case) -> Hashable:
    sample = case.sample
    negative = sample.negative
    changed = (negative.kind, negative.type, negative.level) if negative is not None else None
    verdicts = tuple((key, verdict.outcome, verdict.right) for key, verdict in case.verdicts.items())
    return sample.truth, sample.level, changed, verdicts

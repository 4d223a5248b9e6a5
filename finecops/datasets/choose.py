"""Choosing some samples of a split: the same ones each time, spread over levels and kinds, with their positives."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence
from itertools import chain, zip_longest

from finecops.records import Sample


def choose_samples(samples: Sequence[Sample], limit: int) -> list[Sample]:
    """`limit` samples in their order; all of them for 0.

    About two thirds are negatives, taken in turn from every kind, type and level, and their positives; the rest
    are positives of every level in turn. A smaller limit's samples are not always among a larger one's.
    """
    if limit <= 0 or limit >= len(samples):
        return list(samples)
    by_id = {sample.id: sample for sample in samples}
    chosen: dict[str, None] = {}
    for sample in _in_turn(s for s in samples if s.absent):
        pair = [i for i in (sample.positive_id, sample.id) if i in by_id and i not in chosen]
        if len(chosen) + len(pair) > 2 * limit // 3:
            break
        chosen.update(dict.fromkeys(pair))
    for sample in _in_turn(s for s in samples if s.positive):
        if len(chosen) >= limit:
            break
        chosen.setdefault(sample.id)
    for sample in _in_turn(samples):
        if len(chosen) >= limit:
            break
        chosen.setdefault(sample.id)
    return [sample for sample in samples if sample.id in chosen]


def _in_turn(samples: Iterable[Sample]) -> Iterable[Sample]:
    """One of each stratum after the other, each stratum in an order that hangs on the ids alone."""
    strata: dict[Hashable, list[Sample]] = {}
    for sample in samples:
        n = sample.negative
        known = (n.kind, n.type, n.level) if n else sample.level
        strata.setdefault(known if n or sample.positive else sample.truth, []).append(sample)
    ordered = [
        sorted(members, key=lambda s: hashlib.sha256(s.id.encode()).digest())
        for _, members in sorted(strata.items(), key=lambda item: str(item[0]))
    ]
    return (sample for sample in chain.from_iterable(zip_longest(*ordered)) if sample is not None)

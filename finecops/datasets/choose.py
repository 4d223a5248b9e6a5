"""Choosing some samples of a split: always the same ones, from all levels and kinds of negatives."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence
from itertools import chain, zip_longest

from finecops.records import Sample


def choose_samples(samples: Sequence[Sample], limit: int) -> list[Sample]:
    """`limit` samples in the order of the split; all of them if `limit` is 0.

    About two thirds are negatives with their positives. The rest are positives. Both are taken in turn from every
    stratum: kind, type and level of a negative, or level of a positive. A larger limit may not include the samples of a
    smaller one.
    """
    if limit <= 0 or limit >= len(samples):
        return list(samples)
    by_id = {sample.id: sample for sample in samples}
    chosen: dict[str, None] = {}
    for sample in _in_turn(s for s in samples if s.absent):
        # A negative is compared with its positive, so both are chosen or neither.
        pair = [i for i in (sample.positive_id, sample.id) if i in by_id and i not in chosen]
        if len(chosen) + len(pair) > 2 * limit // 3:
            break
        chosen.update(dict.fromkeys(pair))
    for sample in _in_turn(s for s in samples if s.positive):
        if len(chosen) >= limit:
            break
        chosen.setdefault(sample.id)
    # Only where positives do not suffice: a split of negatives, or of samples with unknown truth.
    for sample in _in_turn(samples):
        if len(chosen) >= limit:
            break
        chosen.setdefault(sample.id)
    return [sample for sample in samples if sample.id in chosen]


def _in_turn(samples: Iterable[Sample]) -> Iterable[Sample]:
    """One sample of each stratum, then a second of each, and so on; the order depends on the ids only."""
    strata: dict[Hashable, list[Sample]] = {}
    for sample in samples:
        n = sample.negative
        known = (n.kind, n.type, n.level) if n else sample.level
        strata.setdefault(known if n or sample.positive else sample.truth, []).append(sample)
    # A checksum is as good as a random order, and the same on every machine and for every order of the file.
    ordered = [
        sorted(members, key=lambda s: hashlib.sha256(s.id.encode()).digest())
        for _, members in sorted(strata.items(), key=lambda item: str(item[0]))
    ]
    return (sample for sample in chain.from_iterable(zip_longest(*ordered)) if sample is not None)

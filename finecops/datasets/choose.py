"""Choosing some samples of a split: always the same ones, from all levels and kinds of negatives."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

from finecops.records import Sample, Truth


def choose_samples(samples: Sequence[Sample], limit: int) -> list[Sample]:
    """`limit` samples in the order of the split; all of them if `limit` is 0.

    About two thirds are negatives with their positives. The rest are positives. Both are taken in turn from every
    stratum: kind, type and level of a negative, or level of a positive. A larger limit may not include the samples of a
    smaller one.
    """
    if limit <= 0 or limit >= len(samples):
        return list(samples)
    rows = list(_rows(samples))
    ids = {row.id for row in rows}
    chosen: dict[str, None] = {}
    for row in _in_turn(r for r in rows if r.truth == "absent"):
        # A negative is compared with its positive, so both are chosen or neither.
        pair = [i for i in (row.positive_id, row.id) if i in ids and i not in chosen]
        if len(chosen) + len(pair) > 2 * limit // 3:
            break
        chosen.update((i, None) for i in pair if i is not None)
    for row in _in_turn(r for r in rows if r.truth == "box"):
        if len(chosen) >= limit:
            break
        chosen.setdefault(row.id)
    # Only where positives do not suffice: a split of negatives, or of samples with unknown truth.
    for row in _in_turn(rows):
        if len(chosen) >= limit:
            break
        chosen.setdefault(row.id)
    return [samples[i] for i, row in enumerate(rows) if row.id in chosen]


class _Row(NamedTuple):
    """What the choice looks at: a tenth of the sample."""

    id: str
    positive_id: str | None
    truth: Truth
    stratum: Hashable


def _rows(samples: Iterable[Sample]) -> Iterator[_Row]:
    strata: dict[Hashable, Hashable] = {}
    for sample in samples:
        n = sample.negative
        known = (n.kind, n.type, n.level) if n else sample.level
        stratum = known if n or sample.positive else sample.truth
        # One object for each stratum.
        yield _Row(sample.id, sample.positive_id, sample.truth, strata.setdefault(stratum, stratum))


def _in_turn(rows: Iterable[_Row]) -> Iterable[_Row]:
    """One row of each stratum, then a second of each, and so on; the order depends on the ids only."""
    strata: dict[Hashable, list[_Row]] = {}
    for row in rows:
        strata.setdefault(row.stratum, []).append(row)
    # A checksum is as good as a random order, and the same on every machine and for every order of the file.
    ordered = [
        sorted(members, key=lambda row: hashlib.sha256(row.id.encode()).digest())
        for _, members in sorted(strata.items(), key=lambda item: str(item[0]))
    ]
    return (row for row in chain.from_iterable(zip_longest(*ordered)) if row is not None)

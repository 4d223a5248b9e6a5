"""What the votes of raters say: counts, agreement by kind of sample, and how many planted faults each rater found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from finecops.benchmark_words import type_order
from finecops.construction.review.agreement import Agreement, agreement
from finecops.construction.review.planting import FAULTS, Fault, PlantedFault
from finecops.construction.review.votes import VERDICTS, Vote, Votes, by_sample, disagree
from finecops.datasets.dataset import Dataset
from finecops.metrics.answers import Ints
from finecops.metrics.intervals import Interval, clusters_of
from finecops.records import Sample

ALL: Final = "all"


@dataclass(frozen=True)
class Share:
    """A share of things, with its 95% interval (Wilson, 1927)."""

    part: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; None of nothing."""
        return self.part / self.of if self.of else None

    @property
    def interval(self) -> Interval | None:
        """None of nothing."""
        from scipy.stats import binomtest

        if not self.of:
            return None
        found = binomtest(self.part, self.of).proportion_ci(method="wilson")
        return Interval(float(found.low), float(found.high))


@dataclass(frozen=True)
class RaterSummary:
    """What one rater did in the first round.

    Attributes:
        reasons: reason → drops of samples.
        found: planted faults that the rater dropped or wrote anew; None: the page had none.
        found_of: the same by kind of fault.
        dropped: drops among all samples of the rater. It bounds the wrong ones from above: samples may be wrong too.
        alone: drops among samples that every other rater kept; None: there is no other.
    """

    rater: str
    reasons: Mapping[str, int]
    found: Share | None
    found_of: Mapping[Fault, Share]
    dropped: Share
    alone: Share | None


@dataclass(frozen=True)
class GroupAgreement:
    """Agreement on a group of samples.

    Attributes:
        group: `all`, a kind, a level or a type of negatives.
        verdict: on the four verdicts; None: no sample has a vote of every rater.
        kept: on kept or dropped, of samples on which nobody is unsure; a fixed text is kept.
    """

    group: str
    verdict: Agreement | None
    kept: Agreement | None


@dataclass(frozen=True)
class ReviewSummary:
    """What the votes of some files say.

    Attributes:
        samples: of the split.
        voted: samples with a vote.
        disagreed: of these, those that the raters of the last round do not agree on, or of which one is unsure.
        verdicts: round and rater → verdict → votes on samples.
        raters: those of the first round, in which every rater was alone. Agreement is about that round too.
        groups: the first one is `all`.
        pairs: of more than two raters: each pair's agreement on all samples.
    """

    dataset: str
    split: str
    samples: int
    voted: int
    disagreed: int
    verdicts: Mapping[tuple[int, str], Mapping[str, int]]
    raters: tuple[RaterSummary, ...]
    groups: tuple[GroupAgreement, ...]
    pairs: Mapping[tuple[str, str], GroupAgreement]


def summarise(votes: Votes, dataset: Dataset, planted: Sequence[PlantedFault] = ()) -> ReviewSummary:
    """The summary of some votes.

    Args:
        votes: all of them. Agreement is that of their first round: later ones are about what was open.
        dataset: the split.
        planted: the faults in its pages' keys.
    """
    last = by_sample(votes.samples)
    # Files may hold votes of a second round alone.
    first = min((vote.round for vote in votes.samples), default=1)
    own = votes.of_round(first)
    raters = sorted({vote.rater for vote in own})
    clusters = dict(zip((s.id for s in dataset.samples), clusters_of(dataset.samples, "image").tolist(), strict=True))
    samples = {sample.id: sample for sample in dataset.samples}
    table = _Table(own, samples, clusters)
    groups = [(ALL, table.ids), *_groups([samples[id_] for id_ in table.ids])] if len(raters) > 1 else []
    return ReviewSummary(
        dataset=dataset.config.name,
        split=dataset.split,
        samples=len(dataset.samples),
        voted=len(last),
        disagreed=sum(disagree(of) for of in last.values()),
        verdicts=_verdicts(votes),
        raters=tuple(_rater(rater, table, votes, planted) for rater in raters),
        groups=tuple(table.agreement(name, ids, raters) for name, ids in groups),
        pairs={pair: table.agreement(ALL, table.ids, pair) for pair in combinations(raters, 2)}
        if len(raters) > 2
        else {},
    )


def _verdicts(votes: Votes) -> dict[tuple[int, str], Counter[str]]:
    found: dict[tuple[int, str], Counter[str]] = {}
    for vote in sorted(votes.samples, key=lambda vote: (vote.round, vote.rater)):
        found.setdefault((vote.round, vote.rater), Counter())[vote.verdict] += 1
    return found


class _Table:
    """Votes of one round by sample and rater."""

    def __init__(self, votes: Iterable[Vote], samples: Mapping[str, Sample], clusters: Mapping[str, int]) -> None:
        self.of: dict[str, dict[str, Vote]] = {}
        for vote in votes:
            self.of.setdefault(vote.sample_id, {})[vote.rater] = vote
        self.ids = [id_ for id_ in samples if id_ in self.of]
        self._clusters = clusters

    def agreement(self, group: str, ids: Iterable[str], raters: Sequence[str]) -> GroupAgreement:
        """The agreement of some raters on the samples that all of them voted on."""
        shared = [id_ for id_ in ids if all(rater in self.of[id_] for rater in raters)]
        # Unsure is neither kept nor dropped.
        decided = [id_ for id_ in shared if all(self.of[id_][rater].verdict != "unsure" for rater in raters)]
        return GroupAgreement(
            group,
            self._agreement(shared, raters, lambda vote: VERDICTS.index(vote.verdict), len(VERDICTS)),
            self._agreement(decided, raters, lambda vote: int(vote.keeps), 2),
        )

    def _agreement(
        self, ids: Sequence[str], raters: Sequence[str], category: Callable[[Vote], int], categories: int
    ) -> Agreement | None:
        found = np.array([[category(self.of[id_][rater]) for rater in raters] for id_ in ids], dtype=np.intp)
        clusters: Ints = np.array([self._clusters[id_] for id_ in ids], dtype=np.intp)
        return agreement(found, clusters, categories)


def _groups(samples: Sequence[Sample]) -> list[tuple[str, list[str]]]:
    """Name and ids of each kind, level and type that occurs."""
    kinds: dict[str, Callable[[Sample], bool]] = {
        "positives": lambda s: s.positive,
        "negative expressions": lambda s: s.negative is not None and s.negative.kind == "text",
        "negative images": lambda s: s.negative is not None and s.negative.kind == "image",
    }
    levels = sorted({sample.level for sample in samples if sample.level is not None})
    types = sorted({s.negative.type for s in samples if s.negative and s.negative.type}, key=type_order)
    for level in levels:
        kinds[f"level {level}"] = lambda s, level=level: s.level == level  # type: ignore[misc]
    for type_ in types:
        kinds[type_] = lambda s, type_=type_: s.negative is not None and s.negative.type == type_  # type: ignore[misc]
    found = [(name, [sample.id for sample in samples if is_one(sample)]) for name, is_one in kinds.items()]
    return [(name, ids) for name, ids in found if ids]


def _rater(rater: str, table: _Table, votes: Votes, faults: Sequence[PlantedFault]) -> RaterSummary:
    own = [of[rater] for of in table.of.values() if rater in of]
    fault_of = {one.sample_id: one.fault for one in faults}
    planted = [vote for vote in votes.planted if vote.rater == rater and vote.sample_id in fault_of]
    # What all others keep is most likely right: who drops it alone is careful, or careless.
    kept_by_others = [
        of[rater]
        for of in table.of.values()
        if rater in of and len(of) > 1 and all(vote.keeps for name, vote in of.items() if name != rater)
    ]
    # By kind: a rater may see wrong boxes at once and read no sentence.
    by_fault = {fault: [v for v in planted if fault_of[v.sample_id] == fault] for fault in FAULTS}
    return RaterSummary(
        rater=rater,
        reasons=Counter(vote.reason for vote in own if vote.reason is not None),
        found=_found(planted) if planted else None,
        found_of={fault: _found(some) for fault, some in by_fault.items() if some},
        dropped=_drops(own),
        alone=_drops(kept_by_others) if kept_by_others else None,
    )


def _found(planted: Sequence[Vote]) -> Share:
    # Who writes the sentence anew has seen that it is wrong.
    return Share(sum(vote.verdict in ("drop", "fix") for vote in planted), len(planted))


def _drops(votes: Sequence[Vote]) -> Share:
    return Share(sum(vote.verdict == "drop" for vote in votes), len(votes))

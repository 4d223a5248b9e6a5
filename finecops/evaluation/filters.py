"""Choosing samples to look at, by what they are and by what methods answered: pure functions over `Case`.

Conditions are joined: a sample must meet each of them. A condition with several values is met by any of them; `failed`
and `unparsed` together are one such condition, since no answer is both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from finecops.benchmark_words import NEGATIVE_TYPES, TUPLE_TYPES, type_inside
from finecops.errors import RunError, UsageError
from finecops.evaluation.cases import Case, Cases, Verdict
from finecops.names import no_such, unknown_name
from finecops.records import Sample
from finecops.text import shortly

KINDS: Final = ("positive", "negative", "text", "image")
"""What `kinds` may hold: positives, negatives, and negatives by what was changed."""
Condition: TypeAlias = Callable[[Case], bool]


@dataclass(frozen=True)
class CaseFilter:
    """What a sample must be.

    Attributes:
        ids: one of these samples; empty: any.
        looked_at: keys of the methods that `wrong`, `failed` and `unparsed` look at; empty: any method.
        wrong: the answer of one of them is wrong.
        failed: one of them has no answer: it failed, or its row is missing.
        unparsed: the reply of one of them could not be parsed.
        right: keys of methods whose answers are right, all of them.
        disagree: some methods are right and others wrong.
        levels: difficulty levels; a negative has that of its positive.
        types: types of negatives (`replace_relation`, or a word of it: `relation`), or tuple types (`1_hop`).
        kinds: some of `KINDS`.
    """

    ids: frozenset[str] = frozenset()
    looked_at: frozenset[str] = frozenset()
    wrong: bool = False
    failed: bool = False
    unparsed: bool = False
    right: tuple[str, ...] = ()
    disagree: bool = False
    levels: frozenset[int] = frozenset()
    types: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def conditions(self) -> Mapping[str, Condition]:
        """What each option asks for, by how it is written; those that were not given are left out."""
        every: dict[str, tuple[object, Condition]] = {
            "SAMPLE": (self.ids, lambda case: case.sample.id in self.ids),
            "--wrong": (self.wrong, lambda case: any(verdict.right is False for verdict in self._seen(case))),
            self._outcomes_as_written(): (self._outcomes(), lambda case: self._has_outcome(case, self._outcomes())),
            "--right": (self.right, lambda case: all(_is_right(case, key) for key in self.right)),
            "--disagree": (self.disagree, disagree),
            "--level": (self.levels, lambda case: case.sample.level in self.levels),
            "--type": (self.types, lambda case: any(has_type(case.sample, word) for word in self.types)),
            "--kind": (self.kinds, lambda case: any(is_kind(case.sample, kind) for kind in self.kinds)),
        }
        return {name: condition for name, (given, condition) in every.items() if given}

    def _seen(self, case: Case) -> Iterator[Verdict]:
        return (verdict for key, verdict in case.verdicts.items() if not self.looked_at or key in self.looked_at)

    def _outcomes(self) -> tuple[str, ...]:
        """The outcomes asked for, any of which is enough."""
        return (("failed", "missing") if self.failed else ()) + (("unparsed",) if self.unparsed else ())

    def _outcomes_as_written(self) -> str:
        return " or ".join(
            option for option, given in (("--failed", self.failed), ("--unparsed", self.unparsed)) if given
        )

    def _has_outcome(self, case: Case, outcomes: Sequence[str]) -> bool:
        return any(verdict.outcome in outcomes for verdict in self._seen(case))


def matches(case: Case, wanted: CaseFilter) -> bool:
    """Whether a sample meets every condition."""
    return all(condition(case) for condition in wanted.conditions().values())


def matching(cases: Iterable[Case], wanted: CaseFilter) -> list[Case]:
    """The samples that meet every condition, in their order."""
    conditions = list(wanted.conditions().values())
    return [case for case in cases if all(condition(case) for condition in conditions)]


def disagree(case: Case) -> bool:
    """Whether some methods are right and others wrong."""
    return {verdict.right for verdict in case.verdicts.values()} >= {True, False}


def has_type(sample: Sample, word: str) -> bool:
    """Whether a negative's type or a sample's tuple type is called so.

    A word of a type is enough (`relation` of `replace_relation`), and the published words are known too.
    """
    if sample.tuple_type == word:
        return True
    type_ = sample.negative.type if sample.negative is not None else None
    return type_ is not None and (type_ in (word, type_inside(word)) or word in type_.split("_"))


def is_kind(sample: Sample, kind: str) -> bool:
    """Whether a sample is one of `KINDS`."""
    if kind in ("positive", "negative"):
        return sample.positive if kind == "positive" else sample.absent
    return sample.negative is not None and sample.negative.kind == kind


def check_filter(wanted: CaseFilter, cases: Cases) -> None:
    """Refuse what no sample can be.

    Raises:
        UsageError: a kind is unknown, or a level or a type is no sample's.
        RunError: an id is no sample's.
    """
    unknown = sorted(id_ for id_ in wanted.ids if id_ not in cases)
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise RunError(f"no sample has the id {shortly(unknown[0])}{more}; ids are in samples.jsonl of the run")
    for kind in wanted.kinds:
        if kind not in KINDS:
            raise UsageError(unknown_name("kind", kind, KINDS))
    levels = sorted({sample.level for sample in cases.samples if sample.level is not None})
    if absent := sorted(wanted.levels - set(levels)):
        raise UsageError(f"no sample has level {absent[0]}; there are: {', '.join(map(str, levels)) or 'none'}")
    for word in wanted.types:
        if not any(has_type(sample, word) for sample in cases.samples):
            raise UsageError(no_such(f"no sample has the type {word!r}", word, _types(cases)))


def _types(cases: Cases) -> list[str]:
    """Every type of negatives and every tuple type that samples have, those of the benchmark in its order."""
    there = {sample.tuple_type for sample in cases.samples}
    there |= {sample.negative.type for sample in cases.samples if sample.negative is not None}
    known = [name for name in (*NEGATIVE_TYPES, *TUPLE_TYPES) if name in there]
    return known + sorted(name for name in there if name is not None and name not in known)


def why_none(cases: Cases, wanted: CaseFilter) -> str:
    """How many samples meet each condition alone, where none meets all of them."""
    conditions = wanted.conditions()
    counts = dict.fromkeys(conditions, 0)
    for case in cases:
        for name, condition in conditions.items():
            counts[name] += condition(case)
    alone = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"none of {len(cases)} samples meets all conditions; each alone: {alone}"


def _is_right(case: Case, key: str) -> bool:
    verdict = case.verdicts.get(key)
    return verdict is not None and verdict.right is True

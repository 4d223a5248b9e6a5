"""Lines of the paper's tables: the answers of one setting, on one or several test sets, with one or several seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import attrgetter
from typing import TypeAlias

import numpy as np
from pydantic import JsonValue

from finecops.evaluation.crs_tables import CrsRow
from finecops.report.document import Cell, Spread

DataSplit: TypeAlias = tuple[str, str]
"""A dataset and its split."""
SPREAD_NOTE = "±: the standard deviation over seeds (n − 1); the number before it is their mean."
_VALUES = ("precision_at_1", "router_1", "router_2", "negative_accuracy", "recall_text", "recall_image")


@dataclass(frozen=True)
class Line:
    """Answers of one setting.

    Attributes:
        label: their name for people.
        rows: one for each test set and seed.
    """

    label: str
    rows: tuple[CrsRow, ...]

    @property
    def first(self) -> CrsRow:
        """For what all of them have in common."""
        return self.rows[0]

    @property
    def title(self) -> str:
        """The label, with the number of seeds where there are several."""
        return f"{self.label} ({self.seeds} seeds)" if self.seeds > 1 else self.label

    @property
    def seeds(self) -> int:
        """How many seeds there are, on the test set that has most."""
        return max(Counter(map(split_of, self.rows)).values())

    def on(self, tests: DataSplit) -> list[CrsRow]:
        """Those of one test set."""
        return [row for row in self.rows if split_of(row) == tests]

    def mean(self, tests: DataSplit, of: Callable[[CrsRow], float | None]) -> tuple[float, float | None] | None:
        """A number of one test set: its mean over seeds, and the standard deviation where there are several seeds.

        None where one of the seeds has none.
        """
        values = [of(row) for row in self.on(tests)]
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return None
        return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else None

    def cell(self, tests: DataSplit, of: Callable[[CrsRow], float | None]) -> Cell:
        """The same for a table."""
        found = self.mean(tests, of)
        return found if found is None else found[0] if found[1] is None else Spread(found[0], found[1])


def split_of(row: CrsRow) -> DataSplit:
    """What a row's answers are about."""
    return row.dataset, row.split


def splits_of(rows: Sequence[CrsRow]) -> list[DataSplit]:
    """The test sets of some rows, in their order."""
    return list(dict.fromkeys(map(split_of, rows)))


def split_name(tests: DataSplit, among: Sequence[DataSplit]) -> str:
    """What a test set is called beside others: the words in which they differ.

    >>> split_name(("mini", "val"), [("mini", "test"), ("mini", "val")]), split_name(("mini", "val"), [("mini", "val")])
    ('val', 'mini')
    """
    dataset, split = tests
    if len({name for name, _ in among}) == len(among):
        return dataset
    return split if len({name for name, _ in among}) == 1 else f"{dataset} {split}"


def lines_of(rows: Sequence[CrsRow]) -> list[Line]:
    """Rows as lines, in the order of the first of each.

    Rows of one setting are one line if each test set has every seed once. Where the same answers are there twice, as
    the MLLM alone in two runs, each run has lines of its own.
    """
    groups: dict[str, list[CrsRow]] = {}
    for row in rows:
        groups.setdefault(row.setting_id, []).append(row)
    found: list[list[CrsRow]] = []
    for some in groups.values():
        if _each_once(some):
            found.append(some)
            continue
        runs: dict[tuple[str, str], list[CrsRow]] = {}
        for row in some:
            runs.setdefault((row.run, row.stage), []).append(row)
        found += runs.values()
    named = [(_label(some), some) for some in found]
    often = Counter(label for label, _ in named)
    # The same name of other settings, as of other thresholds: the run tells them apart.
    return [Line(label if often[label] == 1 else f"{label} ({some[0].run})", tuple(some)) for label, some in named]


def _each_once(rows: Sequence[CrsRow]) -> bool:
    """Whether no test set has a seed twice; rows without known seeds are taken for equal ones."""
    return max(Counter((split_of(row), row.seeds) for row in rows).values()) == 1


def _label(rows: Sequence[CrsRow]) -> str:
    """The name that all have, or the part that the names of several seeds share."""
    labels = list(dict.fromkeys(row.label for row in rows))
    if len(labels) == 1:
        return labels[0]
    alike = takewhile(lambda characters: len(set(characters)) == 1, zip(*labels))
    shared = "".join(characters[0] for characters in alike)
    # Back to the last mark: `crs-seed` of `crs-seed0` and `crs-seed1` is no name.
    cut = max(shared.rfind(mark) for mark in " -_+.")
    focus = " + focus" if all(label.endswith(" + focus") for label in labels) else ""
    return (shared[:cut] if cut > 0 else labels[0]) + focus


def lines_data(lines: Sequence[Line]) -> list[JsonValue]:
    """For programs: each line's numbers on each test set, with their means and deviations."""
    found: list[JsonValue] = []
    for line in lines:
        for tests in splits_of(line.rows):
            means = {name: line.mean(tests, attrgetter(name)) for name in _VALUES}
            values: dict[str, JsonValue] = {
                name: None if mean is None else {"mean": mean[0], "sd": mean[1]} for name, mean in means.items()
            }
            about: dict[str, JsonValue] = {"label": line.label, "dataset": tests[0], "split": tests[1]}
            found.append(about | {"seeds": len(line.on(tests)), "values": values})
    return found

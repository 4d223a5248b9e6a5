"""What is counted over all scene graphs of a split: which words there are, and which go together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations, islice
from pathlib import Path
from typing import Final, TypeVar

from finecops.construction.pool import ordered_map
from finecops.construction.truth.stream import GraphEntry
from finecops.datasets.fields import FieldError
from finecops.errors import RunError
from finecops.paths import open_regular
from finecops.records import Record
from finecops.runs.jsonl import replace_rows
from finecops.strict_json import parse_record

MOST: Final = 100_000
"""So many different relations between names, and pairs of names, are kept: the most frequent ones."""
_IN_MEMORY: Final = 400_000
"""With more different ones than this, those that were seen once are forgotten. GQA has fewer."""
_TOGETHER: Final = 128
"""Graphs that are counted together. A fixed number: the counts are the same with any number of workers."""

K = TypeVar("K")


class _Row(Record):
    """The file."""

    images: int
    names: dict[str, int]
    attributes: dict[str, dict[str, int]]
    relations: list[tuple[str, str, str, int]]
    together: list[tuple[str, str, int]]


@dataclass
class Statistics:
    """Counts over the graphs of a split.

    Attributes:
        images: graphs that could be read.
        names: name → objects, the most frequent first.
        attributes: name → attribute → objects.
        relations: (head's name, relation, tail's name) → edges; at most `MOST`.
        together: two names in alphabetical order → images that have both; at most `MOST`.
    """

    images: int = 0
    names: Counter[str] = field(default_factory=Counter)
    attributes: dict[str, Counter[str]] = field(default_factory=dict)
    relations: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    together: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of(cls, entries: Iterable[GraphEntry], workers: int = 1) -> Statistics:
        """Count all graphs of a file; entries that cannot be used are passed over.

        Args:
            entries: from `graph_entries`.
            workers: processes; the counts do not depend on their number.
        """
        found = cls()
        for some in ordered_map(_count, _groups(iter(entries)), workers, fewest=4, chunk=1):
            found._add(some)
        found.names = _most(found.names, len(found.names))
        found.attributes = {name: _most(found.attributes[name], MOST) for name in sorted(found.attributes)}
        found.relations, found.together = _most(found.relations, MOST), _most(found.together, MOST)
        return found

    def _add(self, other: Statistics) -> None:
        self.images += other.images
        self.names.update(other.names)
        for name, counts in other.attributes.items():
            self.attributes.setdefault(name, Counter()).update(counts)
        self.relations = _forget(self.relations, other.relations)
        self.together = _forget(self.together, other.together)

    def write(self, path: Path) -> None:
        """Write the counts as one line of JSON, in one step."""
        row = _Row(
            images=self.images,
            names=dict(self.names),
            attributes={name: dict(counts) for name, counts in self.attributes.items()},
            relations=[(*key, count) for key, count in self.relations.items()],
            together=[(*key, count) for key, count in self.together.items()],
        )
        replace_rows(path, [row])

    @classmethod
    def read(cls, path: Path) -> Statistics:
        """The counts of a file.

        Raises:
            RunError: it has none.
        """
        try:
            with open_regular(path) as file:
                row = parse_record(file.read(), _Row)
        except ValueError as error:
            raise RunError(f"{path} has no statistics of scene graphs: {error}") from error
        return cls(
            row.images,
            Counter(row.names),
            {name: Counter(counts) for name, counts in row.attributes.items()},
            Counter({(head, relation, tail): count for head, relation, tail, count in row.relations}),
            Counter({(first, second): count for first, second, count in row.together}),
        )


def _groups(entries: Iterator[GraphEntry]) -> Iterator[list[GraphEntry]]:
    while some := list(islice(entries, _TOGETHER)):
        yield some


def _count(entries: list[GraphEntry]) -> Statistics:
    found = Statistics()
    for entry in entries:
        try:
            graph = entry.graph()
        except (FieldError, ValueError):
            continue
        found.images += 1
        objects = graph.objects
        found.names.update([obj.name for obj in objects.values()])
        for obj in objects.values():
            if obj.attributes:
                found.attributes.setdefault(obj.name, Counter()).update(obj.attributes)
        found.relations.update(
            [(obj.name, r.name, objects[r.object_id].name) for obj in objects.values() for r in obj.relations]
        )
        # Of an image with very many names, the first ones in the alphabet stand for all.
        names = sorted({obj.name for obj in objects.values()})
        found.together.update(combinations(names[:_TOGETHER], 2))
    return found


def _forget(counts: Counter[K], more: Counter[K]) -> Counter[K]:
    """The sum of two counts; without what was seen once, where there is too much."""
    counts.update(more)
    return counts if len(counts) <= _IN_MEMORY else Counter({key: n for key, n in counts.items() if n > 1})


def _most(counts: Counter[K], most: int) -> Counter[K]:
    """The most frequent ones, in a fixed order."""
    # Not `most_common`, whose order among equals is that of their first appearance, and so of the file's.
    return Counter(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]))

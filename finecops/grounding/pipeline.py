"""The stages of strategies, one batch after the other through all of them: answers come while others are still asked.

A run (`finecops.runs`) makes one stage after the other, each for all samples. Here the same stages get the rows of a
batch from memory. A model is loaded when a batch first needs it, and once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from finecops.records import Route, StageRow
from finecops.runs.batches import Batch, rows_of_batch, share_of
from finecops.runs.specification import Stage, StageContext, StageSpec

Row = TypeVar("Row", bound=StageRow)


@dataclass(frozen=True)
class _LiveContext(StageContext):
    """A context whose rows are those of the batch in work."""

    tables: Mapping[str, dict[str, StageRow]]

    def rows(self, name: str, row_type: type[Row]) -> Mapping[str, Row]:
        """The rows of an input, which change from batch to batch."""
        return self.tables[name]  # type: ignore[return-value]


class Pipeline:
    """Stages with their models, asked batch by batch.

    Args:
        specs: the stages that are wanted; what they read is made too.

    Raises:
        ValueError: two different stages have one name.
    """

    def __init__(self, specs: Sequence[StageSpec[Any]]) -> None:
        named: dict[str, StageSpec[Any]] = {}
        for spec in (spec for last in specs for spec in last.walk()):
            # Rows are found by the stage's name: a second stage of that name would get the first one's.
            if named.setdefault(spec.name, spec).key != spec.key:
                raise ValueError(f"two different stages are called {spec.name}")
        self.specs = list(named.values())
        self._tables: dict[str, dict[str, StageRow]] = {spec.name: {} for spec in self.specs}
        self._stages: dict[str, Stage[Any]] = {}

    def __call__(self, batch: Batch) -> dict[str, dict[str, StageRow]]:
        """The rows of a batch by stage and sample id. A stage has no row for a sample that is not of its share.

        Raises:
            FinecopsError: a model cannot be loaded.
        """
        for table in self._tables.values():
            table.clear()
        for spec in self.specs:
            wanted = self._share(spec, batch)
            if wanted:
                rows = rows_of_batch(wanted, self._stage(spec), spec.failure)
                self._tables[spec.name].update((row.sample_id, row) for row in rows)
        return {name: dict(rows) for name, rows in self._tables.items()}

    def load(self) -> None:
        """Load every model now, instead of when it is first needed.

        Raises:
            FinecopsError: a model cannot be loaded.
        """
        for spec in self.specs:
            self._stage(spec)

    def _stage(self, spec: StageSpec[Any]) -> Stage[Any]:
        if spec.name not in self._stages:
            context = _LiveContext(inputs={}, device=spec.resources.device, tables=self._tables)
            self._stages[spec.name] = spec.make(spec.settings, context)
        return self._stages[spec.name]

    def _share(self, spec: StageSpec[Any], batch: Batch) -> Batch:
        level = spec.share.router_level
        if level is None:
            return batch
        # A level is one router's word, so a stage of a share has one table of routes.
        (routes,) = (before.name for before in spec.inputs if before.role == "routes")
        rows: Mapping[str, Any] = self._tables[routes]
        ids = frozenset(id_ for id_, row in rows.items() if isinstance(row, Route) and row.level == level)
        return tuple(group for part in share_of([batch], ids) for group in part)

"""The stages of strategies, one batch after the other through all of them: answers come while others are still asked.

A run (`finecops.runs`) makes one stage after the other, each for all samples. Here the same stages get the rows of a
batch from memory. A model is loaded when a batch first needs it, and once. Several threads may each have a batch: a
model in this process answers one of them at a time, and a server all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from finecops.config.schema import AnyModelConfig
from finecops.models.server_status import is_behind_server
from finecops.records import Route, StageRow
from finecops.runs.batches import Batch, rows_of_batch, share_of
from finecops.runs.specification import Stage, StageContext, StageSpec, width_of

Row = TypeVar("Row", bound=StageRow)


def _models_of(spec: StageSpec[Any]) -> list[AnyModelConfig]:
    return [value for value in dict(spec.settings).values() if isinstance(value, AnyModelConfig)]


class _Tables(threading.local):
    """The rows of the batch that a thread has, by stage and sample id."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, StageRow]] = {}


class _Live(Mapping[str, Any]):
    """The rows of a stage, which change from batch to batch."""

    def __init__(self, tables: _Tables, name: str) -> None:
        self._tables, self._name = tables, name

    def __getitem__(self, id_: str) -> Any:
        return self._tables.rows[self._name][id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables.rows[self._name])

    def __len__(self) -> int:
        return len(self._tables.rows[self._name])


@dataclass(frozen=True)
class _LiveContext(StageContext):
    """A context whose rows are those of the batch in work."""

    tables: _Tables

    def rows(self, name: str, row_type: type[Row]) -> Mapping[str, Row]:
        """The rows of an input."""
        return _Live(self.tables, name)


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
        self._tables = _Tables()
        self._stages: dict[str, Stage[Any]] = {}
        self._loading, self._here = threading.Lock(), threading.Lock()

    def __call__(self, batch: Batch) -> dict[str, dict[str, StageRow]]:
        """The rows of a batch by stage and sample id. A stage has no row for a sample that is not of its share.

        Raises:
            FinecopsError: a model cannot be loaded.
        """
        tables: dict[str, dict[str, StageRow]] = {spec.name: {} for spec in self.specs}
        # Stages look their inputs up in the tables of the thread that calls them.
        self._tables.rows = tables
        for spec in self.specs:
            wanted = self._share(spec, batch)
            if wanted:
                stage = self._stage(spec)
                # A model in this process takes all of its cores, or its GPU.
                with nullcontext() if width_of(stage) > 1 else self._here:
                    rows = rows_of_batch(wanted, stage, spec.failure)
                tables[spec.name].update((row.sample_id, row) for row in rows)
        return tables

    def width(self) -> int:
        """How many batches are wanted at the same time by now: as many as the stage that waits for a server wants.

        Raises:
            FinecopsError: its model cannot be loaded.
        """
        return max((width_of(self._stage(spec)) for spec in self.specs if self._waits(spec)), default=1)

    @property
    def only_waits(self) -> bool:
        """Whether all of its models are behind servers, whose answers do not depend on what is asked together."""
        models = [config for spec in self.specs for config in _models_of(spec)]
        return all(is_behind_server(config) or config.backend == "rules" for config in models)

    def _waits(self, spec: StageSpec[Any]) -> bool:
        """Whether a stage waits for a server; such a model is loaded at once."""
        return any(map(is_behind_server, _models_of(spec)))

    def load(self) -> None:
        """Load every model now, instead of when it is first needed.

        Raises:
            FinecopsError: a model cannot be loaded.
        """
        for spec in self.specs:
            self._stage(spec)

    def _stage(self, spec: StageSpec[Any]) -> Stage[Any]:
        # Two batches may need a model at the same moment.
        with self._loading:
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
        rows: Mapping[str, Any] = self._tables.rows[routes]
        ids = frozenset(id_ for id_, row in rows.items() if isinstance(row, Route) and row.level == level)
        return tuple(group for part in share_of([batch], ids) for group in part)

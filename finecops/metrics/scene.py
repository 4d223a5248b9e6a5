"""What every metric of one evaluation looks at: the answers as arrays, the router's levels, the IoU that counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from finecops.benchmark_words import tuple_type_order
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.arrays import Bools, Evaluated, presence_scores
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.metrics.values import EVERYTHING, Subset
from finecops.records import Route


@dataclass(frozen=True)
class Scene:
    """One list of answers, aligned with its samples.

    Attributes:
        data: arrays over the n samples whose truth is known.
        routes: the router's rows by sample id, None where nothing was routed.
        iou: a box is right above it.
    """

    data: Evaluated
    routes: Mapping[str, Route] | None = None
    iou: float = IOU_THRESHOLD

    @cached_property
    def router_level(self) -> Ints:
        """`[n]` the router's level, 0 where there is none."""
        routes = self.routes or {}
        return np.array([routes[id_].level if id_ in routes else 0 for id_ in self.data.about.ids], dtype=np.intp)

    @cached_property
    def presence(self) -> Floats:
        """`[n]` how present each target is according to the model."""
        return presence_scores(self.data)

    @cached_property
    def positive_subsets(self) -> Mapping[Subset, Bools]:
        """The subsets of positives that box metrics are given for, with `[n]` which samples are in them: all, each
        level, each router level, each tuple type."""
        data = self.data
        found = {EVERYTHING: data.positive}
        for level in sorted(set(data.level[data.positive].tolist()) - {0}):
            found[Subset(level=level)] = data.positive & (data.level == level)
        if self.routes is not None:
            for level in (1, 2):
                found[Subset(router_level=level)] = data.positive & (self.router_level == level)
        numbers = np.unique(data.about.tuple_type[data.positive]).tolist()
        for name in sorted({data.about.tuple_types[i] for i in numbers} - {""}, key=tuple_type_order):
            found[Subset(tuple_type=name)] = data.positive & data.has_tuple_type(name)
        return found

    @cached_property
    def negative_columns(self) -> Mapping[Subset, Ints]:
        """The columns of negatives (kind, type, level), with the rows in them, in the order of Tables IV and V."""
        columns = self.data.columns.items()
        return {Subset(kind=kind, type=type_, level=level): rows for (kind, type_, level), rows in columns}

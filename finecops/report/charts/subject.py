"""What the charts of runs look at: each run with its evaluation, and each of its methods with its answers as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from finecops.errors import RunError
from finecops.evaluation.reading import AnsweringStage, RunData
from finecops.evaluation.results import Evaluation, MethodResult
from finecops.evaluation.sweep import Sweep, sweep_run
from finecops.metrics.arrays import Evaluated, evaluate_arrays, scored_samples
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.metrics.values import MetricValue, Subset


@dataclass(frozen=True)
class ChartRun:
    """A run to be drawn.

    Attributes:
        name: in legends where several runs are drawn.
        run: its rows.
        evaluation: its numbers; bars have the intervals that are there.
        val: a run of the same models on another split, to calibrate scores on.
        iou: a box is right above it.
    """

    name: str
    run: RunData
    evaluation: Evaluation
    val: RunData | None = None
    iou: float = IOU_THRESHOLD

    @cached_property
    def sweep(self) -> Sweep | str:
        """The sweep of the routing rules, or why there is none."""
        try:
            return sweep_run(self.run, self.iou)
        except RunError as error:
            return str(error)


@dataclass(frozen=True)
class ChartMethod:
    """One method of one run.

    Attributes:
        name: in legends.
        colour: its number, in all charts.
        result: its numbers.
        stage: its answers.
        of: its run.
    """

    name: str
    colour: int
    result: MethodResult
    stage: AnsweringStage
    of: ChartRun = field(repr=False)

    @cached_property
    def data(self) -> Evaluated:
        """Its answers as arrays, over the samples of its share whose truth is known."""
        return evaluate_arrays(scored_samples(self.stage.samples), self.stage.answers)

    @cached_property
    def values(self) -> Mapping[tuple[str, Subset], MetricValue]:
        """Its values by metric and subset, without calibrated ones and operating points."""
        raw = (v for v in self.result.values if not v.calibrated and v.operating_point is None)
        return {(value.metric, value.subset): value for value in raw}


def methods_of(runs: Sequence[ChartRun]) -> list[ChartMethod]:
    """Every method of every run that was evaluated, in order."""
    found = list(_methods(runs))
    return [
        ChartMethod(f"{run.name}: {result.title}" if len(runs) > 1 else result.title, i, result, stage, run)
        for i, (run, result, stage) in enumerate(found)
    ]


def _methods(runs: Sequence[ChartRun]) -> Iterator[tuple[ChartRun, MethodResult, AnsweringStage]]:
    for run in runs:
        results = {result.stage: result for result in run.evaluation.methods}
        for stage in run.run.methods():
            # An evaluation may be of some methods alone.
            if stage.name in results:
                yield run, results[stage.name], stage

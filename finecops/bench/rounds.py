"""Variants of the same work, timed in turns: time, answers, and how near it is to what the machine can do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from finecops.bench.model_time import ModelClock, matrix_rate
from finecops.image_memory import forget_computed
from finecops.images import forget_images
from finecops.progress import progress
from finecops.records import Candidates, Prediction, Route, StageRow, Xyxy
from finecops.runs.engines.operations import OperationCounter

_MAX_DIFFERENCE = 0.02
"""Boxes are the same if no coordinate differs by more pixels than this: in a batch the last digits of floats change."""


@dataclass(frozen=True)
class Variant:
    """A way to do some work."""

    name: str
    run: Callable[[], Sequence[StageRow]]
    """All of it, from the files of images to rows."""
    models: Sequence[torch.nn.Module]
    """The models that it asks."""


@dataclass(frozen=True)
class VariantTiming:
    """The time of one variant."""

    what: str
    variant: str
    samples: int

    seconds: float
    """The fastest run."""

    cpu_seconds: float
    """Of the processor, in the run that took least of it: what other work of the machine changes least."""

    model_share: float
    """Share of the fastest run's time in the modules of the models."""

    gflops: float
    """10**9 operations a sample (a multiply-add counts as two)."""

    limit_share: float
    """The time that these operations take at the rate of a large matrix product, as a share of `seconds`."""

    same_answers: float
    """Share of the samples with the first variant's answer."""


class _Round(NamedTuple):
    seconds: float
    cpu_seconds: float
    in_models: float


def time_in_turns(what: str, variants: Sequence[Variant], device: str, repeats: int) -> list[VariantTiming]:
    """Run some variants of a piece of work, the plain one first.

    Each is run once before, to count its operations and to find where its models begin to work; that run is not timed.

    Args:
        what: the work, for the table.
        variants: the ways to do it.
        device: of the models.
        repeats: timed runs of each.
    """
    clocks: dict[str, ModelClock] = {}
    operations: dict[str, int] = {}
    answers: dict[str, Sequence[StageRow]] = {}
    rounds: dict[str, list[_Round]] = {variant.name: [] for variant in variants}
    turns = [variant for _ in range(repeats) for variant in variants]
    with progress(what=what, unit="run", total=len(variants) + len(turns)) as bar:
        for variant in variants:
            _forget()
            clock = clocks[variant.name] = ModelClock(variant.models)
            with clock.finding(), OperationCounter() as counter:
                answers[variant.name] = variant.run()
            operations[variant.name] = counter.total
            bar.update(1)
        rate = _rate(variants[0], device)
        # In turns, so that a slow minute of the machine meets all of them.
        for variant in turns:
            rounds[variant.name].append(_timed(variant, clocks[variant.name]))
            bar.update(1)
            rate = max(rate, _rate(variant, device))
    plain = {row.sample_id: row for row in answers[variants[0].name]}
    timings = []
    for variant in variants:
        best, rows = min(rounds[variant.name]), answers[variant.name]
        timings.append(
            VariantTiming(
                what=what,
                variant=variant.name,
                samples=len(rows),
                seconds=best.seconds,
                cpu_seconds=min(one.cpu_seconds for one in rounds[variant.name]),
                model_share=best.in_models / best.seconds,
                gflops=operations[variant.name] / 1e9 / len(rows),
                limit_share=operations[variant.name] / rate / best.seconds,
                same_answers=sum(_same(row, plain[row.sample_id]) for row in rows) / len(plain),
            )
        )
    return timings


def _timed(variant: Variant, clock: ModelClock) -> _Round:
    _forget()
    with clock.timing():
        started, cpu = time.perf_counter(), time.process_time()
        variant.run()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return _Round(seconds, cpu_seconds, clock.seconds)


def _rate(variant: Variant, device: str) -> float:
    """Of the fastest of the models' types of numbers: what cannot be beaten."""
    return max(matrix_rate(device, dtype) for dtype in {next(one.parameters()).dtype for one in variant.models})


def _forget() -> None:
    """What the run before left of the same images."""
    forget_images()
    forget_computed()


def _same(one: StageRow, other: StageRow) -> bool:
    """Whether two rows decide the same and have the same first box."""
    (decided, box), (expected, plain) = _answer(one), _answer(other)
    if decided != expected or (box is None) != (plain is None):
        return False
    if box is None or plain is None:
        return True
    return all(abs(a - b) <= _MAX_DIFFERENCE for a, b in zip(box, plain, strict=True))


def _answer(row: StageRow) -> tuple[object, Xyxy | None]:
    """What a row decides, and its first box."""
    if isinstance(row, Route):
        return row.level, None
    if isinstance(row, Candidates):
        return row.status, next(iter(row.best(1)), None)
    assert isinstance(row, Prediction)
    return row.status, next(iter(row.boxes), None)

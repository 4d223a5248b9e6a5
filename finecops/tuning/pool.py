"""The samples that tuning data is drawn from, with the candidates of as many of them as are needed."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finecops.datasets.dataset import Dataset
from finecops.errors import RunError
from finecops.records import Candidates, Sample
from finecops.runs.folder import read_samples
from finecops.runs.manifest import read_manifest
from finecops.runs.pace import seconds_of
from finecops.runs.specification import StageSpec
from finecops.strategies.crs import candidates
from finecops.strategies.parts import Parts
from finecops.strategies.running import dataset_for, do_all, folder_for, open_for
from finecops.tuning.data import TunePlan, usable_samples

log = logging.getLogger(__name__)

_USABLE = 0.9
"""The share of positives whose truth is expected among their candidates, as long as none was tried."""
_SPARE = 1.03
"""So many times the samples that are expected to be needed are taken: fewer rounds."""
_LEAST = 0.02
"""With a smaller share than this all samples are taken: the detector finds next to nothing."""


@dataclass(frozen=True)
class Pool:
    """Samples with their candidates; baseline questions need no candidates."""

    dataset: Dataset
    samples: Sequence[Sample]
    candidates: Mapping[str, Candidates]


def make_pool(parts: Parts, plan: TunePlan) -> Pool:
    """Detect candidates of as many samples as a plan needs, in a run that grows; with `--run`, of all samples.

    The samples are a seeded draw of images. A second plan with the same seed goes on from there.

    Raises:
        FinecopsError: the dataset is not here, or too many samples failed.
    """
    if plan.style == "baseline":
        parts.refuse_unused()
        dataset = dataset_for(parts)
        return Pool(dataset, dataset.samples, {})
    spec = candidates(parts)
    if parts.options.run:
        run = open_for(parts, "crs")
        do_all(run, [spec])
        return Pool(run.dataset, run.samples, run.rows(spec))
    parts.refuse_unused()
    dataset = dataset_for(parts)
    return _grown(parts, plan, dataset, spec)


def _grown(parts: Parts, plan: TunePlan, dataset: Dataset, spec: StageSpec[Candidates]) -> Pool:
    folder = folder_for(parts, dataset, f"crs-tune{plan.seed}")
    pool = _in_turn(dataset, plan.seed)
    wanted = {True: plan.positives, False: plan.negatives}
    there = _counts_in(folder)
    share, taken = {True: _USABLE, False: 1.0}, dict(there)
    while True:
        for kind, count in wanted.items():
            need = len(pool[kind]) if share[kind] < _LEAST else math.ceil(count / share[kind] * _SPARE)
            taken[kind] = min(len(pool[kind]), max(taken[kind], need if count else 0))
        _say_cost(dataset, spec, there, taken)
        kept = {sample.id for kind, samples in pool.items() for sample in samples[: taken[kind]]}
        some = tuple(sample for sample in _mixed(pool) if sample.id in kept)
        run = open_for(parts, dataset=replace(dataset, samples=some), folder=folder)
        do_all(run, [spec])
        rows = run.rows(spec)
        usable, _ = usable_samples(run.samples, rows, plan)
        short = [kind for kind in wanted if len(usable[kind]) < wanted[kind] and taken[kind] < len(pool[kind])]
        if not short:
            return Pool(dataset, run.samples, rows)
        there = dict(taken)
        for kind in short:
            # One more at least, so that it ends.
            share[kind] = min(len(usable[kind]) / taken[kind], wanted[kind] / (taken[kind] + 1))


def _in_turn(dataset: Dataset, seed: int) -> dict[bool, list[Sample]]:
    """Positives under True, negatives under False, image after image in a seeded order: an image is decoded once."""
    by_image: dict[str, list[Sample]] = {}
    for sample in dataset.samples:
        if sample.truth != "unknown":
            by_image.setdefault(sample.image, []).append(sample)
    images = sorted(by_image)
    random.Random(f"{seed}/images").shuffle(images)
    found: dict[bool, list[Sample]] = {True: [], False: []}
    for image in images:
        for sample in by_image[image]:
            found[sample.positive].append(sample)
    return found


def _mixed(pool: Mapping[bool, list[Sample]]) -> list[Sample]:
    return [*pool[True], *pool[False]]


def _counts_in(folder: Path) -> dict[bool, int]:
    """How many positives and negatives the run has that an earlier plan grew."""
    try:
        read_manifest(folder)
        samples = read_samples(folder)
    except (RunError, OSError):
        return {True: 0, False: 0}
    positives = sum(sample.positive for sample in samples)
    return {True: positives, False: len(samples) - positives}


def _say_cost(
    dataset: Dataset, spec: StageSpec[Candidates], there: Mapping[bool, int], taken: Mapping[bool, int]
) -> None:
    new = sum(taken.values()) - sum(there.values())
    if new <= 0:
        return
    seconds = seconds_of([(spec, new)])
    time = "" if seconds is None else f", about {_duration(seconds)} at the pace of earlier runs"
    known = f" ({sum(there.values())} are there)" if sum(there.values()) else ""
    log.info(
        "candidates of %d positives and %d negatives are needed%s, of %d samples of %s, %s%s",
        taken[True],
        taken[False],
        known,
        len(dataset.samples),
        dataset.config.name,
        dataset.split,
        time,
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

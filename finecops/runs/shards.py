"""Shards: the parts of a run that the jobs of an array do, each in a folder of its own (`--shard I/N`).

A sample belongs to one shard. A shard computes whole batches, as they are cut from all samples of the run, so that its
rows are those of a run that is not divided; of the batches at its two ends it computes samples of its neighbours too.
What a stage reads must be there for all samples that it computes, so earlier stages go further beyond the ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.datasets.parts import ids_of, images_of
from finecops.errors import UsageError
from finecops.records import Sample
from finecops.runs.batches import Batch, batches_with, ids_in, share_of
from finecops.runs.specification import StageSpec

SHARDS = "shards"
"""The folder of a run's shards, below the run's own."""


@dataclass(frozen=True)
class Shard:
    """Part `index` (from 1) of `count`."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def folder(self, run: Path) -> Path:
        """The shard's folder."""
        return run / SHARDS / f"{self.index}-of-{self.count}"


def parse_shard(text: str) -> Shard:
    """A shard as the command line has it.

    Raises:
        UsageError: it is none.

    >>> parse_shard("2/8")
    Shard(index=2, count=8)
    """
    first, slash, second = text.partition("/")
    if not (slash and first.isdecimal() and second.isdecimal() and len(text) < 20):
        raise UsageError(f"--shard {text}: write I/N, for example 1/8")
    shard = Shard(int(first), int(second))
    if not 1 <= shard.index <= shard.count:
        raise UsageError(f"--shard {text}: parts are counted from 1 to {shard.count}")
    return shard


def owners(images: Sequence[str], count: int) -> list[int]:
    """The shard of each sample, by its index.

    Shards are ranges in the order in which batches are cut (images as they first appear) and have about as many
    samples each; an image's samples stay together.

    Args:
        images: of all samples of the run, in their order.

    >>> owners(["a", "b", "a", "c"], 2)
    [1, 1, 1, 2]
    """
    size: dict[str, int] = {}
    for image in images:
        size[image] = size.get(image, 0) + 1
    shard_of, before = {}, 0
    for image, n in size.items():
        # By the middle of an image's samples, as exact numbers.
        shard_of[image] = (2 * before + n) * count // (2 * len(images)) + 1
        before += n
    return [shard_of[image] for image in images]


def own_ids(samples: Sequence[Sample], shard: Shard) -> frozenset[str]:
    """The ids of a shard's samples."""
    found = zip(ids_of(samples), owners(images_of(samples), shard.count), strict=True)
    return frozenset(id_ for id_, owner in found if owner == shard.index)


def batches_for(spec: StageSpec[Any], batches: Sequence[Batch], wanted: frozenset[str]) -> Sequence[Batch]:
    """The batches that a stage computes for some samples: whole ones. What costs next to nothing does not depend on
    its batches, and gives no other rows."""
    if spec.remake:
        return share_of(batches, wanted)
    return batches_with(batches, wanted.__contains__)


def needs(
    specs: Iterable[StageSpec[Any]], own: frozenset[str], batches_of: Callable[[StageSpec[Any]], Sequence[Batch]]
) -> Mapping[str, frozenset[str]]:
    """The samples for which each stage is needed, by its name.

    Args:
        specs: the stages that are asked for.
        own: the samples for which they are.
        batches_of: from a stage to its batches of all samples.
    """
    found: dict[str, frozenset[str]] = {}
    asked = list(specs)
    for last in asked:
        found[last.name] = own
    # Each stage after all that read it.
    for spec in _readers_first(asked):
        computed = batches_for(spec, batches_of(spec), found[spec.name])
        ids = frozenset(ids_in(computed))
        for before in spec.inputs:
            found[before.name] = found.get(before.name, frozenset()) | ids
    return found


def _readers_first(specs: Sequence[StageSpec[Any]]) -> list[StageSpec[Any]]:
    in_order: dict[str, StageSpec[Any]] = {}
    for last in specs:
        in_order |= {spec.name: spec for spec in last.walk() if spec.name not in in_order}
    return list(in_order.values())[::-1]

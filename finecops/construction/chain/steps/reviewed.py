"""Stage `reviewed`: what people said of the samples that were exported, where there are votes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from finecops.config.find import load_dataset
from finecops.construction.chain.context import Context
from finecops.construction.chain.dataset_yaml import FILE
from finecops.construction.chain.export import annotation_names
from finecops.construction.chain.folder import BuildFolder
from finecops.construction.chain.rows import ReviewedRow
from finecops.construction.chain.stage import Stage, Whole
from finecops.construction.review.applying import review
from finecops.construction.review.planting import read_key
from finecops.construction.review.votes import by_sample, read_votes
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import RunError

NAME: Final = "reviewed"
UNREVIEWED: Final = "unreviewed_coco_format.json"
"""The annotation file as people saw it: votes are about it, whatever is exported later."""


def stage(context: Context) -> Stage[ReviewedRow]:
    """The stage of a build."""
    votes = context.settings.votes
    settings: dict[str, JsonValue] = {"votes": len(votes), "rule": "majority" if votes else None}
    files = {f"votes {number}": path for number, path in enumerate(votes, start=1)}
    files |= {f"key {number}": path for number, path in enumerate(context.settings.key, start=1)}
    make = Whole(lambda: _rows(context))
    return Stage(NAME, ReviewedRow, settings, make, reads=("chosen",), files=files, remake=True)


def _rows(context: Context) -> Iterator[ReviewedRow]:
    votes = context.settings.votes
    if not votes:
        return
    seen = context.folder.path / UNREVIEWED
    yaml = context.folder.out / FILE
    if not seen.is_file() or not yaml.is_file():
        raise RunError(f"{seen} is missing: people vote on what was exported; build it first, without --votes")
    dataset = load_dataset_split(load_dataset(str(yaml)), context.settings.name, [seen])
    # Samples without a vote stay: people look at a part of a large split.
    planted = [fault.sample_id for path in context.settings.key for fault in read_key(path).planted]
    found = by_sample(read_votes(votes, dataset, planted).samples)
    samples = list(dataset.samples)
    done = review(samples, found, "majority", "keep")
    texts = {sample.id: sample.expression for sample in done.samples}
    for sample in samples:
        changed = texts.get(sample.id, sample.expression) != sample.expression
        yield ReviewedRow(
            id=int(sample.id),
            kept=sample.id in texts,
            reason=done.dropped.get(sample.id),
            text=texts[sample.id] if changed else None,
            votes=len(found.get(sample.id, ())),
        )


def keep_unreviewed(folder: BuildFolder) -> None:
    """Keep a copy of the annotation file that was exported, on which people may vote now."""
    shutil.copyfile(folder.out / annotation_names(folder.split)["all_coco"], folder.path / UNREVIEWED)

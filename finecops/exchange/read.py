"""Reading a prediction file of any format against the samples it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from finecops.collector import resting_collector
from finecops.datasets.id_rows import are_unique, rows_of_ids
from finecops.datasets.parts import ids_of
from finecops.errors import DataError
from finecops.exchange.formats import FileFormat, find_format
from finecops.metrics.answers import Answers
from finecops.records import Sample


def read_answers(path: Path, how: FileFormat, samples: Sequence[Sample], ignore_unknown: bool = False) -> Answers:
    """Read a prediction file and check its ids.

    Raises:
        ConfigError: the format is unknown or lacks an option.
        DataError: the file cannot be read, names an id twice, or names one that is no sample's.
    """
    if not path.is_file():
        raise DataError(f"no prediction file {path}")
    answers = read_unchecked(path, how, samples)
    # Two answers to one sample: taking either would be a guess.
    twice = first_repeated(answers.ids)
    if twice is not None:
        first, second = [i + 1 for i, id_ in enumerate(answers.ids) if id_ == twice][:2]
        raise DataError(f"{path}: two predictions for id {twice} (rows {first} and {second}); keep one of them")
    known = rows_of_ids(answers.ids, ids_of(samples)) >= 0
    if known.all():
        return answers
    unknown = np.flatnonzero(~known).tolist()
    if not ignore_unknown or len(unknown) == len(answers):
        raise DataError(
            f"{path}: row {unknown[0] + 1}: id {answers.ids[unknown[0]]!r} is not in the annotations "
            f"({len(unknown)} of {len(answers)} rows); give the annotation file the predictions were made for, or "
            "--ignore-unknown to leave such rows out"
        )
    said = f"{path}: {len(unknown)} rows with ids that are not in the annotations are left out"
    return replace(answers, problems=(*answers.problems, said))


def read_unchecked(path: Path, how: FileFormat, samples: Sequence[Sample]) -> Answers:
    """Read a prediction file without a look at its ids; `samples` give the images' sizes where a text needs them."""
    with resting_collector():
        return find_format(how.name).read(path, how, samples)


def first_repeated(ids: Sequence[str]) -> str | None:
    """The first id that occurs again."""
    if are_unique(ids):
        return None
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            return id_
        seen.add(id_)
    return None

"""Reading a prediction file of any format against the samples it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from finecops.errors import ConfigError, DataError
from finecops.metrics.answers import Answers
from finecops.records import Sample

FORMATS: Final = ("mmdet-npy", "refexp-text", "crs-letters", "coco-results", "finecops")
SOURCE: Final = "file"


@dataclass(frozen=True)
class FileFormat:
    """How to read a file: `name` of `FORMATS`; for texts how boxes are written; the field of the scores."""

    name: str
    box_format: str | None = None
    score: str | None = None


def read_answers(path: Path, how: FileFormat, samples: Sequence[Sample], ignore_unknown: bool = False) -> Answers:
    """Read a prediction file and check its ids.

    Raises:
        ConfigError: the format is unknown or lacks an option.
        DataError: the file cannot be read, names an id twice, or names one that is no sample's.
    """
    if not path.is_file():
        raise DataError(f"no prediction file {path}")
    answers = read_unchecked(path, how, samples)
    twice = first_repeated(answers.ids)
    if twice is not None:
        first, second = [i + 1 for i, id_ in enumerate(answers.ids) if id_ == twice][:2]
        raise DataError(f"{path}: two predictions for id {twice} (rows {first} and {second}); keep one of them")
    known = {sample.id for sample in samples}
    unknown = [i for i, id_ in enumerate(answers.ids) if id_ not in known]
    if not unknown:
        return answers
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
    if how.name == "mmdet-npy":
        from finecops.exchange import mmdet_npy

        return mmdet_npy.read(path, SOURCE)
    if how.name == "coco-results":
        from finecops.exchange import coco_results

        return coco_results.read(path, SOURCE)
    if how.name == "crs-letters":
        from finecops.exchange import crs_letters

        return crs_letters.read(path, SOURCE, how.score)
    if how.name == "refexp-text":
        from finecops.exchange import refexp_text
        from finecops.replies.formats import BOX_FORMATS

        if how.box_format is None or how.box_format not in BOX_FORMATS:
            raise ConfigError(
                f"--box-format {how.box_format or '(not given)'}: how the model writes boxes must be named; there are: "
                f"{', '.join(BOX_FORMATS)}"
            )
        score = how.score or refexp_text.find_score_field(path)
        sizes = {s.id: (s.width, s.height) for s in samples}
        return refexp_text.read(path, SOURCE, sizes, BOX_FORMATS[how.box_format], score)
    if how.name == "finecops":
        from finecops.exchange import own_rows

        return own_rows.read(path)
    raise ConfigError(f"unknown format {how.name!r}; there are: {', '.join(FORMATS)}")


def first_repeated(ids: Sequence[str]) -> str | None:
    """The first id that occurs again."""
    seen: set[str] = set()
    for id_ in ids:
        if id_ in seen:
            return id_
        seen.add(id_)
    return None

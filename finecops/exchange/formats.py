"""The formats of prediction files, by the name that `--format` and a model's `file_format` give them.

To add one, write a reader (and a writer, if other tools read it) in a file of its own and enter it here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from finecops.errors import ConfigError
from finecops.exchange import coco_results, crs_letters, mmdet_npy, own_rows, refexp_text
from finecops.metrics.answers import Answers
from finecops.metrics.columns import ImageSizes
from finecops.names import no_such
from finecops.records import Sample
from finecops.replies.formats import BOX_FORMATS

SOURCE: Final = "file"
"""Who answered, where a file does not say it."""
Option = Literal["box_format", "score"]
"""What a format may need to know: how the model writes boxes, which field holds the scores."""


@dataclass(frozen=True)
class FileFormat:
    """How to read a file: a name in `FORMATS`; for texts how boxes are written; the field of the scores."""

    name: str
    box_format: str | None = None
    score: str | None = None


Reader: TypeAlias = Callable[[Path, FileFormat, Sequence[Sample]], Answers]
"""From a file, what is known of its format, and the samples (for the images' sizes, never for their truth)."""
Writer: TypeAlias = Callable[[Path, Answers], int]
"""Writes answers to a file; gives how many the format cannot hold."""


@dataclass(frozen=True)
class PredictionFormat:
    """A format: its reader, its writer if there is one, and the options it takes."""

    read: Reader
    write: Writer | None = None
    options: frozenset[Option] = frozenset()


def _texts(path: Path, how: FileFormat, samples: Sequence[Sample]) -> Answers:
    if how.box_format is None or how.box_format not in BOX_FORMATS:
        said = f"--box-format {how.box_format or '(not given)'}: how the model writes boxes must be named"
        raise ConfigError(no_such(said, how.box_format or "", BOX_FORMATS))
    score = how.score or refexp_text.find_score_field(path)
    sizes, box_format = ImageSizes(samples), BOX_FORMATS[how.box_format]
    return refexp_text.read(path, source=SOURCE, sizes=sizes, box_format=box_format, score=score)


FORMATS: dict[str, PredictionFormat] = {
    "mmdet-npy": PredictionFormat(lambda path, how, samples: mmdet_npy.read(path, SOURCE), mmdet_npy.write),
    "refexp-text": PredictionFormat(_texts, options=frozenset({"box_format", "score"})),
    "crs-letters": PredictionFormat(
        lambda path, how, samples: crs_letters.read(path, SOURCE, how.score), options=frozenset({"score"})
    ),
    "coco-results": PredictionFormat(lambda path, how, samples: coco_results.read(path, SOURCE), coco_results.write),
    "finecops": PredictionFormat(lambda path, how, samples: own_rows.read(path)),
}


def find_format(name: str | None) -> PredictionFormat:
    """The format of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in FORMATS:
        raise ConfigError(no_such(f"unknown format {name!r}", name or "", FORMATS))
    return FORMATS[name]

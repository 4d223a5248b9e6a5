"""What is asked: images with sentences, from the command line, a folder, a table, or standard input."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from finecops.config.find import load_dataset
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.formats import FORMAT_OF_SUFFIX
from finecops.datasets.given_files import dataset_of_files
from finecops.datasets.row_columns import COLUMNS
from finecops.errors import DataError, UsageError
from finecops.images import read_image
from finecops.records import Sample, Xyxy
from finecops.strategies.options import DEFAULT_DATASET
from finecops.strict_json import parse_marked_json
from finecops.text import clean_line, plain_id, shortly

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""Files of a folder that are taken for images."""
_LONGEST = 10_000
"""A sentence may have so many characters; no model reads more."""


@dataclass(frozen=True)
class Question:
    """A sentence about an image.

    Attributes:
        id: each once.
        image: the file.
        shown: its path as the user wrote it.
        sentence: what is looked for.
        truth: the true box, xyxy pixels of the upright image, if it is known.
        fault: why it cannot be asked; None: it can.
    """

    id: str
    image: Path
    shown: str
    sentence: str
    truth: Xyxy | None = None
    fault: str | None = None


def of_image(image: Path, sentences: Sequence[str]) -> list[Question]:
    """Sentences about one image.

    Raises:
        DataError: there is no such file.
        UsageError: there is no sentence, or an empty one.
    """
    if image.is_dir():
        raise DataError(f"{image}/ is a folder: ask about its images one by one (`Grounder.ask` takes many)")
    if not image.is_file():
        raise DataError(f"no such file: {image}")
    if not sentences and image.suffix.lower() in (".txt", ".json"):
        raise UsageError(f"{image}: a table of questions ends in .csv, .tsv or .jsonl, and an image needs a sentence")
    return [
        Question(str(number), image, str(image), sentence) for number, sentence in enumerate(_checked(sentences), 1)
    ]


def of_folder(folder: Path, sentences: Sequence[str]) -> list[Question]:
    """Sentences about each image of a folder, in the order of their names.

    Raises:
        DataError: the folder has no image.
        UsageError: there is no sentence, or an empty one.
    """
    images = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    # What an earlier command drew is no question.
    images = [path for path in images if not path.stem.endswith(DRAWN)]
    if not images:
        raise DataError(f"{folder}/ has no image ({', '.join(suffix[1:] for suffix in SUFFIXES)})")
    checked = _checked(sentences)
    several = len(checked) > 1
    return [
        Question(f"{image.name}#{number}" if several else image.name, image, str(image), sentence)
        for image in images
        for number, sentence in enumerate(checked, 1)
    ]


DRAWN: Final = ".grounded"
"""The end of the name of a picture that was drawn."""


def of_table(path: Path, boxes: str | None, images: Path | None = None) -> list[Question]:
    """The rows of a CSV, TSV or JSON Lines file with columns for image and sentence, and perhaps a box; last those that
    cannot be asked, each with its fault.

    Raises:
        DataError: it is no such file.
        UsageError: it has boxes and `boxes` does not say what their numbers mean.
    """
    if not path.is_file():
        raise DataError(f"no such file: {path}")
    config = dataset_of_files(load_dataset(DEFAULT_DATASET), [path], boxes, named=False)
    dataset = load_dataset_split(config, None, [path], images)
    questions = []
    for sample in dataset.samples:
        image = dataset.image_path(sample)
        questions.append(Question(sample.id, image, str(image), sample.expression, sample.box))
    # They are in no sample, and so have no place among the questions.
    faults = (problem for problem in dataset.problems if problem.left_out)
    return [*questions, *(Question(f"{path.name}: {p.entry}", path, path.name, "", fault=p.message) for p in faults)]


def of_lines(lines: Iterator[str]) -> Iterator[Question]:
    """Questions of standard input as they come: a JSON object with image and sentence a line, or image, tab, sentence.

    A line that is neither is a question with a fault, so that every line has its answer.
    """
    number = 0
    for line in lines:
        if not line.strip():
            continue
        number += 1
        try:
            id_, image, sentence = _of_line(line, str(number))
            path = Path(image)
            fault = None if path.is_file() else f"no such file: {image}"
            yield Question(id_, path, image, _checked([sentence])[0], fault=fault)
        except (ValueError, UsageError) as error:
            yield Question(str(number), Path(), shortly(line.strip()), "", fault=str(error))


def _of_line(line: str, id_: str) -> tuple[str, str, str]:
    if not line.lstrip().startswith("{"):
        image, tab, sentence = line.rstrip("\r\n").partition("\t")
        if not tab:
            raise ValueError("it is neither a JSON object nor an image, a tab and a sentence")
        return id_, image.strip(), sentence
    try:
        found: Any = parse_marked_json(line.encode())
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    given: list[Any] = [
        next((found[name] for name in COLUMNS[need] if name in found), None) for need in ("image", "expression")
    ]
    if not all(isinstance(value, str) for value in given):
        raise ValueError("it has no image or no sentence")
    named = plain_id(found.get("id", id_))
    if named is None:
        raise ValueError("its id is neither a short text nor a whole number")
    return named, given[0], given[1]


def _checked(sentences: Sequence[str]) -> list[str]:
    """
    Raises:
        UsageError: there is none, an empty or a very long one.
    """
    if not sentences:
        raise UsageError('what shall be found? Give a sentence: finecops ground IMAGE "the red car"')
    for sentence in sentences:
        # `*.jpg "the red car"`: the shell has put the images where sentences are expected.
        if Path(sentence).suffix.lower() in SUFFIXES and os.path.isfile(sentence):
            raise UsageError(
                f"{sentence} is an image, not a sentence: one image at a time, or their folder, or a table"
            )
    found = [clean_line(sentence) for sentence in sentences]
    if not all(found):
        raise UsageError("a sentence is empty")
    if any(len(sentence) > _LONGEST for sentence in found):
        raise UsageError(f"a sentence has more than {_LONGEST:,} characters")
    return found


def is_table(path: Path) -> bool:
    """Whether a path names a table of questions."""
    return path.suffix.lower() in FORMAT_OF_SUFFIX


def each_once(ids: Sequence[str]) -> list[str]:
    """The ids, a repeated one with a number behind: they distinguish the rows of a batch.

    >>> each_once(["a", "b", "a"])
    ['a', 'b', 'a#2']
    """
    seen: dict[str, int] = {}
    taken, found = set(ids), []
    for id_ in ids:
        name, number = id_, seen.get(id_, 0) + 1
        # "a#2" may be somebody's own id.
        while number > 1 and (name := f"{id_}#{number}") in taken:
            number += 1
        seen[id_] = number
        found.append(name)
    return found


def sample_of(id_: str, question: Question) -> Sample:
    """A question as the stages know samples. Its id is the question's: a file of answers is looked up by it, and the
    order of options is shuffled by it, so both are those of a run.

    Raises:
        DataError: the image cannot be read.
    """
    # Decoded now, and kept for the stages: a file that is broken behind its head is met here.
    width, height = read_image(question.image).size
    return Sample(
        id=id_,
        dataset="own",
        split="own",
        image=str(question.image),
        width=width,
        height=height,
        expression=question.sentence,
        truth="unknown",
        box=None,
        level=None,
        tuple_type=None,
    )

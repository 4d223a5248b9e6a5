"""What a published prediction file holds: the samples with their truth, and the answers of each method in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from finecops.config.box_pattern import in_resized_pixels
from finecops.errors import DataError
from finecops.exchange.values import as_numbers
from finecops.paths import open_regular
from finecops.records import Prediction, Sample, Xyxy
from finecops.replies.formats import BOX_FORMATS, decode
from finecops.replies.formats.box_format import BoxFormat
from finecops.strict_json import parse_json
from finecops.text import clean_line, plain_id, printable, shortly

Sizes = Literal["pixels", "unknown", "per mille"]
"""What is known of the images' sizes (`finecops.runs.manifest.ImportedFile`)."""
Row = Mapping[str, Any]
SOURCE = "file"
_LONGEST_NAME = 200


@dataclass(frozen=True)
class ImportOptions:
    """What a file does not say itself; None: not given."""

    benchmark: str | None = None
    """The name of the benchmark."""
    box_format: str | None = None
    """How the model writes boxes (`finecops.replies.formats`), where the file has replies."""
    label: str | None = None
    """The model's name."""

    def reader(self, path: Path) -> BoxFormat:
        """The box format.

        Raises:
            DataError: none was named, there is none of this name, or it needs what no file has.
        """
        if self.box_format is None or self.box_format not in BOX_FORMATS:
            given = "" if self.box_format is None else f" {shortly(self.box_format)}"
            raise DataError(
                f"{path} has replies: --box-format{given or ' NAME'} must say how the model writes boxes; there are: "
                f"{', '.join(BOX_FORMATS)}"
            )
        if in_resized_pixels(self.box_format):
            raise DataError(
                f"{path}: {self.box_format} is in pixels of the image that the model saw, whose size is not in the file"
            )
        return BOX_FORMATS[self.box_format]


@dataclass
class PublishedMethod:
    """The answers of one method of a file."""

    label: str
    model: str
    settings: dict[str, str] = field(default_factory=dict)
    """What else the file says of it, for `run.json`."""
    rows: dict[str, Prediction] = field(default_factory=dict)
    """By sample id."""


@dataclass(frozen=True)
class Published:
    """A file that was read."""

    path: Path
    benchmark: str
    split: str
    samples: Mapping[str, Sample]
    """By id, in the file's order."""
    methods: tuple[PublishedMethod, ...]
    sizes: Sizes = "pixels"
    notes: tuple[str, ...] = ()
    """What a reader of the numbers should know, a sentence each."""


class Line:
    """A row of a file: its fields, each checked; every message names file and line."""

    def __init__(self, path: Path, number: int, row: Row) -> None:
        self.path, self.number, self.row = path, number, row

    def error(self, message: str) -> DataError:
        """An error that names file and line."""
        return DataError(f"{self.path}:{self.number}: {message}")

    def id(self, key: str) -> str:
        """An id."""
        found = plain_id(self.row[key])
        if found is None:
            raise self.error(f"{key} is {shortly(self.row[key])}; a whole number or a short text is meant")
        return found

    def text(self, key: str) -> str:
        """A text of one line that is not empty."""
        value = self.row[key]
        if not isinstance(value, str) or not clean_line(value):
            raise self.error(f"{key} is {shortly(value)}; a text is meant")
        return clean_line(value)

    def name(self, key: str) -> str:
        """A text that is short enough for the name of a model or a prompt."""
        found = self.text(key)
        if len(found) > _LONGEST_NAME:
            raise self.error(f"{key} has {len(found)} characters; a name is meant")
        return found

    def box(self, key: str) -> Xyxy | None:
        """A box of four numbers xyxy; None where it is null or an empty list."""
        value = self.row[key]
        if value is None or value == []:
            return None
        # Texts of digits and booleans are no numbers: what has them was not written as a box.
        numbers = as_numbers(value, 4)
        if numbers is None:
            raise self.error(f"{key} is {shortly(value)}; four numbers xyxy are meant, or null")
        return self.finite((numbers[0], numbers[1], numbers[2], numbers[3]), key)

    def true_box(self, key: str) -> Xyxy:
        """The box of the truth: it is there, and has an area."""
        box = self.box(key)
        if box is None:
            raise self.error(f"{key} is {shortly(self.row[key])}; the true box is meant")
        if box[0] >= box[2] or box[1] >= box[3]:
            raise self.error(f"{key} is {shortly(list(box))}, which has no area; xyxy corners are meant")
        return box

    def finite(self, box: Xyxy, what: str) -> Xyxy:
        """The box, if no image is too small for it."""
        if not all(abs(v) < 1e9 for v in box):
            raise self.error(f"{what} has a coordinate that is not a finite number of pixels")
        return box


def read_lines(path: Path, needs: tuple[str, ...], layout: str) -> Iterator[Line]:
    """The rows of a file of JSON lines.

    Raises:
        DataError: the file is not there or empty, a line is no JSON object, or has not the fields of the layout.
    """
    if not path.is_file():
        raise DataError(f"no prediction file {path}")
    rows = 0
    with open_regular(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = parse_json(line.decode())
            except ValueError as error:
                raise DataError(f"{path}:{number}: not JSON ({error}); {layout} has a JSON object per line") from error
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number}: {layout} has a JSON object per line, not {type(row).__name__}")
            refuse_other_layout(path, number, row, needs, layout)
            rows += 1
            yield Line(path, number, row)
    if not rows:
        raise DataError(f"{path} is empty")


def refuse_other_layout(path: Path, number: int, row: Row, needs: tuple[str, ...], layout: str) -> None:
    """Refuse a row without the fields of a layout; the message says what it has."""
    missing = [key for key in needs if key not in row]
    if missing:
        raise DataError(
            f"{path}:{number}: no {', '.join(missing)}, which every row of {layout} has; this one has: "
            f"{shortly(', '.join(map(str, row)), 300)[1:-1]}"
        )


class Collector:
    """Samples and answers of a file, each id once."""

    def __init__(self) -> None:
        self.samples: dict[str, Sample] = {}

    def sample(self, line: Line, **fields: Any) -> Sample:
        """Add a sample.

        Raises:
            DataError: its id is there already, or its fields contradict each other.
        """
        if fields["id"] in self.samples:
            raise line.error(f"a second row for {shortly(fields['id'])}; keep one of them")
        try:
            made = Sample(**{"level": None, "tuple_type": None, **fields})
        except ValidationError as error:
            # One fault is enough to find the row; the input could be a whole reply.
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the row"
            raise line.error(printable(f"{where}: {first['msg']}")) from error
        self.samples[made.id] = made
        return made


def answer_of_box(sample_id: str, box: Xyxy | None, reason: str, prompt: str | None = None) -> Prediction:
    """An answer of a file that has boxes: without one it is unparsed, for a reason."""
    if box is None:
        return Prediction(sample_id=sample_id, status="unparsed", reason=reason, source=SOURCE, prompt=prompt)
    return Prediction(sample_id=sample_id, status="box", boxes=(box,), source=SOURCE, prompt=prompt)


def answer_of_reply(
    sample: Sample, reply: str, box_format: BoxFormat, prompt: str | None = None, grid: tuple[int, int] | None = None
) -> Prediction:
    """An answer of a file that has replies: parsed as a model's own are.

    Args:
        sample: whose answer.
        reply, box_format: the text, and how the model writes boxes.
        prompt: what it was asked.
        grid: width and height that boxes are read for, if not the image's.
    """
    found = decode(box_format, reply, grid or (sample.width, sample.height))
    return Prediction(
        sample_id=sample.id,
        status=found.status,
        boxes=found.boxes,
        reason=found.reason,
        note=found.note,
        source=SOURCE,
        prompt=prompt,
        reply=reply,
    )


def failed(sample_id: str, reason: str) -> Prediction:
    """A sample for which the other program got no reply."""
    return Prediction(sample_id=sample_id, status="failed", reason=reason, source=SOURCE)

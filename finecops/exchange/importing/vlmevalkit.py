"""`vlmevalkit`: prediction files `<model>_<dataset>.xlsx` (or .tsv, .json), which VLMEvalKit writes when it has asked a
model: the dataset's columns without the images, and `prediction`.

Three datasets are read: those of `finecops export vlmevalkit`; RefCOCO (columns bbox_x1 … bbox_y2 in pixels); and
GroundingME (`answer` is the box in pixels; with subtask_l1 "Rejection" the target is absent).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from finecops.exchange.importing.own_record import read_record
from finecops.exchange.importing.published import (
    Collector,
    ImportOptions,
    Line,
    Published,
    PublishedMethod,
    answer_of_reply,
    failed,
    refuse_other_layout,
)
from finecops.exchange.importing.tables import read_table_file
from finecops.records import Negative, Prediction, Sample, Xyxy
from finecops.replies.formats.box_format import BoxFormat
from finecops.strict_json import parse_json
from finecops.text import clean_line, clean_text, shortly

TASK_PREFIX: Final = "finecops_"
"""How the names of what `finecops export` writes for other harnesses begin."""
_LAYOUT: Final = "a prediction file of VLMEvalKit"
_NEEDS: Final = ("index", "question", "prediction")
_CORNERS: Final = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
_NO_ANSWER: Final = "Failed to obtain answer"
"""What VLMEvalKit writes where a server gave no reply."""
_DATASETS: Final = "those of finecops export vlmevalkit, RefCOCO, GroundingME"


def read(path: Path, options: ImportOptions) -> Published:
    """Read the file. Its name is the model's and the dataset's.

    Raises:
        DataError: it has another layout, or is of another dataset.
    """
    box_format = options.reader(path)
    model, dataset = _names(clean_line(path.stem))
    benchmark = options.benchmark or dataset or "vlmevalkit"
    label = options.label or model or path.stem
    method = PublishedMethod(label, label, {"box_format": options.box_format or ""})
    found = Collector()
    for number, row in read_table_file(path):
        refuse_other_layout(path, number, row, _NEEDS, _LAYOUT)
        line = Line(path, number, row)
        sample = _sample(line, found, benchmark)
        method.rows[sample.id] = _answer(line, sample, box_format)
    if not found.samples:
        raise Line(path, 1, {}).error("the table has no row")
    return Published(path, benchmark, "test", found.samples, (method,))


def _names(stem: str) -> tuple[str, str]:
    """Model and dataset. Names of our exports have underlines, those of VLMEvalKit's own two have none."""
    model, ours, rest = stem.partition(f"_{TASK_PREFIX}")
    if ours:
        return model, TASK_PREFIX + rest
    model, _, dataset = stem.rpartition("_")
    return model, dataset


def _answer(line: Line, sample: Sample, box_format: BoxFormat) -> Prediction:
    reply, asked = line.row["prediction"], clean_text(str(line.row["question"]))
    # A number or an empty cell is what the table made of the reply.
    text = clean_text("" if reply is None else str(reply))
    if text.startswith(_NO_ANSWER):
        return failed(sample.id, text)
    return answer_of_reply(sample, text, box_format, asked)


def _sample(line: Line, found: Collector, benchmark: str) -> Sample:
    row = line.row
    if "record" in row:
        record = _json_of(line, "record")
        if not isinstance(record, dict):
            raise line.error(f"record is {shortly(row['record'])}; what finecops export vlmevalkit wrote is meant")
        return read_record(Line(line.path, line.number, record), found, benchmark, "test")
    fields: dict[str, Any] = {
        "id": line.id("index"),
        "dataset": benchmark,
        "split": "test",
        "image": "",
        "width": _whole(line, "width") if "width" in row else None,
        "height": _whole(line, "height") if "height" in row else None,
        "expression": line.text("question"),
    }
    if fields["width"] is None or fields["height"] is None:
        raise line.error(f"the table has no width and height; datasets that are read: {_DATASETS}")
    if "subtask_l1" in row and "answer" in row:
        task = line.text("subtask_l1")
        fields["tuple_type"] = task.lower()
        if task == "Rejection":
            negative = Negative(kind="text", type="absent_hard")
            return found.sample(line, **fields, truth="absent", box=None, negative=negative)
        boxed = Line(line.path, line.number, {"answer": _json_of(line, "answer")})
        return found.sample(line, **fields, truth="box", box=boxed.true_box("answer"))
    if set(_CORNERS) <= row.keys():
        return found.sample(line, **fields, truth="box", box=_corners(line))
    raise line.error(f"the table has no column with true boxes; datasets that are read: {_DATASETS}")


def _corners(line: Line) -> Xyxy:
    try:
        x1, y1, x2, y2 = (float(line.row[key]) for key in _CORNERS)
    except (TypeError, ValueError, OverflowError) as error:
        raise line.error(f"{', '.join(_CORNERS)} are not four numbers") from error
    return Line(line.path, line.number, {"bbox": [x1, y1, x2, y2]}).true_box("bbox")


def _json_of(line: Line, key: str) -> Any:
    value = line.row[key]
    if not isinstance(value, str) or not value.strip():
        return None if value == "" else value
    try:
        return parse_json(value)
    except ValueError as error:
        raise line.error(f"{key} is {shortly(value)}, which is no JSON") from error


def _whole(line: Line, key: str) -> int | None:
    """A whole number, which a table may have made a fraction of, or a text."""
    value = line.row[key]
    if value == "" or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise line.error(f"{key} is {shortly(value)}; a whole number is meant") from error
    if not number.is_integer() or abs(number) > 10**9:
        raise line.error(f"{key} is {shortly(value)}; a whole number is meant")
    return int(number)

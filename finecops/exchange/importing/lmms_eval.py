"""`lmms-eval`: sample logs `<date>_samples_<task>.jsonl`, which lmms-eval writes with --log_samples.

Its log leaves the dataset's rows out; the truth is in what a task's `process_results` gave. Three kinds of tasks are
read: those of `finecops export lmms-eval`; `refcoco_grounding`, whose boxes are pixels and whose images' sizes are not
in the log; and `refcoco_bbox_rec` and the like, whose boxes are shares of the image's sides.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from finecops.exchange.importing.own_record import FIELDS, read_record
from finecops.exchange.importing.published import (
    Collector,
    ImportOptions,
    Line,
    Published,
    PublishedMethod,
    Sizes,
    answer_of_box,
    answer_of_reply,
    failed,
    read_lines,
)
from finecops.records import Sample
from finecops.replies.formats.box_format import BoxFormat
from finecops.text import clean_line, clean_text, shortly

_LAYOUT: Final = "a sample log of lmms-eval"
_NEEDS: Final = ("doc_id", "filtered_resps")
_NAME: Final = re.compile(r"(?:\d{8}_\d{6}_)?samples_(.+)")
RECORD: Final = "finecops_precision_at_1"
"""The metric of our own tasks whose value is the sample's record."""
_GRID: Final = 1000
_ANY_IMAGE: Final = (10**6, 10**6)
"""An image so large that no box of pixels is outside of it."""
_NO_REPLY: Final = "None"
_NO_REPLY_REASON: Final = "lmms-eval writes None where a model gave no reply, too: it is no rejection"
_TASKS: Final = f"{RECORD} (finecops export lmms-eval), refcoco_grounding_…, refcoco_… (bbox_rec)"


def read(path: Path, options: ImportOptions) -> Published:
    """Read the file. The model is the name of its folder, the benchmark that of its task.

    Raises:
        DataError: it has another layout, or is of a task that gives no true boxes; or the box format needs sizes.
    """
    box_format = options.reader(path)
    task = _NAME.fullmatch(path.stem)
    benchmark = options.benchmark or (clean_line(task[1]) if task is not None else "") or "lmms-eval"
    model = options.label or clean_line(path.absolute().parent.name) or path.stem
    method = PublishedMethod(model, model, {"box_format": options.box_format or ""})
    found = Collector()
    sizes: Sizes = "pixels"
    for line in read_lines(path, _NEEDS, _LAYOUT):
        sample, sizes = _sample(line, found, benchmark)
        reply = _reply(line)
        prompt = line.row.get("input")
        _refuse_other_numbers(line, sizes, box_format, options.box_format or "")
        if reply is None:
            method.rows[sample.id] = failed(sample.id, "the log has no reply")
            continue
        if reply == _NO_REPLY:
            method.rows[sample.id] = answer_of_box(sample.id, None, _NO_REPLY_REASON)
            continue
        asked = clean_text(prompt) if isinstance(prompt, str) else None
        method.rows[sample.id] = answer_of_reply(
            sample, reply, box_format, asked, _ANY_IMAGE if sample.width == 0 else None
        )
    return Published(path, benchmark, "test", found.samples, (method,), sizes)


def _sample(line: Line, found: Collector, benchmark: str) -> tuple[Sample, Sizes]:
    record = line.row.get(RECORD)
    if isinstance(record, dict) and set(FIELDS) <= record.keys():
        return read_record(Line(line.path, line.number, record), found, benchmark, "test"), "pixels"
    for name, value in line.row.items():
        if isinstance(value, dict) and {"answer", "pred", "bbox"} <= value.keys():
            # All metrics of such a task have the same value.
            pixels = "grounding" in name
            box = Line(line.path, line.number, value).true_box("bbox")
            if not pixels:
                if not all(0 <= v <= 1.001 for v in box):
                    raise line.error(f"bbox of {name} is {shortly(list(box))}; shares of the image's sides are meant")
                box = (box[0] * _GRID, box[1] * _GRID, box[2] * _GRID, box[3] * _GRID)
            side = 0 if pixels else _GRID
            made = found.sample(
                line,
                id=line.id("doc_id"),
                dataset=benchmark,
                split="test",
                image="",
                width=side,
                height=side,
                expression=_expression(line, value["answer"]),
                truth="box",
                box=box,
            )
            return made, "unknown" if pixels else "per mille"
    raise line.error(f"the log is of a task without true boxes; tasks that are read: {_TASKS}. It has: {_keys(line)}")


def _keys(line: Line) -> str:
    return shortly(", ".join(map(str, line.row)), 300)[1:-1]


def _expression(line: Line, answer: Any) -> str:
    texts = answer if isinstance(answer, list) else [answer]
    if not texts or not all(isinstance(text, str) and clean_line(text) for text in texts):
        raise line.error(f"answer is {shortly(answer)}; the expression is meant")
    # refcoco_grounding asks for all expressions of a region at once.
    return " / ".join(map(clean_line, texts))


def _reply(line: Line) -> str | None:
    value = line.row["filtered_resps"]
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == []:
        return None
    if not isinstance(value, str):
        raise line.error(f"filtered_resps is {shortly(value)}; the reply is meant")
    return clean_text(value)


def _refuse_other_numbers(line: Line, sizes: Sizes, box_format: BoxFormat, name: str) -> None:
    """Without the image's size, boxes and replies must both be in pixels, or both in shares of the image's sides."""
    (small, square), (large, tall) = box_format.bin_size((1000, 1000)), box_format.bin_size((2000, 1000))
    pixels, shares = (small, square, large, tall) == (1, 1, 1, 1), (large, tall) == (2 * small, square)
    if sizes == "unknown" and not pixels:
        raise line.error(
            f"the log does not say how large the image is, and {name} writes boxes relative to it. Tasks of `finecops "
            "export lmms-eval` log the size"
        )
    if sizes == "per mille" and not shares:
        raise line.error(
            "the log does not say how large the image is, and its boxes are shares of the sides, which those of "
            f"{name} are not. Tasks of `finecops export lmms-eval` log the size"
        )

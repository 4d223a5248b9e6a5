"""`ref-adv`: predictions of Ref-Adv-s (ICLR 2026), `outputs/qwen/<run>_predictions.jsonl` of dddraxxx/Ref-Adv.

One model with one prompt per file; boxes are pixels, xyxy. The images' sizes are not in the file. An empty list is an
answer that could not be parsed, but with `parse_error: backend_error` the server gave none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from finecops.exchange.importing.published import (
    Collector,
    ImportOptions,
    Line,
    Published,
    PublishedMethod,
    answer_of_box,
    failed,
    read_lines,
)
from finecops.paths import name_problem
from finecops.records import Prediction
from finecops.text import clean_line, shortly

BENCHMARK: Final = "ref-adv-s"
_LAYOUT: Final = "a prediction file of Ref-Adv"
_NEEDS: Final = (
    "row_idx",
    "file_name",
    "normal_caption",
    "gt_bbox_xyxy",
    "pred_box_xyxy_first",
    "parse_error",
    "model_full_name",
    "prompt_id",
)
_NO_SERVER: Final = "backend_error"


def read(path: Path, options: ImportOptions) -> Published:
    """Read the file.

    Raises:
        DataError: it has another layout, or rows of several models.
    """
    found, method = Collector(), None
    for line in read_lines(path, _NEEDS, _LAYOUT):
        model, prompt = line.name("model_full_name"), line.name("prompt_id")
        if method is None:
            short = model.rpartition("/")[2]
            method = PublishedMethod(options.label or f"{short} {prompt}", model, {"prompt_id": prompt})
        elif (model, prompt) != (method.model, method.settings["prompt_id"]):
            raise line.error(f"it is of {model}, prompt {prompt}; the rows before are not: a file has one model")
        sample = found.sample(
            line,
            id=line.id("row_idx"),
            dataset=options.benchmark or BENCHMARK,
            split="test",
            image=_image(line),
            width=0,
            height=0,
            expression=line.text("normal_caption"),
            truth="box",
            box=line.true_box("gt_bbox_xyxy"),
            tuple_type=negation_of(line),
        )
        method.rows[sample.id] = _answer(line, sample.id)
    assert method is not None
    return Published(path, options.benchmark or BENCHMARK, "test", found.samples, (method,), "unknown")


def negation_of(line: Line) -> str | None:
    """The expression's kind, as finecops has it when it reads Ref-Adv-s itself."""
    negated = line.row.get("use_negation")
    return None if not isinstance(negated, bool) else "negation" if negated else "no_negation"


def _image(line: Line) -> str:
    name = line.text("file_name")
    problem = name_problem(name)
    if problem is not None:
        raise line.error(f"file_name: {problem}")
    return name


def _answer(line: Line, id_: str) -> Prediction:
    box, error = line.box("pred_box_xyxy_first"), line.row["parse_error"]
    if not isinstance(error, str | None):
        raise line.error(f"parse_error is {shortly(error)}; a text is meant")
    reason = clean_line(error or "")
    if box is not None and reason:
        raise line.error(f"it has a box and the parse_error {shortly(reason)}")
    if reason == _NO_SERVER:
        return failed(id_, reason)
    return answer_of_box(id_, box, reason or "the file has no box and no reason")

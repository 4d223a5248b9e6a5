"""The paper's figure 6 for a run: samples that specialist and MLLM answer wrong and CRS answers right, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from PIL import Image
from pydantic import JsonValue

from finecops.datasets.image_place import ImageFolders
from finecops.drawing import Mark, captioned, draw_marks, fitted, scaled
from finecops.errors import FinecopsError
from finecops.evaluation.cases import Case, Cases, MethodAnswers, run_methods
from finecops.evaluation.reading import RunData
from finecops.images import read_picture
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.report.charts.chart import Missing
from finecops.runs.manifest import Method

NAME, TITLE = "paper-6", "Figure 6: where CRS is right and both models alone are wrong"
SHOWN = 4
"""Samples, at the most: the first of the run."""
_COLUMNS: tuple[Method, ...] = ("specialist", "mllm", "crs")
_SIDE = 480
_GAP = 12


@dataclass(frozen=True)
class Picture:
    """A figure that is a picture.

    Attributes:
        pixels: of all samples, one a row.
        rows: of each sample its id, expression, true box, and the box of each method.
    """

    pixels: Image.Image
    rows: tuple[Mapping[str, JsonValue], ...]


def figure_6(run: RunData, images: ImageFolders | None, iou: float = IOU_THRESHOLD) -> Picture | Missing:
    """The picture of a run that has answers of specialist, MLLM and CRS.

    Args:
        run: its rows.
        images: where its images are looked up; None: nowhere.
        iou: a box is right above it.
    """
    found = {method.method: method for method in reversed(run_methods(run)) if method.method in _COLUMNS}
    lacking = [name for name in _COLUMNS if name not in found]
    if lacking:
        return Missing(NAME, TITLE, f"the run has no answers of {', '.join(lacking)}: `finecops crs run --both`")
    if images is None:
        return Missing(NAME, TITLE, "nothing says where the images are (--images FOLDER_OR_ZIP)")
    methods = [found[name] for name in _COLUMNS]
    cases = list(islice((c for c in Cases(run.samples, methods, iou, run) if _wanted(c, methods)), SHOWN))
    if not cases:
        return Missing(NAME, TITLE, "no positive is right by CRS and wrong by both models alone")
    try:
        rows = [_row(case, methods, images) for case in cases]
    except (FinecopsError, OSError) as error:
        return Missing(NAME, TITLE, f"{error} (--images FOLDER_OR_ZIP says where the images are)")
    return Picture(_below(rows), tuple(_data(case, methods) for case in cases))


def _wanted(case: Case, methods: Sequence[MethodAnswers]) -> bool:
    """Whether both models alone drew a wrong box, and CRS a right one."""
    specialist, mllm, crs = (case.verdicts.get(method.key) for method in methods)
    wrong = all(v is not None and v.right is False and v.outcome == "box" for v in (specialist, mllm))
    return case.sample.positive and wrong and crs is not None and crs.right is True


def _row(case: Case, methods: Sequence[MethodAnswers], images: ImageFolders) -> Image.Image:
    """The image once a method, with its box and the true one."""
    sample = case.sample
    image = read_picture(images.path_of(sample.image), (sample.width, sample.height)).pixels
    # Small images become large enough for labels.
    factor = _SIDE / max(image.size)
    image = image.resize((round(image.width * factor), round(image.height * factor))) if factor > 1 else image
    image = fitted(image, _SIDE)[0]
    scale = image.width / max(1, sample.width)
    panels = []
    for method in methods:
        verdict = case.verdicts[method.key]
        marks = [Mark(sample.box, "truth", "truth")] if sample.box is not None else []
        if verdict.box is not None:
            marks.append(Mark(verdict.box, "right" if verdict.right else "wrong", method.method or "specialist"))
        panels.append(captioned(draw_marks(image, [scaled(mark, scale) for mark in marks]), [method.label]))
    height = max(panel.height for panel in panels)
    row = Image.new("RGB", (sum(panel.width + _GAP for panel in panels) - _GAP, height), "#ffffff")
    for i, panel in enumerate(panels):
        row.paste(panel, (i * (panel.width + _GAP), 0))
    return captioned(row, [f"{sample.id}: {sample.expression}"])


def _below(rows: Sequence[Image.Image]) -> Image.Image:
    size = max(row.width for row in rows), sum(row.height + _GAP for row in rows) - _GAP
    picture, y = Image.new("RGB", size, "#ffffff"), 0
    for row in rows:
        picture.paste(row, (0, y))
        y += row.height + _GAP
    return picture


def _data(case: Case, methods: Sequence[MethodAnswers]) -> dict[str, JsonValue]:
    def box(xyxy: Sequence[float] | None) -> list[JsonValue] | None:
        return None if xyxy is None else [float(value) for value in xyxy]

    sample = case.sample
    found: dict[str, JsonValue] = {"sample_id": sample.id, "expression": sample.expression, "truth": box(sample.box)}
    return found | {str(method.method): box(case.verdicts[method.key].box) for method in methods}

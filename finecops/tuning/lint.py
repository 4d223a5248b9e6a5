"""The linter of tuning data: it reads every line of a written file back, for any trainer, and checks it.

Prompt, answer and image of every line come from the file. Only the truth comes from the rows in memory.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finecops.boxes import iou_xyxy
from finecops.config.schema import MllmConfig
from finecops.errors import DataError
from finecops.images import read_image
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Sample
from finecops.replies.box_text import parse_boxes
from finecops.replies.options import NONE_TEXT
from finecops.tuning.data import TuneRow
from finecops.tuning.exports import BBOX

_OPTION = re.compile(r"^([A-Z])\. (.*)$", re.MULTILINE)
_UNEVEN_P, _UNEVEN_SHARE = 0.001, 0.25
"""Letters are uneven if chance would give such counts less often than this, and one letter is off by such a share. With
many rows the first alone would also find differences that do not matter."""
_RARE = 20
"""Letters with smaller expected counts are counted together: chi-square is not valid for small counts."""
_ROUNDING_LOSS = 0.1
"""How much IoU a right candidate may lose by being rounded to the model's coordinates."""
_EXAMPLES = 3
"""Places that are named for each kind of fault."""


@dataclass
class LintReport:
    """What was checked and what is wrong."""

    lines_read: int = 0

    letters: Counter[str] = field(default_factory=Counter)
    """Letter → how often it is the answer of a choice."""

    expected: dict[str, float] = field(default_factory=dict)
    """Letter → how often it would be the answer if the right option of each question were at a random position."""

    none_rows: int = 0
    """Rows whose answer is None."""

    faults: dict[str, list[str]] = field(default_factory=dict)
    """Kind of fault → the first places."""

    counts: Counter[str] = field(default_factory=Counter)
    """Kind of fault → how many."""

    notes: list[str] = field(default_factory=list)
    """What is good to know and no fault."""

    def fault(self, kind: str, where: str) -> None:
        """Add a fault of a kind at a place."""
        self.counts[kind] += 1
        if len(self.faults.setdefault(kind, [])) < _EXAMPLES:
            self.faults[kind].append(where)

    def lines(self) -> list[str]:
        """The report in words."""
        letters = " ".join(f"{letter} {n}" for letter, n in sorted(self.letters.items()))
        share = 100 * self.none_rows / self.lines_read if self.lines_read else 0.0
        text = [f"linted: {self.lines_read} lines read back; answers {letters or '–'}; None {share:.1f}%", *self.notes]
        text += [f"{self.counts[kind]} × {kind}: {', '.join(where)}" for kind, where in self.faults.items()]
        return text if self.faults else [*text, "no faults"]

    def raise_if_bad(self) -> None:
        """Fail where there is a fault.

        Raises:
            DataError: it names the kinds of faults.
        """
        if self.faults:
            raise DataError(f"the tuning data has {sum(self.counts.values())} faults: {'; '.join(self.counts)}")


@dataclass(frozen=True)
class Line:
    """A line of a file: the exchange as the trainer will read it."""

    prompt: str
    answer: str
    image: Path


def lint(
    path: Path,
    trainer: str,
    rows: Sequence[TuneRow],
    config: MllmConfig,
    image_root: Path,
    against: Sequence[Path] = (),
) -> LintReport:
    """Check a written file against the truth of its rows.

    Args:
        path: the file with the exchanges.
        trainer: for which trainer it was written, one of `exports.TRAINERS`.
        rows: what was written, in the same order.
        config: the MLLM; its box format reads the options back.
        image_root: the folder that the rows' images are below.
        against: annotation files that must share no sample and no image with the rows (test sets).

    Raises:
        DataError: the file cannot be read.
    """
    report = LintReport()
    seen: set[tuple[str, str, Path]] = set()
    read = list(_lines(path, trainer, image_root))
    if len(read) != len(rows):
        report.fault("lines missing or too many", f"{len(read)} lines for {len(rows)} rows")
    # In pairs, as far as both go: a missing line is one fault, and the lines after it are faults of their own.
    for number, (line, row) in enumerate(zip(read, rows), start=1):
        report.lines_read += 1
        where = f"line {number} ({row.id})"
        fault = _exchange_fault(line=line, row=row, config=config, report=report)
        if fault is not None:
            report.fault(fault, where)
        key = (line.prompt, line.answer, line.image)
        if key in seen:
            report.fault("the same exchange twice", where)
        seen.add(key)
    _check_images({line.image for line in read}, report)
    _check_letters(report)
    for other in against:
        _check_against(other, rows, report)
    return report


def _lines(path: Path, trainer: str, image_root: Path) -> Iterator[Line]:
    """The exchanges of a file as the trainer will read them."""
    try:
        text = path.read_text(encoding="utf-8")
        entries: list[Any] = (
            json.loads(text) if trainer == "llama-factory" else list(map(json.loads, text.splitlines()))
        )
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read back: {error}") from error
    for entry in entries:
        if trainer == "finecops":
            yield Line(entry["prompt"], entry["answer"], image_root / entry["image"])
        else:
            yield _line_of_messages(entry, path)


def _line_of_messages(entry: Any, path: Path) -> Line:
    """An exchange of LLaMA-Factory or ms-swift."""
    user, assistant = entry["messages"]
    if not user["content"].startswith("<image>") or len(entry["images"]) != 1:
        raise DataError(f"{path}: an exchange does not have exactly one image where the text says <image>")
    image = Path(entry["images"][0])
    texts = [user["content"].removeprefix("<image>"), assistant["content"]]
    if "objects" in entry:
        texts = _with_boxes(texts=texts, boxes=entry["objects"]["bbox"], image=image, path=path)
    return Line(texts[0], texts[1], image)


def _with_boxes(texts: list[str], boxes: list[list[float]], image: Path, path: Path) -> list[str]:
    """Texts with each `<bbox>` replaced as ms-swift does it for the Qwen-VL family: thousandths between markers."""
    if sum(text.count(BBOX) for text in texts) != len(boxes):
        raise DataError(f"{path}: the text has more or fewer {BBOX} than objects.bbox has boxes")
    try:
        sides = read_image(image).size * 2
    except DataError:
        return texts  # `_check_images` counts it.
    # One iterator over both texts: the boxes are in the order of prompt and answer together.
    remaining = iter(boxes)

    def written(_: re.Match[str]) -> str:
        x1, y1, x2, y2 = (round(1000 * v / side) for v, side in zip(next(remaining), sides))
        return f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>"

    return [re.sub(BBOX, written, text) for text in texts]


def _exchange_fault(line: Line, row: TuneRow, config: MllmConfig, report: LintReport) -> str | None:
    """The kind of fault of an exchange, or None; counts its letter and its None in the report."""
    image_wh = (row.width, row.height)
    # A prompt without lines of options is the baseline's.
    options: dict[str, str] = dict(_OPTION.findall(line.prompt))
    if row.kind != "choice":
        return _exercise_fault(line=line, row=row, config=config, options=options)
    if not options:
        return _baseline_fault(line=line, row=row, config=config, report=report)
    if line.answer not in options:
        return "the answer is none of the options"
    report.letters[line.answer] += 1
    # Each of the question's own letters is expected equally often; questions may have different numbers of options.
    for letter in options:
        report.expected[letter] = report.expected.get(letter, 0.0) + 1 / len(options)
    chosen = options[line.answer]
    if chosen == NONE_TEXT:
        report.none_rows += 1
        return None if row.box is None else "the answer is None but the target is present"
    if row.box is None:
        return "the answer is a box but the target is absent"
    return _box_fault(parse_boxes(config, chosen, image_wh).boxes, row)


def _baseline_fault(line: Line, row: TuneRow, config: MllmConfig, report: LintReport) -> str | None:
    """The answer of the baseline is None for a negative and the true box for a positive."""
    report.none_rows += line.answer == NONE_TEXT
    if (line.answer == NONE_TEXT) != (row.box is None):
        return "the answer is None for a positive, or a box for a negative"
    if row.box is None:
        return None
    return _box_fault(parse_boxes(config, line.answer, (row.width, row.height)).boxes, row)


def _exercise_fault(line: Line, row: TuneRow, config: MllmConfig, options: dict[str, str]) -> str | None:
    """An exercise must list the options of its prompt, or give the true box."""
    if row.kind == "list_again":
        # A line is "box letter": the letter is behind the last blank.
        pairs = (part.rpartition(" ") for part in line.answer.splitlines())
        listed = {letter: text for text, _, letter in pairs}
        return None if listed == options else "the options listed again are not those of the prompt"
    return _box_fault(parse_boxes(config, line.answer, (row.width, row.height)).boxes, row)


def _box_fault(boxes: Sequence[Any], row: TuneRow) -> str | None:
    if not boxes:
        return "the option's text is not a box in the model's format"
    iou = float(iou_xyxy(np.array(boxes[0]), np.array(row.box)))
    return None if iou > IOU_THRESHOLD - _ROUNDING_LOSS else "the answer's box, read back, is not the true box"


def _check_images(images: set[Path], report: LintReport) -> None:
    for image in sorted(images):
        try:
            read_image(image)
        except DataError as error:
            report.fault("an image cannot be read", str(error))


def _check_letters(report: LintReport) -> None:
    """Answers must be spread evenly over the letters of each question; tested by chi-square, rare letters as one."""
    letters = sorted(report.expected)
    expected, counts = (
        np.array([found.get(letter, 0) for letter in letters]) for found in (report.expected, report.letters)
    )
    rare = expected < _RARE
    if rare.any():
        expected, counts = (np.append(values[~rare], values[rare].sum()) for values in (expected, counts))
    if len(expected) < 2:
        return
    from scipy.stats import chisquare

    large = np.abs(counts / expected - 1).max() > _UNEVEN_SHARE
    if large and chisquare(counts, expected).pvalue < _UNEVEN_P:
        report.fault("letters are not spread evenly", " ".join(f"{x} {n}" for x, n in sorted(report.letters.items())))


def _is_about(row: TuneRow, sample: Sample | None) -> bool:
    # An id alone says nothing: every split may count its own from the same number.
    return sample is not None and sample.expression in row.prompt and row.box == sample.box


def _check_against(path: Path, rows: Sequence[TuneRow], report: LintReport) -> None:
    """No sample and no image of an annotation file may be among the rows."""
    from finecops.evaluation.files import read_annotations

    samples, _ = read_annotations((path,))
    # Images by name: two datasets keep the same images in different folders.
    names = {Path(s.image).name for s in samples}
    others = {s.id: s for s in samples}
    shared_ids = sorted({row.sample_id for row in rows if _is_about(row, others.get(row.sample_id))})
    shared_images = sorted({Path(row.image).name for row in rows} & names)
    for id_ in shared_ids:
        report.fault(f"a sample of {path.name}", id_)
    for name in shared_images:
        report.fault(f"an image of {path.name}", name)
    if not shared_ids and not shared_images:
        report.notes.append(f"no sample and no image of {path.name}")

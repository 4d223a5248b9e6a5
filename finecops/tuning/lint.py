"""The linter of tuning data: reads back every line that was written, whatever the trainer, and checks it.

Nothing is taken from memory but the rows' truth: prompt, answer and image of every line come from the file.
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
from finecops.replies.box_text import parse_boxes
from finecops.replies.options import NONE_TEXT
from finecops.tuning.data import TuneRow
from finecops.tuning.exports import BBOX

_OPTION = re.compile(r"^([A-Z])\. (.*)$", re.MULTILINE)
_FLAT_P, _FLAT_SHARE = 0.001, 0.25
"""Letters are uneven where chance would hardly do it and one comes that much more or less often than it should."""
_RARE = 20
"""Letters that should come less often than this are counted together."""
_ROUNDING_LOSS = 0.1
"""How much IoU a candidate that is right may lose by being written in the model's coordinates."""


@dataclass
class LintReport:
    """What was checked and what is wrong.

    Attributes:
        lines_read: how many.
        letters: answer → how often, over choice rows.
        even: letter → how often it would be the answer if each question's were drawn by lot.
        none_rows: rows whose answer is None.
        faults: kind of fault → first few places.
        counts: kind of fault → how many.
        notes: things to know that are no faults.
    """

    lines_read: int = 0
    letters: Counter[str] = field(default_factory=Counter)
    even: dict[str, float] = field(default_factory=dict)
    none_rows: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def fault(self, kind: str, where: str) -> None:
        """Note a fault."""
        self.counts[kind] += 1
        if len(self.faults.setdefault(kind, [])) < 3:
            self.faults[kind].append(where)

    def lines(self) -> list[str]:
        """The report in words."""
        letters = " ".join(f"{letter} {n}" for letter, n in sorted(self.letters.items()))
        share = 100 * self.none_rows / self.lines_read if self.lines_read else 0.0
        said = [f"linted: {self.lines_read} lines read back; answers {letters or '–'}; None {share:.1f}%", *self.notes]
        said += [f"{self.counts[kind]} × {kind}: {', '.join(places)}" for kind, places in self.faults.items()]
        return said if self.faults else [*said, "no faults"]

    def raise_if_bad(self) -> None:
        """
        Raises:
            DataError: there is any fault.
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

    Raises:
        DataError: the file cannot be read.
    """
    report = LintReport()
    seen: set[tuple[str, str, Path]] = set()
    read = list(_lines(path, trainer, image_root))
    if len(read) != len(rows):
        report.fault("lines missing or too many", f"{len(read)} lines for {len(rows)} rows")
    for number, (line, row) in enumerate(zip(read, rows), start=1):
        report.lines_read += 1
        where = f"line {number} ({row.id})"
        fault = _exchange_fault(line, row, config, report)
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
            user, assistant = entry["messages"]
            if not user["content"].startswith("<image>") or len(entry["images"]) != 1:
                raise DataError(f"{path}: an exchange has not exactly one image where the text says <image>")
            image = Path(entry["images"][0])
            texts = [user["content"].removeprefix("<image>"), assistant["content"]]
            if "objects" in entry:
                texts = _with_boxes(texts, entry["objects"]["bbox"], image, path)
            yield Line(texts[0], texts[1], image)


def _with_boxes(texts: list[str], boxes: list[list[float]], image: Path, path: Path) -> list[str]:
    """Texts with each `<bbox>` as ms-swift's template of the Qwen-VL family writes it: thousandths between markers."""
    if sum(text.count(BBOX) for text in texts) != len(boxes):
        raise DataError(f"{path}: not as many {BBOX} in the text as boxes in objects.bbox")
    try:
        sides = read_image(image).size * 2
    except DataError:
        return texts  # A fault of the image, and counted as one.
    left = iter(boxes)

    def written(_: re.Match[str]) -> str:
        x1, y1, x2, y2 = (round(1000 * v / side) for v, side in zip(next(left), sides))
        return f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>"

    return [re.sub(BBOX, written, text) for text in texts]


def _exchange_fault(line: Line, row: TuneRow, config: MllmConfig, report: LintReport) -> str | None:
    """What is wrong with an exchange, in words that group."""
    image_wh = (row.width, row.height)
    options: dict[str, str] = dict(_OPTION.findall(line.prompt))
    if row.kind != "choice":
        return _reading_fault(line, row, config, options)
    if not options:
        report.none_rows += line.answer == NONE_TEXT
        if (line.answer == NONE_TEXT) != (row.box is None):
            return "the answer says None and the truth does not, or the other way round"
        if row.box is None:
            return None
        return _box_fault(parse_boxes(config, line.answer, image_wh).boxes, row)
    if line.answer not in options:
        return "the answer is none of the options"
    report.letters[line.answer] += 1
    for letter in options:
        report.even[letter] = report.even.get(letter, 0.0) + 1 / len(options)
    chosen = options[line.answer]
    if chosen == NONE_TEXT:
        report.none_rows += 1
        return None if row.box is None else "the answer is None and the target is there"
    if row.box is None:
        return "the answer is a box and the target is not there"
    return _box_fault(parse_boxes(config, chosen, image_wh).boxes, row)


def _reading_fault(line: Line, row: TuneRow, config: MllmConfig, options: dict[str, str]) -> str | None:
    """Of a warm-up row: the options that it lists must be those of the prompt, the box that it names the truth's."""
    if row.kind == "list_again":
        pairs = (part.rpartition(" ") for part in line.answer.splitlines())
        listed = {letter: text for text, _, letter in pairs}
        return None if listed == options else "the options listed again are others"
    return _box_fault(parse_boxes(config, line.answer, (row.width, row.height)).boxes, row)


def _box_fault(boxes: Sequence[Any], row: TuneRow) -> str | None:
    if not boxes:
        return "the option's text is no box in the model's format"
    iou = float(iou_xyxy(np.array(boxes[0]), np.array(row.box)))
    return None if iou > IOU_THRESHOLD - _ROUNDING_LOSS else "the answer's box, read back, is not the truth's"


def _check_images(images: set[Path], report: LintReport) -> None:
    for image in sorted(images):
        try:
            read_image(image)
        except DataError as error:
            report.fault("an image cannot be read", str(error))


def _check_letters(report: LintReport) -> None:
    """The letters of answers shall be spread evenly over each question's; tested by chi-square, rare letters as one."""
    even, counts = (np.array([found.get(x, 0) for x in sorted(report.even)]) for found in (report.even, report.letters))
    rare = even < _RARE
    if rare.any():
        even, counts = (np.append(values[~rare], values[rare].sum()) for values in (even, counts))
    if len(even) < 2:
        return
    from scipy.stats import chisquare

    if np.abs(counts / even - 1).max() > _FLAT_SHARE and chisquare(counts, even).pvalue < _FLAT_P:
        report.fault("letters are not spread evenly", " ".join(f"{x} {n}" for x, n in sorted(report.letters.items())))


def _check_against(path: Path, rows: Sequence[TuneRow], report: LintReport) -> None:
    from finecops.evaluation.files import read_annotations

    samples, _ = read_annotations((path,))
    ids, names = {s.id for s in samples}, {Path(s.image).name for s in samples}
    shared_ids = sorted({row.sample_id for row in rows} & ids)
    shared_images = sorted({Path(row.image).name for row in rows} & names)
    for id_ in shared_ids:
        report.fault(f"a sample of {path.name}", id_)
    for name in shared_images:
        report.fault(f"an image of {path.name}", name)
    if not shared_ids and not shared_images:
        report.notes.append(f"no sample and no image of {path.name}")

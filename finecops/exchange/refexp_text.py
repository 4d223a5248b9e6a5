"""`refexp-text`: lines of `{image_id, text | answer, <score>}`, what an MLLM said, with `--box-format` naming how it
writes boxes and `--score` the field that holds one score per box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from finecops.errors import DataError
from finecops.exchange.json_lines import read_parts
from finecops.exchange.values import as_numbers
from finecops.metrics.answers import Answers, AnswersBuilder, Floats
from finecops.metrics.columns import ImageSizes
from finecops.replies.answer import Answer
from finecops.replies.formats import MAX_REPLY_CHARS, decode
from finecops.replies.formats.box_format import BoxFormat
from finecops.strict_json import parse_json
from finecops.text import clean_text, shortly

_NO_NUMBERS = ("nan",) * 4
SCORE_FIELDS = ("scores", "score", "scores_prob_average", "scores_logits_average", "sum_log_prob")


def read(path: Path, source: str, sizes: ImageSizes, box_format: BoxFormat, score: str | None) -> Answers:
    """Read the file. Boxes are ranked by score where there are scores, else in the order of the text.

    A score field that a row with boxes lacks, or that does not fit the number of its boxes, leaves the row without
    scores; a single number for several boxes is one too few.

    Raises:
        DataError: a line is no such row, or the score field is in no row.
    """
    builder = AnswersBuilder(str(path), ranked=False)
    rows = _Rows(path, builder, source, sizes, box_format=box_format, score=score)
    for part in read_parts(path, builder, ("image_id",)):
        rows.add(part)
    if score is not None and not rows.scored:
        raise DataError(f"{path}: no row with a box has the field {score!r}; --score names the field of the scores")
    return builder.build()


class _Rows:
    """Adds rows to answers; those whose text has one box some thousand at a time."""

    def __init__(
        self,
        path: Path,
        builder: AnswersBuilder,
        source: str,
        sizes: ImageSizes,
        box_format: BoxFormat,
        score: str | None,
    ) -> None:
        self.path, self.builder, self.source, self.sizes = path, builder, source, sizes
        self.box_format, self.score = box_format, score
        self.unfit = 0
        """Rows whose scores do not fit their boxes."""
        self.scored = False
        """Whether a row with a box has the field of the scores."""

    def add(self, part: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
        """Add rows with their line numbers."""
        found = self._single([row for _, row in part]) if part else None
        if found is None:
            for number, row in part:
                self._add(number, row)
            return
        boxes, scores = found
        sound = ~np.isnan(boxes[:, 0])
        self.scored |= scores is not None and bool(sound.any())
        if sound.all():
            ids, lines = [row["image_id"] for _, row in part], [number for number, _ in part]
            self.builder.add_single(ids, boxes, scores, self.source, lines)
            return
        given = [None] * len(part) if scores is None else [[score] for score in scores.tolist()]
        for (number, row), box, own, fits in zip(part, boxes.tolist(), given, sound.tolist()):
            if fits:
                self.builder.add(row["image_id"], "box", [box], own, None, self.source, number)
            else:
                self._add(number, row)

    def _single(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Floats, Floats | None] | None:
        """The box of each row, `[n, 4]` in pixels, NaN where it has not just one that is plain, and its score `[n]`, if
        there are scores; None: the rows are read one by one."""
        single, texts = self.box_format.single, [row.get("text") for row in rows]
        if single is None or set(map(type, texts)) != {str}:
            return None
        if not "".join(texts).isascii() or max(map(len, texts)) > MAX_REPLY_CHARS:  # type: ignore[arg-type]
            return None
        found = list(map(single.pattern.findall, texts))  # type: ignore[arg-type]
        numbers = chain.from_iterable(match[0] if len(match) == 1 else _NO_NUMBERS for match in found)
        written = np.fromiter(map(float, numbers), dtype=np.float64, count=4 * len(rows)).reshape(-1, 4)
        image_wh = self.sizes.of([row["image_id"] for row in rows])
        boxes = single.xyxy(written, image_wh)
        if self.score is None:
            return boxes, None
        values = [row.get(self.score) for row in rows]
        scores = [value[0] if type(value) is list and len(value) == 1 else value for value in values]
        odd = [i for i, score in enumerate(scores) if type(score) is not float]
        for i in odd:
            boxes[i], scores[i] = np.nan, np.nan
        return boxes, np.array(scores, dtype=np.float64)

    def _add(self, number: int, row: Mapping[str, Any]) -> None:
        builder, score = self.builder, self.score
        id_, text = row["image_id"], text_of(row, self.path, number)
        found = decode(self.box_format, text, self.sizes.get(id_))
        scores = scores_of(row, score, found)
        if scores is None and found.status == "box" and score is not None and score in row:
            self.unfit += 1
            if self.unfit == 1:
                given = row[score]
                builder.problem(
                    number,
                    f"{score} has {len(given) if isinstance(given, list) else 1} values for {len(found.boxes)} boxes",
                )
        self.scored |= found.status == "box" and score is not None and score in row
        builder.add(id_, found.status, found.boxes, scores, presence=None, source=self.source, line=number)
        if found.status == "unparsed":
            builder.problem(number, f"{found.reason}: {shortly(text)}")


def scores_of(row: Mapping[str, Any], score: str | None, found: Answer) -> list[float] | None:
    """The scores of an answer's boxes, one each, or None if the field is not there or does not fit them."""
    if found.status != "box" or score is None or score not in row:
        return None
    scores = row[score] if isinstance(row[score], list) else [row[score]]
    # One number for several boxes says nothing about their order.
    return as_numbers(scores, len(found.boxes))


def find_score_field(path: Path) -> str | None:
    """The first known score field of the first line, or None. A line that is broken is left to `read` to refuse."""
    with path.open("rb") as file:
        first = next((line for line in file if line.strip()), b"")
    try:
        row = parse_json(first)
    except ValueError:
        return None
    return next((name for name in SCORE_FIELDS if name in row), None) if isinstance(row, dict) else None


def text_of(row: Mapping[str, Any], path: Path, number: int) -> str:
    """What the model said.

    Raises:
        DataError: the row has no text.
    """
    for key in ("text", "answer"):
        if key in row:
            value = row[key][0] if isinstance(row[key], list) and row[key] else row[key]
            if isinstance(value, str):
                return clean_text(value)
            raise DataError(f"{path}:{number}: {key} is {type(value).__name__}; a text is meant")
    raise DataError(f"{path}:{number}: no text or answer; the line has: {shortly(', '.join(row), 300)}")

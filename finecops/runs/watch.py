"""The first rows of a run are watched: a wrong prompt, format or coordinate convention shows at once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from statistics import median

from finecops.config.box_pattern import BoxPattern
from finecops.datasets.parts import sizes_of_ids
from finecops.errors import StopRunError
from finecops.records import Prediction, Sample
from finecops.replies.box_text import find_format

log = logging.getLogger(__name__)

WATCHED = 32
"""So many rows are looked at, all together, before anything is said."""
MOST_UNREADABLE = 0.5
MOST_FAILED = 0.9
LOW_MASS = 0.5
"""Below this median the model would rather write something else than a letter."""
SMALLEST_AREA = 0.0004
"""Median share of the image: a box of 2% of its sides."""


class Watch:
    """Looks at the first rows that a model makes."""

    def __init__(
        self, model: str, box_format: str | BoxPattern | None, samples: Sequence[Sample], rows: int = WATCHED
    ) -> None:
        self.model, self.box_format, self.rows = model, box_format, rows
        self._samples = samples
        self._seen: list[Prediction] = []
        self._size: dict[str, tuple[int, int]] = {}
        self._done = False

    def __call__(self, predictions: Sequence[Prediction]) -> None:
        """Add rows; once there are enough, judge them.

        Raises:
            StopRunError: too many failed or could not be read, or the boxes are tiny.
        """
        if self._done:
            return
        self._seen += predictions
        if len(self._seen) >= self.rows:
            self._done = True
            fault = self._fault()
            if fault is not None:
                raise StopRunError(f"{self.model}: {fault} (`finecops models check` shows more; --no-watch goes on)")
            masses = [row.mass for row in self._seen if row.mass is not None]
            if masses and median(masses) < LOW_MASS:
                log.warning(
                    f"{self.model}: the letters of the options have {median(masses):.1%} of the probability in the "
                    "middle of the first answers: the model would rather write something else, and their shares may "
                    "mean little"
                )

    def _fault(self) -> str | None:
        rows, n = self._seen, len(self._seen)
        self._size = sizes_of_ids(self._samples, {row.sample_id for row in rows})
        failed = [row for row in rows if row.status == "failed"]
        if len(failed) >= MOST_FAILED * n:
            return f"{len(failed)} of the first {n} answers failed; most often: {_most_common(failed)}"
        unread = [row for row in rows if row.status == "unparsed"]
        if len(unread) >= MOST_UNREADABLE * n:
            broken = sum(self._has_broken_box(row) for row in unread)
            cause = (
                f"the boxes do not fit the format {self.box_format}: another coordinate convention?"
                if broken > len(unread) / 2
                else f"the answers are not in the format {self.box_format}: another prompt, or special tokens stripped?"
            )
            example = next((row.reply for row in unread if row.reply), "")
            shown = f"; one of them is {example[:120]!r}" if example else ""
            return f"{len(unread)} of the first {n} answers cannot be parsed: {cause} {_most_common(unread)}{shown}"
        areas = [self._area(row) for row in rows if row.boxes]
        if len(areas) >= n / 2 and median(areas) < SMALLEST_AREA:
            return (
                f"half of the first boxes cover less than {SMALLEST_AREA:.2%} of their image: coordinates of another "
                f"scale than {self.box_format or 'pixels'}?"
            )
        return None

    def _has_broken_box(self, row: Prediction) -> bool:
        """Whether a reply has a box in the model's format whose numbers make no sense."""
        box_format = find_format(self.box_format) if self.box_format is not None else None
        if box_format is None or row.reply is None:
            return False
        return any(isinstance(found, str) for found in box_format.find(row.reply, self._size[row.sample_id]))

    def _area(self, row: Prediction) -> float:
        (x1, y1, x2, y2), (width, height) = row.boxes[0], self._size[row.sample_id]
        return (x2 - x1) * (y2 - y1) / (width * height)


def _most_common(rows: Sequence[Prediction]) -> str:
    return Counter(row.reason or "no reason" for row in rows).most_common(1)[0][0]

"""Progress of long work: a bar in a terminal; elsewhere (a pipe, a log file) a line every 30 seconds."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from typing import Any, Final

from tqdm import tqdm

log = logging.getLogger(__name__)

PAUSE: Final = 30.0
"""Seconds between two lines where there is no terminal."""
_BAR: Final = "{desc}: {n_fmt}/{total_fmt} |{bar}| {rate_noinv_fmt}, {remaining} left{postfix}"
"""Short enough for 80 columns."""


class _Lines(tqdm):  # type: ignore[type-arg]
    """A bar that writes lines: none in the first seconds, so that short work says nothing."""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Write a line, if there was none for a while."""
        now = time.monotonic()
        # tqdm draws also when it begins and ends; its own pause holds for `update` alone.
        if msg == "" or now - getattr(self, "_said", self._begun) < PAUSE:
            return
        self._said = now
        log.info("%s", str(self))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._begun = time.monotonic()
        super().__init__(*args, **kwargs)

    def clear(self, nolock: bool = False) -> None:
        """Nothing stands there that must go."""

    def close(self) -> None:
        """End without a last line."""
        self.leave = False
        super().close()


def progress(
    iterable: Iterable[Any] | None = None,
    *,
    what: str,
    unit: str,
    total: int | None = None,
    initial: int = 0,
    leave: bool = True,
    scaled: bool = False,
) -> tqdm[Any]:
    """A bar for some work, to be used as tqdm's.

    Args:
        iterable: what is worked through; None: `update` is called.
        what: the title.
        unit: one of what is counted.
        total: how many there are; None: the length of `iterable`, or not known.
        initial: how many were done before.
        leave: whether the bar stays in the terminal when it is done.
        scaled: whether numbers are written with k, M, G.
    """
    terminal = sys.stderr.isatty()
    if total is None and hasattr(iterable, "__len__"):
        total = len(iterable)  # type: ignore[arg-type]
    kind = tqdm if terminal else _Lines
    bar: tqdm[Any] = kind(
        iterable,
        desc=what,
        # A bar has little room.
        unit=unit if scaled or not terminal else "",
        total=total,
        initial=initial,
        leave=leave,
        unit_scale=scaled,
        dynamic_ncols=terminal,
        # Without a terminal the width of the line is that of its numbers.
        ncols=None if terminal else 0,
        bar_format=_BAR if terminal and total else None,
        mininterval=0.1 if terminal else PAUSE,
        miniters=None if terminal else 1,
    )
    return bar


def clock(seconds_from_now: float) -> str:
    """When something ends: `14:32`, or `Tue 14:32` on another day.

    >>> len(clock(0))
    5
    """
    then, now = time.localtime(time.time() + seconds_from_now), time.localtime()
    other_day = (then.tm_year, then.tm_yday) != (now.tm_year, now.tm_yday)
    return time.strftime("%a %H:%M" if other_day else "%H:%M", then)

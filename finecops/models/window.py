"""How many requests a server gets at the same time: a fixed number, or one that grows while throughput grows.

Here is the arithmetic alone; `finecops.models.openai_client` sends the requests.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Concurrency: TypeAlias = int | Literal["auto"]
"""A number of requests, or `auto`: the number is found during the run."""

FIRST: Final = 16
"""Requests at the same time with which `auto` begins."""
MOST: Final = 256
"""Where it ends: vLLM works on so many at the same time."""
_GAIN = 1.2
"""Twice as many requests must bring so many times as many answers; less is chance, or latency that others wait for."""
_MEASURED = 3
"""Answers of a measurement, in windows. With slow answers among fast ones, fewer say little."""
_REST = 8
"""After so many measurements without a try, more is tried again: a server is slower while it warms up."""


class _Measured(NamedTuple):
    size: int
    per_second: float


class Window:
    """The number of requests at the same time.

    Args:
        concurrency: a number that stays, or `auto`.
        longest: seconds that an answer may take on average; more requests would make it longer.
        servers: how many share the requests; the concurrency and the bounds are those of one.
    """

    def __init__(self, concurrency: Concurrency, longest: float, servers: int = 1) -> None:
        self.size = servers * (FIRST if concurrency == "auto" else concurrency)
        self._most = servers * MOST
        self._fixed = concurrency != "auto"
        self._longest = longest
        self._before: _Measured | None = None
        self._rest = 0
        self._answers, self._since = 0, 0.0

    def answered(self, now: float) -> None:
        """An answer came.

        Args:
            now: the time in seconds, by any clock.
        """
        if self._fixed:
            return
        self._answers += 1
        # The first ones were asked when the window had another size.
        if self._answers == self.size:
            self._since = now
        elif self._answers == (1 + _MEASURED) * self.size:
            self._judge(_MEASURED * self.size / max(now - self._since, 1e-9))
            self._answers = 0

    def busy(self) -> None:
        """The server said that it gets too many requests: half of them from now on."""
        # Those on their way say it too, and are no further reason.
        if not self._fixed and (self._answers >= self.size or self._before is not None or not self._rest):
            self.size, self._before, self._rest, self._answers = max(1, self.size // 2), None, _REST, 0

    def _judge(self, per_second: float) -> None:
        before = self._before
        if before is not None and per_second < _GAIN * before.per_second:
            self.size, self._before, self._rest = before.size, None, _REST
        elif self._rest:
            self._rest -= 1
        # By Little's law an answer takes size / rate; in a window of twice the size at most twice as long.
        elif self.size < self._most and 2 * self.size / per_second < self._longest:
            self._before = _Measured(self.size, per_second)
            self.size = min(self._most, 2 * self.size)
        else:
            self._before, self._rest = None, _REST

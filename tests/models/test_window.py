"""The window of requests, with a server that is computed instead of run."""

from __future__ import annotations

import heapq
import random

import pytest

from finecops.models.window import FIRST, MOST, Window


def sizes_with(
    capacity: int, answers: int, slow_share: float = 0.0, longest: float = 30.0, seconds: float = 0.05
) -> list[int]:
    """The window's size after each answer of a server that works on so many requests at the same time."""
    window, drawn = Window("auto", longest), random.Random(0)
    free, under_way, sizes, now = [0.0] * capacity, list[float](), list[int](), 0.0
    for _ in range(answers):
        while len(under_way) < window.size:
            begun = max(now, heapq.heappop(free))
            end = begun + (1.0 if drawn.random() < slow_share else seconds)
            heapq.heappush(free, end)
            heapq.heappush(under_way, end)
        now = heapq.heappop(under_way)
        window.answered(now)
        sizes.append(window.size)
    return sizes


@pytest.mark.parametrize(
    ("capacity", "slow_share", "least", "most"),
    [
        # More brings nothing: it is tried now and then, and given up.
        (4, 0.0, FIRST, 2 * FIRST),
        (64, 0.0, 64, 128),
        (64, 0.05, 64, 128),
        # As many as it takes.
        (1000, 0.0, MOST, MOST),
        (1000, 0.05, MOST, MOST),
    ],
)
def test_the_window_grows_as_long_as_throughput_does(capacity: int, slow_share: float, least: int, most: int) -> None:
    sizes = sizes_with(capacity, 6000, slow_share)
    assert sizes[0] == FIRST
    assert {min(sizes[3000:]), max(sizes[3000:])} <= {least, most}


def test_the_window_stays_where_answers_would_take_too_long() -> None:
    assert max(sizes_with(1000, 3000, longest=15.0, seconds=10.0)) == FIRST


def test_a_number_stays() -> None:
    window = Window(7, 30.0)
    for now in range(1000):
        window.answered(now)
    window.busy()
    assert window.size == 7


def test_a_busy_server_gets_half_and_is_heard_once() -> None:
    window = Window("auto", 30.0)
    for _ in range(FIRST):
        window.busy()
    assert window.size == FIRST // 2
    for now in range(FIRST // 2):
        window.answered(now)
    window.busy()
    assert window.size == FIRST // 4

"""Results in the order of the things, in this process and in others."""

from __future__ import annotations

import os
import signal

import pytest

from finecops.construction.pool import ordered_map
from finecops.errors import RunError


def double(number: int) -> int:
    return 2 * number


def end_at_7(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_one_process_takes_one_thing_at_a_time() -> None:
    taken = []
    results = ordered_map(double, (taken.append(n) or n for n in range(9)))
    assert (next(results), taken) == (0, [0])
    assert list(results) == [2, 4, 6, 8, 10, 12, 14, 16]


def test_few_things_start_no_process() -> None:
    # A function of a function cannot be sent to a process.
    assert list(ordered_map(lambda n: -n, range(5), workers=2)) == [0, -1, -2, -3, -4]


@pytest.mark.slow
def test_workers_keep_the_order_and_are_not_far_ahead() -> None:
    taken = []
    results = ordered_map(double, (taken.append(n) or n for n in range(2000)), workers=2, fewest=10, chunk=5)
    assert next(results) == 0
    assert len(taken) < 60
    assert list(results) == [2 * n for n in range(1, 2000)]


@pytest.mark.slow
def test_a_worker_that_the_system_ends_is_an_error_with_advice() -> None:
    with pytest.raises(RunError, match="fewer --workers"):
        list(ordered_map(end_at_7, range(100), workers=2, fewest=10, chunk=5))

"""Several pieces of work at the same time, and their results in order: for models that mostly wait for a server."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

Given = TypeVar("Given")
Result = TypeVar("Result")


def in_order(
    do: Callable[[Given], Result], work: Iterable[Given], width: Callable[[], int], alone: bool = False
) -> Iterator[Result]:
    """The results, in the order of the work.

    Work is taken ahead of the results, as far as `width` allows, and done in threads. With a width of 1 it is done in
    this thread, one after the other, each when its result is asked for.

    Args:
        do: what is done with each.
        work: taken in its order.
        width: how much is done at the same time by now. It may change.
        alone: take nothing before the result of what was taken is asked for.
    """
    if alone or width() <= 1:
        yield from map(do, work)
        return
    under_way: deque[Future[Result]] = deque()
    for one in work:
        under_way.append(_begun(do, one))
        # What is done is given before more is taken: whoever gives the work may be slow.
        while under_way and (under_way[0].done() or len(under_way) >= max(1, width())):
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _begun(do: Callable[[Given], Result], one: Given) -> Future[Result]:
    future: Future[Result] = Future()

    def work() -> None:
        try:
            future.set_result(do(one))
        # It is raised where the result is asked for.
        except BaseException as error:
            future.set_exception(error)

    # A process that is stopped waits for none of them.
    threading.Thread(target=work, daemon=True).start()
    return future

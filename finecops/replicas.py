"""Replicas: servers with the same model. Which of them are there, and which one gets the next request.

Those who start servers say what is there (`finecops.serving`), those who send requests ask (`finecops.models`), and
`run.json` gets how a model was served (`finecops.runs`). Here is what they have in common; nothing is sent or started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

_LONGEST_REST: Final = 30.0
"""Seconds after which a server that was not reached is asked again at the latest."""


@dataclass(eq=False)
class Replica:
    """One server."""

    url: str | None
    """None: OpenAI's own."""
    is_up: bool = True
    life: int = 0
    """How often it was started."""
    running: int = 0
    """Requests that it has."""
    is_alone: bool = False
    """Whether it is for one request alone."""
    failures: int = 0
    """How often in a row it was not reached."""
    rests_until: float = 0.0
    """Until then others are asked first; by `time.monotonic`."""


class Replicas:
    """The servers of a model. Threads may use it at the same time.

    Args:
        urls: of the servers; those that are still to be started have none, and are not up.
        name: theirs in messages.
        how: what `run.json` says of them.
        is_up: whether they are there already.
    """

    def __init__(
        self, urls: Sequence[str | None], name: str = "", how: Mapping[str, JsonValue] | None = None, is_up: bool = True
    ) -> None:
        self.all = [Replica(url, is_up) for url in urls]
        self.name, self.how = name, how or {}
        self.key: str | None = None
        """The key that they take, where it is none of the user's."""
        self.fault: str | None = None
        """Why none of them will be there again."""
        self._lock = threading.Lock()
        self._reserved: Replica | None = None
        self._listeners: list[Callable[[], None]] = []

    def ensure(self) -> None:
        """Make them be there: nothing to do for servers that run already.

        Raises:
            FinecopsError: they cannot be started.
        """

    def listen(self, changed: Callable[[], None]) -> None:
        """Have a function called whenever a request that found none may find one, from any thread."""
        with self._lock:
            self._listeners.append(changed)

    def take(self, near: Replica | None = None, alone: bool = False) -> Replica | None:
        """A server for a request; None: there is none now. `give_back` must follow.

        Args:
            near: the one that has the request's image already.
            alone: it gets a server for itself, as soon as one has answered what it has.
        """
        with self._lock:
            chosen = self._emptied() if alone else self._least_busy(near)
            if chosen is not None:
                chosen.running += 1
            return chosen

    def give_back(self, replica: Replica, alone: bool = False) -> None:
        """A request has its answer, or none."""
        with self._lock:
            replica.running -= 1
            if alone:
                replica.is_alone = False
        self._changed()

    def _emptied(self) -> Replica | None:
        if self._reserved is None or not self._reserved.is_up:
            if self._reserved is not None:
                self._reserved.is_alone = False
            there = [one for one in self.all if one.is_up and not one.is_alone]
            self._reserved = min(there, key=lambda one: one.running, default=None)
        if self._reserved is None:
            return None
        # From now on nobody else gets it.
        self._reserved.is_alone = True
        if self._reserved.running:
            return None
        chosen, self._reserved = self._reserved, None
        return chosen

    def _least_busy(self, near: Replica | None) -> Replica | None:
        there = [one for one in self.all if one.is_up and not one.is_alone]
        now = time.monotonic()
        awake = [one for one in there if one.rests_until <= now]
        if near is not None and near in awake:
            return near
        if awake:
            return min(awake, key=lambda one: one.running)
        return min(there, key=lambda one: one.rests_until, default=None)

    def reached(self, replica: Replica) -> None:
        """It answered, whatever it said."""
        replica.failures, replica.rests_until = 0, 0.0

    def not_reached(self, replica: Replica) -> bool:
        """It could not be reached; whether that is news and others can be asked meanwhile."""
        with self._lock:
            replica.failures += 1
            replica.rests_until = time.monotonic() + min(_LONGEST_REST, 0.5 * 2**replica.failures)
            return replica.failures == 1 and len(self.all) > 1

    def has_died(self, replica: Replica, life: int) -> bool:
        """Whether a server has ended since it had that life."""
        with self._lock:
            return replica.life != life or not replica.is_up

    def set_up(self, number: int, url: str) -> None:
        """A server answers, after a start."""
        with self._lock:
            replica = self.all[number]
            replica.url, replica.is_up, replica.life = url, True, replica.life + 1
            replica.failures, replica.rests_until = 0, 0.0
        self._changed()

    def set_down(self, number: int) -> None:
        """A server has ended; it may come again."""
        with self._lock:
            self.all[number].is_up = False

    def give_up(self, fault: str) -> None:
        """None will be there again."""
        with self._lock:
            self.fault = self.fault or fault
            for replica in self.all:
                replica.is_up = False
        self._changed()

    def _changed(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        # Outside of the lock: they may ask for a server at once.
        for changed in listeners:
            changed()


_known: dict[object, Replicas] = {}


def remember(key: object, replicas: Replicas | None) -> None:
    """Say which servers a configuration has; None: it has none any more."""
    if replicas is None:
        _known.pop(key, None)
    else:
        _known[key] = replicas


def replicas_of(key: object) -> Replicas | None:
    """The servers of a configuration, where any were remembered."""
    return _known.get(key)

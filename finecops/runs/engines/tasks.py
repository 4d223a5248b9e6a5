"""What is done with the batches of a worker that died: the same again, then parts, until one sample is to blame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from finecops.records import Sample
from finecops.runs.batches import Batch, ids_of
from finecops.runs.specification import ImageGroup, Row

TRIES: Final = 3
"""So often a batch is tried whole, as long as nothing but its worker's death speaks against it."""


@dataclass(frozen=True)
class Task:
    """A batch to be done; `deaths` of workers that had begun it; `counted`: with its operations.

    Nothing is prepared beside one that is `alone`: a worker's next death would have two possible causes.
    """

    batch: Batch
    counted: bool = False
    deaths: int = 0
    alone: bool = False


class Tasks:
    """Tasks that wait: batches are made when their turn comes."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._again: deque[Task] = deque()
        self._new = iter(batches)
        self._begun, self._count = 0, len(batches)

    def __len__(self) -> int:
        return len(self._again) + self._count - self._begun

    def take(self) -> Task:
        """The next one. The operations of the first batch are counted."""
        if self._again:
            return self._again.popleft()
        self._begun += 1
        return Task(next(self._new), counted=self._begun == 1)

    @property
    def next_is_alone(self) -> bool:
        """Whether the next one is."""
        return bool(self._again) and self._again[0].alone

    def put_back(self, tasks: Sequence[Task]) -> None:
        """Tasks that come first, in their order."""
        self._again.extendleft(reversed(tasks))


def after_a_death(
    lost: Sequence[Task], cause: str, failure: Callable[[Sample, str], Row]
) -> tuple[list[Task], list[Row]]:
    """What follows when a worker has died.

    Args:
        lost: what it had, and in front the batch that it had begun.
        cause: of its death, in words.
        failure: from a sample and a reason to a failed row.

    Returns:
        What is to be done again, and the failed row if the worker died of one sample alone.
    """
    if not lost:
        return [], []
    first = replace(lost[0], deaths=lost[0].deaths + 1, alone=True)
    # They may have been prepared when it died.
    rest = [replace(task, alone=True) for task in lost[1:]]
    if first.deaths < TRIES:
        return [first, *rest], []
    parts = _parts(first.batch)
    if len(parts) > 1:
        # Those behind may wait: the parts are what the whole batch was.
        return [*(Task(part, alone=True) for part in parts), *rest], []
    sample = first.batch[0].samples[0]
    assert ids_of(first.batch) == [sample.id]
    return rest, [failure(sample, f"the worker dies of it ({TRIES} times): {cause}")]


def _parts(batch: Batch) -> list[Batch]:
    """Image by image, or sample by sample."""
    if len(batch) > 1:
        return [(group,) for group in batch]
    group = batch[0]
    return [(ImageGroup(group.image, (sample,)),) for sample in group.samples]

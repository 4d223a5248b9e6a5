"""What a model computed of the last images, for whoever asks about them next."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from PIL import Image

T = TypeVar("T")
_memories: WeakSet[ImageMemory[Any] | LastCall[Any]] = WeakSet()
"""All there are in this process."""


def forget_computed() -> None:
    """Empty all of them, so that the next stage computes everything itself: to measure what it costs alone."""
    for memory in _memories:
        memory.forget()


class ImageMemory(Generic[T]):
    """Keeps what was computed of images: of as many as the largest call had, the last ones.

    A stage asks about the images of a batch, and the stage that follows it on that batch finds them here. Images are
    compared as objects: `finecops.images` gives the same object for the same file.

    Args:
        together: the images of a call go through the model together, and the last digits depend on which they are. Then
            a call about the very same images finds them, and no other: a run that was killed ends in the same bytes.
    """

    def __init__(self, together: bool = False) -> None:
        self.computed = 0
        """How often something was computed."""
        self._kept: dict[tuple[int, Hashable], tuple[Image.Image, T]] = {}
        self._together, self._most = together, 0
        _memories.add(self)

    def of(
        self,
        asked: Sequence[tuple[Image.Image, Hashable]],
        compute: Callable[[list[tuple[Image.Image, Hashable]]], Sequence[T]],
    ) -> list[T]:
        """What `compute` gives for each image and what else it depends on; it gets those that are not kept."""
        # The image is kept beside: as long as it lives, no other object has its number.
        wanted = {(id(image), about): image for image, about in asked}
        if self._together and self._kept.keys() != wanted.keys():
            self.forget()
        self._most = max(self._most, len(wanted))
        missing = [key for key in wanted if key not in self._kept]
        made = compute([(wanted[key], key[1]) for key in missing]) if missing else []
        self.computed += len(missing)
        self._kept.update((key, (wanted[key], one)) for key, one in zip(missing, made, strict=True))
        for key in wanted:
            # The last that was asked for is the last to go.
            self._kept[key] = self._kept.pop(key)
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return [self._kept[id(image), about][1] for image, about in asked]

    def forget(self) -> None:
        """Free the memory."""
        self._kept.clear()


class LastCall(Generic[T]):
    """The result of a model's last call, for whoever makes the same call next."""

    def __init__(self) -> None:
        self._kept: tuple[object, object, T] | None = None
        _memories.add(self)

    def of(self, asked: object, alive: object, compute: Callable[[], T]) -> T:
        """The result of what `asked` identifies; `alive` is kept beside, so that no number of an object in it is given
        to another one."""
        if self._kept is None or self._kept[0] != asked:
            self._kept = asked, alive, compute()
        return self._kept[2]

    def forget(self) -> None:
        """Free the memory."""
        self._kept = None

"""Which samples two sides have in common: those of the same id and the same content.

An id alone says little: two layouts of annotations number other sentences with the same ids. The folder of an image
and the name of the dataset may differ, and what one side does not state (a level, how a negative was made, in an
imported run the image and its size) is no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from finecops.errors import RunError
from finecops.records import Record, Sample
from finecops.text import counted, shortly

_TOLERANCE = 0.01
"""In pixels: a box that was written as x, y, width and height is rounded otherwise than its corners."""
_ALWAYS = ("expression", "truth")
_SIZES = ("width", "height")
_IF_STATED = ("level", "tuple_type", "negative")


class SharedSamples(Record):
    """How many samples two sides have in common, and how many were left out of a comparison, and why."""

    compared: int
    """Of the same id and content, asked of both, and of known truth."""
    first_alone: int = 0
    """The first side has them and the second has not."""
    second_alone: int = 0
    differ: int = 0
    """Both have the id, with another content."""
    example: str | None = None
    """The first difference in words."""
    not_asked_first: int = 0
    """The first method was asked about its share of the samples alone, and these are not in it."""
    not_asked_second: int = 0
    unknown: int = 0
    """Nobody knows the truth."""
    missing_both: int = 0
    """Neither method has an answer: a sample that says nothing of their difference."""
    missing_first: int = 0
    """Compared, and the first has no answer: that counts as wrong."""
    missing_second: int = 0

    def sentences(self, first: str = "the first", second: str = "the second") -> list[str]:
        """What a reader must know of the samples that were left out or lack an answer."""
        found = [
            (self.differ, f"Left out, of the same id and another content ({self.example})"),
            (self.first_alone, f"Left out, of {first} alone"),
            (self.second_alone, f"Left out, of {second} alone"),
            (self.not_asked_first, f"Left out, not asked of {first} (its share is smaller)"),
            (self.not_asked_second, f"Left out, not asked of {second} (its share is smaller)"),
            (self.unknown, "Left out, of unknown truth"),
            (self.missing_both, "Left out, without an answer of either"),
            (self.missing_first, f"Wrong, since {first} has no answer"),
            (self.missing_second, f"Wrong, since {second} has no answer"),
        ]
        return [f"{what}: {counted(number, 'sample')}." for number, what in found if number]


@dataclass(frozen=True)
class Matched:
    """The samples of two sides.

    Attributes:
        samples: those in common, in the first side's order, as the first side has them.
        about: how many were left out.
    """

    samples: list[Sample]
    about: SharedSamples


def match_samples(first: Sequence[Sample], second: Sequence[Sample], names: tuple[str, str]) -> Matched:
    """The samples that two sides have in common.

    Args:
        names: what the sides are called in messages.

    Raises:
        RunError: there is none, or most samples of the same id differ: then the sides are about different benchmarks.
    """
    others = {sample.id: sample for sample in second}
    samples, differ, example, alone = [], 0, None, 0
    for sample in first:
        other = others.get(sample.id)
        if other is None:
            alone += 1
            continue
        found = None if other == sample else difference(sample, other)
        if found is None:
            samples.append(sample)
        else:
            differ += 1
            example = example or f"{shortly(sample.id)}: {found}"
    if differ > len(samples):
        same = counted(differ + len(samples), "id")
        raise RunError(
            f"{names[0]} and {names[1]} are about different benchmarks: of {same} that both have, {differ} name other "
            f"samples; {example}"
        )
    if not samples:
        raise RunError(f"{names[0]} and {names[1]} have no sample in common: no id of one is an id of the other")
    about = SharedSamples(
        compared=len(samples),
        first_alone=alone,
        second_alone=len(others) - differ - len(samples),
        differ=differ,
        example=example,
    )
    return Matched(samples, about)


def difference(first: Sample, second: Sample) -> str | None:
    """In what two samples of the same id differ, in words; None: they are the same."""
    for name in _ALWAYS:
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours != theirs:
            return f"{name} is {shortly(ours)} and {shortly(theirs)}"
    for name in _SIZES:
        ours, theirs = getattr(first, name), getattr(second, name)
        # 0: an imported run does not know it.
        if ours and theirs and ours != theirs:
            return f"{name} is {shortly(ours)} and {shortly(theirs)}"
    # Datasets are laid out in folders of their own, and an imported run may not know its images.
    a, b = PurePosixPath(first.image).name, PurePosixPath(second.image).name
    if a and b and a != b:
        return f"image is {shortly(a)} and {shortly(b)}"
    if first.box is not None and second.box is not None:
        far = any(abs(ours - theirs) > _TOLERANCE for ours, theirs in zip(first.box, second.box, strict=True))
        if far:
            return f"box is {_corners(first.box)} and {_corners(second.box)}"
    for name in _IF_STATED:
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours is not None and theirs is not None and not _agree(ours, theirs):
            return f"{name} is {shortly(str(ours))} and {shortly(str(theirs))}"
    return None


def _agree(ours: object, theirs: object) -> bool:
    """Whether what both state is equal; of a negative each of its fields may be unknown."""
    if not isinstance(ours, Record) or not isinstance(theirs, Record):
        return ours == theirs
    pairs = [(value, getattr(theirs, name)) for name, value in ours]
    return all(value == other for value, other in pairs if value is not None and other is not None)


def _corners(box: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in box)

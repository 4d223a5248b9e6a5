"""Blind guesses: the precision@1 of answers that do not read the expression, on positives.

Each guess picks one of an image's boxes, or draws one. What is learned (which names or places are asked for) is learned
on the other images, in five folds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finecops.boxes import Boxes, iou_xyxy
from finecops.construction.bias.blind import fitted_scores, folds_of, numbers_model
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.intervals import REPLICATES, Interval, cluster_indices, mean_interval
from finecops.records import Sample

IOU: Final = 0.5
"""A guess is right if its IoU with the target is above this, as everywhere."""


@dataclass(frozen=True)
class ImageBoxes:
    """The boxes to choose from in an image: `xyxy [n, 4]` in pixels, and their names where they are known."""

    xyxy: Boxes
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Asked:
    """The positives of a split, with what can be guessed from.

    Attributes:
        samples: positives whose image has boxes.
        boxes: of each sample, those of its image.
        groups: a number per image, `[n]`.
    """

    samples: Sequence[Sample]
    boxes: Sequence[ImageBoxes]
    groups: Ints

    @classmethod
    def of(cls, samples: Sequence[Sample], boxes: Mapping[str, ImageBoxes]) -> Asked:
        """From positives and boxes by sample id; samples without a box are left out."""
        some = [s for s in samples if s.id in boxes and len(boxes[s.id].xyxy)]
        return cls(some, [boxes[s.id] for s in some], cluster_indices([s.image for s in some]))

    @cached_property
    def image_wh(self) -> Floats:
        """Width and height of each sample's image, `[n, 2]`."""
        return np.array([(s.width, s.height) for s in self.samples], dtype=np.float64)

    @cached_property
    def targets(self) -> Boxes:
        """`[n, 4]`."""
        return np.array([s.box for s in self.samples], dtype=np.float64)

    @cached_property
    def overlaps(self) -> list[Floats]:
        """For each sample, the IoU of each of its boxes with the target."""
        # Of all boxes at once: a hundred thousand calls would take longer than all else.
        counts = [len(boxes.xyxy) for boxes in self.boxes]
        overlap = iou_xyxy(np.concatenate([b.xyxy for b in self.boxes]), np.repeat(self.targets, counts, axis=0))
        return np.split(overlap, np.cumsum(counts)[:-1])

    @cached_property
    def hits(self) -> list[NDArray[np.bool_]]:
        """For each sample, whether each of its boxes would be right."""
        return [np.asarray(overlap > IOU) for overlap in self.overlaps]


@dataclass(frozen=True)
class Guess:
    """What one way of guessing gets: precision@1 in per cent, with its interval, and by level."""

    name: str
    samples: int
    value: float
    interval: Interval | None
    levels: dict[int, float] = field(default_factory=dict)


def blind_guesses(asked: Asked, replicates: int = REPLICATES) -> list[Guess]:
    """What every way of guessing gets on the same samples; nothing if there are none."""
    return [_guess(name, right(asked), asked, replicates) for name, right in _chosen(asked).items()]


def _chosen(asked: Asked) -> dict[str, Callable[[Asked], Floats]]:
    if not asked.samples:
        return {}
    named = all(boxes.names is not None for boxes in asked.boxes)
    several = len(np.unique(asked.groups)) > 1
    return {
        name: right
        for name, right in GUESSES.items()
        if (named or name not in _WITH_NAMES) and (several or name not in _LEARNED)
    }


def _guess(name: str, right: Floats, asked: Asked, replicates: int) -> Guess:
    levels = np.array([sample.level or 0 for sample in asked.samples])
    return Guess(
        name,
        len(right),
        float(100 * right.mean()),
        mean_interval(100 * right, asked.groups, replicates),
        {int(level): float(100 * right[levels == level].mean()) for level in np.unique(levels) if level},
    )


def any_box(asked: Asked) -> Floats:
    """A box drawn at random: the share of boxes that would be right."""
    return np.array([hits.mean() for hits in asked.hits])


def largest_box(asked: Asked) -> Floats:
    """The box with the largest area."""
    return _right(asked, [_area(boxes.xyxy) for boxes in asked.boxes])


def most_central_box(asked: Asked) -> Floats:
    """The box whose centre is nearest to the image's, in parts of its width and height."""
    return _right(asked, [-_from_centre(b.xyxy, wh) for b, wh in zip(asked.boxes, asked.image_wh, strict=True)])


def fixed_box(asked: Asked) -> Floats:
    """The centre of the image, with the median width and height of the targets of other images."""
    sizes = (asked.targets[:, 2:] - asked.targets[:, :2]) / asked.image_wh
    right = np.zeros(len(sizes))
    for train, test in folds_of(asked.groups):
        half = np.median(sizes[train], axis=0) / 2
        drawn = np.concatenate([0.5 - half, 0.5 + half]) * np.tile(asked.image_wh[test], 2)
        right[test] = iou_xyxy(drawn, asked.targets[test]) > IOU
    return right


def most_frequent_name(asked: Asked) -> Floats:
    """The box whose name is most often the target's on other images; the largest of several."""
    right = np.zeros(len(asked.samples))
    name = [_name(boxes, overlap) for boxes, overlap in zip(asked.boxes, asked.overlaps, strict=True)]
    for train, test in folds_of(asked.groups):
        count = Counter(name[i] for i in train)
        for i in test:
            order = _area(asked.boxes[i].xyxy).argsort().argsort() / (len(asked.boxes[i].xyxy) + 1)
            often = np.array([count[one] for one in asked.boxes[i].names or ()])
            right[i] = asked.hits[i][int((often + order).argmax())]
    return right


def likeliest_place(asked: Asked) -> Floats:
    """The box whose position and size a logistic regression takes for a target's, learned on other images."""
    features = [box_features(b.xyxy, wh) for b, wh in zip(asked.boxes, asked.image_wh, strict=True)]
    right = np.zeros(len(features))
    for train, test in folds_of(asked.groups):
        learned = np.concatenate([features[i] for i in train]), np.concatenate([asked.hits[i] for i in train])
        tested = [features[i] for i in test]
        scores = fitted_scores(numbers_model, *learned, np.concatenate(tested))
        ends = np.cumsum([len(one) for one in tested])[:-1]
        for i, of_image in zip(test, np.split(scores, ends), strict=True):
            right[i] = asked.hits[i][int(of_image.argmax())]
    return right


GUESSES: Final[Mapping[str, Callable[[Asked], Floats]]] = {
    "any box": any_box,
    "largest box": largest_box,
    "most central box": most_central_box,
    "fixed box in the centre": fixed_box,
    "most frequent name": most_frequent_name,
    "likeliest place and size": likeliest_place,
}
"""Name → whether each sample is guessed right, `[n]` from 0 to 1."""
_WITH_NAMES = ("most frequent name",)
_LEARNED = ("fixed box in the centre", "most frequent name", "likeliest place and size")


def box_features(xyxy: Boxes, image_wh: Floats) -> Floats:
    """Position and size of boxes `[n, 4]` in parts of the image, `[n, 8]`."""
    scaled = xyxy / np.tile(image_wh, 2)
    width, height = np.maximum(scaled[:, 2:] - scaled[:, :2], 1e-6).T
    centre = (scaled[:, :2] + scaled[:, 2:]) / 2
    return np.column_stack(
        [centre, width, height, np.sqrt(width * height), np.log(width / height), np.abs(centre - 0.5)]
    )


def _right(asked: Asked, preferences: Sequence[Floats]) -> Floats:
    """Whether the most preferred box of each sample is right; the first of several."""
    return np.array([float(hits[int(one.argmax())]) for hits, one in zip(asked.hits, preferences, strict=True)])


def _name(boxes: ImageBoxes, overlap: Floats) -> str | None:
    """The name of the box that is nearest to the target, if one is near it."""
    best = int(overlap.argmax())
    return boxes.names[best] if boxes.names is not None and overlap[best] > IOU else None


def _area(xyxy: Boxes) -> Floats:
    return np.asarray(np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1))


def _from_centre(xyxy: Boxes, image_wh: Floats) -> Floats:
    return np.asarray(np.linalg.norm((xyxy[:, :2] + xyxy[:, 2:]) / 2 / image_wh - 0.5, axis=1))

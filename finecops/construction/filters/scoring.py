"""The scores of negatives: numbers in rows, so that thresholds can be changed without asking a model again.

Of a negative expression: how similar it and the positive are to the image. Of an edited image also, for each candidate:
whether the box shows the new thing rather than the old one, how synthetic the image and the part around the box look,
and how similar it is to the original.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from PIL import Image

from finecops.construction.edits.candidates import checked_candidate
from finecops.construction.edits.crop import crop_around
from finecops.construction.edits.mask import MaskOptions, grown_box
from finecops.construction.filters.scorers import FeatureScorer, Scorers, SyntheticScorer, TextScorer
from finecops.construction.samples import EditRow, ScoreRow
from finecops.errors import DataError, FinecopsError, ModelError, first_line
from finecops.images import read_image

TEXT_POSITIVE: Final = "text_positive"
"""Similarity of the positive expression and the original image."""
TEXT_NEGATIVE: Final = "text_negative"
"""Similarity of the negative expression and the original image."""
EDIT_MARGIN: Final = "edit_margin"
"""In the part around a box: by how much the new words are more similar to it than the old ones. The smallest of all
boxes."""
SYNTHETIC: Final = "synthetic"
"""Probability that the whole image is synthetic."""
SYNTHETIC_CROP: Final = "synthetic_crop"
"""The same of the part around a box; the largest of all boxes."""
SYNTHETIC_ORIGINAL: Final = "synthetic_original"
"""The same of the unedited image."""
SYNTHETIC_ORIGINAL_CROP: Final = "synthetic_original_crop"
SIMILARITY: Final = "similarity"
"""Of the whole image with the original."""
SIMILARITY_BOX: Final = "similarity_box"
"""Inside the boxes."""
CONTEXT: Final = 0.5
"""How far the part around a box reaches beyond it, in its longer sides."""

Value = float | list[float | None] | None


def score_texts(id_: int, positive: str, negative: str, image: Image.Image, scorer: TextScorer) -> ScoreRow:
    """The scores of a negative expression.

    Args:
        id_: of the negative.
        positive, negative: the two expressions.
        image: the original image.
        scorer: compares images and texts.

    Returns:
        The row; without scores, and with a reason, where the scorer failed.
    """
    try:
        return ScoreRow(id=id_, scores=_finite(_texts(positive, negative, image, scorer)))
    except (FinecopsError, RuntimeError, ValueError) as error:
        return ScoreRow(id=id_, reason=first_line(error)[:300])


def score_edit(
    row: EditRow, texts: tuple[str, str] | None, image: Image.Image, build: Path, scorers: Scorers
) -> ScoreRow:
    """The scores of an edited image and its candidates.

    A flip is not scored: nothing in it was painted, and the texts differ in "left" and "right" alone.

    Args:
        row: the edit with its candidates.
        texts: the positive expression, and one that describes the edited image (`EditRow.said`). None: not compared.
        image: the original image, RGB.
        build: the build folder.
        scorers: the models.

    Returns:
        The row; each list has a value per candidate, None for one that failed. With a reason where a score is missing.
    """
    if row.status != "kept" or row.type == "flip":
        return ScoreRow(id=row.id)
    try:
        files = [checked_candidate(row, number, build) for number in range(len(row.candidates))]
        edited = [None if file is None else read_image(file) for file in files]
    except DataError as error:
        return ScoreRow(id=row.id, reason=f"a candidate cannot be read: {error}")
    edit = _Edit(row, image, edited)
    scores: dict[str, Value] = {}
    reasons = []
    for part in edit.parts(texts, scorers):
        try:
            scores |= _finite(part())
        # A model gives up for one image, and goes on with the next: no memory, a text that its tokenizer refuses.
        except (FinecopsError, RuntimeError, ValueError) as error:
            reasons.append(first_line(error)[:300])
    return ScoreRow(id=row.id, scores=scores, reason="; ".join(dict.fromkeys(reasons)) or None)


def _finite(scores: dict[str, Value]) -> dict[str, Value]:
    """The scores, if all are numbers: a model in half precision may give something else, which no row can hold."""
    for name, value in scores.items():
        if not all(one is None or math.isfinite(one) for one in (value if isinstance(value, list) else [value])):
            raise ModelError(f"the score {name} is no number; `dtype: float32` in the model's file may help")
    return scores


def _texts(positive: str, negative: str, image: Image.Image, scorer: TextScorer) -> dict[str, Value]:
    ((first, second),) = scorer.similarities([image], [positive, negative])
    return {TEXT_POSITIVE: first, TEXT_NEGATIVE: second}


class _Edit:
    """An edit with its images."""

    def __init__(self, row: EditRow, image: Image.Image, edited: Sequence[Image.Image | None]) -> None:
        self._row, self._image = row, image
        self._edited = edited
        self._made = [candidate for candidate in edited if candidate is not None]
        masks = [grown_box(box, image.size, MaskOptions()) for box in row.boxes]
        self._regions = [crop_around(mask, image.size, CONTEXT, 1, 1).region for mask in masks]

    def parts(self, texts: tuple[str, str] | None, scorers: Scorers) -> list[Callable[[], dict[str, Value]]]:
        """What is to be computed, one model after the other: where one fails, the others still score."""
        found: list[Callable[[], dict[str, Value]]] = []
        if scorers.text is not None:
            if texts is not None:
                found.append(partial(_texts, *texts, self._image, scorers.text))
            if self._regions:
                found.append(partial(self._margins, scorers.text))
        if scorers.features is not None:
            found.append(partial(self._similarities, scorers.features))
        if scorers.synthetic is not None:
            found.append(partial(self._synthetic, scorers.synthetic))
        return found

    def _spread(self, values: Sequence[float]) -> list[float | None]:
        """Values of the candidates that there are, with None for the others."""
        left = iter(values)
        return [None if candidate is None else next(left) for candidate in self._edited]

    def _margins(self, scorer: TextScorer) -> dict[str, Value]:
        smallest: list[float] = []
        for region, before, now in zip(self._regions, self._row.before, self._row.prompts, strict=True):
            pairs = scorer.similarities([candidate.crop(region) for candidate in self._made], [now, before])
            margins = [new - gone for new, gone in pairs]
            smallest = [min(both) for both in zip(smallest, margins, strict=True)] if smallest else margins
        return {EDIT_MARGIN: self._spread(smallest)}

    def _similarities(self, scorer: FeatureScorer) -> dict[str, Value]:
        pairs = scorer.similarities(self._image, self._made, self._row.boxes)
        whole, inside = ([pair[i] for pair in pairs] for i in (0, 1))
        return {SIMILARITY: self._spread(whole), SIMILARITY_BOX: self._spread(inside)}

    def _synthetic(self, scorer: SyntheticScorer) -> dict[str, Value]:
        images = [self._image, *self._made]
        whole = scorer.probabilities(images)
        found: dict[str, Value] = {SYNTHETIC_ORIGINAL: whole[0], SYNTHETIC: self._spread(whole[1:])}
        if self._regions:
            crops = [scorer.probabilities([image.crop(region) for image in images]) for region in self._regions]
            largest = [max(of_image) for of_image in zip(*crops, strict=True)]
            found |= {SYNTHETIC_ORIGINAL_CROP: largest[0], SYNTHETIC_CROP: self._spread(largest[1:])}
        return found

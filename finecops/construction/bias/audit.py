"""The audit of a split: what each kind of blind classifier tells of each type of negatives, and what guesses get."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from finecops.benchmark_words import type_order
from finecops.construction.bias.blind import BlindScore, blind_score, numbers_model, telling_words, words_score
from finecops.construction.bias.box_sources import BoxSource
from finecops.construction.bias.guesses import Asked, Guess, blind_guesses, box_features
from finecops.construction.bias.pair_files import LabelledText
from finecops.construction.bias.pairs import READINGS, TextPair, Texts, by_type, pairs_of_dataset, type_of
from finecops.datasets.dataset import Dataset
from finecops.errors import DataError
from finecops.metrics.answers import Floats
from finecops.metrics.intervals import cluster_indices
from finecops.records import Sample

READERS: Final[Mapping[str, str]] = {
    "words": "words of the negatives against those of the positives that they were made from",
    "writing": "as words, with capitals, punctuation and one-letter words",
    "words_all": "words of the negatives against those of all positives",
    "box": "position and size of the box of the negatives' positives against those of all positives",
    "image": "plain features of the negative images against those of the images that they were made from",
    "image_model": "as image, with the vectors of a vision model",
}
"""What a blind classifier looks at. `words_all` and `box` show which positives negatives were made from, too."""
Features = Callable[[Path], Floats]
Progress = Callable[[Sequence[Any], str], Iterable[Any]]
"""Things to work through, and one of them in a word → the same, with a bar."""


def _no_bar(things: Sequence[Any], unit: str) -> Iterable[Any]:
    return things


@dataclass
class TypeAudit:
    """One type of negatives: what each reader gets, and the words that tell most for a positive and a negative."""

    kind: str
    type: str
    readers: dict[str, BlindScore] = field(default_factory=dict)
    for_positives: list[str] = field(default_factory=list)
    for_negatives: list[str] = field(default_factory=list)


@dataclass
class Audit:
    """All of a split or a file.

    Attributes:
        name: of the dataset and split, or the file.
        types: in the order of the paper's tables; texts first.
        guesses: what blind guesses get on positives.
        boxes_from: where the boxes come from.
        notes: what was left out.
    """

    name: str
    types: list[TypeAudit]
    guesses: list[Guess] = field(default_factory=list)
    boxes_from: str | None = None
    notes: list[str] = field(default_factory=list)


def audit_pairs(name: str, pairs: Sequence[TextPair], singles: Sequence[LabelledText] = ()) -> Audit:
    """The audit of a list of texts, in pairs or not."""
    types = []
    for type_, members in by_type(pairs).items():
        some = [pairs[i] for i in members]
        types.append(_of_texts("text", type_, partial(Texts.of_pairs, some)))
    for type_ in dict.fromkeys(one.type for one in singles):
        rows = [(one.text, one.positive, one.group) for one in singles if one.type == type_]
        types.append(_of_texts("text", type_, partial(Texts.of, rows)))
    return Audit(name, types)


def audit_dataset(
    dataset: Dataset,
    boxes: BoxSource,
    images: Mapping[str, Features] | None = None,
    progress: Progress = _no_bar,
) -> Audit:
    """The audit of a split.

    Args:
        dataset: the split.
        boxes: what guesses choose from (`finecops.construction.bias.box_sources`).
        images: reader (`image`, `image_model`) → features of an image file; empty: no image is opened.
        progress: bars over images and over types.
    """
    samples = list(dataset.samples)
    positives = [sample for sample in samples if sample.positive]
    audit = Audit(f"{dataset.config.name}:{dataset.split}", [], boxes_from=boxes.said)
    pairs = pairs_of_dataset(dataset)
    table = _Images(dataset, images or {}, progress, samples)
    keys = sorted({_key(s) for s in samples if s.absent}, key=_order)
    for kind, type_ in progress(keys, "type"):
        negatives = [s for s in samples if s.absent and _key(s) == (kind, type_)]
        some = [pair for pair in pairs if pair.type == type_] if kind != "image" else []
        found = _of_texts(kind, type_, partial(Texts.of_pairs, some)) if some else TypeAudit(kind, type_)
        found.readers |= _against_all(negatives, positives)
        if kind == "image":
            found.readers |= table.scores(negatives, {s.id: s for s in positives})
        audit.types.append(found)
    asked = Asked.of(positives, boxes.boxes)
    audit.guesses = blind_guesses(asked)
    if len(asked.samples) < len(positives):
        audit.notes.append(
            f"{len(positives) - len(asked.samples)} of {len(positives)} positives have no box to guess from"
        )
    audit.notes += table.notes
    return audit


def _key(sample: Sample) -> tuple[str, str]:
    return (sample.negative.kind if sample.negative is not None else None) or "?", type_of(sample)


def _order(key: tuple[str, str]) -> tuple[int, tuple[int, str]]:
    kinds = ("text", "image", "?")
    return kinds.index(key[0]), type_order(key[1])


def _of_texts(kind: str, type_: str, read: Callable[..., Texts]) -> TypeAudit:
    """What each reading of the same texts tells."""
    found = TypeAudit(kind, type_)
    for reading in READINGS:
        texts = read(reading=reading)
        found.readers[reading] = words_score(texts)
        # The words too, but for a capital here and there.
        if reading == "writing":
            found.for_positives, found.for_negatives = telling_words(texts)
    return found


def _against_all(negatives: Sequence[Sample], positives: Sequence[Sample]) -> dict[str, BlindScore]:
    """Words and boxes of negatives against those of all positives."""
    of_positive = {s.id: s for s in positives}
    # A negative belongs to the image of its positive, so that no fold divides them.
    made_from = [of_positive.get(s.positive_id or "") for s in negatives]
    images = [s.image if origin is None else origin.image for s, origin in zip(negatives, made_from, strict=True)]
    rows = [(s.expression, True, s.image) for s in positives]
    texts = Texts.of(rows + [(s.expression, False, image) for s, image in zip(negatives, images, strict=True)])
    found = {"words_all": words_score(texts)}
    origins = [s for s in made_from if s is not None]
    known = [s for s in [*positives, *origins] if s.width and s.height]
    if origins and len(known) == len(positives) + len(origins):
        boxes = np.concatenate([box_features(np.array([s.box]), np.array([s.width, s.height])) for s in known])
        positive = np.arange(len(known)) < len(positives)
        found["box"] = blind_score(numbers_model, boxes, positive, cluster_indices([s.image for s in known]))
    return found


class _Images:
    """Features of images, each computed once. An image that cannot be read is left out and counted."""

    def __init__(
        self, dataset: Dataset, readers: Mapping[str, Features], progress: Progress, samples: Sequence[Sample]
    ) -> None:
        self.notes: list[str] = []
        self._features: dict[str, dict[str, Floats]] = {reader: {} for reader in readers}
        if not readers:
            return
        image_of = {s.id: s.image for s in samples}
        edited = [s for s in samples if s.absent and _key(s)[0] == "image"]
        needed = list(
            dict.fromkeys(name for s in edited for name in (image_of.get(s.positive_id or ""), s.image) if name)
        )
        missing = []
        for name in progress(needed, "image"):
            try:
                path = dataset.path_of(name)
                for reader, features in readers.items():
                    self._features[reader][name] = features(path)
            except DataError as error:
                missing.append(str(error))
        if missing:
            self.notes.append(f"{len(missing)} of {len(needed)} images cannot be read, the first: {missing[0]}")

    def scores(self, negatives: Sequence[Sample], positives: Mapping[str, Sample]) -> dict[str, BlindScore]:
        """What each reader gets: edited images against the images that they were made from, each image once."""
        made_from = ((s.image, positives.get(s.positive_id or "")) for s in negatives)
        origin = {image: positive.image for image, positive in made_from if positive is not None}
        rows = [(name, True, name) for name in dict.fromkeys(origin.values())]
        rows += [(name, False, of) for name, of in origin.items()]
        return {reader: _image_score(features, rows) for reader, features in self._features.items()}


def _image_score(features: Mapping[str, Floats], rows: Sequence[tuple[str, bool, str]]) -> BlindScore:
    known = [row for row in rows if row[0] in features]
    if not known:
        return BlindScore(0, 0, reason="no image can be read" if rows else "no positives")
    positive = np.array([truth for _, truth, _ in known], bool)
    groups = cluster_indices([group for _, _, group in known])
    return blind_score(numbers_model, np.stack([features[name] for name, _, _ in known]), positive, groups)

"""What two datasets share: images by id, expressions by their words, pictures by their looks.

It answers whether a test set was in the training data. An image has other names in other datasets: COCO 2014, COCO 2017
and Visual Genome (so GQA too) number the same pictures differently; see `image_key`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from finecops.datasets.dataset import Dataset
from finecops.datasets.image_hashes import FoundHashes, default_cache, distances, hash_images, nearest
from finecops.datasets.named import named_splits
from finecops.datasets.statistics import words_of
from finecops.errors import DataError
from finecops.strict_json import parse_json
from finecops.text import plain_id, shortly

DISTANCE = 4
"""Two pictures look the same if their hashes differ in at most so many of 64 bits."""
# COCO 2014, also with an annotation's id behind it, as RefCOCOg has it; COCO 2017.
_COCO = re.compile(r"(?:COCO_(?:train|val|test)\d{4}_)?(\d{12})(?:_\d+)?")


@dataclass
class Side:
    """One of the two: all samples of the splits that a name names.

    Attributes:
        name: what the user called it.
        images: each image with its key (`image_key`) and its file; None: the name of the file cannot be used.
        samples: id, image and normalised expression of each.
    """

    name: str
    images: dict[str, tuple[str, Path | None]] = field(default_factory=dict)
    samples: list[tuple[str, str, str]] = field(default_factory=list)
    cache: Path | None = None
    left_out: int = 0


@dataclass(frozen=True)
class Share:
    """How many of each side are in the other."""

    what: str
    a: int
    a_in_b: int
    b: int
    b_in_a: int


@dataclass(frozen=True)
class SharedImage:
    """An image of A, and one of B that has the same id or looks the same."""

    a: str
    b: str
    by: Literal["id", "looks"]
    distance: int | None
    """Bits that differ; None where one of them has no hash."""


@dataclass(frozen=True)
class Overlap:
    """What two sides share.

    Attributes:
        shares: images (by id, by looks, by either), expressions, and samples.
        images: each image of A that B has, with the one in B, once by id and once by looks (the most similar one).
        samples: ids in A and B of samples with the same expression on the same image.
        notes: what was not compared, and what does not fit.
    """

    a: str
    b: str
    shares: tuple[Share, ...]
    images: tuple[SharedImage, ...]
    samples: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def image_key(image: str, coco_of: Mapping[str, str] | None = None) -> str:
    """What an image is called whatever its dataset calls it.

    COCO's images have their COCO id: `COCO_train2014_000000000009.jpg`, `000000000009.jpg` and
    `COCO_train2014_000000000009_123.jpg` are one. Any other image has its file's stem.

    Args:
        image: a path or name.
        coco_of: Visual Genome's image ids → COCO's; a stem of digits that is in it is a COCO image.

    >>> image_key("train2014/COCO_train2014_000000000009.jpg"), image_key("2370799.jpg"), image_key("1.jpg", {"1": "9"})
    ('coco 9', '2370799', 'coco 9')
    """
    stem = PurePosixPath(image).stem
    match = _COCO.fullmatch(stem)
    if match:
        return f"coco {int(match[1])}"
    if coco_of is not None and stem in coco_of:
        return f"coco {coco_of[stem]}"
    return stem


def read_coco_of(path: Path) -> dict[str, str]:
    """Visual Genome's `image_data.json`: its image ids → COCO's, where an image has one.

    Raises:
        DataError: it is not that file.
    """
    try:
        raw = parse_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"no file {path}") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(raw, list):
        raise DataError(f"{path} is no image_data.json of Visual Genome: it is {shortly(raw)}; a list is meant")
    found: dict[str, str] = {}
    for number, entry in enumerate(raw, start=1):
        # Older copies say `id`.
        id_ = plain_id(entry.get("image_id", entry.get("id"))) if isinstance(entry, dict) else None
        if id_ is None or "coco_id" not in entry:
            raise DataError(f"{path}: entry {number} has no image_id or no coco_id: {shortly(entry)}")
        coco_id = plain_id(entry["coco_id"])
        if coco_id is None and entry["coco_id"] is not None:
            raise DataError(f"{path}: entry {number}: coco_id is {shortly(entry['coco_id'])}; a whole number is meant")
        if coco_id is not None:
            found[id_] = coco_id
    return found


def read_side(name: str, coco_of: Mapping[str, str] | None = None) -> Side:
    """Read all splits that a name names (`finecops.datasets.named`).

    Raises:
        ConfigError, DataError: as `named_splits` and `load_dataset_split`.
    """
    side = Side(name)
    for split in named_splits(name):
        dataset = split.load()
        side.cache = default_cache(dataset.root, split.config.name)
        side.left_out += len(dataset.problems)
        table = dataset.samples
        for sample in table:
            if sample.image not in side.images:
                side.images[sample.image] = (image_key(sample.image, coco_of), _path(dataset, sample.image))
            side.samples.append((sample.id, sample.image, " ".join(words_of(sample.expression))))
    return side


def _path(dataset: Dataset, image: str) -> Path | None:
    try:
        return dataset.path_of(image)
    except DataError:
        return None


def overlap_of(a: Side, b: Side, pictures: bool = True, distance: int = DISTANCE, cache: Path | None = None) -> Overlap:
    """Compare two sides.

    Args:
        a, b: the sides.
        pictures: whether image files are compared too.
        distance: the largest number of differing bits of pictures that look the same.
        cache: the file of hashes; None: one per dataset in the user's folder.
    """
    by_id = (_same_key(a, b), _same_key(b, a))
    by_looks: tuple[Links, Links] = ({}, {})
    distance_of: dict[str, int] = {}
    notes = [f"{side.name}: {side.left_out} entries were left out" for side in (a, b) if side.left_out]
    shares = [_share("images by id", (len(a.images), len(b.images)), by_id)]
    if pictures:
        hashed = [hash_images(_files(side), cache or side.cache, side.name) for side in (a, b)]
        notes += [note for side, found in zip((a, b), hashed) for note in _not_hashed(side, found)]
        by_looks = (_alike(hashed[0], hashed[1], distance), _alike(hashed[1], hashed[0], distance))
        distance_of = _distances_of(by_id[0], *hashed)
        unlike = [image for image, bits in distance_of.items() if bits > distance]
        if unlike:
            first = f"{unlike[0]} and {by_id[0][unlike[0]][0]}"
            notes.append(f"{len(unlike)} images with the same id look different; the first: {first}")
        shares.append(_share("images by looks", (len(hashed[0].images), len(hashed[1].images)), by_looks))
        shares.append(_share("images by id or looks", (len(a.images), len(b.images)), _either(by_id, by_looks)))
    words_a, words_b = ({words for _, _, words in side.samples} for side in (a, b))
    both = len(words_a & words_b)
    shares.append(Share("different expressions", len(words_a), both, len(words_b), both))
    links = _either(by_id, by_looks)
    there = [sum(image in found for _, image, _ in side.samples) for side, found in zip((a, b), links)]
    shares.append(Share("samples on shared images", len(a.samples), there[0], len(b.samples), there[1]))
    same, same_b = _same_samples(a, b, by_looks[0]), _same_samples(b, a, by_looks[1])
    what = "samples with their expression"
    shares.append(Share(what, len(a.samples), len(same), len(b.samples), len(same_b)))
    images = [SharedImage(x, y, "id", distance_of.get(x)) for x, (y, _) in by_id[0].items()]
    images += [SharedImage(x, y, "looks", bits) for x, (y, bits) in by_looks[0].items()]
    return Overlap(a.name, b.name, tuple(shares), tuple(images), tuple(same), tuple(notes))


Links = dict[str, tuple[str, int | None]]
"""Images of one side → an image of the other, and by how many bits they differ, if that is known."""


def _share(what: str, n: tuple[int, int], links: tuple[Links, Links]) -> Share:
    return Share(what, n[0], len(links[0]), n[1], len(links[1]))


def _either(first: tuple[Links, Links], second: tuple[Links, Links]) -> tuple[Links, Links]:
    return second[0] | first[0], second[1] | first[1]


def _same_key(a: Side, b: Side) -> Links:
    of_key = {key: image for image, (key, _) in reversed(b.images.items())}
    return {image: (of_key[key], None) for image, (key, _) in a.images.items() if key in of_key}


def _files(side: Side) -> dict[str, Path]:
    return {image: path for image, (_, path) in side.images.items() if path is not None}


def _not_hashed(side: Side, found: FoundHashes) -> Iterator[str]:
    """What was not compared by looks."""
    unusable = [image for image, (_, path) in side.images.items() if path is None]
    for images, what in (
        (found.missing, "are missing"),
        (list(found.broken), "cannot be read"),
        (unusable, "have names that cannot be used"),
        (found.flat, "have one colour and no looks"),
    ):
        if images:
            yield f"{side.name}: {len(images)} of {len(side.images)} image files {what}; the first: {images[0]}"


def _alike(a: FoundHashes, b: FoundHashes, distance: int) -> Links:
    of_a, which = nearest(a.hashes, b.hashes)
    near = np.flatnonzero(of_a <= distance).tolist()
    return {a.images[i]: (b.images[which[i]], int(of_a[i])) for i in near}


def _distances_of(links: Links, a: FoundHashes, b: FoundHashes) -> dict[str, int]:
    """How many bits differ between images with one id, where both have a hash."""
    row_a, row_b = ({image: i for i, image in enumerate(found.images)} for found in (a, b))
    pairs = [(x, row_a[x], row_b[y]) for x, (y, _) in links.items() if x in row_a and y in row_b]
    bits = distances(a.hashes[[i for _, i, _ in pairs]], b.hashes[[j for _, _, j in pairs]])
    return dict(zip((image for image, _, _ in pairs), bits.tolist()))


def _same_samples(a: Side, b: Side, by_looks: Links) -> list[tuple[str, str]]:
    """Samples of A with one of B that has the same words on the same image."""
    of_b = {(image, words): id_ for id_, image, words in reversed(b.samples)}
    # Several images of B may have one key: those of a sample are looked up by any of them.
    by_key: dict[tuple[str, str], str] = {}
    for (image, words), id_ in of_b.items():
        by_key.setdefault((b.images[image][0], words), id_)
    same: list[tuple[str, str]] = []
    for id_, image, words in a.samples:
        found = by_key.get((a.images[image][0], words))
        if found is None and image in by_looks:
            found = of_b.get((by_looks[image][0], words))
        if found is not None:
            same.append((id_, found))
    return same

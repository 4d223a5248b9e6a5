"""Planted faults: rows that are known to be wrong, mixed among a page's samples to measure its raters.

A planted fault looks like a sample, with an id that no sample has. Which ids these are stands in a key file beside the
page, for whoever reads the votes.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from finecops.archives.zip_images import write_atomically
from finecops.boxes import iou_xyxy
from finecops.errors import DataError
from finecops.paths import open_regular
from finecops.records import Record, Sample, Xyxy
from finecops.strict_json import parse_record
from finecops.text import shortly

Fault = Literal["wrong_box", "wrong_sentence", "negative_as_positive", "positive_as_negative"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
"""A positive with the box of something else; a positive with the sentence of another image; a negative that is shown as
a positive; a true sentence that is shown as a negative."""
_MOST_IOU: Final = 0.3
"""Of a wrong box with the right one."""
_TRIES: Final = 50
_MAX_KEY: Final = 20 * 10**6
_LITTLE: Final = frozenset(
    "a an the of on in at to by is are that which with and it its as has have there can be this from side".split()
)


class PlantedFault(Record):
    """One planted fault in the key file."""

    sample_id: str
    """The id that it has on the page; no sample has it."""
    fault: Fault
    of: str
    """The sample that it was made from."""


class PlantKey(Record):
    """A key file."""

    page: str
    """The page's fingerprint."""
    dataset: str
    split: str
    seed: int
    planted: tuple[PlantedFault, ...]


@dataclass(frozen=True)
class Planted:
    """A planted fault with what stands on the page."""

    sample: Sample
    fault: PlantedFault


class _Split:
    """What faults are made from."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.positives = [sample for sample in samples if sample.positive]
        self.by_id = {sample.id: sample for sample in samples}
        self.of_image: dict[str, list[Sample]] = {}
        for sample in self.positives:
            self.of_image.setdefault(sample.image, []).append(sample)

    def positive_of(self, negative: Sample) -> Sample | None:
        found = self.by_id.get(negative.positive_id or "")
        return found if found is not None and found.positive else None


def plant(page: Sequence[Sample], everything: Sequence[Sample], count: int, seed: int) -> list[Planted]:
    """Faults for a page, each kind in turn; the same seed gives the same ones.

    Samples that are not on the page are taken first, so that nobody sees one of them twice.

    Args:
        page: the samples on it. Faults that look like positives need positives among them, and so for negatives.
        everything: all samples of the split.
        count: how many.
        seed: of the choice.

    Raises:
        DataError: the split has too few samples for so many.
    """
    rng = random.Random(f"{seed}/plant")
    split, shown = _Split(everything), {sample.id for sample in page}
    positives, negatives = any(s.positive for s in page), any(s.absent for s in page)
    kinds = [f for f in FAULTS if (negatives if f == "positive_as_negative" else positives)]
    pools = {fault: _in_order(rng, everything, shown, fault) for fault in kinds}
    # A fault of each kind in turn, so that a small number has all of them.
    ids = _new_ids(rng, set(split.by_id), count)
    used, found = set[str](), list[Planted]()
    while len(found) < count and pools:
        for fault in list(pools):
            made = _next(rng, pools[fault], split, fault, used)
            if made is None:
                del pools[fault]
            elif len(found) < count:
                base, changed = made
                # Two faults of one sample would be seen side by side.
                used.add(base.id)
                id_ = next(ids)
                row = PlantedFault(sample_id=id_, fault=fault, of=base.id)
                found.append(Planted(changed.model_copy(update={"id": id_}), row))
    if len(found) < count:
        raise DataError(f"only {len(found)} of {count} faults can be made from this split: give --plant {len(found)}")
    return found


def mixed(samples: Sequence[Sample], planted: Sequence[Planted], seed: int) -> list[Sample]:
    """Samples and faults in an order that the seed draws."""
    found = [*samples, *(one.sample for one in planted)]
    # All of them: in the split's order, a new id or a positive among negatives would be seen.
    random.Random(f"{seed}/order").shuffle(found)
    return found


def _in_order(rng: random.Random, everything: Sequence[Sample], shown: set[str], fault: Fault) -> Iterator[Sample]:
    """Samples to make a fault from, those that are not on the page first."""
    of_kind = [s for s in everything if (s.absent if fault in _OF_NEGATIVES else s.positive)]
    rng.shuffle(of_kind)
    return iter(sorted(of_kind, key=lambda sample: sample.id in shown))


def _next(
    rng: random.Random, pool: Iterator[Sample], split: _Split, fault: Fault, used: set[str]
) -> tuple[Sample, Sample] | None:
    for base in pool:
        changed = _MAKERS[fault](rng, base, split) if base.id not in used else None
        if changed is not None:
            return base, changed
    return None


def _wrong_box(rng: random.Random, base: Sample, split: _Split) -> Sample | None:
    assert base.box is not None
    # The box of another thing is the likely mistake; a box of nothing is found at once.
    others = [s.box for s in split.of_image[base.image] if s.box is not None and _iou(s.box, base.box) <= _MOST_IOU]
    box = rng.choice(others) if others else _elsewhere(rng, base)
    return None if box is None else base.model_copy(update={"box": box})


def _elsewhere(rng: random.Random, base: Sample) -> Xyxy | None:
    """A box of the same size at another place of the image; None: there is no room, or its size is not known."""
    assert base.box is not None
    wide, high = base.box[2] - base.box[0], base.box[3] - base.box[1]
    for _ in range(_TRIES if base.width and base.height else 0):
        # A box as large as the target's: its size gives nothing away.
        left, top = rng.uniform(0, base.width - wide), rng.uniform(0, base.height - high)
        box = (left, top, left + wide, top + high)
        # Stricter than for another object's box: here nothing but the place makes it wrong.
        if _iou(box, base.box) <= _MOST_IOU / 3:
            return box
    return None


def _wrong_sentence(rng: random.Random, base: Sample, split: _Split) -> Sample | None:
    """The sentence of another image that has the fewest words in common with this image's; at most a half of them."""
    # Words of everything that is said of the image: another thing in it may fit the sentence too.
    own = {word for sample in split.of_image[base.image] for word in _words(sample.expression)}
    drawn = [rng.choice(split.positives) for _ in range(_TRIES)]
    others = [
        s
        for s in drawn
        if s.image != base.image and (words := _words(s.expression)) and 2 * len(words & own) <= len(words)
    ]
    if not others:
        return None
    # The share, not the number: a short sentence has few words in common with anything.
    best = min(others, key=lambda s: len(_words(s.expression) & own) / len(_words(s.expression)))
    return base.model_copy(update={"expression": best.expression, "level": best.level, "tuple_type": best.tuple_type})


def _negative_as_positive(rng: random.Random, base: Sample, split: _Split) -> Sample | None:
    positive = split.positive_of(base)
    if positive is None:
        return None
    return base.model_copy(update={"truth": "box", "box": positive.box, "negative": None})


def _positive_as_negative(rng: random.Random, base: Sample, split: _Split) -> Sample | None:
    """A negative's row with another sentence that is true of the image of its positive."""
    positive = split.positive_of(base)
    if positive is None:
        return None
    here = split.of_image[positive.image]
    # Its own positive's sentence would be seen as the same when the two are compared.
    others = [s for s in here if s.expression not in (positive.expression, base.expression)]
    if not others:
        return None
    return base.model_copy(
        update={"expression": rng.choice(others).expression, "image": positive.image} | _size(positive)
    )


def _size(sample: Sample) -> dict[str, int]:
    return {"width": sample.width, "height": sample.height}


_OF_NEGATIVES: Final[frozenset[Fault]] = frozenset(("negative_as_positive", "positive_as_negative"))
_MAKERS: Final[Mapping[Fault, Callable[[random.Random, Sample, _Split], Sample | None]]] = {
    "wrong_box": _wrong_box,
    "wrong_sentence": _wrong_sentence,
    "negative_as_positive": _negative_as_positive,
    "positive_as_negative": _positive_as_negative,
}


def _iou(a: Xyxy, b: Xyxy) -> float:
    return float(iou_xyxy(np.array(a), np.array(b)))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - _LITTLE


def _new_ids(rng: random.Random, ids: set[str], count: int) -> Iterator[str]:
    """Ids that no sample has and that look like those of the samples, without end."""
    # ASCII first: "²" is a digit to Python, and int() refuses it.
    numbers = [int(id_) for id_ in ids if id_.isascii() and id_.isdigit() and id_ == str(int(id_))]
    if len(numbers) == len(ids):
        low, high = min(numbers), max(numbers)
        # Gaps among the numbers, and those behind the last one.
        room = max(20 * count, (high - low) // 10)
        draws: Iterator[str] = (str(rng.randint(low, high + room)) for _ in count_from(0))
    else:
        known = sorted(ids)
        draws = (_other_digits(rng, rng.choice(known)) for _ in count_from(0))
    taken = set(ids)
    for id_ in draws:
        if id_ not in taken:
            taken.add(id_)
            yield id_


def _other_digits(rng: random.Random, id_: str) -> str:
    """The id with other last digits; without any, with one more letter."""
    found = re.sub(r"\d{1,4}(?=\D*$)", lambda old: "".join(rng.choice("0123456789") for _ in old[0]), id_, count=1)
    # All ids of so many digits may be taken.
    return found if found != id_ and rng.random() < 0.9 else f"{found}{rng.choice('abcdefghij')}"


def key_path(page: Path) -> Path:
    """The key file beside a page."""
    return page.with_suffix(".key.json")


def write_key(path: Path, key: PlantKey) -> None:
    """Write a key file.

    Raises:
        DataError: there is another one: votes on the page that it is about would lose it.
    """
    content = json.dumps(key.model_dump(), indent=1, ensure_ascii=False).encode() + b"\n"
    # Without its key, the votes on a page cannot be read any more.
    if path.exists() and path.read_bytes() != content:
        raise DataError(f"{path} is there already, of another page; choose another --out, or move it away")
    write_atomically(path, content)


def read_key(path: Path) -> PlantKey:
    """Read a key file.

    Raises:
        DataError: it is none.
    """
    try:
        with open_regular(path) as file:
            return parse_record(file.read(_MAX_KEY), PlantKey)
    except FileNotFoundError as error:
        raise DataError(f"no such file: {path}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is no key of a page with planted faults: {shortly(str(error), 200)[1:-1]}") from error

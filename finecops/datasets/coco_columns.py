"""Columns of a COCO file's images and annotations, checked as columns: their types, their smallest and largest number.

What is not plain (a text with odd characters, a box that is none, a field that is missing) is marked, for
`finecops.datasets.coco` to read entry by entry. Where an id is missing, that is so for the whole file.
"""

from __future__ import annotations

import posixpath
import re
from array import array
from collections.abc import Iterable
from itertools import chain
from operator import itemgetter
from typing import Any

from finecops.datasets.fields import MAX_CHARS, MAX_SIDE, FieldError, as_image_path
from finecops.datasets.source import SourceFile
from finecops.datasets.text_column import TextsBuilder
from finecops.text import plain_id, plain_ids

_NAME = re.compile(r"(?!COCO_|\.\.?$)[A-Za-z0-9_.-]{1,255}")
"""Names of images that are looked up nowhere else than in the one folder of images."""
NO_BOX = [float("nan")] * 4
_NOTHING = type(None)
WORDS = {
    "level": (None, {int, _NOTHING}),
    "tuple_type": (None, {str, _NOTHING}),
    "negative_type": (None, {str, _NOTHING}),
    "negative_cate": (..., {str, _NOTHING, type(...)}),
    "negative_level": (None, {int, _NOTHING}),
}
"""The fields that many annotations have in common: what stands for a missing one, and the types of plain ones."""
_ODD = -1
Words = tuple[Any, ...]
"""The values of these fields, and whether there is no id of a positive."""


class NotPlainError(Exception):
    """The file is read entry by entry."""


def is_plain(text: bytes) -> bool:
    """Whether no text of a JSON file has odd characters: they stand behind a backslash, are DEL or beyond ASCII."""
    return text.isascii() and b"\\" not in text and b"\x7f" not in text


class Annotations:
    """Columns of annotations, `[m]` each."""

    def __init__(self) -> None:
        self.ids = TextsBuilder()
        """Of their images."""
        self.xywh = array("d")
        """Of each its box; NaN where there is none, or none that is plain."""
        self.positives = TextsBuilder()
        self.words = array("q")
        """Which `known` words it has; `_ODD`: it is not plain."""
        self.known: dict[Words, int] = {}

    def add(self, entries: list[Any], plain: bool) -> None:
        """Append entries.

        Args:
            entries: some, in their order.
            plain: whether their texts are known to have no odd characters.

        Raises:
            NotPlainError: one is no object, has a key twice, or has no id.
        """
        _require_objects(entries)
        self.ids.extend(_ids([entry.get("image_id") for entry in entries]))
        positives = [entry.get("positive_id") for entry in entries]
        columns = [[entry.get(name, missing) for entry in entries] for name, (missing, _) in WORDS.items()]
        fits = all(set(map(type, column)) <= types for column, (_, types) in zip(columns, WORDS.values()))
        if fits:
            words = zip(*columns, [one is None for one in positives])
            self.words.extend([self.known.setdefault(one, len(self.known)) for one in words])
        else:
            self.words.extend([_ODD] * len(entries))
        first = len(self.positives)
        ids = ["" if one is None else plain_id(one) or "" for one in positives]
        self.positives.extend(ids)
        boxes = [entry.get("bbox") for entry in entries]
        self.xywh.extend(_flat([box if type(box) is list and len(box) == 4 else NO_BOX for box in boxes]))
        odd = [i for i, one in enumerate(positives) if one is not None and not ids[i]]
        odd += [i for i, entry in enumerate(entries) if "truth" in entry]
        for i in odd + ([] if plain else _odd_texts(entries)):
            self.words[first + i] = _ODD


class Images:
    """Columns of image entries, `[n]` each."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.ids, self.paths, self.expressions = TextsBuilder(), TextsBuilder(), TextsBuilder()
        self.sizes = array("q")
        """Width and height of each."""
        self.odd: list[int] = []
        """Rows that are not plain."""
        # Of the one folder of images, with a slash; several are looked through.
        only = source.image_folders[0] if len(source.image_folders) == 1 else None
        self._place = None if only is None else posixpath.normpath(posixpath.join(only, "x"))[:-1]
        self._paths: dict[str, str | None] = {}

    def add(self, entries: list[Any], plain: bool) -> None:
        """Append entries.

        Args:
            entries: some, in their order.
            plain: whether their texts are known to have no odd characters.

        Raises:
            NotPlainError: one is no object, has a key twice, or has no id.
        """
        _require_objects(entries)
        first, n = len(self.ids), len(entries)
        self.ids.extend(_ids([entry.get("id") for entry in entries]))
        try:
            fields = list(map(itemgetter("file_name", "width", "height", "caption"), entries))
        except KeyError:
            fields = []
        names, widths, heights, captions = zip(*fields) if fields else ((), (), (), ())
        types = set(map(type, names)), set(map(type, widths)) | set(map(type, heights)), set(map(type, captions))
        sides = [*widths, *heights] if types == ({str}, {int}, {str}) else [0]
        if not 1 <= min(sides) <= max(sides) <= MAX_SIDE:
            # One that is not plain in some thousand: these are all read one by one.
            self.odd.extend(range(first, first + n))
            self.paths.extend([""] * n)
            self.expressions.extend([""] * n)
            self.sizes.extend([1] * (2 * n))
            return
        paths = list(map(self._path, names))
        self.paths.extend([path or "" for path in paths])
        expressions = list(map(str.strip, captions))
        self.expressions.extend(expressions)
        self.sizes.extend(chain.from_iterable(zip(widths, heights)))
        odd = [i for i, path in enumerate(paths) if path is None]
        odd += [i for i, text in enumerate(expressions) if not text]
        if max(map(len, captions)) > MAX_CHARS:
            odd += [i for i, text in enumerate(captions) if len(text) > MAX_CHARS]
        self.odd += [first + i for i in odd + ([] if plain else _odd_texts(entries))]

    def _path(self, name: str) -> str | None:
        """The path of an image of this name; None: it is not plain."""
        if self._place is not None and _NAME.fullmatch(name):
            return self._place + name
        if name not in self._paths:
            try:
                self._paths[name] = as_image_path(name, self.source)
            except FieldError:
                self._paths[name] = None
        return self._paths[name]


def _require_objects(entries: list[Any]) -> None:
    # An object with a key twice is of a class of its own.
    if set(map(type, entries)) != {dict}:
        raise NotPlainError


def _ids(values: list[object]) -> list[str]:
    """Ids as texts.

    Raises:
        NotPlainError: one of them is none.
    """
    found = plain_ids(values)
    if None in found:
        raise NotPlainError
    return found  # type: ignore[return-value]


def _flat(boxes: list[list[Any]]) -> Iterable[float]:
    numbers = list(chain.from_iterable(boxes))
    try:
        if set(map(type, numbers)) <= {int, float}:
            return array("d", numbers)
    except OverflowError:
        pass
    # Something else among some thousand boxes: it is not plain.
    plain = (all(type(v) is float or (type(v) is int and abs(v) < 10**9) for v in box) for box in boxes)
    return chain.from_iterable(box if fits else NO_BOX for box, fits in zip(boxes, plain))


def _odd_texts(entries: list[Any]) -> list[int]:
    """Which entries have a text with characters that are not printed."""
    return [
        i
        for i, entry in enumerate(entries)
        if not "".join([value for value in entry.values() if type(value) is str]).isprintable()
    ]

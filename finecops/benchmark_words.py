"""The words of FineCops-Ref: those of the program, those of the published files, and one table between them.

Annotation files are read with either words and written with the published ones. Everywhere else (records, metrics,
tables, options) the program's words are used. A word that is in no table stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from finecops.records import NegativeKind

PUBLISHED_TYPES: Final[Mapping[str, str]] = {
    "object": "replace_object",
    "attribute": "replace_attribute",
    "relation": "replace_relation",
    "order": "swap_object",
    "swap_attr": "swap_attribute",
    "flip": "flip",
}
"""`negative_type` in the published files → its name in the program, in the order of the paper's Tables IV and V."""
NEGATIVE_TYPES: Final = tuple(PUBLISHED_TYPES.values())
TUPLE_TYPES: Final = ("0_hop", "1_hop", "2_hop", "and", "same_attr", "same_attr_two_hop")
"""`tuple_type`: the published files and the program have the same names."""
POSITION: Final = "position"
"""The `tuple_type` of expressions about places in the image ("left red cup"), which finecops-mini has besides."""
_PUBLISHED_OF: Final = {inside: published for published, inside in PUBLISHED_TYPES.items()}
_KINDS: Final[Mapping[str, NegativeKind]] = {
    "text": "text",
    "expression": "text",
    "image": "image",
    "img": "image",
}
"""`negative_cate` in the files → the kind of a negative. The published words are `text` and `image`."""


def type_inside(word: str) -> str:
    """A type of negatives in the program's words, from either.

    >>> type_inside("order"), type_inside("swap_object"), type_inside("colour")
    ('swap_object', 'swap_object', 'colour')
    """
    return PUBLISHED_TYPES.get(word, word)


def type_published(name: str) -> str:
    """A type of negatives in the words of the published files.

    >>> type_published("swap_object"), type_published("colour")
    ('order', 'colour')
    """
    return _PUBLISHED_OF.get(name, name)


def kind_inside(word: str) -> NegativeKind | None:
    """What was changed, from a `negative_cate` of a file; None for a word that is not known.

    >>> kind_inside("image"), kind_inside("text"), kind_inside("audio")
    ('image', 'text', None)
    """
    return _KINDS.get(word.lower())


def type_order(name: str) -> tuple[int, str]:
    """A sort key that puts types of negatives in the order of Tables IV and V, unknown ones behind them."""
    return (NEGATIVE_TYPES.index(name) if name in NEGATIVE_TYPES else len(NEGATIVE_TYPES), name)


def tuple_type_order(name: str) -> tuple[int, str]:
    """As `type_order`, for tuple types."""
    return (TUPLE_TYPES.index(name) if name in TUPLE_TYPES else len(TUPLE_TYPES), name)

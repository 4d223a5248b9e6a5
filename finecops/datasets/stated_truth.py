"""A truth that an annotation states in so many words: the key `truth` of the files of `finecops data convert`.

FineCops-Ref's keys say that a target is absent only together with type, level and positive of a negative, and cannot
say that the truth is unknown. Other benchmarks know less of a negative, or nothing: an annotation with `truth` `absent`
has those of the keys `negative_cate`, `negative_type`, `negative_level` and `positive_id` that are known, and one with
`unknown` has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from finecops.benchmark_words import kind_inside, type_inside, type_published
from finecops.datasets.fields import FieldError, as_id, as_name, as_whole
from finecops.records import Negative
from finecops.text import shortly

KEYS = ("negative_cate", "negative_type", "negative_level", "positive_id")


def stated_truth(annotation: Mapping[str, Any]) -> tuple[Literal["absent", "unknown"], Negative | None]:
    """The truth, and what is known of the negative.

    Raises:
        FieldError: the word or a field of the negative is not valid.
    """
    word = annotation["truth"]
    if word == "unknown":
        return "unknown", None
    if word != "absent":
        raise FieldError(f"truth is {shortly(word)}; it must be absent or unknown")
    if not any(key in annotation for key in KEYS):
        return "absent", None
    cate, type_, level, positive_id = (annotation.get(key) for key in KEYS)
    kind = None if cate is None else kind_inside(as_name(cate, "negative_cate"))
    if cate is not None and kind is None:
        raise FieldError(f"negative_cate is {shortly(cate)}; it must be text or image")
    whole = as_whole(level)
    if level is not None and (whole is None or not -99 < whole < 99):
        raise FieldError(f"negative_level is {shortly(level)}; a whole number is meant")
    return "absent", Negative(
        kind=kind,
        type=None if type_ is None else type_inside(as_name(type_, "negative_type")),
        level=whole,
        positive_id=None if positive_id is None else as_id(positive_id, "positive_id"),
    )


def negative_keys(negative: Negative | None) -> dict[str, object]:
    """The keys of an annotation with truth `absent`; FineCops-Ref's own where they say it all."""
    if negative is None:
        return {"truth": "absent"}
    type_ = None if negative.type is None else type_published(negative.type)
    keys: dict[str, object] = dict(zip(KEYS, (negative.kind, type_, negative.level, negative.positive_id), strict=True))
    return keys if None not in keys.values() else {"truth": "absent"} | keys

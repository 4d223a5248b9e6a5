"""gRefCOCO (Liu et al., CVPR 2023): `grefs(unc).json` beside `instances.json`, RefCOCO's layout with any number of
targets.

A sample has one target, so that two kinds of referents are read: those with one annotation, and those without a target
(`no_target`). Those with several are problems. An expression without a target was mostly written for another image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from finecops.datasets.fields import (
    FieldError,
    as_box,
    as_expression,
    as_id,
    as_image_path,
    as_image_wh,
    as_object,
    require_fields,
)
from finecops.datasets.parquet.layouts import EASY_ABSENCE
from finecops.datasets.problems import Problem, replaced_characters
from finecops.datasets.refcoco import read_instances
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.names import no_such
from finecops.records import Negative, Sample
from finecops.strict_json import parse_marked_json
from finecops.text import plain_id, shortly

_FIELDS = ("ann_id", "image_id", "sentences", "split")


def read_grefcoco(source: SourceFile) -> Iterator[Sample | Problem]:
    """The samples of the source's split: a sample per sentence, its id is the sentence's.

    Raises:
        DataError: a file is missing or broken, or does not have the split.
    """
    path, split = source.path, source.split
    try:
        refs = parse_marked_json(source.content)
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(refs, list) or not all(isinstance(ref, dict) for ref in refs):
        raise DataError(f"{path} is not a list of referents")
    splits = {shortly(ref.get("split")).strip("'") for ref in refs}
    if split not in splits:
        raise DataError(no_such(f"{path} has no split {split!r}", split, sorted(splits)))
    images, annotations = read_instances(path.parent / "instances.json")
    for number, ref in enumerate(refs, start=1):
        if ref.get("split") != split:
            continue
        entry = plain_id(ref.get("ref_id")) or f"number {number}"
        try:
            known = _referent(source, as_object(ref, "the referent"), images, annotations)
        except FieldError as error:
            yield Problem(path, entry, str(error))
            continue
        for sentence in ref["sentences"]:
            yield from _sample(source, sentence, entry, known)


def _referent(
    source: SourceFile,
    ref: Mapping[str, Any],
    images: Mapping[str, Mapping[str, Any]],
    annotations: Mapping[str, Mapping[str, Any]],
) -> Mapping[str, Any]:
    """What the samples of a referent have in common."""
    require_fields(ref, _FIELDS)
    if not isinstance(ref["sentences"], list) or not ref["sentences"]:
        raise FieldError(f"sentences is {shortly(ref['sentences'])}; a list of objects is meant")
    image = images.get(plain_id(ref["image_id"]) or "")
    if image is None:
        raise FieldError("its image is not in instances.json")
    image_wh = as_image_wh(as_object(image, "its image"))
    targets = _targets(ref)
    if len(targets) > 1:
        raise FieldError(f"{len(targets)} targets; samples have one")
    known = {
        "image": as_image_path(image.get("file_name"), source),
        "width": image_wh[0],
        "height": image_wh[1],
    }
    if not targets:
        return known | {"truth": "absent", "box": None, "negative": Negative(kind="text", type=EASY_ABSENCE)}
    annotation = annotations.get(plain_id(targets[0]) or "")
    if annotation is None:
        raise FieldError("its annotation is not in instances.json, or stands there twice")
    annotation = as_object(annotation, "its annotation")
    if plain_id(annotation.get("image_id")) != plain_id(ref["image_id"]):
        raise FieldError("its annotation belongs to another image")
    return known | {"truth": "box", "box": as_box(annotation.get("bbox"), image_wh)}


def _targets(ref: Mapping[str, Any]) -> list[Any]:
    """The ids of the annotations; -1 stands for none."""
    raw = ref["ann_id"] if isinstance(ref["ann_id"], list) else [ref["ann_id"]]
    targets = [target for target in raw if target != -1]
    if len(targets) != len(raw) and targets:
        raise FieldError(f"ann_id is {shortly(ref['ann_id'])}: none and some")
    if ref.get("no_target") not in (None, not targets):
        raise FieldError(f"no_target is {shortly(ref['no_target'])}, and there are {len(targets)} targets")
    return targets


def _sample(source: SourceFile, raw: Any, referent: str, known: Mapping[str, Any]) -> Iterator[Sample | Problem]:
    entry = referent
    try:
        sentence = as_object(raw, "a sentence")
        entry = as_id(sentence.get("sent_id"), "sent_id")
        expression = as_expression(sentence.get("raw") or sentence.get("sent"))
    except FieldError as error:
        yield Problem(source.path, entry, str(error))
        return
    yield Sample(id=entry, dataset=source.dataset, split=source.split, expression=expression, level=None, **dict(known))
    yield from replaced_characters(source.path, entry, [sentence])

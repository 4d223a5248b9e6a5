"""RefCOCO, RefCOCO+ and RefCOCOg in their authors' format: `refs(unc).p` beside `instances.json`.

A sample is one sentence about a referent; its id is the sentence's. The pickle is read by the restricted unpickler.
MDETR's files of the same datasets, in COCO format, are read too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from finecops.datasets.coco import read_coco
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
from finecops.datasets.problems import Problem, replaced_characters
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.records import Sample, Xyxy
from finecops.safe_pickle import loads_plain
from finecops.strict_json import parse_marked_json
from finecops.text import plain_id, shortly

_SHOWN_SPLITS = 20
_FIELDS = ("ann_id", "split", "image_id", "sentences")


def read_refcoco(source: SourceFile) -> Iterator[Sample | Problem]:
    """The samples of the source's split, from `refs(….).p` with `instances.json` beside it, or from MDETR's file.

    Raises:
        DataError: a file is missing or broken, contains more than plain data, or does not have the split.
    """
    path, split = source.path, source.split
    if path.suffix != ".p":
        yield from read_coco(source)
        return
    # Python 2 wrote the pickle; latin1 maps each byte of its strings to one character.
    refs = loads_plain(source.content, str(path), encoding="latin1")
    if not isinstance(refs, list) or not all(isinstance(ref, dict) for ref in refs):
        raise DataError(f"{path} is not a list of referents")
    images, annotations = read_instances(path.parent / "instances.json")
    splits = {shortly(ref.get("split")).strip("'") for ref in refs}
    if split not in splits:
        shown = ", ".join(sorted(splits)[:_SHOWN_SPLITS]) + (", …" if len(splits) > _SHOWN_SPLITS else "")
        raise DataError(f"{path} has no split {split!r}; there are: {shown}")
    for number, ref in enumerate(refs, start=1):
        entry = plain_id(_plain(ref.get("ref_id"))) or f"number {number}"
        if not isinstance(ref.get("split"), str):
            yield Problem(path, entry, f"split is {shortly(ref.get('split'))}; a text is meant")
            continue
        if ref["split"] != split:
            continue
        try:
            sentences, known = _referent(source, ref, images=images, annotations=annotations)
        except FieldError as error:
            yield Problem(path, entry, str(error))
            continue
        for sentence in sentences:
            yield from _sample(source, sentence, entry, known)


def _referent(
    source: SourceFile,
    ref: Mapping[str, Any],
    images: Mapping[str, Mapping[str, Any]],
    annotations: Mapping[str, Mapping[str, Any]],
) -> tuple[list[Any], Mapping[str, Any]]:
    """The sentences about a referent, and what its samples have in common."""
    require_fields(ref, _FIELDS)
    image = images.get(plain_id(_plain(ref["image_id"])) or "")
    annotation = annotations.get(plain_id(_plain(ref["ann_id"])) or "")
    if image is None or annotation is None:
        raise FieldError("its image or annotation is not in instances.json, or stands there twice")
    image_wh = as_image_wh(as_object(image, "its image"))
    annotation = as_object(annotation, "its annotation")
    if plain_id(_plain(annotation.get("image_id"))) != plain_id(_plain(ref["image_id"])):
        raise FieldError(f"its annotation is on another image: {shortly(annotation.get('image_id'))}")
    box: Xyxy = as_box(annotation.get("bbox"), image_wh)
    # A referent's own file_name ends in the annotation's id; the image's name is in instances.json. Only its last part
    # is used, since some copies of the file have a folder before it.
    name = image.get("file_name")
    path = as_image_path(name.rpartition("/")[2] if isinstance(name, str) else name, source)
    if not isinstance(ref["sentences"], list) or not ref["sentences"]:
        raise FieldError(f"sentences is {shortly(ref['sentences'])}; a list of objects is meant")
    return ref["sentences"], {"image": path, "width": image_wh[0], "height": image_wh[1], "box": box}


def _sample(source: SourceFile, raw: Any, referent: str, known: Mapping[str, Any]) -> Iterator[Sample | Problem]:
    """The sample of one sentence, or a problem."""
    entry = referent
    try:
        sentence = as_object(raw, "a sentence")
        entry = as_id(_plain(sentence.get("sent_id")), "sent_id")
        # "raw" is what the annotator wrote; "sent" is lowered and has no punctuation.
        expression = as_expression(sentence.get("raw") or sentence.get("sent"))
    except FieldError as error:
        yield Problem(source.path, entry, str(error))
        return
    yield Sample(
        id=entry,
        dataset=source.dataset,
        split=source.split,
        expression=expression,
        truth="box",
        level=None,
        **known,
    )
    yield from replaced_characters(source.path, entry, [sentence])


def _plain(value: Any) -> Any:
    """A number of NumPy as Python's own: pickles may hold both."""
    return value.item() if isinstance(value, np.integer) else value


def read_instances(path: Path) -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
    """Images and annotations of COCO, by id.

    Raises:
        DataError: the file is missing or is none of COCO's.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist; it is in the same archive as the refs file")
    try:
        raw = parse_marked_json(path.read_bytes())
        return _by_id(raw["images"]), _by_id(raw["annotations"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a COCO instances file: {type(error).__name__} {error}") from error


def _by_id(entries: Any) -> dict[str, Mapping[str, Any]]:
    # An entry without a usable id is nobody's, and of two with one id nobody knows which is meant: the referent that
    # needs it says that it is not there.
    ids = [(plain_id(entry.get("id")), entry) for entry in entries if isinstance(entry, dict)]
    count = Counter(id_ for id_, _ in ids)
    return {id_: entry for id_, entry in ids if id_ is not None and count[id_] == 1}

"""RefCOCO, RefCOCO+ and RefCOCOg in their authors' format: `refs(unc).p` beside `instances.json`.

A sample is one sentence about a referent; its id is the sentence's. The pickle is read by the restricted unpickler.
MDETR's files of the same datasets, in COCO format, are read too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finecops.datasets.coco import read_coco
from finecops.datasets.problems import Problem
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.records import Sample
from finecops.safe_pickle import loads_plain

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
    images, annotations = _instances(path.parent / "instances.json")
    splits = {str(ref.get("split")) for ref in refs}
    if split not in splits:
        raise DataError(f"{path} has no split {split!r}; there are: {', '.join(sorted(splits))}")
    for number, ref in enumerate(refs, start=1):
        if ref.get("split") == split:
            yield from _samples(source, number, ref, images=images, annotations=annotations)


def _samples(
    source: SourceFile,
    number: int,
    ref: Mapping[str, Any],
    images: Mapping[int, Mapping[str, Any]],
    annotations: Mapping[int, Mapping[str, Any]],
) -> Iterator[Sample | Problem]:
    """A sample per sentence of one referent, or a problem."""
    missing = [key for key in _FIELDS if key not in ref]
    image, annotation = images.get(ref.get("image_id", -1)), annotations.get(ref.get("ann_id", -1))
    if missing or image is None or annotation is None:
        what = f"no {', '.join(missing)}" if missing else "its image or annotation is not in instances.json"
        yield Problem(source.path, str(ref.get("ref_id", number)), what)
        return
    x, y, w, h = (float(v) for v in annotation["bbox"])
    for sentence in ref["sentences"]:
        # "raw" is what the annotator wrote; "sent" is lowered and has no punctuation.
        expression = str(sentence.get("raw") or sentence.get("sent") or "").strip()
        if not expression or w <= 0 or h <= 0:
            yield Problem(source.path, str(sentence.get("sent_id")), "the expression or the box is empty")
            continue
        yield Sample(
            id=str(sentence["sent_id"]),
            dataset=source.dataset,
            split=str(ref["split"]),
            # A referent's own file_name ends in the annotation's id; the image's name is in instances.json. Only its
            # last part is used, so that it cannot lead out of the folder.
            image=f"{source.image_folders[0]}/{Path(str(image['file_name'])).name}",
            width=int(image["width"]),
            height=int(image["height"]),
            expression=expression,
            truth="box",
            box=(x, y, min(x + w, float(image["width"])), min(y + h, float(image["height"]))),
            level=None,
        )


def _instances(path: Path) -> tuple[dict[int, Mapping[str, Any]], dict[int, Mapping[str, Any]]]:
    """Images and annotations of COCO, by id."""
    if not path.is_file():
        raise DataError(f"{path} does not exist; it is in the same archive as the refs file")
    try:
        raw = json.loads(path.read_bytes())
        return {image["id"]: image for image in raw["images"]}, {a["id"]: a for a in raw["annotations"]}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a COCO instances file: {type(error).__name__} {error}") from error

"""`fiftyone`: a folder for FiftyOne's importer of `FiftyOneDataset`: truth and each method as label fields.

It is the plain layout of `samples.json` and `metadata.json` that FiftyOne's importer takes in every version: that of
`FiftyOneDataset` before 0.8, whose files do not depend on the version of its database. A sample of ours is a sample of
theirs; several have the same image. Boxes are [left, top, width, height] in shares of the image's sides.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from tqdm import tqdm

from finecops.errors import DataError
from finecops.exchange.exporting.folder import ExportFolder
from finecops.exchange.exporting.methods import MISSING, Answered, ExportedMethod
from finecops.images import image_size
from finecops.records import Sample

Json: TypeAlias = dict[str, object]
IMAGES: Final = "data"
_TAKEN: Final = frozenset(
    "id filepath tags metadata created_at last_modified_at sample_id expression truth level tuple_type kind "
    "negative_type negative_level positive_id ground_truth".split()
)
"""Fields of every sample, theirs and ours: no method's field has such a name."""


@dataclass(frozen=True)
class WrittenFiftyOne:
    """What was written."""

    samples: int
    images: int
    fields: dict[str, str]
    """Method → its label field."""


def export_fiftyone(
    out: Path,
    samples: Sequence[Sample],
    methods: Sequence[ExportedMethod],
    path_of: Callable[[str], Path],
    about: Mapping[str, object],
) -> WrittenFiftyOne:
    """Write `samples.json`, `metadata.json`, `data/` with the images, and `export.json`.

    Args:
        out: the folder.
        samples: those of the run.
        methods: whose answers become label fields.
        path_of: from a sample's image to its file. An image on the same disk is linked, not copied.
        about: where the answers are from, for `export.json`.

    Raises:
        DataError: a sample has no image, or it is missing or broken; or the folder holds something else.
    """
    nameless = next((s for s in samples if not s.image), None)
    if nameless is not None:
        raise DataError(
            f"sample {nameless.id} has no image: the run was imported from a file that does not name any, and FiftyOne "
            "shows images"
        )
    files, sizes = _image_files(samples, path_of)
    # Imported runs may not know the sizes of their images.
    samples = [
        s if s.width else s.model_copy(update=dict(zip(("width", "height"), sizes[s.image], strict=True)))
        for s in samples
    ]
    folder = ExportFolder(out, "fiftyone")
    named = {image: f"{IMAGES}/{number:06}{path.suffix.lower()}" for number, (image, path) in enumerate(files.items())}
    folder.new(IMAGES).mkdir()
    for image, path in tqdm(files.items(), desc="images", unit="image", disable=None):
        _link_or_copy(path, out / named[image])
    fields = _field_names(methods)
    rows = [_sample(s, named[s.image], methods, fields) for s in samples]
    folder.new("samples.json").write_text(json.dumps({"samples": rows}), encoding="utf-8")
    info = {"run": about.get("run"), "methods": {fields[m.name]: m.label for m in methods}}
    folder.new("metadata.json").write_text(
        json.dumps({"name": f"finecops-{about.get('run', 'run')}", "media_type": "image", "info": info}),
        encoding="utf-8",
    )
    folder.finish({**about, "fields": fields})
    return WrittenFiftyOne(len(rows), len(files), fields)


def _image_files(
    samples: Sequence[Sample], path_of: Callable[[str], Path]
) -> tuple[dict[str, Path], dict[str, tuple[int, int]]]:
    """The file and the size of each image. All are looked at before anything is written.

    Reading the size makes a file of an image in a zip file.
    """
    files: dict[str, Path] = {}
    sizes: dict[str, tuple[int, int]] = {}
    images = dict.fromkeys(s.image for s in samples)
    for image in tqdm(images, desc="checking images", unit="image", disable=None):
        files[image] = path_of(image)
        try:
            sizes[image] = image_size(files[image])
        except DataError as error:
            where = "" if files[image].exists() else "; --images names the folder or zip file of the images"
            raise DataError(f"{error}{where}") from error
    return files, sizes


def _link_or_copy(source: Path, target: Path) -> None:
    source = source.resolve()
    try:
        os.link(source, target)
    except OSError:
        # Another disk, or one without links.
        shutil.copyfile(source, target)


def _field_names(methods: Sequence[ExportedMethod]) -> dict[str, str]:
    """A field of FiftyOne has letters, digits and underlines; no two methods share one."""
    names: dict[str, str] = {}
    for method in methods:
        name = re.sub(r"\W", "_", method.name, flags=re.ASCII).strip("_").lower() or "method"
        name = name if name[0].isalpha() else f"m_{name}"
        while name in _TAKEN or name in names.values():
            name += "_"
        names[method.name] = name
    return names


def _sample(sample: Sample, path: str, methods: Sequence[ExportedMethod], fields: Mapping[str, str]) -> Json:
    negative = sample.negative
    row: Json = {
        "filepath": path,
        "tags": [{"box": "positive", "absent": "negative", "unknown": "unknown"}[sample.truth]],
        "metadata": {"_cls": "ImageMetadata", "width": sample.width, "height": sample.height},
        "sample_id": sample.id,
        "expression": sample.expression,
        "truth": sample.truth,
        "level": sample.level,
        "tuple_type": sample.tuple_type,
        "kind": negative and negative.kind,
        "negative_type": negative and negative.type,
        "negative_level": negative and negative.level,
        "positive_id": negative and negative.positive_id,
        "ground_truth": _detections(sample, Answered("box", (sample.box,) if sample.box is not None else ())),
    }
    for method in methods:
        field = fields[method.name]
        if sample.id not in method.asked:
            # A pathway that was run on its share alone was not asked.
            row |= {field: None, f"{field}_outcome": None, f"{field}_iou": None}
            continue
        answered = method.rows.get(sample.id, MISSING)
        row[field] = _detections(sample, answered)
        row[f"{field}_outcome"] = answered.outcome
        row[f"{field}_iou"] = answered.iou(sample)
    return row


def _detections(sample: Sample, answered: Answered) -> Json:
    found: list[Json] = []
    for rank, (x1, y1, x2, y2) in enumerate(answered.boxes):
        box = [x1 / sample.width, y1 / sample.height, (x2 - x1) / sample.width, (y2 - y1) / sample.height]
        detection: Json = {"_cls": "Detection", "label": "referent", "bounding_box": box, "rank": rank + 1}
        if answered.scores is not None:
            detection["confidence"] = answered.scores[rank]
        found.append(detection)
    return {"_cls": "Detections", "detections": found}

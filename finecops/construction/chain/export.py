"""The finished benchmark as files: FineCops-Ref's two layouts, negative images, scene graphs."""

from __future__ import annotations

import errno
import filecmp
import gzip
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from finecops.archives.zip_images import unpack_if_zipped
from finecops.benchmark_words import type_published
from finecops.construction.chain.finished import Finished, NegativeImage, NegativeText, Positive, Scene
from finecops.construction.chain.photos import Photos, usual_file_name
from finecops.construction.conversion import exact_xywh
from finecops.construction.description import Description
from finecops.construction.formats import CocoEntry, VanillaRow, coco_entry, tuple_of, write_coco, write_vanilla
from finecops.construction.graph import SceneGraph, dump_scene_graph
from finecops.errors import DataError
from finecops.paths import safe_path

Bring = Literal["none", "link", "copy"]
NEGATIVE_IMAGES: Final = "negative_images"
IMAGES: Final = "images"


@dataclass(frozen=True)
class ExportSettings:
    """How the files are written.

    Attributes:
        split: for the names of the files.
        photos: where the photographs are; None: nobody looked at them.
        bring: what is done with them.
        sentences: a capital at the start and a full stop at the end of each expression.
    """

    split: str
    photos: Photos | None
    bring: Bring = "none"
    sentences: bool = False


@dataclass
class _Rows:
    vanilla: list[VanillaRow] = field(default_factory=list)
    coco: list[CocoEntry] = field(default_factory=list)

    def __add__(self, other: _Rows) -> _Rows:
        return _Rows(self.vanilla + other.vanilla, self.coco + other.coco)


def annotation_names(split: str) -> dict[str, str]:
    """The annotation files of a split, as the release calls them: COCO and vanilla, all samples and positives alone."""
    return {
        "all_coco": f"{split}_expression_all_coco_format.json",
        "all": f"{split}_expression_all.json",
        "pos_coco": f"{split}_expression_pos_coco_format.json",
        "pos": f"{split}_expression_pos.json",
    }


def graph_files(split: str) -> tuple[str, str]:
    """The files of the original and of the edited scene graphs."""
    return f"scene_graphs/{split}.json.gz", f"scene_graphs/{split}_{NEGATIVE_IMAGES}.json.gz"


def export(found: Finished, out: Path, settings: ExportSettings) -> None:
    """Write all files of a split. Files of the same split that are there are replaced.

    Raises:
        DataError: an image cannot be brought, or another picture has its name.
    """
    writer = _Writer(out, settings)
    positives = _Rows()
    texts, images = _Rows(), _Rows()
    for positive in found.positives:
        writer.add(positives, positive_row(positive), positive.scene, writer.photo(positive.scene))
    for text in found.texts:
        writer.add(texts, negative_text_row(text), text.positive.scene, writer.photo(text.positive.scene))
    for image in found.images:
        writer.add(images, negative_image_row(image), image.scene, writer.negative(image))
    writer.remove_others()
    names = annotation_names(settings.split)
    # One file for all, as the release has it; positives first, so that a positive stands before its negatives.
    everything = positives + texts + images
    write_coco(out / names["all_coco"], everything.coco)
    write_coco(out / names["pos_coco"], positives.coco)
    write_vanilla(out / names["all"], everything.vanilla)
    write_vanilla(out / names["pos"], positives.vanilla)
    original, edited = graph_files(settings.split)
    _write_graphs(safe_path(out, original), found.original_graphs())
    if found.images:
        _write_graphs(safe_path(out, edited), found.edited_graphs())
    else:
        (out / edited).unlink(missing_ok=True)


class _Writer:
    """Rows in both layouts, and the images beside them."""

    def __init__(self, out: Path, settings: ExportSettings) -> None:
        self.out, self.settings = out, settings
        self._photos: dict[str, str] = {}
        self._negatives: set[str] = set()

    def add(self, rows: _Rows, row: VanillaRow, scene: Scene, file_name: str) -> None:
        if self.settings.sentences:
            row["expression"] = as_sentence(row["expression"])
        # The target's box, in the row's own image.
        x, y, w, h = scene.target_xywh
        rows.vanilla.append(row)
        rows.coco.append(coco_entry(row, file_name, (scene.width, scene.height), exact_xywh((x, y, x + w, y + h))))

    def photo(self, scene: Scene) -> str:
        """The file name of a photograph, which is brought if that was asked for."""
        if scene.image_id not in self._photos:
            self._photos[scene.image_id] = self._brought(scene)
        return self._photos[scene.image_id]

    def _brought(self, scene: Scene) -> str:
        photos = self.settings.photos
        if photos is None:
            return usual_file_name(scene)
        photo = photos.find(scene)
        if photo is None:
            raise DataError(f"the image of {scene.image_id} was there and is not there now: {photos.place}")
        if self.settings.bring != "none":
            unpack_if_zipped(photo.path)
            _bring(photo.path, safe_path(self.out / IMAGES, photo.file_name), self.settings.bring)
        return photo.file_name

    def negative(self, image: NegativeImage) -> str:
        """The file name of a negative image, which is put into its folder."""
        name = f"{image.row.image_id}{image.picture.suffix}"
        to = safe_path(self.out / NEGATIVE_IMAGES, name)
        if not image.picture.is_file():
            raise DataError(f"{image.picture} is missing: --again edits makes the negative images anew")
        # Another candidate may have been chosen since.
        to.unlink(missing_ok=True)
        _bring(image.picture, to, "link")
        self._negatives.add(name)
        return name

    def remove_others(self) -> None:
        """Remove the split's negative images of an export before this one, which no sample has any more."""
        own = re.compile(rf"neg_{re.escape(self.settings.split)}_\d+\.\w+")
        folder = self.out / NEGATIVE_IMAGES
        for path in folder.iterdir() if folder.is_dir() else ():
            if own.fullmatch(path.name) and path.name not in self._negatives:
                path.unlink()


def _bring(file: Path, to: Path, how: Bring) -> None:
    if to.exists():
        if filecmp.cmp(file, to, shallow=False):
            return
        raise DataError(f"{to} is there already and is another picture; choose another --out")
    to.parent.mkdir(parents=True, exist_ok=True)
    # Under another name first: a file that is there is whole.
    part = to.with_name(f"{to.name}.part")
    part.unlink(missing_ok=True)
    try:
        if how == "link":
            os.link(file.resolve(), part)
        else:
            shutil.copyfile(file, part)
    except OSError as error:
        # Another disk, or one without links: a copy is as good.
        if how != "link" or error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        shutil.copyfile(file, part)
    os.replace(part, to)


def as_sentence(text: str) -> str:
    """An expression with a capital at its start and a full stop at its end.

    >>> as_sentence("the man to the left of the car"), as_sentence("I see.")
    ('The man to the left of the car.', 'I see.')
    """
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def positive_row(positive: Positive) -> VanillaRow:
    """A positive in the vanilla layout."""
    return _row(positive, positive.row.id, positive.row.said.description(), positive.text)


def negative_text_row(text: NegativeText) -> VanillaRow:
    """A negative expression; image, objects and level are those of its positive."""
    row = _row(text.positive, text.row.id, text.row.said.description(), text.text)
    return _with_negative_fields(row, text.positive, text.row.type, text.row.level, text.row.changed, "text")


def negative_image_row(image: NegativeImage) -> VanillaRow:
    """A negative image: the positive's expression with another image."""
    row = _row(image.positive, image.row.id, image.positive.row.said.description(), image.text)
    row["image_id"] = image.row.image_id
    return _with_negative_fields(row, image.positive, image.row.type, image.row.level, image.row.changed, "image")


def _row(positive: Positive, id_: int, said: Description, text: str) -> VanillaRow:
    return {
        "id": id_,
        "image_id": positive.row.image_id,
        "objects_id": list(positive.row.objects),
        "tuple": tuple_of(said),
        "tuple_type": said.tuple_type,
        "spatial": "",
        "attribute": [list(node.attributes) for node in said.nodes],
        "level": positive.row.level,
        "expression": text,
    }


def _with_negative_fields(
    row: VanillaRow, positive: Positive, type_: str, level: int, changed: Iterable[int], cate: str
) -> VanillaRow:
    row["positive_id"] = positive.row.id
    row["negative_level"] = level
    row["negative_type"] = type_published(type_)
    row["shuffle_index"] = list(changed)
    row["ori_type"] = positive.row.said.tuple_type
    row["negative_cate"] = cate
    return row


def _write_graphs(path: Path, graphs: Iterable[SceneGraph]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    # No time and no name in the header: two builds have the same bytes.
    part.unlink(missing_ok=True)
    with part.open("xb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        for line in _graph_lines(graphs):
            file.write(line.encode())
    os.replace(part, path)


def _graph_lines(graphs: Iterable[SceneGraph]) -> Iterator[str]:
    yield "{"
    for number, graph in enumerate(graphs):
        comma = ",\n" if number else ""
        yield f"{comma}{json.dumps(graph.image_id)}:{json.dumps(dump_scene_graph(graph), separators=(',', ':'))}"
    yield "}\n"

"""A dataset as a folder of parquet files for the Hub: embedded images, a card, and columns that are read again.

Layout `finecops` of `finecops.datasets.parquet.layouts` reads what is written here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.datasets.dataset import Dataset
from finecops.datasets.parquet.card import WRITTEN_BY, card
from finecops.errors import DataError
from finecops.images import image_size
from finecops.install import install_line
from finecops.progress import progress
from finecops.records import Sample

_GROUP_ROWS = 100
"""Rows of a row group, as the Hub's viewer likes them where rows have images."""
_GROUP_BYTES = 64_000_000
"""Images of a row group, about."""
_SHARD_BYTES = 400_000_000
"""Images of one file, about; a row is never divided."""
_SHOWN = 3

FEATURES: dict[str, str] = {
    "id": "string",
    "image": "image",
    "file_name": "string",
    "width": "int32",
    "height": "int32",
    "expression": "string",
    "truth": "string",
    "box": "float64",
    "level": "int8",
    "tuple_type": "string",
    "negative_kind": "string",
    "negative_type": "string",
    "negative_level": "int8",
    "positive_id": "string",
}
"""Column → its type; `box` is a list of four numbers: left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class Written:
    """What was written."""

    files: tuple[Path, ...]
    samples: dict[str, int]
    """Split → how many."""


def export_parquet(
    splits: Sequence[Dataset],
    licence: str,
    out: Path,
    shard_bytes: int = _SHARD_BYTES,
    checked: bool = False,
    about: Sequence[str] = (),
) -> Written:
    """Write splits of a dataset as `data/<split>-00000-of-0000N.parquet`, and a dataset card `README.md`.

    Args:
        splits: the splits, at least one.
        licence: the licence that the card states.
        out: the folder. It must not hold parquet files yet, nor a README.md that is no card of ours.
        shard_bytes: the bytes of images from which on another file is begun.
        checked: `check_images` was called before.
        about: more lines of the card.

    Raises:
        DataError: pyarrow is not installed, the folder holds parquet files or another README.md, or an image is missing
            or broken.
    """
    data = out / "data"
    if data.is_dir() and any(data.glob("*.parquet")):
        raise DataError(f"{data}/ holds parquet files already; choose another folder")
    readme = out / "README.md"
    if readme.exists() and WRITTEN_BY not in readme.read_text(encoding="utf-8", errors="replace"):
        raise DataError(f"{readme} is there and is no card of `finecops export hub`; choose another folder")
    for dataset in splits if not checked else ():
        check_images(dataset)
    data.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for dataset in splits:
        shards = _shards(dataset, shard_bytes)
        for number, samples in enumerate(shards):
            path = data / f"{dataset.split}-{number:05}-of-{len(shards):05}.parquet"
            _write_file(dataset, samples, path)
            files.append(path)
    readme.write_text(card(splits, licence, FEATURES, about), encoding="utf-8")
    return Written(tuple(files), {dataset.split: len(dataset.samples) for dataset in splits})


def check_images(dataset: Dataset) -> None:
    """See whether all images are there: a part of a benchmark must not be published as the whole.

    Raises:
        DataError: some are missing or broken; the first ones are named.
    """
    faults: list[str] = []
    gone = False
    for path in progress(_image_files(dataset), what=f"checking images of {dataset.split}", unit="image"):
        try:
            image_size(path)
        except DataError as error:
            faults.append(str(error))
            gone = gone or not path.exists()
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        # Where photographs lie elsewhere, as after `data build gqa`, another command takes the place and remembers it.
        way = ". `finecops data check DATASET --images FOLDER` remembers where they are" if gone else ""
        raise DataError(f"{dataset.config.name}, {dataset.split}: {'; '.join(faults[:_SHOWN])}{more}{way}")


def _image_files(dataset: Dataset) -> list[Path]:
    return [dataset.image_path(sample) for sample in {sample.image: sample for sample in dataset.samples}.values()]


def _shards(dataset: Dataset, most: int) -> list[list[Sample]]:
    shards: list[list[Sample]] = [[]]
    size = 0
    for sample in dataset.samples:
        size += dataset.image_path(sample).stat().st_size
        if size > most and shards[-1]:
            shards.append([])
            size = dataset.image_path(sample).stat().st_size
        shards[-1].append(sample)
    return shards


def _write_file(dataset: Dataset, samples: Sequence[Sample], path: Path) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(f"parquet files need pyarrow: {install_line('hub')}") from error
    schema = _schema(pa)
    part = path.with_name(f".{path.name}.part")
    try:
        # The size of a page is looked at once a batch of writing: pages of many images would be read as one.
        with pq.ParquetWriter(part, schema, write_batch_size=8) as writer:
            bar = progress(samples, what=path.name, unit="row")
            for rows in _groups(dataset, bar):
                writer.write_table(pa.Table.from_pylist(rows, schema=schema), row_group_size=_GROUP_ROWS)
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _groups(dataset: Dataset, samples: Iterable[Sample]) -> Iterator[list[dict[str, Any]]]:
    """The rows of each row group: all of them are in memory together, here and where the file is read."""
    group: list[dict[str, Any]] = []
    size = 0
    for sample in samples:
        group.append(_row(dataset, sample))
        size += len(group[-1]["image"]["bytes"])
        if len(group) == _GROUP_ROWS or size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _row(dataset: Dataset, sample: Sample) -> dict[str, Any]:
    content = dataset.image_path(sample).read_bytes()
    return {"image": {"bytes": content, "path": sample.image.rpartition("/")[2]}, **sample_fields(sample)}


def sample_fields(sample: Sample) -> dict[str, object]:
    """A sample as values of columns, without its dataset and split, and without its image."""
    negative = sample.negative
    return {
        "id": sample.id,
        "file_name": sample.image,
        "width": sample.width,
        "height": sample.height,
        "expression": sample.expression,
        "truth": sample.truth,
        "box": None if sample.box is None else list(sample.box),
        "level": sample.level,
        "tuple_type": sample.tuple_type,
        "negative_kind": negative and negative.kind,
        "negative_type": negative and negative.type,
        "negative_level": negative and negative.level,
        "positive_id": negative and negative.positive_id,
    }


def _schema(pa: Any) -> Any:
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types = {"image": image, "box": pa.list_(pa.float64()), "string": pa.string()}
    types |= {"int8": pa.int8(), "int32": pa.int32()}
    fields = [(name, types[name] if name in types else types[type_]) for name, type_ in FEATURES.items()]
    features = {name: _feature(name, type_) for name, type_ in FEATURES.items()}
    # The library `datasets` reads this: without it, an image would be shown as bytes.
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _feature(name: str, type_: str) -> dict[str, Any]:
    if type_ == "image":
        return {"_type": "Image"}
    value = {"dtype": type_, "_type": "Value"}
    return {"feature": value, "_type": "List"} if name == "box" else value

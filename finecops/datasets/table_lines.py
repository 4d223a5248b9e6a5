"""Samples as lines of a file of records: the bytes that `Sample.model_dump_json` gives, made from a table's columns.

A million lines take two seconds instead of ten. What might be written in another way (a text with a quotation mark, a
very small number) is left to the record itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.table import Kind, SampleTable
from finecops.records import Negative, Sample

_CHUNK: Final = 2048
_SMALLEST, _LARGEST = 1e-4, 1e15
"""Between these, Python writes a float as the record does."""
_SHA256: Final = "rows_sha256"


def lines_of(samples: Iterable[Sample]) -> Iterator[bytes]:
    """The lines of samples, in parts of one or many."""
    if not isinstance(samples, SampleTable):
        yield from map(_line, samples)
        return
    templates = [_template(kind) for kind in samples.kinds]
    for start in range(0, len(samples), _CHUNK):
        stop = min(start + _CHUNK, len(samples))
        plain = _plain_part(samples, templates, start, stop)
        yield plain if plain is not None else b"".join(map(_line, samples[start:stop]))


def sha256_of_samples(samples: Sequence[Sample], seen: Callable[[bytes], object] | None = None) -> str:
    """SHA-256 of the file that holds these samples and no others; a table keeps it.

    Args:
        samples: the samples.
        seen: is called with all lines, some at a time, for who writes them too.
    """
    if seen is None and isinstance(samples, SampleTable) and _SHA256 in samples.derived:
        return str(samples.derived[_SHA256])
    digest = hashlib.sha256()
    for lines in lines_of(samples):
        digest.update(lines)
        if seen is not None:
            seen(lines)
    if isinstance(samples, SampleTable):
        samples.derived[_SHA256] = digest.hexdigest()
    return digest.hexdigest()


def with_known_sha256(samples: SampleTable, sha256: str) -> SampleTable:
    """A table whose checksum is known."""
    samples.derived[_SHA256] = sha256
    return samples


def _line(sample: Sample) -> bytes:
    return sample.model_dump_json().encode() + b"\n"


def _template(kind: Kind) -> tuple[str, bool, bool] | None:
    """A line with places for what differs, and whether it has a box and the id of a positive; None: no simple one."""
    boxed = kind.truth == "box"
    negative = Negative(
        kind=kind.negative_kind,
        type=kind.negative_type,
        level=kind.negative_level,
        positive_id="@positive@" if kind.paired else None,
    )
    sample = Sample(
        id="@id@",
        dataset=kind.dataset,
        split=kind.split,
        image="@image@",
        width=111_111,
        height=222_222,
        expression="@expression@",
        truth=kind.truth,
        box=(1.5, 2.5, 3.5, 4.5) if boxed else None,
        level=kind.level,
        tuple_type=kind.tuple_type,
        negative=negative if kind.negative else None,
    )
    # The record writes what is around the places, whatever its keys will be.
    text = sample.model_dump_json().replace("%", "%%")
    # In the order of the record's keys.
    places = [("@id@", "%s"), ("@image@", "%s"), ("111111", "%d"), ("222222", "%d"), ("@expression@", "%s")]
    places += [("1.5,2.5,3.5,4.5", "%r,%r,%r,%r")] if boxed else []
    places += [("@positive@", "%s")] if kind.negative and kind.paired else []
    at = [text.find(word) for word, _ in places]
    if at != sorted(at) or any(text.count(word) != 1 for word, _ in places):
        return None
    for word, place in places:
        text = text.replace(word, place)
    return text + "\n", boxed, kind.negative and kind.paired


def _plain_part(
    samples: SampleTable, templates: Sequence[tuple[str, bool, bool] | None], start: int, stop: int
) -> bytes | None:
    """The lines of some rows; None: one of them is not plain."""
    columns = (samples.ids, samples.images, samples.expressions, samples.positive_ids)
    ids, images, expressions, positives = (texts.part(start, stop) for texts in columns)
    kinds, xyxy = samples.kind[start:stop].tolist(), samples.xyxy[start:stop]
    # Nothing in them is written behind a backslash.
    text = "".join([*ids, *images, *expressions, *positives])
    if not (text.isascii() and text.isprintable()) or '"' in text or "\\" in text or not _are_plain(xyxy):
        return None
    lines = []
    image_wh = samples.image_wh[start:stop].tolist()
    for kind, id_, image, (width, height), expression, box, positive in zip(
        kinds, ids, images, image_wh, expressions, xyxy.tolist(), positives
    ):
        template = templates[kind]
        if template is None:
            return None
        form, boxed, paired = template
        values = (id_, image, width, height, expression, *(box if boxed else ()), *((positive,) if paired else ()))
        lines.append(form % values)
    return "".join(lines).encode()


def _are_plain(numbers: NDArray[np.float64]) -> bool:
    # NaN stands where there is no box.
    size = np.abs(numbers[~np.isnan(numbers)])
    return bool(((size == 0) | ((size >= _SMALLEST) & (size < _LARGEST))).all())

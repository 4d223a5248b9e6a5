"""Any bytes for every reader: rows, or one of finecops' own errors; and any answer becomes a row that can be read."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from finecops.datasets.dataset import load_dataset_split
from finecops.errors import FinecopsError
from finecops.exchange.formats import FileFormat
from finecops.exchange.read import read_answers
from finecops.images import image_size
from finecops.replies.answer import Answer
from finecops.replies.choices import parse_letter
from finecops.replies.formats import BOX_FORMATS, decode
from finecops.safe_pickle import load_object_array, loads_plain
from finecops.text import clean_line, clean_text, plain_id, printable
from finecops.tuning.llama_factory import read_llama_factory
from tests.datasets.releases import EXPRESSIONS
from tests.hostile.annotations import config_of, one, ref, seen
from tests.hostile.benchmarks import FIELDS, FILES, MAKE
from tests.hostile.pickles import FORGED, array, entry
from tests.hostile.pictures import saved
from tests.hostile.predictions import SAMPLES
from tests.hostile.predictions import seen as seen_answers
from tests.hostile.replies import stored

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=30)
NUMBERS = st.one_of(st.floats(), st.integers(), st.integers(-(10**400), 10**400))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, ANY_TEXT), lambda inner: st.lists(inner, max_size=4), max_leaves=6
)
KEYS = st.sampled_from(
    ["id", "image_id", "caption", "bbox", "width", "height", "level", "file_name", "negative_type", "negative_level",
     "positive_id", "tuple_type", "text", "answer", "scores", "score", "gt", "answer_prob_norm", "sample_id", "status",
     "boxes", "source", "presence"]
)  # fmt: skip
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)
GOOD = (*EXPRESSIONS, "the red car")
READ = [
    (FileFormat("coco-results"), lambda row: json.dumps([row])),
    (FileFormat("refexp-text", "norm1000_list", "scores"), lambda row: json.dumps(row) + "\n"),
    (FileFormat("crs-letters"), lambda row: json.dumps(row) + "\n"),
    (FileFormat("finecops"), lambda row: json.dumps(row) + "\n"),
]


def tried(read: Any) -> None:
    """Read; finecops' own errors are as good as rows."""
    with contextlib.suppress(FinecopsError):
        read()


@quick
@given(changes=OBJECTS)
def test_any_annotation(tmp_path: Path, changes: dict[str, Any]) -> None:
    (tmp_path / "test.json").write_text(json.dumps(one(**changes)))
    assert "900" in seen(load_dataset_split(config_of(tmp_path)))


@quick
@given(content=st.binary(max_size=200))
def test_any_bytes_as_annotations(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "test.json").write_bytes(content)
    tried(lambda: load_dataset_split(config_of(tmp_path)))
    (tmp_path / "refs.p").write_bytes(content)
    (tmp_path / "instances.json").write_text('{"images": [], "annotations": []}')
    tried(lambda: load_dataset_split(config_of(tmp_path, "refcoco"), "test", [tmp_path / "refs.p"]))


@quick
@given(changes=st.dictionaries(st.sampled_from(["ref_id", "ann_id", "image_id", "sentences", "split"]), VALUES))
def test_any_referent(tmp_path: Path, changes: dict[str, Any]) -> None:
    import pickle

    (tmp_path / "refs.p").write_bytes(pickle.dumps([ref(**changes)], 2))
    image = {"id": 1, "file_name": "a.png", "width": 100, "height": 80}
    annotation = {"id": 1, "image_id": 1, "bbox": [1, 1, 9, 9]}
    (tmp_path / "instances.json").write_text(json.dumps({"images": [image], "annotations": [annotation]}))
    tried(lambda: seen(load_dataset_split(config_of(tmp_path, "refcoco"), "test", [tmp_path / "refs.p"])))


@pytest.mark.parametrize("name", MAKE)
@quick
@given(data=st.data())
def test_any_entry_of_a_benchmark_harms_no_other(tmp_path: Path, name: str, data: st.DataObject) -> None:
    changes = data.draw(st.one_of(st.dictionaries(st.sampled_from(FIELDS[name]), VALUES, min_size=1), VALUES))
    found = load_dataset_split(MAKE[name](tmp_path, changes))
    assert sum(sample.positive and sample.expression in GOOD for sample in found.samples) >= 5, seen(found)


@pytest.mark.parametrize("name", MAKE)
@quick
@given(content=st.binary(max_size=200), cut=st.integers(0, 3000))
def test_any_bytes_as_a_benchmark(tmp_path: Path, name: str, content: bytes, cut: int) -> None:
    config = MAKE[name](tmp_path, {})
    path = tmp_path / FILES[name]
    for broken in (content, path.read_bytes()[:cut], path.read_bytes()[:cut] + content):
        path.write_bytes(broken)
        tried(lambda: seen(load_dataset_split(config)))
    path = path.with_name("x.csv")
    path.write_bytes(content)
    tried(lambda: seen(load_dataset_split(config, None, [path])))
    (tmp_path / "x.json").write_bytes(content)
    tried(lambda: read_llama_factory(tmp_path / "x.json"))


@pytest.mark.parametrize(("how", "write"), READ, ids=[how.name for how, _ in READ])
@quick
@given(row=OBJECTS, more=st.binary(max_size=60))
def test_any_prediction(tmp_path: Path, how: FileFormat, write: Any, row: dict[str, Any], more: bytes) -> None:
    known = {"image_id": 1, "sample_id": "1", "answer": "A", "gt": {"A": [1, 1, 2, 2]}, "bbox": [1, 1, 2, 2]} | row
    for content in (write(row).encode(), write(known).encode(), write(known).encode() + more, more):
        (tmp_path / "x").write_bytes(content)
        tried(lambda: seen_answers(read_answers(tmp_path / "x", how, SAMPLES)))


@quick
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([*FORGED.values(), array(b"(I2\nt")]).map(lambda c: c[:2000]), max_size=4).map(b"".join),
        st.lists(st.sampled_from([b"(", b"t", b"R", b"b", b"]", b"a", b"e", b"0", b"2", b"I2\n", b"N", b"q\0", b"h\0"]), max_size=30).map(b"".join),
    )
)  # fmt: skip
def test_any_pickle(tmp_path: Path, content: bytes) -> None:
    tried(lambda: loads_plain(content + b".", "x", encoding="latin1"))
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + content)
    tried(lambda: load_object_array(tmp_path / "x.npy"))


@quick
@given(field=st.sampled_from(["img_id", "bboxes", "scores"]), value=VALUES)
def test_any_detection(tmp_path: Path, field: str, value: Any) -> None:
    entries = np.empty(1, dtype=object)
    entries[0] = entry() | {field: value}
    np.save(tmp_path / "x.npy", entries, allow_pickle=True)
    tried(lambda: seen_answers(read_answers(tmp_path / "x.npy", FileFormat("mmdet-npy"), SAMPLES)))


@quick
@given(text=ANY_TEXT, name=st.sampled_from(sorted(BOX_FORMATS)), numbers=st.lists(st.integers(0, 10**12), max_size=9))
def test_any_reply(text: str, name: str, numbers: list[int]) -> None:
    for reply in (text, f"[{','.join(map(str, numbers))}]{text}", text.join(f"<loc_{n}>" for n in numbers)):
        row = stored(decode(BOX_FORMATS[name], reply, (640, 480)))
        assert row.partition(":")[0] in ("box", "reject", "unparsed")
        assert parse_letter(reply, "ABC", "C") in ("A", "B", "C", None)


@quick
@given(box=st.tuples(*[NUMBERS] * 4), score=NUMBERS, reason=st.one_of(st.none(), ANY_TEXT))
@example(box=(0, 0, 0, 0), score=-(2**63) - 1, reason=None)
def test_any_answer_becomes_a_row_that_can_be_read(box: Any, score: Any, reason: str | None) -> None:
    assert stored(Answer("box", (box,), (score,), reason=reason, note=reason)).partition(":")[0] in ("box", "failed")


@quick
@given(text=ANY_TEXT)
def test_any_text_can_be_stored_and_printed(text: str) -> None:
    clean_text(text).encode()
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in clean_line(text))
    printable(text).encode()
    assert plain_id(text) is None or plain_id(plain_id(text)) == plain_id(text)


@quick
@given(
    at=st.integers(0, 10**6),
    put=st.binary(min_size=1, max_size=8),
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]),
)
def test_any_picture(tmp_path: Path, at: int, put: bytes, kind: str) -> None:
    content = saved(kind)
    at %= len(content)
    (tmp_path / "x").write_bytes(content[:at] + put + content[at + len(put) :])
    tried(lambda: image_size(tmp_path / "x"))

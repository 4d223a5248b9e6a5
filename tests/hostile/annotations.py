"""Hostile annotation files: a bad entry is a problem of that entry, and the good one beside it is a sample."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.check import check_split
from finecops.datasets.dataset import Dataset, load_dataset_split
from tests.hostile.battery import Case

NAN, INF = float("nan"), float("inf")
HUGE = 10**400
LONG = "9" * 100_000


def config_of(folder: Path, format_: str = "coco") -> DatasetConfig:
    """A dataset in a folder."""
    return DatasetConfig(
        format=format_, name="toy", root=folder, image_folders=("images",), splits={"test": ("test.json",)},
        default_split="test", preset="mini", get="-",
    )  # fmt: skip


def seen(dataset: Dataset) -> str:
    """What was read, in a line."""
    notes = [*dataset.problems, *getattr(dataset, "notes", ())]
    ids = ", ".join(sample.id for sample in dataset.samples)
    # What is stored is JSON in the end: rows, run.json.
    stored = "\n".join(sample.model_dump_json() for sample in dataset.samples)
    return f"samples {ids}; problems {'; '.join(map(str, notes))}; stored {stored}"


def files(entries: list[tuple[Any, Any]], good: bool = True) -> dict[str, Any]:
    """A COCO file of (image, annotation) pairs, and one good entry behind them."""
    image = {"id": 900, "file_name": "a.png", "width": 100, "height": 80, "caption": "the red car"}
    annotation = {"id": 900, "image_id": 900, "bbox": [10, 10, 20, 20], "level": 1, "category_id": 1}
    both = [*entries, (image, annotation)] if good else entries
    return {"images": [i for i, _ in both], "annotations": [a for _, a in both], "categories": []}


def one(**changes: Any) -> dict[str, Any]:
    """A file with an entry of id 1 with other fields, and a good one."""
    image = {"id": 1, "file_name": "b.png", "width": 100, "height": 80, "caption": "the red car"}
    annotation = {"id": 1, "bbox": [10, 10, 20, 20], "level": 1, "category_id": 1}
    for key, value in changes.items():
        (image if key in image else annotation)[key] = value
    annotation.setdefault("image_id", image["id"])
    return files([(image, annotation)])


NEGATIVE = {"negative_type": "flip", "negative_level": 1, "positive_id": 900, "negative_cate": "image"}
BAD_FIELDS: dict[str, dict[str, Any]] = {
    **{
        f"caption {str(value)[:20]}": {"caption": value}
        for value in (None, 5, 1.5, True, [], ["the red car"], {}, {"a": 1}, "", "  \n", HUGE, "x" * 10**6)
    },
    **{
        f"width {str(value)[:12]}": {"width": value}
        for value in (None, "100", -1, 0, 0.5, 100.5, True, NAN, INF, 10**9, HUGE, [100], {}, 1e308)
    },
    **{
        f"bbox {str(value)[:40]}": {"bbox": value}
        for value in (
            None, "10,10,20,20", {}, [], [1, 2, 3], [1, 2, 3, 4, 5], [[1, 2, 3, 4]], [None] * 4, ["1", "2", "3", "4"],
            [True] * 4, [10, 10, True, 20], [NAN, 1, 2, 3], [1, 1, INF, 3], [-INF, 1, 2, 3], [1, 1, HUGE, 3], [HUGE] * 4,
            [-HUGE, 1, 2, 2], [10, 10, 0, 20], [10, 10, -5, 20], [1e308, 1, 1e308, 1], [101, 10, 1, 20],
            [-1.5, 10, 1, 20], [10, 81, 10, 1], [100, 10, 2, 20], [10, 10, 1e-320, 20], [90, 10, 50, 20],
        )
    },
    **{
        f"level {str(value)[:12]}": {"level": value}
        for value in (0, 4, 1.5, "1", "one", True, [1], {}, NAN, INF, HUGE, -1)
    },
    **{
        f"file_name {str(value)[:30]!r}": {"file_name": value}
        for value in (
            None, 5, True, [], ["a.png"], {}, "", ".", "..", "/", "/etc/passwd", "../x.png", "x/../../evil.png", "a/..",
            "..\\evil.png", "x\\..\\..\\evil.png", "C:\\evil.png", "C:/evil.png", "a\x00.png", "\x00", "a\n.png",
            "a\x1b[31m.png", "\ud800.png", "a" * 300 + ".png", "a/" * 3000 + "b.png", "//host/share/x.png", "x" * 10**6,
        )
    },
    **{
        f"{key} {str(value)[:15]}": {**NEGATIVE, key: value}
        for key, values in {
            "negative_level": (None, 1.9, "deep", True, NAN, HUGE, [], "9" * 5000),
            "negative_type": ([], {}, 5, True, ""),
            "positive_id": (None, [], {}, True, 1.5, NAN, 10**4200),
            "negative_cate": (None, [], 5, {}),
        }.items()
        for value in values
    },
    **{f"tuple_type {value}": {"tuple_type": value} for value in (5, [], {}, True, 1.5)},
    "annotation of no image": {"image_id": 77},
    "annotation of an image id that is a list": {"image_id": [1]},
    "annotation of an image id that is an object": {"image_id": {}},
    "annotation of an image id that is true": {"image_id": True},
    "annotation of an image id that is null": {"image_id": None},
}  # fmt: skip
BAD_IDS = (None, True, [], {}, {"a": 1}, 1.5, NAN, 10**4200, "", " ", "x" * 10**5, "\x00")
REPLACED: dict[str, dict[str, Any]] = {
    "a lone surrogate in the caption": {"caption": "the \ud800 car"},
    "NUL in the caption": {"caption": "the\x00car"},
    "an escape in the caption": {"caption": "the \x1b[31mred car"},
    "line ends in the caption": {"caption": "the\x0bred\x85car"},
    "a lone surrogate in the type": {**NEGATIVE, "negative_type": "fl\udfffip"},
    "an escape in the tuple type": {"tuple_type": "0_\x1b[2Jhop"},
}


def _load(folder: Path, content: str | bytes) -> str:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    (folder / "test.json").write_bytes(raw)
    return seen(load_dataset_split(config_of(folder)))


def _json_case(name: str, content: Any, pattern: str) -> Case:
    def run(folder: Path) -> str:
        import sys

        sys.set_int_max_str_digits(0)
        text = content() if callable(content) else json.dumps(content)
        sys.set_int_max_str_digits(4300)
        return _load(folder, text)

    return Case("annotations, JSON", name, run, pattern)


def _check_case(name: str, content: Any) -> Case:
    def run(folder: Path) -> str:
        (folder / "test.json").write_text(json.dumps(content), encoding="utf-8")
        report = check_split(config_of(folder), "test")
        return f"problems {'; '.join(map(str, report.problems))}"

    return Case("annotations, JSON", f"data check: {name}", run, "^problems .*entry|^DataError")


ENTRY = "^samples 900; problems .*entry 1:"
GOOD = files([])
STRUCTURES: dict[str, tuple[Any, str]] = {
    "images null": (GOOD | {"images": None}, "^DataError.*images"),
    "images an object": (GOOD | {"images": {}}, "^DataError.*images"),
    "images a number": (GOOD | {"images": 5}, "^DataError.*images"),
    "annotations null": (GOOD | {"annotations": None}, "^DataError.*annotations"),
    "annotations a text": (GOOD | {"annotations": "x"}, "^DataError.*annotations"),
    "no object": ([1], "^DataError"),
    "a list of nothing": ([], "^DataError"),
    "a list of texts": (["expression"], "^DataError"),
    "a number": (5, "^DataError"),
    "null": (None, "^DataError"),
    **{
        f"an image that is {value!r}": (files([(value, None)]) | {"annotations": GOOD["annotations"]}, "^samples 900; problems .*entry")
        for value in (None, 5, "x", [], {}, True)
    },
    **{
        f"an annotation that is {value!r}": (files([({"id": 1}, value)]) | {"images": GOOD["images"]}, "^samples 900; problems .*: annotation 1: it belongs to no image")
        for value in (None, 5, "x", [], {}, True)
    },
    "the id twice": (lambda: json.dumps(GOOD).replace('"id": 900', '"id": 7, "id": 900', 1), "^DataError.*twice|problems .*twice"),
    "the box twice": (lambda: json.dumps(one()).replace('"bbox": [', '"bbox": [1, 1, 1, 1], "bbox": [', 1), "^samples 900; problems .*twice"),
    "images twice": (lambda: json.dumps(GOOD)[:-1] + ', "images": []}', "^DataError.*twice"),
    "a width of 10^5 digits": (lambda: json.dumps(one(width=-7)).replace("-7", LONG), "^samples 900; problems .*entry 1"),
    "an id of 10^5 digits": (lambda: json.dumps(one(id=-7)).replace("-7", LONG), "^samples 900; problems .*entry"),
    "a float of 10^5 digits": (lambda: json.dumps(one(width=-7)).replace("-7", LONG + ".5"), "^samples 900; problems .*entry 1"),
    "a caption 10^5 deep": (lambda: json.dumps(one(caption="@")).replace('"@"', "[" * 10**5 + "]" * 10**5), "^DataError"),
    "lists 10^5 deep": (lambda: "[" * 10**5, "^DataError"),
    "objects 10^5 deep": (lambda: '{"a":' * 10**5, "^DataError"),
    "two documents": (lambda: json.dumps(GOOD) * 2, "^DataError"),
    "a byte order mark": (lambda: "\ufeff" + json.dumps(GOOD), "^samples 900|^DataError"),
    "UTF-16": (lambda: json.dumps(GOOD).encode("utf-16"), "^samples 900|^DataError"),
    "bytes that are no text": (lambda: b"\xff\xfe\x00", "^DataError"),
    "NUL bytes": (lambda: b"\x00" * 1000, "^DataError"),
    "nothing": (lambda: b"", "^DataError"),
    "a surrogate as bytes": (lambda: json.dumps(one()).replace("the red car", "the \ud800 car", 1), "^samples 1, 900"),
}  # fmt: skip


def ref(**changes: Any) -> dict[str, Any]:
    """A referent with one sentence."""
    sentence = {"raw": "the red car", "sent": "the red car", "sent_id": 1}
    return {"ref_id": 1, "ann_id": 1, "image_id": 1, "split": "test", "sentences": [sentence]} | changes


def _refcoco_case(
    name: str, bad: Any, image: dict[str, Any] | None = None, annotation: Any = None, pattern: str = ""
) -> Case:
    def run(folder: Path) -> str:
        good = ref(ref_id=900, image_id=900, ann_id=900, sentences=[{"raw": "the red car", "sent_id": 900}])
        (folder / "refs(unc).p").write_bytes(pickle.dumps([bad, good], 2))
        first = {"id": 1, "file_name": "b.png", "width": 100, "height": 80} | (image or {})
        second = {"id": 900, "file_name": "a.png", "width": 100, "height": 80}
        box: Any = {"id": 1, "image_id": 1, "bbox": [10, 10, 20, 20]}
        box = box | annotation if isinstance(annotation, dict) else annotation if annotation is not None else box
        boxes = [box, {"id": 900, "image_id": 900, "bbox": [10, 10, 20, 20]}]
        (folder / "instances.json").write_text(json.dumps({"images": [first, second], "annotations": boxes}))
        return seen(load_dataset_split(config_of(folder, "refcoco"), "test", [folder / "refs(unc).p"]))

    return Case("annotations, RefCOCO", name, run, pattern or "^samples 900; problems .*entry")


BOXES: tuple[Any, ...] = (
    None, "x", [], [1, 2, 3], [NAN, 1, 2, 3], [1, 1, INF, 3], [1, 1, HUGE, 3], [True] * 4, ["1"] * 4, [-30, 10, 50, 20],
    [90, 10, 50, 20], [10, 10, 0, 20], [10, 10, -5, 20], [101, 10, 1, 20], [1e308, 1, 1e308, 1], [10, 10, 1e-320, 20],
)  # fmt: skip
SENTENCES: tuple[Any, ...] = (
    None, 5, "x", {}, [None], [5], ["x"], [[]], [{}], [{"raw": None, "sent_id": 1}], [{"raw": 5, "sent_id": 1}],
    [{"raw": ["x"], "sent_id": 1}], [{"raw": "x"}], [{"raw": "x", "sent_id": None}], [{"raw": "x", "sent_id": {}}],
    [{"raw": "x", "sent_id": True}], [{"raw": "x", "sent_id": 1.5}], [{"raw": "x" * 10**6, "sent_id": 1}],
)  # fmt: skip
REFCOCO = [
    *(_refcoco_case(f"bbox {str(box)[:30]}", ref(), annotation={"bbox": box}) for box in BOXES),
    *(_refcoco_case(f"sentences {str(value)[:30]}", ref(sentences=value)) for value in SENTENCES),
    *(
        _refcoco_case(f"image_id {value!r}", ref(image_id=value))
        for value in (None, [], {}, True, 77, NAN)
    ),
    *(_refcoco_case(f"ann_id {value!r}", ref(ann_id=value)) for value in (None, [], {}, True, 77)),
    *(
        _refcoco_case(f"width {str(value)[:9]}", ref(), image={"width": value})
        for value in (None, "x", NAN, INF, HUGE, 0, -1, True, 10**9, 100.5)
    ),
    *(
        _refcoco_case(f"file_name {str(value)[:20]!r}", ref(), image={"file_name": value})
        for value in (None, 5, [], "", "..", "a\x00.png", "a\\..\\b.png", "\ud800.png", "a" * 300)
    ),
    _refcoco_case("a referent that is a list", [], pattern="^samples 900; problems|^DataError"),
    _refcoco_case("a referent without fields", {"split": "test"}),
    _refcoco_case("a split that is a list", ref(split=[]), pattern="^samples 900|^DataError"),
    _refcoco_case("an annotation that is a number", ref(), annotation=5),
    _refcoco_case("an annotation without a box", ref(), annotation=[]),
    _refcoco_case("a surrogate in a sentence", ref(sentences=[{"raw": "a \ud800 b", "sent_id": 1}]), pattern="^samples 1, 900"),
    _refcoco_case("NUL in a sentence", ref(sentences=[{"raw": "a\x00b", "sent_id": 1}]), pattern="^samples 1, 900; problems .*entry 1"),
    _refcoco_case("an escape in a sentence", ref(sentences=[{"raw": "a\x1b[31mb", "sent_id": 1}]), pattern="^samples 1, 900; problems .*entry 1"),
]  # fmt: skip


def _instances_case(name: str, content: Callable[[], str | bytes]) -> Case:
    def run(folder: Path) -> str:
        (folder / "refs(unc).p").write_bytes(pickle.dumps([ref()], 2))
        raw = content()
        (folder / "instances.json").write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        return seen(load_dataset_split(config_of(folder, "refcoco"), "test", [folder / "refs(unc).p"]))

    return Case("annotations, RefCOCO", f"instances.json: {name}", run)


CASES = [
    *(_json_case(name, one(**fields), ENTRY) for name, fields in BAD_FIELDS.items()),
    *(_json_case(f"id {str(value)[:12]!r}", one_id, "^samples 900; problems .*entry")
      for value in BAD_IDS for one_id in [one(id=value, image_id=1)]),
    *(_json_case(name, one(**fields), "^samples 1, 900; problems .*entry 1:") for name, fields in REPLACED.items()),
    _json_case("an escape in an id", one(id="a\x1b[31mb"), "^samples [^\x1b]*900; problems .*entry"),
    _json_case("a surrogate in an id", one(id="a\ud800"), "^samples .*900; problems .*entry"),
    *(_json_case(name, content, pattern) for name, (content, pattern) in STRUCTURES.items()),
    *(_check_case(name, one(**fields)) for name, fields in list(BAD_FIELDS.items())[::4]),
    *(_check_case(f"vanilla rows {str(rows)[:20]}", rows) for rows in (
        [None], [5], [{}], [{"id": [], "expression": None}], [[]], [{"level": []}], [{"level": {}}], [{"objects_id": 5}],
    )),
    *REFCOCO,
    _instances_case("nothing", lambda: ""),
    _instances_case("images null", lambda: '{"images": null, "annotations": []}'),
    _instances_case("images of numbers", lambda: '{"images": [5], "annotations": [6]}'),
    _instances_case("ids that are lists", lambda: '{"images": [{"id": []}], "annotations": [{"id": {}}]}'),
    _instances_case("lists 10^5 deep", lambda: "[" * 10**5),
    _instances_case("a number of 10^5 digits", lambda: '{"images": [{"id": ' + LONG + '}], "annotations": []}'),
    _instances_case("bytes", lambda: b"\xff\x00\xfe"),
]  # fmt: skip

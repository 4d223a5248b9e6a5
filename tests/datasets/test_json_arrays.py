"""Arrays of which one entry at a time is parsed are what the parsed tree has, also in files that are broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from finecops.datasets import json_arrays
from finecops.datasets.coco import read_coco
from finecops.datasets.json_arrays import JsonArray, parse_arrays
from finecops.datasets.source import SourceFile
from finecops.strict_json import RepeatedKeys, parse_marked_json

KEYS = ("images", "annotations")
ENTRIES = '{"id": 1, "t": "a, ]} \\" b"}, 12, 3.5e2, null, true, "x", [[1], {}], {"k": 1, "k": 2}, NaN, -Infinity'
READ: dict[str, str | bytes] = {
    "plain": f'{{"images": [{ENTRIES}], "annotations": [{ENTRIES}]}}',
    "blanks": ' \n{ "images"\t:\r[ 1 , 2 ] ,\n "annotations" : [ ] } \n',
    "other order and keys": '{"info": {"a": [1]}, "annotations": [1], "n": 12, "images": [2], "s": "x"}',
    "other alphabets": '{"images": ["ключ 左边 🐕 é", "é", {"é": 1}, 5], "annotations": ["🐕🐕", 1, "ж"]}',
    "half a character": '{"images": ["\\ud800"], "annotations": ["\\u0000"]}',
    "long entries": json.dumps({"images": ["ab" * 60, "é" * 70, 1], "annotations": [{"x": list(range(80))}, 2]}),
}
LEFT_TO_THE_TREE: dict[str, str | bytes] = {
    "no array": '{"images": 5, "annotations": {"a": 1}, "x": []}',
    "a list": "[1, 2]",
    "rows by id": '{"1": {"expression": "a"}, "2": {}}',
    "empty": "{}",
    "a number": "5",
    "keys twice": '{"images": [1], "images": [2], "annotations": []}',
    "a long number": '{"images": [%s], "annotations": []}' % ("9" * 5000),
    "with a mark of order": b"\xef\xbb\xbf" + b'{"images": [1], "annotations": [2]}',
    "UTF-16": '{"images": ["\u00e9"], "annotations": [2]}'.encode("utf-16"),
}
BROKEN: dict[str, str | bytes] = {
    "nothing": "",
    "cut in an entry": '{"images": [{"id": 1}, {"id"',
    "cut behind an entry": '{"images": [{"id": 1}',
    "cut behind a comma": '{"images": [1,',
    "cut behind an array": '{"images": [1], "annotations": [2]',
    "a comma too many": '{"images": [1,], "annotations": []}',
    "a comma too few": '{"images": [1 2], "annotations": []}',
    "another bracket": '{"images": [1}, "annotations": []}',
    "more behind the end": '{"images": [1], "annotations": []} x',
    "no colon": '{"images" [1], "annotations": []}',
    "a key that is none": '{"images": [1], 5: []}',
    "no UTF-8": b'{"images": ["\xff"], "annotations": []}',
    "a cut character": b'{"images": ["\xc3"], "annotations": []}',
    "nested too deeply": '{"images": [' + "[" * 200_000 + "]" * 200_000 + '], "annotations": []}',
}


@pytest.fixture(params=[1, 2, 3, 7, 64, 1 << 20])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every file is large, and every size of window cuts it elsewhere."""
    monkeypatch.setattr(json_arrays, "TREE_BYTES", 0)
    monkeypatch.setattr(json_arrays, "_WINDOW", request.param)
    return int(request.param)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _plain(value: object) -> str:
    # NaN is not equal to itself; its text is. An object with a key twice is marked.
    return repr(value) + repr([v.key for v in value if isinstance(v, RepeatedKeys)] if isinstance(value, list) else "")


@pytest.mark.parametrize("name", READ)
def test_arrays_are_those_of_the_tree(name: str, window: int) -> None:
    content = _bytes(READ[name])
    found, tree = parse_arrays(content, KEYS), parse_marked_json(content)
    for key in KEYS:
        assert isinstance(found[key], JsonArray)
        assert _plain(list(found[key])) == _plain(tree[key])
        assert _plain([found[key][i] for i in range(len(found[key]))]) == _plain(tree[key])
        assert _plain(found[key][1:]) == _plain(tree[key][1:])
    assert found.keys() == tree.keys()


@pytest.mark.parametrize("name", LEFT_TO_THE_TREE)
def test_what_is_not_expected_is_parsed_as_a_whole(name: str, window: int) -> None:
    content = _bytes(LEFT_TO_THE_TREE[name])
    found, tree = parse_arrays(content, KEYS), parse_marked_json(content)
    assert type(found) is type(tree)
    assert found == tree or not isinstance(found, dict) or {k: found[k] for k in KEYS} == {k: tree[k] for k in KEYS}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_has_the_message_of_the_tree(name: str, window: int) -> None:
    content = _bytes(BROKEN[name])
    assert _message(lambda: parse_arrays(content, KEYS)) == _message(lambda: parse_marked_json(content)) != ""


def _message(parse: Callable[[], object]) -> str:
    try:
        parse()
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def test_a_small_file_is_parsed_as_a_whole() -> None:
    assert parse_arrays(_bytes(READ["plain"]), KEYS)["images"][0] == {"id": 1, "t": 'a, ]} " b'}
    assert isinstance(parse_arrays(_bytes(READ["blanks"]), KEYS)["images"], list)


def test_samples_and_problems_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Annotations before and behind the images, two of one image, none, keys twice, entries that are no objects."""
    image = {"file_name": "a.png", "width": 100, "height": 80, "caption": "the red car"}
    images = [{"id": i, **image} for i in range(1, 7)] + [5, {"id": None}, {"id": 3, **image}]
    boxes = [{"id": i, "image_id": i, "bbox": [1, 2, 3, 4], "level": 1} for i in (6, 1, 2, 3, 3, 3)]
    for first, second in (("images", "annotations"), ("annotations", "images")):
        lists = {"images": images, "annotations": [*boxes, "x", {"image_id": 9, "bbox": [0, 0, 1, float("nan")]}]}
        content = json.dumps({first: lists[first], second: lists[second]})
        content = content.replace('"image_id": 2', '"image_id": 2, "image_id": 2')
        (tmp_path / "a.json").write_text(content)
        source = SourceFile(tmp_path / "a.json", "toy", "test", tmp_path, (".",))
        tree = list(read_coco(source))
        monkeypatch.setattr(json_arrays, "TREE_BYTES", 0)
        monkeypatch.setattr(json_arrays, "_WINDOW", 50)
        assert list(read_coco(source)) == tree
        monkeypatch.undo()
        assert len(tree) == 10

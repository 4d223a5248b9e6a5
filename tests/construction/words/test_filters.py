"""Object filters: Inst-Inpaint's scenes files and names, on files that anybody may have written."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import pytest

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.words import gqa_lexicon
from finecops.construction.words.filters import (
    MAX_NAMES_BYTES,
    MAX_SCENE_OBJECTS,
    name_filter,
    object_filter,
    read_names,
    read_scenes,
)
from finecops.errors import DataError, FinecopsError, UsageError

DOG = SceneObject("11", "dog", (0, 0, 50, 50))
CAR = SceneObject("1", "car", (60, 0, 50, 50))
GRAPH = SceneGraph("2370", 200, 100, {"11": DOG, "1": CAR})


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def scene(**objects: object) -> dict[str, object]:
    named = {key.strip("_"): {"name": "x", "bidirected": value} for key, value in objects.items()}
    return {"width": 200, "height": 100, "objects": named}


def test_targets_are_the_removable_objects_of_the_scenes(tmp_path: Path) -> None:
    path = write(tmp_path / "test_scenes.json", {"2370": scene(_11=True, _1=False), "2371": scene(_1=True)})
    found = read_scenes([path])
    assert (found.scenes, found.bad) == (2, 0)
    assert found(GRAPH, DOG)
    # Object 1 is removable in another image only, and is not a part of "11".
    assert not found(GRAPH, CAR)
    assert not found(SceneGraph("9", 200, 100, {"11": DOG}), DOG)


def test_two_files_count_together_and_one_may_be_packed(tmp_path: Path) -> None:
    one = write(tmp_path / "train_scenes.json", {"2370": scene(_11=True)})
    other = tmp_path / "test_scenes.json.gz"
    other.write_bytes(gzip.compress(json.dumps({"2370": scene(_1=True)}).encode()))
    found = pickle.loads(pickle.dumps(object_filter(gqa_lexicon(), scenes=[one, other])))
    assert found(GRAPH, DOG)
    assert found(GRAPH, CAR)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {"objects": []},
        {"objects": {"1": "car"}},
        {"objects": {"1 11": {"bidirected": True}}},
        {"objects": {"\x1b[31m": {"bidirected": True}}},
        {"objects": {"": {"bidirected": True}}},
        {"objects": {"1" * 50: {"bidirected": True}}},
        {"objects": {str(i): {"bidirected": True} for i in range(MAX_SCENE_OBJECTS + 1)}},
    ],
)
def test_a_bad_scene_is_counted_and_has_no_objects(tmp_path: Path, bad: object) -> None:
    found = read_scenes([write(tmp_path / "scenes.json", {"2370": bad, "2371": scene(_1=True)})])
    assert (found.scenes, found.bad) == (2, 1)
    assert not found(GRAPH, DOG)
    assert not found(GRAPH, CAR)


@pytest.mark.parametrize("value", ["true", 1, None, [True], {"a": True}])
def test_only_true_is_removable(tmp_path: Path, value: object) -> None:
    found = read_scenes([write(tmp_path / "scenes.json", {"2370": scene(_11=value, _1=True)})])
    assert not found(GRAPH, DOG)
    assert found(GRAPH, CAR)


@pytest.mark.parametrize("content", ["", "[]", '{"1": ', "{}", '{"1": {"objects": {"2": {"name": "car"}}}}', "\x00"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "scenes.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"scenes\.json"):
        read_scenes([path])
    with pytest.raises(DataError, match="no scene graph file"):
        read_scenes([tmp_path / "missing.json"])


@pytest.mark.parametrize(
    ("keep", "drop", "kept"),
    [
        ("animal", None, "dog"),
        ("dog, car", None, "dog car"),
        ("dog, car", "vehicle", "dog"),
        (None, "animal", "car"),
        ("automobile", None, "car"),
        ("puppy", None, ""),
    ],
)
def test_a_name_stands_for_its_kinds_and_synonyms(keep: str | None, drop: str | None, kept: str) -> None:
    found = object_filter(gqa_lexicon(), keep=keep, drop=drop)
    assert found is not None
    assert [obj.name for obj in GRAPH.objects.values() if found(GRAPH, obj)] == kept.split()


def test_names_come_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("\ufeffdog  # and puppies\n\n# nothing\ntraffic   light\ndog\n", encoding="utf-8")
    assert read_names(str(path)) == ["dog", "traffic light"]
    assert object_filter(gqa_lexicon()) is None


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"\xff\xfe", DataError), (b"dog\x1b[31m", DataError), (b"# dog", UsageError), (b"dog\n" * 300_000, DataError)],
)
def test_a_bad_file_of_names_is_refused(tmp_path: Path, content: bytes, error: type[FinecopsError]) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(error):
        read_names(str(path))


def test_too_large_a_file_is_called_too_large_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes("ä".encode() * MAX_NAMES_BYTES)
    with pytest.raises(DataError, match="has more than"):
        read_names(str(path))


def test_names_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown name of objects 'eliphant'; did you mean 'elephant'"):
        name_filter(gqa_lexicon(), ["eliphant"])
    with pytest.raises(UsageError, match="no name of objects is left"):
        name_filter(gqa_lexicon(), ["dog"], ["animal"])
    with pytest.raises(UsageError, match="has no name"):
        read_names(" , ")
    with pytest.raises(DataError, match="no file of names"):
        read_names(str(tmp_path / "missing.txt"))
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(DataError, match="is no file"):
        read_names(str(tmp_path / "folder.txt"))

"""The folder of an export: an earlier export is replaced, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finecops.errors import DataError
from finecops.exchange.exporting.folder import EXPORT_JSON, ExportFolder


def write(out: Path, names: tuple[str, ...] = ("a.json",), format_: str = "coco", finish: bool = True) -> None:
    folder = ExportFolder(out, format_)
    for name in names:
        folder.new(name).write_text("new")
    if finish:
        folder.finish({"run": "toy"})


def test_an_export_replaces_the_one_before_and_leaves_other_files(tmp_path: Path) -> None:
    write(tmp_path, ("a.json", "b.json"))
    (tmp_path / "mine.txt").write_text("mine")
    write(tmp_path, ("a.json",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", EXPORT_JSON, "mine.txt"]
    noted = json.loads((tmp_path / EXPORT_JSON).read_text())
    assert (noted["entries"], noted["state"], noted["run"]) == (["a.json"], "done", "toy")


def test_what_an_interrupted_export_left_is_known(tmp_path: Path) -> None:
    write(tmp_path, ("a.json", "b.json"), finish=False)
    assert json.loads((tmp_path / EXPORT_JSON).read_text())["state"] == "begun"
    write(tmp_path)
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_no_export_wrote_is_refused_and_stays(tmp_path: Path, kind: str) -> None:
    there = tmp_path / "a.json"
    if kind == "file":
        there.write_text("mine")
    elif kind == "folder":
        there.mkdir()
    else:
        there.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"a\.json is there and is not of"):
        write(tmp_path)
    assert there.is_symlink() or there.is_dir() or there.read_text() == "mine"


def test_an_export_of_another_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path, format_="fiftyone")
    with pytest.raises(DataError, match="not of `finecops export coco`"):
        write(tmp_path)
    assert (tmp_path / "a.json").read_text() == "new"


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/x", "sub/inside.txt", "..", ".", EXPORT_JSON, 7])
def test_an_edited_list_removes_nothing_outside(tmp_path: Path, name: object) -> None:
    out = tmp_path / "out"
    write(out)
    (tmp_path / "outside.txt").write_text("mine")
    (out / "sub").mkdir()
    (out / "sub" / "inside.txt").write_text("mine")
    (out / EXPORT_JSON).write_text(json.dumps({"format": "coco", "entries": [name, "a.json"]}))
    write(out)
    assert (tmp_path / "outside.txt").exists()
    assert (out / "sub" / "inside.txt").exists()


def test_a_link_in_place_of_an_old_folder_is_unlinked_alone(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "photo.png").write_text("mine")
    folder = ExportFolder(out, "coco")
    folder.new("results").symlink_to(elsewhere)
    ExportFolder(out, "coco")
    assert not (out / "results").is_symlink()
    assert (elsewhere / "photo.png").exists()


@pytest.mark.parametrize("content", ["[", "[]", '{"format": "coco"}', '{"format": "coco", "entries": "a.json"}'])
def test_a_broken_note_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / EXPORT_JSON).write_text(content)
    with pytest.raises(DataError, match="choose another --out"):
        write(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(DataError, match="is no folder"):
        write(tmp_path / "x")

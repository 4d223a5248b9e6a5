"""What a user types for a method, a run or a prediction file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import DataError, RunError, UsageError
from finecops.evaluation.settings import FileSettings
from finecops.evaluation.sources import resolve, resolve_all
from finecops.runs.manifest import StageEntry
from tests.builders_runs import RIGHT, make_run, stage_entry
from tests.conftest import coco_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose selection has a long name."""
    return make_run(tmp_path / "a:b" / "run", mllm=_crs())


def _crs() -> StageEntry:
    return stage_entry("answers", "crs")


def _file(folder: Path, name: str = "f.json", ids: tuple[int, ...] = (1, 2)) -> Path:
    path = folder / name
    path.write_text(
        json.dumps([{"image_id": i, "category_id": 1, "bbox": [10, 10, 40, 40], "score": 0.5} for i in ids])
    )
    return path


COCO: dict[str, Any] = {"format": ("coco-results",)}


def test_a_run_is_all_its_methods_or_the_named_one(folder: Path) -> None:
    whole = resolve(str(folder))
    assert [method.key for method in whole.methods] == ["specialist", "sfa", "mllm"]
    assert not whole.named
    one = resolve(f"{folder}:sfa")
    assert (one.title(one.methods[0]), one.named, len(one.samples)) == (f"{folder}:sfa", True, 40)
    # The kind of its only selection, whose stage has another name.
    assert [method.key for method in resolve(f"{folder}:crs").methods] == ["mllm"]


def test_a_kind_that_a_run_has_twice_is_no_name(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", mllm=_crs(), sfa=_crs())
    with pytest.raises(UsageError, match=r"several methods of the kind crs; there are: mllm, sfa$"):
        resolve(f"{folder}:crs")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "{run}:sfx",
            UsageError,
            r"has no method 'sfx' \(did you mean 'sfa'\?\); there are: specialist, sfa, mllm \(or in short: crs\)",
        ),
        ("{run}:", UsageError, "has no method ''"),
        ("{run}x", RunError, "no such run .* and no such prediction file"),
        ("{run}/..", RunError, "is no run: it has no run.json"),
        ("{file}:sfa", UsageError, "is a prediction file: it is one method, so leave out :sfa"),
        ("{file}", UsageError, "needs --format; there are: mmdet-npy"),
        ("{run}/sfa.jsonl", UsageError, r"a method of a run is .*run:sfa\)"),
    ],
)
def test_a_wrong_text_says_what_there_is(
    text: str, error: type[Exception], message: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        resolve(text.format(run=folder, file=_file(tmp_path)))


def test_a_run_that_is_not_there_is_answered_with_one_that_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "outputs" / "mini-both")
    with pytest.raises(RunError, match=r"no such prediction file; did you mean 'mini-both'\?"):
        resolve("mini-bot:sfa")


def test_a_file_is_read_against_annotations(tmp_path: Path) -> None:
    annotations = coco_file(tmp_path / "ann.json", [{}, {}, {}])
    source = resolve(str(_file(tmp_path)), FileSettings(annotations=(annotations,), **COCO))
    assert [sample.id for sample in source.samples] == ["1", "2", "3"]
    assert source.methods[0].rows["1"].boxes == ((10.0, 10.0, 50.0, 50.0),)
    assert source.title(source.methods[0]) == str(tmp_path / "f.json")
    with pytest.raises(UsageError, match="needs --annotations"):
        resolve(str(_file(tmp_path)), FileSettings(**COCO))


def test_a_file_beside_a_run_is_about_its_samples(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text((folder / "specialist.jsonl").read_text())
    file, run = resolve_all([str(path), f"{folder}:sfa"], FileSettings(format=("finecops",)))
    assert file.samples == run.samples
    assert file.methods[0].rows["p0"].boxes == (RIGHT,)
    with pytest.raises(DataError, match="not in the annotations"):
        resolve_all([str(_file(tmp_path)), str(folder)], FileSettings(**COCO))


def test_options_of_files_are_given_once_or_for_each(tmp_path: Path) -> None:
    annotations = (coco_file(tmp_path / "ann.json", [{}, {}]),)
    first, second = _file(tmp_path), tmp_path / "texts.jsonl"
    second.write_text(json.dumps({"image_id": 1, "text": "(125,125),(500,625)", "score": [0.5]}) + "\n")
    both = [str(first), str(second)]
    files = FileSettings(
        annotations=annotations,
        format=("coco-results", "refexp-text"),
        box_format=("norm1000_paren",),
        score=("score",),
    )
    assert resolve_all(both, files)[1].methods[0].rows["1"].boxes == ((12.5, 10.0, 50.0, 50.0),)
    with pytest.raises(UsageError, match="--format is given 3 times for the 2 prediction files that use it"):
        resolve_all(both, FileSettings(annotations=annotations, format=("finecops",) * 3))
    with pytest.raises(UsageError, match="--box-format is given 2 times for no file that uses it"):
        resolve(str(first), FileSettings(annotations=annotations, box_format=("point", "point"), **COCO))


def test_options_of_files_are_refused_without_one(folder: Path) -> None:
    with pytest.raises(UsageError, match="--format goes with a prediction file"):
        resolve(str(folder), FileSettings(format=("finecops",)))
    with pytest.raises(UsageError, match="unknown format 'coc'"):
        FileSettings(format=("coc",))

"""Builders that the tests share, and the committed mini models, loaded once."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

if "PYTEST_XDIST_WORKER" in os.environ:
    # As many processes as cores: torch shall not start as many threads in each. It reads this when it is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from finecops.bench.browser import browser
from finecops.config import find
from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import load_mllm, load_specialist
from finecops.construction.graph import SceneGraph, parse_scene_graph
from finecops.datasets import dataset as reading
from finecops.datasets.problems import Problem
from finecops.datasets.table import SampleTable
from finecops.errors import FinecopsError
from finecops.models import backends
from finecops.models.backends import Backend
from finecops.records import Negative, Prediction, Sample
from finecops.runs.batches import Batch, rows_of_batch
from finecops.runs.engines import local
from finecops.runs.specification import Stage, Work

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def no_fsync() -> Iterator[None]:
    """No test loses power, and waiting for the disk is a third of a test that writes many files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: None)
        yield


@pytest.fixture
def counting() -> None:
    """For a test that needs a stage's operations; see `no_counting`."""


@pytest.fixture(autouse=True)
def no_counting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting makes a stage's first batch slow, and in a test that may be its only one; the rows are the same."""
    if "counting" not in request.fixturenames:
        monkeypatch.setattr(local, "_counted", uncounted)


def uncounted(work: Work[Any], stage: Stage[Any], batch: Batch) -> local.BatchResult[Any]:
    return local.BatchResult(rows_of_batch(batch, stage, work.spec.failure))


built_command = cache(get_command)
"""The command of an application of typer: building all of ours takes a tenth of a second."""


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """The runner of typer builds all commands anew for each call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", built_command)
        yield


def state(path: Path) -> tuple[Path, int, int]:
    """What differs as soon as a file was written anew."""
    found = path.stat()
    return path, found.st_mtime_ns, found.st_size


class KeptSamples(SampleTable):
    """A table that makes its samples once; they cannot be changed."""

    def __init__(self, table: SampleTable) -> None:
        texts = (table.ids, table.images, table.expressions, table.positive_ids)
        super().__init__(texts, table.image_wh, table.xyxy, table.kinds, table.kind)
        self._kept = list(table)

    def _rows(self, start: int, stop: int) -> Iterator[Sample]:
        return iter(self._kept[start:stop])


class ReadBefore:
    """What was read of a split, in the shape in which `load_dataset_split` takes it."""

    def __init__(self, samples: SampleTable, problems: list[Problem]) -> None:
        self._samples, self.problems = samples, problems

    def table(self) -> SampleTable:
        """The samples."""
        return self._samples


@pytest.fixture(scope="session", autouse=True)
def committed_files_read_once() -> Iterator[None]:
    """Hundreds of commands read the committed benchmark and configurations, which no test changes.

    A file is read again as soon as its size or time differs. Files of the tests' own folders are read each time.
    """
    read_files, read_settings = reading._read_files, find.read_settings
    splits: dict[Any, Any] = {}
    settings: dict[Any, dict[str, object]] = {}

    def split_once(config: DatasetConfig, where: Any, place: Any) -> Any:
        if place is not None or not all((PROJECT / "data") in path.resolve().parents for path in where.files):
            return read_files(config, where, place)
        key = (config.model_dump_json(), where, *map(state, where.files))
        if key not in splits:
            joined = read_files(config, where, place)
            splits[key] = ReadBefore(KeptSamples(joined.table()), joined.problems)
        return splits[key]

    def settings_once(path: Path) -> dict[str, object]:
        if (PROJECT / "configs") not in path.resolve().parents:
            return read_settings(path)
        key = state(path.resolve())
        if key not in settings:
            settings[key] = read_settings(path)
        return copy.deepcopy(settings[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_read_files", split_once)
        patch.setattr(find, "read_settings", settings_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def committed_models_loaded_once() -> Iterator[None]:
    """Commands go from one mini model to another and back, and the program keeps one MLLM and two specialists alone.

    A model is loaded again as soon as the size or time of a file in its folder differs. Models of other folders are
    loaded each time.
    """
    kept: dict[Any, Any] = {}

    def once(backend: Backend) -> Backend:
        def load(config: Any, device: str) -> Any:
            names = [config.weights, *filter(None, [getattr(config, "adapter", None)])]
            folders = [find.resolve(name).resolve() for name in names]
            if not all((PROJECT / "checkpoints") in folder.parents and folder.is_dir() for folder in folders):
                return backend.load(config, device)
            chosen = backends.use_torch(device)
            key = (config, chosen, *(state(file) for folder in folders for file in sorted(folder.iterdir())))
            if key not in kept:
                kept[key] = backend.load(config, chosen)
            return kept[key]

        return replace(backend, load=load)

    with pytest.MonkeyPatch.context() as patch:
        for known, name in (
            (backends.SPECIALIST_BACKENDS, "grounding-dino"),
            (backends.MLLM_BACKENDS, "transformers"),
        ):
            patch.setitem(known, name, once(known[name]))
        yield


def make_sample(id_: str = "1", **changes: Any) -> Sample:
    """A positive of 100 by 100 pixels; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "id": id_,
        "dataset": "toy",
        "split": "test",
        "image": f"{id_}.png",
        "width": 100,
        "height": 100,
        "expression": "the red car",
        "truth": "box",
        "box": (10.0, 10.0, 50.0, 50.0),
        "level": 1,
    }
    fields |= changes
    if fields["box"] is None and "truth" not in changes:
        fields["truth"] = "absent"
    return Sample(**fields)


def make_negative(
    id_: str, positive_id: str, type_: str = "replace_object", level: int = 1, kind: str = "text"
) -> Sample:
    """A negative of a positive."""
    negative = Negative(kind=kind, type=type_, level=level, positive_id=positive_id)
    return make_sample(id_, box=None, negative=negative)


def make_prediction(id_: str, boxes: Any = (), scores: Any = None, status: str | None = None) -> Prediction:
    """An answer with some boxes and scores; without boxes a rejection."""
    status = status or ("box" if boxes else "reject")
    return Prediction(sample_id=id_, status=status, boxes=tuple(boxes), scores=scores, source="test")


def make_graph(*things: tuple[str, str, str, str]) -> SceneGraph:
    """A scene graph from (id, name, "attribute attribute", "relation>id, relation>id") rows, in GQA's format."""
    objects = {
        id_: {
            "name": name,
            **dict(zip("xywh", (10 * i, 10 * i, 9, 9), strict=True)),
            "attributes": attributes.split(),
            "relations": [
                dict(zip(("name", "object"), part.split(">"), strict=True)) for part in relations.split(", ") if part
            ],
        }
        for i, (id_, name, attributes, relations) in enumerate(things)
    }
    return parse_scene_graph("img", {"width": 100, "height": 100, "objects": objects})


def coco_file(path: Path, entries: list[dict[str, Any]]) -> Path:
    """Write a COCO annotation file; an entry may set any field of its image or annotation."""
    images, annotations = [], []
    for number, entry in enumerate(entries, start=1):
        image = {"id": number, "file_name": "a.png", "width": 100, "height": 80, "caption": "the red car"}
        annotation: dict[str, Any] = {"id": number, "bbox": [10, 10, 20, 20], "level": 1, "category_id": 1}
        for key, value in entry.items():
            (image if key in image else annotation)[key] = value
        annotation.setdefault("image_id", image["id"])
        images.append(image)
        annotations.append(annotation)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    return path


@pytest.fixture(autouse=True, scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads what the user has in the folder of finecops."""
    os.environ["FINECOPS_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture
def toy_dataset(tmp_path: Path) -> Callable[[list[dict[str, Any]]], DatasetConfig]:
    """A function from entries to a dataset of one file below the test's folder."""

    def make(entries: list[dict[str, Any]]) -> DatasetConfig:
        root = tmp_path / "toy"
        coco_file(root / "test.json", entries)
        return DatasetConfig(
            name="toy", root=root, image_folders=("images",), splits={"test": ("test.json",)}, preset="mini", get="-"
        )

    return make


@pytest.fixture(scope="session")
def mini_specialist() -> Any:
    """The committed mini specialist."""
    from finecops.models.backends import load_specialist_model

    return load_specialist_model(load_specialist("mini-gdino"), "cpu")


@pytest.fixture(scope="session")
def mini_mllm() -> Any:
    """The committed mini MLLM."""
    from finecops.models.backends import load_mllm_model

    return load_mllm_model(load_mllm("mini-qwen2vl"), "cpu")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running Chromium; without one the tests are skipped, or fail where they must not be skipped."""
    context = browser()
    try:
        found = context.__enter__()
    except FinecopsError as error:
        if os.environ.get("FINECOPS_NO_SKIP"):
            pytest.fail(str(error))
        pytest.skip(f"NOT CHECKED: {error}")
    yield found
    context.__exit__(None, None, None)

"""`export lmms-eval` and `export vlmevalkit`: what is written comes back, with a model's answers, as the same samples.

`scripts/read_exchange.py` reads the exports with lmms-eval itself, and by VLMEvalKit's rules.
"""

from __future__ import annotations

import base64
import csv
import importlib.util
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import DataError, UsageError
from finecops.evaluation.reading import RunData
from finecops.exchange.exporting.lmms_eval import export_lmms_eval, task_name
from finecops.exchange.exporting.vlmevalkit import export_vlmevalkit
from finecops.exchange.importing.formats import import_files
from finecops.exchange.importing.published import ImportOptions
from finecops.records import Prediction

NEGATIVE = {"negative_type": "flip", "negative_level": 2, "positive_id": 1, "negative_cate": "image"}
ENTRIES: list[dict[str, Any]] = [
    {"tuple_type": "0_hop"},
    {"caption": 'the "small"\ttéal car'},
    {"file_name": "b.png", **NEGATIVE},
]
OPTIONS = ImportOptions("toy", "json_bbox2d_rel1000", "told")
Made = Callable[[list[dict[str, Any]]], DatasetConfig]


@pytest.fixture
def dataset(toy_dataset: Made) -> Dataset:
    """Two positives on one image, and a negative image."""
    config = toy_dataset(ENTRIES)
    for number, name in enumerate(("a.png", "b.png")):
        path = config.root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((100, 80), 40 + number).save(path)
    return load_dataset_split(config)


def same_samples(run: Path, dataset: Dataset) -> bool:
    ours, theirs = (
        [s.model_dump(exclude={"dataset", "split"}) for s in samples]
        for samples in (dataset.samples, RunData(run).samples)
    )
    return ours == theirs


def task_module(tasks: Path) -> ModuleType:
    """The task's functions as lmms-eval imports them: from the file beside the YAML file."""
    spec = importlib.util.spec_from_file_location("utils_of_a_task", tasks / "utils.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_task_of_lmms_eval_and_its_log(tmp_path: Path, dataset: Dataset) -> None:
    written = export_lmms_eval([dataset], tmp_path / "out", "mit", "norm1000")
    assert written.samples == {"finecops_toy_test": 3}
    text = (written.folder / "finecops_toy_test.yaml").read_text()
    task = yaml.safe_load(text.replace("!function ", ""))
    module = task_module(written.folder)
    docs = pq.read_table(tmp_path / "out" / "data").to_pylist()
    for doc in docs:
        doc["image"] = Image.open(io.BytesIO(doc["image"]["bytes"]))
    functions = [task[key] for key in ("doc_to_visual", "doc_to_text", "doc_to_target", "process_results")]
    functions += [metric["aggregation"] for metric in task["metric_list"]]
    assert all(hasattr(module, name.removeprefix("utils.")) for name in functions)
    assert task["test_split"] == "test"
    assert Path(task["dataset_path"]) == (tmp_path / "out").resolve()
    assert module.doc_to_text(docs[1]).startswith('Locate every object that matches the description "the "small"')
    assert module.doc_to_visual(docs[0])[0].size == (100, 80)
    replies = ['[{"bbox_2d": [100, 125, 300, 375]}]', "no idea", "null"]
    results = [module.process_results(doc, [reply]) for doc, reply in zip(docs, replies, strict=True)]
    metrics = {m["metric"]: getattr(module, m["aggregation"].removeprefix("utils.")) for m in task["metric_list"]}
    figures = {name: of([result[name] for result in results]) for name, of in metrics.items()}
    assert figures == pytest.approx(
        {"finecops_precision_at_1": 50, "finecops_rejected_negatives": 100, "finecops_unparsed": 100 / 3}
    )
    # The log, as lmms-eval writes it: JSON of what process_results gave, without the row of the dataset.
    log = tmp_path / "told" / "samples_finecops_toy_test.jsonl"
    log.parent.mkdir()
    lines = [{"doc_id": i, "filtered_resps": r, "input": "x", **v} for i, (r, v) in enumerate(zip(replies, results))]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_files("lmms-eval", [log], tmp_path / "run", OPTIONS)
    assert same_samples(tmp_path / "run", dataset)
    rows = RunData(tmp_path / "run").rows("told", Prediction)
    assert [row.status for row in rows.values()] == ["box", "unparsed", "reject"]
    assert rows["1"].boxes == ((10, 10, 30, 30),)


@pytest.mark.parametrize(
    ("numbers", "reply", "expected"),
    [
        ("pixels", "at [10, 20, 30.5, 40].", ("box", [10, 20, 30.5, 40])),
        ("norm1", "(0.1, 0.25, 0.5, 1)", ("box", [10, 20, 50, 80])),
        ("norm1000", '{"bbox_2d": [100, 250, 500, 1000]}', ("box", [10, 20, 50, 80])),
        # Corners in the wrong order are no box, and no rejection.
        ("pixels", "[30, 20, 10, 40]", ("unparsed", None)),
        ("pixels", "[10, 20, 30]", ("unparsed", None)),
        ("pixels", "There is none.", ("reject", None)),
        ("pixels", "[]", ("reject", None)),
        ("pixels", "", ("unparsed", None)),
        ("pixels", "It is nonetheless there.", ("unparsed", None)),
    ],
)
def test_how_the_task_reads_a_reply(
    tmp_path: Path, dataset: Dataset, numbers: str, reply: str, expected: tuple[str, Any]
) -> None:
    written = export_lmms_eval([dataset], tmp_path / "out", "mit", numbers)
    status, box = task_module(written.folder).read_reply(reply, 100, 80)
    assert (status, box and [round(v, 9) for v in box]) == expected


def test_the_figures_of_nothing_are_no_numbers(tmp_path: Path, dataset: Dataset) -> None:
    module = task_module(export_lmms_eval([dataset], tmp_path / "out", "mit", "pixels").folder)
    assert math.isnan(module.precision_at_1([]))
    # On the border is not above it.
    assert module.precision_at_1([{"truth": "box", "iou": 0.5}, {"truth": "box", "iou": 0.500001}]) == 50


def test_a_table_of_vlmevalkit_comes_back_with_its_samples(tmp_path: Path, dataset: Dataset) -> None:
    written = export_vlmevalkit([dataset], tmp_path / "out")
    assert written.samples == {"finecops_toy_test": 3}
    with (tmp_path / "out" / "finecops_toy_test.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    # The second sample has the first one's image.
    assert [row["image"] if len(row["image"]) <= 64 else "…" for row in rows] == ["…", "0", "…"]
    with Image.open(io.BytesIO(base64.b64decode(rows[2]["image"], validate=True))) as picture:
        assert picture.size == (100, 80)
    assert [row["answer"] for row in rows] == ["[10.0, 10.0, 30.0, 30.0]"] * 2 + ["absent"]
    path = tmp_path / "told_finecops_toy_test.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        kept = [name for name in rows[0] if name != "image"]
        writer = csv.DictWriter(file, [*kept, "prediction"], delimiter="\t", quoting=csv.QUOTE_ALL)
        writer.writeheader()
        for row, reply in zip(rows, ("[100, 125, 300, 375]", '{"bbox_2d": [100, 125, 300, 375]}', "none"), strict=True):
            writer.writerow({name: row[name] for name in kept} | {"prediction": reply})
    made = import_files("vlmevalkit", [path], tmp_path / "run", ImportOptions(box_format=OPTIONS.box_format))
    assert (made.dataset[0], list(made.methods)) == ("finecops_toy_test", ["told"])
    assert same_samples(tmp_path / "run", dataset)
    statuses = [row.status for row in RunData(tmp_path / "run").rows("told", Prediction).values()]
    # Four numbers alone are not how the named format writes a box.
    assert statuses == ["unparsed", "box", "reject"]


def test_images_that_vlmevalkit_kept_are_not_taken_for_others(tmp_path: Path, dataset: Dataset) -> None:
    export_vlmevalkit([dataset], tmp_path / "out")
    (tmp_path / "out" / "images" / "finecops_toy_test").mkdir(parents=True)
    with pytest.raises(DataError, match="unpacked from an earlier export"):
        export_vlmevalkit([dataset], tmp_path / "out")


@pytest.mark.parametrize("format_", ["lmms-eval", "vlmevalkit"])
def test_what_is_wrong_is_said_before_anything_is_written(tmp_path: Path, dataset: Dataset, format_: str) -> None:
    def export(prompt: str) -> None:
        if format_ == "lmms-eval":
            export_lmms_eval([dataset], tmp_path / "out", "mit", "pixels", prompt)
        else:
            export_vlmevalkit([dataset], tmp_path / "out", prompt)

    with pytest.raises(UsageError, match=r"has no \{expression\}"):
        export("Where is it?")
    (dataset.root / "images" / "b.png").unlink()
    with pytest.raises(DataError, match=r"b\.png is missing"):
        export("Where is {expression}?")
    assert not (tmp_path / "out" / "export.json").exists()
    assert not list(tmp_path.glob("out/*.tsv"))


@pytest.mark.parametrize(
    ("dataset_name", "split", "name"),
    [("RefCOCO+", "testA", "finecops_refcoco_testa"), ("finecops-mini", "val", "finecops_mini_val")],
)
def test_names_of_tasks(dataset_name: str, split: str, name: str) -> None:
    assert task_name(dataset_name, split) == name

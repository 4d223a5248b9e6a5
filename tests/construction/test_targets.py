"""What scene graphs say of samples' targets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.construction.targets import graph_files, target_facts
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import DataError
from finecops.evaluation.gain_groups import TargetFacts
from finecops.runs.manifest import DatasetEntry, ImagesEntry, Manifest
from tests.conftest import make_sample


def graph(*objects: tuple[str, int, str], **more: Any) -> dict[str, Any]:
    """A graph of objects 10 pixels wide: name, left edge, attributes."""
    found = {
        str(i): {"name": n, "x": x, "y": 0, "w": 10, "h": 10, "attributes": a.split(), "relations": []}
        for i, (n, x, a) in enumerate(objects)
    }
    return {"width": 100, "height": 100, "objects": found, **more}


def test_things_of_the_targets_kind_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    graphs = {
        "a": graph(("cup", 0, "red tiny"), ("cup", 20, "blue"), ("tree", 40, "large")),
        "odd": graph(("dog", 0, "large brown"), file_name="b.png"),
        "broken": {"width": 100},
        "c": graph(),
    }
    with gzip.open(tmp_path / "test.json.gz", "wt") as file:
        json.dump(graphs, file)
    samples = [
        make_sample("1", image="x/a.jpg", box=(0, 0, 10, 10)),
        # Half a pixel off; the same thing.
        make_sample("2", image="a.jpg", box=(20.0, 0.0, 30.0, 9.5)),
        make_sample("3", image="images/b.png", box=(0, 0, 10, 10)),
        # No object of the graph, no object at all, a broken graph, no graph, no box.
        make_sample("4", image="a.jpg", box=(60, 60, 70, 70)),
        make_sample("5", image="c.jpg"),
        make_sample("6", image="broken.jpg"),
        make_sample("7", image="d.jpg"),
        make_sample("8", image="a.jpg", box=None),
    ]
    assert target_facts(samples, [tmp_path / "test.json.gz"]) == {
        "1": TargetFacts(of_its_kind=2, size="tiny"),
        "2": TargetFacts(of_its_kind=2),
        "3": TargetFacts(of_its_kind=1, size="large"),
    }
    assert "1 scene graph cannot be read, the first one: " in caplog.text
    assert target_facts(samples, []) == {}
    with pytest.raises(DataError, match="no scene graph file"):
        target_facts(samples, [tmp_path / "none.json"])


def test_the_graphs_of_a_run_are_found_in_its_dataset(tmp_path: Path) -> None:
    about = DatasetEntry(name="d", split="test", files=(), sha256="0", limit=0, samples=1)
    manifest = Manifest(dataset=about, prompts_sha256="0", environment={}, images=ImagesEntry(root=str(tmp_path)))
    assert graph_files(manifest) == ()
    (tmp_path / "scene_graphs").mkdir()
    (tmp_path / "scene_graphs" / "test.json").write_text("{}")
    assert graph_files(manifest) == (tmp_path / "scene_graphs" / "test.json",)
    assert graph_files(manifest.model_copy(update={"images": None})) == ()


def test_every_target_of_the_mini_benchmark_is_in_its_graph() -> None:
    dataset = load_dataset_split(load_dataset("finecops-mini"), "val")
    positives = [sample for sample in dataset.samples if sample.positive]
    facts = target_facts(positives, [dataset.root / "scene_graphs" / "val.json.gz"])
    assert facts.keys() == {sample.id for sample in positives}
    assert all(fact.of_its_kind >= 1 and fact.size is not None for fact in facts.values())

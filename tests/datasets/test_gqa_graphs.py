"""GQA's scene graphs as tables of sizes and boxes: what is broken is one error, and an empty graph is a graph."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from finecops.datasets.gqa_graphs import read_gqa_boxes
from finecops.errors import DataError

GRAPHS = {
    "1": {
        "width": 100,
        "height": 80,
        "objects": {"5": {"name": "cup", "x": 1, "y": 2, "w": 3, "h": 4, "relations": []}},
    },
    "2": {"width": 50, "height": 60, "objects": {}},
}


def test_a_graph_without_objects_has_its_size(tmp_path: Path) -> None:
    (tmp_path / "val_sceneGraphs.json").write_text(json.dumps(GRAPHS))
    found = read_gqa_boxes([tmp_path])
    assert {id_: (graph.image_wh, len(graph.xywh)) for id_, graph in found.items()} == {
        "1": ((100, 80), 1),
        "2": ((50, 60), 0),
    }


def test_a_damaged_file_is_one_error(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(json.dumps(GRAPHS).encode() * 50))
    content[20:24] = b"\xff\xff\xff\xff"
    (tmp_path / "val_sceneGraphs.json.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"val_sceneGraphs\.json\.gz is not JSON"):
        read_gqa_boxes([tmp_path])

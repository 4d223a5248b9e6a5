"""Counts over graphs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finecops.construction.truth import statistics
from finecops.construction.truth.statistics import Statistics
from finecops.construction.truth.stream import GraphEntry, graph_entries
from finecops.errors import RunError
from tests.construction.truth.test_stream import CUP, raw, write


def entries(tmp_path: Path) -> list[GraphEntry]:
    on = raw("cup", "table")
    on["objects"]["0"]["relations"] = [{"name": "on", "object": "1"}]
    graphs = {"1": on, "2": raw("cup", "cup", "hat"), "3": raw("cup", w="wide"), "4": {**on, "objects": {"1": CUP}}}
    return list(graph_entries(write(tmp_path / "g.json", json.dumps(graphs))))


def test_what_is_counted(tmp_path: Path) -> None:
    found = Statistics.of(entries(tmp_path))
    assert found.images == 3
    assert list(found.names.items()) == [("cup", 4), ("hat", 1), ("table", 1)]
    assert found.attributes == {"cup": {"red": 4}, "hat": {"red": 1}, "table": {"red": 1}}
    assert found.relations == {("cup", "on", "table"): 1}
    assert found.together == {("cup", "table"): 1, ("cup", "hat"): 1}
    found.write(tmp_path / "statistics.json")
    assert Statistics.read(tmp_path / "statistics.json") == found
    (tmp_path / "statistics.json").write_text('{"images": 1}')
    with pytest.raises(RunError, match="no statistics of scene graphs"):
        Statistics.read(tmp_path / "statistics.json")


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "MOST", 1)
    found = Statistics.of(entries(tmp_path) * 2)
    assert (len(found.names), len(found.relations)) == (3, 1)
    # Of two that are as frequent the first in the alphabet stays, whatever the file's order is.
    assert found.together == {("cup", "hat"): 2}

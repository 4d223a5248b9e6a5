"""Graphs of GQA's shape."""

from __future__ import annotations

import json
from pathlib import Path

from finecops.bench.synthetic_graphs import GraphGenerator, write_graph_file
from finecops.construction.graph import dump_scene_graph, parse_scene_graph
from finecops.construction.graph_file import read_entries
from finecops.construction.words import gqa_lexicon


def test_the_shape_is_that_of_gqa(tmp_path: Path) -> None:
    lexicon = gqa_lexicon()
    write_graph_file(tmp_path / "graphs.json.gz", 150, lexicon)
    graphs = [parse_scene_graph(*entry) for entry in read_entries(tmp_path / "graphs.json.gz")]
    objects = [obj for graph in graphs for obj in graph.objects.values()]
    relations = [r.name for obj in objects for r in obj.relations]
    assert 15 < len(objects) / 150 < 18.5
    assert 45 < len(relations) / 150 < 60
    assert 0.85 < sum(name.startswith("to the ") for name in relations) / len(relations) < 0.95
    for graph in graphs:
        for obj in graph.objects.values():
            x, y, w, h = obj.xywh
            assert min(x, y) >= 0
            assert x + w <= graph.width
            assert y + h <= graph.height
    # The most frequent name is far more frequent than the tenth.
    names = [obj.name for obj in objects]
    first, tenth = (names.count(list(lexicon.nouns)[rank]) for rank in (0, 9))
    assert first > 3 * tenth


def test_a_graph_depends_on_the_seed_and_its_number_alone() -> None:
    lexicon = gqa_lexicon()
    graphs = list(GraphGenerator(lexicon, seed=3).graphs(5))
    assert graphs == list(GraphGenerator(lexicon, seed=3).graphs(9))[:5]
    assert graphs != list(GraphGenerator(lexicon, seed=4).graphs(5))
    assert json.loads(json.dumps(graphs[0][1])) == dump_scene_graph(parse_scene_graph(*graphs[0]))

"""Whole splits: the committed finecops-mini, made again and judged by the oracle, and a benchmark from GQA's format."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finecops.cli.app import app
from finecops.construction.graph import parse_scene_graph
from finecops.errors import ConfigError
from finecops.mini.world.catalogue import ATTRIBUTE_TYPES
from tests.mini.builder.oracle import Facts, fitting, level_of, pattern_of_row

MINI = Path(__file__).resolve().parents[3] / "data" / "finecops-mini"
KINDS = ("expression_pos", "expression_neg", "image_neg")


def build(*arguments: str) -> str:
    """What `finecops data build …` prints; an error comes through."""
    result = CliRunner().invoke(app, ["data", "build", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def read_vanilla(folder: Path, name: str) -> dict[str, list[dict[str, Any]]]:
    found = {kind: json.loads((folder / "vanilla" / f"{name}_{kind}.json").read_text()) for kind in KINDS}
    for rows in found.values():
        assert list(rows) == [str(row["id"]) for row in rows.values()]
    return {kind: list(rows.values()) for kind, rows in found.items()}


def read_graphs(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress((folder / "scene_graphs" / f"{name}.json.gz").read_bytes()))
    return content


def test_finecops_mini_is_made_again_byte_by_byte(tmp_path: Path) -> None:
    said = build("mini", "--split", "val", "--out", str(tmp_path))
    assert said == "val: 480 positives, 382 negative expressions, 270 negative images\n"
    committed = {path.relative_to(MINI) for path in MINI.rglob("val*") if path.is_file()}
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert made == committed
    assert len(made) > 400
    different = [str(name) for name in made if (tmp_path / name).read_bytes() != (MINI / name).read_bytes()]
    assert different == []


@pytest.mark.parametrize("split", ["val", "test"])
def test_the_committed_rows_are_right(split: str) -> None:
    """Every positive fits one object, its level is right, and every negative expression fits none."""
    rows = read_vanilla(MINI, split)
    facts = {id_: Facts.of(parse_scene_graph(id_, raw)) for id_, raw in read_graphs(MINI, split).items()}
    for row in rows["expression_pos"]:
        said = pattern_of_row(row["tuple"], row["tuple_type"])
        assert fitting(facts[row["image_id"]], said, ATTRIBUTE_TYPES) == {row["objects_id"][0]}, row
        assert level_of(facts[row["image_id"]], said, ATTRIBUTE_TYPES) == row["level"], row
    for row in rows["expression_neg"]:
        said = pattern_of_row(row["tuple"], row["tuple_type"])
        assert fitting(facts[row["image_id"]], said, ATTRIBUTE_TYPES) == set(), row
    positives = {row["id"]: row for row in rows["expression_pos"]}
    ids = [row["id"] for kind in KINDS for row in rows[kind]]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    for row in [*rows["expression_neg"], *rows["image_neg"]]:
        positive = positives[row["positive_id"]]
        assert row["objects_id"] == positive["objects_id"]
        assert (row["level"], row["ori_type"]) == (positive["level"], positive["tuple_type"])
    assert all(row["expression"] == positives[row["positive_id"]]["expression"] for row in rows["image_neg"])


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown split 'dev'; there are: test, val, train"):
        build("mini", "--split", "dev", "--out", str(tmp_path))

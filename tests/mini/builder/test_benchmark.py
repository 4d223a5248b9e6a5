"""Whole splits: the committed finecops-mini, made again and judged by the oracle, and a benchmark from GQA's format."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from finecops.cli.app import app
from finecops.config.find import load_dataset
from finecops.construction.graph import dump_scene_graph, parse_scene_graph
from finecops.datasets.check import check_split
from finecops.errors import ConfigError, DataError
from finecops.mini.world.catalogue import ATTRIBUTE_TYPES
from tests.mini.builder.oracle import Facts, fitting, level_of, pattern_of_row, random_graph

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


WORDS = {"cup": "cup", "car": "car", "tree": "dog"}
GQA_WORDS = {"left of": "to the left of", "right of": "to the right of", "big": "large", "dotted": "shiny"}


@pytest.fixture
def gqa(tmp_path: Path) -> tuple[Path, Path]:
    """A scene graph file like GQA's, of 60 images, and the folder of the images."""
    raw = {}
    images = tmp_path / "images"
    images.mkdir()
    for i in range(60):
        graph = dump_scene_graph(random_graph(random.Random(i), str(i), 5))
        for obj in graph["objects"].values():
            obj["name"] = WORDS[obj["name"]]
            obj["attributes"] = [GQA_WORDS.get(a, a) for a in obj["attributes"]]
            for relation in obj["relations"]:
                relation["name"] = GQA_WORDS.get(relation["name"], relation["name"])
        raw[str(i)] = graph
        Image.new("RGB", (100, 100), (i, 2 * i, 3 * i)).save(images / f"{i}.jpg")
    path = tmp_path / "val_sceneGraphs.json"
    path.write_text(json.dumps(raw))
    return path, images


def build_gqa(gqa: tuple[Path, Path], out: Path, *more: str) -> str:
    graphs, images = gqa
    return build("gqa", "--scene-graphs", str(graphs), "--images", str(images), "--out", str(out), *more)


def test_a_benchmark_from_gqas_graphs(gqa: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--name", "mine", "--positives", "40", "40", "20", "--expressions", "5", "--flips", "4"]
    said = build_gqa(gqa, out, *options)
    rows = read_vanilla(out, "mine")
    numbers = [len(rows[kind]) for kind in KINDS]
    assert said.startswith("mine: {} positives, {} negative expressions, {} negative images\n".format(*numbers))
    assert numbers[0] <= 100
    assert min(numbers) > 0
    types = json.loads(gqa[0].read_text())
    for row in rows["expression_pos"]:
        # The toy graphs are complete, so that what is proved on them must hold in them.
        facts = Facts.of(parse_scene_graph("x", types[row["image_id"]]))
        words = {"red": "colour", "blue": "colour", "large": "size", "small": "size"}
        assert fitting(facts, pattern_of_row(row["tuple"], row["tuple_type"]), words) == {row["objects_id"][0]}
        assert "shiny" not in row["expression"]  # no attribute with a type
    assert {row["negative_type"] for row in rows["image_neg"]} == {"flip"}
    for row in rows["image_neg"]:
        assert (out / "negative_images" / f"{row['image_id']}.jpg").is_file()
    # The photographs stay where they are.
    assert not (out / "images").exists()
    used = {row["image_id"] for row in rows["expression_pos"]}
    assert list(read_graphs(out, "mine")) == [id_ for id_ in types if id_ in used]
    coco = json.loads((out / "mine_expression_all_coco_format.json").read_text())
    assert [image["caption"] for image in coco["images"]] == [
        row["expression"] for row in rows["expression_pos"] + rows["expression_neg"]
    ]


def test_the_benchmark_is_a_dataset_at_once(gqa: tuple[Path, Path], tmp_path: Path) -> None:
    few = ["--positives", "9", "9", "9", "--expressions", "2"]
    out = tmp_path / "my cars"
    said = build_gqa(gqa, out, *few, "--name", "val", "--flips", "2")
    path = out / "my-benchmark.yaml"
    config = load_dataset(str(path))
    assert config.splits == {"val": ("val_expression_all_coco_format.json", "val_image_neg_coco_format.json")}
    assert said.endswith(f"next: finecops data check '{path}' --images {gqa[1]}\n")
    report = check_split(config, "val", (), True, gqa[1])
    assert (list(report.problems), report.missing_images) == ([], 0)
    # What the user changed stays, and the message says what it lacks.
    path.write_text(text := path.read_text().replace("licence: null", "licence: my own"))
    said = build_gqa(gqa, out, *few, "--name", "train", "--flips", "0")
    assert "add to its splits: train: [train_expression_all_coco_format.json]\n" in said
    assert "add to its splits" not in build_gqa(gqa, out, *few, "--name", "val", "--flips", "2")
    assert path.read_text() == text


def test_images_below_the_folder_are_found(gqa: tuple[Path, Path], tmp_path: Path) -> None:
    build_gqa(gqa, tmp_path, "--positives", "9", "9", "9", "--expressions", "0", "--flips", "1")
    (path,) = tmp_path.glob("*.yaml")
    config = load_dataset(str(path))
    assert config.image_folders == ("images", "negative_images")
    assert check_split(config, "test", (), True, None).missing_images == 0


def test_options_of_the_command(gqa: tuple[Path, Path], tmp_path: Path) -> None:
    few = ["--positives", "9", "9", "9", "--expressions", "0", "--flips", "0", "--limit", "10", "--per-image", "1"]
    build_gqa(gqa, tmp_path / "a", *few)
    rows = json.loads((tmp_path / "a" / "vanilla" / "test_expression_pos.json").read_text())
    images = [int(row["image_id"]) for row in rows.values()]
    assert max(images) < 10
    assert len(set(images)) == len(images)
    # No negative images asked for: no file of them.
    assert sorted(p.name for p in (tmp_path / "a" / "vanilla").iterdir()) == [
        "test_expression_neg.json",
        "test_expression_pos.json",
    ]
    build_gqa(gqa, tmp_path / "b", *few)
    build_gqa(gqa, tmp_path / "c", *few, "--seed", "1")
    text = [(tmp_path / x / "vanilla" / "test_expression_pos.json").read_bytes() for x in "abc"]
    assert text[0] == text[1] != text[2]


def test_a_missing_image_and_a_missing_file_are_named(gqa: tuple[Path, Path], tmp_path: Path) -> None:
    for path in gqa[1].glob("*.jpg"):
        path.unlink()
    with pytest.raises(DataError, match=r"image .*\.jpg is missing"):
        build_gqa(gqa, tmp_path / "out", "--positives", "40", "40", "20")
    gqa[0].unlink()
    with pytest.raises(DataError, match="no scene graph file"):
        build_gqa(gqa, tmp_path / "out")

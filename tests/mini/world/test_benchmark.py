"""The benchmark of the drawn world, built by the chain: what it promises, on its own files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finecops.construction.chain.folder import BuildFolder
from finecops.construction.chain.graphs import GRAPHS, GraphStore
from finecops.construction.graph import parse_scene_graph
from finecops.construction.samples import EditRow, NegativeRow, PositiveRow
from finecops.construction.truth.facts import Facts
from finecops.errors import DataError
from finecops.mini.training.loop import TRAIN_SEED_BASE
from finecops.mini.world.benchmark import PLANS, SCENES, Scenes, SplitPlan, build_mini, draw_images
from finecops.mini.world.lexicon import LEXICON
from finecops.runs.jsonl import read_rows


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mini")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCENES, "test", Scenes(1_000_000, 24))
        patch.setitem(PLANS, "test", SplitPlan("test", (8, 8, 8), 3, 4, 4))
        patch.setitem(PLANS, "test_short", SplitPlan("test", (4, 8, 0), 2))
        assert build_mini(folder, "test")["positives"] == 24
        assert build_mini(folder, "test_short") == {"positives": 12}
    return folder


def test_positives_fit_their_object_alone_and_negatives_none(built: Path) -> None:
    folder = BuildFolder(built, "test")
    graphs = GraphStore(folder.path / GRAPHS)
    positives = {row.id: row for row in read_rows(folder.file("positives"), PositiveRow)}
    for row in positives.values():
        facts = Facts(graphs[row.image_id], LEXICON)
        assert facts.possible(row.said.description()) == [row.objects[0]]
    for negative in read_rows(folder.file("negatives"), NegativeRow):
        if negative.status == "kept":
            assert Facts(graphs[negative.image_id], LEXICON).is_false(negative.said.description())
    edits = [row for row in read_rows(folder.file("edits"), EditRow) if row.status == "kept"]
    assert {row.type for row in edits} >= {"replace_object", "replace_attribute", "swap_attribute", "flip"}
    for edit in edits:
        said = positives[edit.positive_id].said.description()
        assert Facts(parse_scene_graph(edit.image_id, edit.graph), LEXICON).is_false(said)


def test_an_edited_picture_differs_where_it_was_edited_alone(built: Path) -> None:
    folder = BuildFolder(built, "test")
    positives = {row.id: row for row in read_rows(folder.file("positives"), PositiveRow)}
    graphs = GraphStore(folder.path / GRAPHS)
    for edit in read_rows(folder.file("edits"), EditRow):
        if edit.status != "kept":
            continue
        positive = positives[edit.positive_id]
        before = np.asarray(Image.open(built / "images" / f"{positive.image_id}.png").convert("RGB"))
        after = np.asarray(Image.open(folder.path / edit.candidates[0]).convert("RGB"))
        if edit.type == "flip":
            assert (after == before[:, ::-1]).all()
            continue
        changed = (before != after).any(-1)
        assert changed.any()
        for index in edit.changed:
            boxes = [graphs[positive.image_id].objects[positive.objects[index]].xywh]
            boxes.append(parse_scene_graph(edit.image_id, edit.graph).objects[positive.objects[index]].xywh)
            for x, y, w, h in boxes:
                changed[int(y) : int(y + h) + 1, int(x) : int(x + w) + 1] = False
        assert not changed.any()


def test_files_do_not_tell_negative_images(built: Path) -> None:
    negatives = list((built / "negative_images").iterdir())
    assert negatives
    for path in negatives:
        with Image.open(path) as image:
            again = image.convert("RGB")
            # No texts, and compressed as the others are.
            assert not image.info
        again.save(built / "again.png", format="PNG", optimize=True)
        assert (built / "again.png").read_bytes() == path.read_bytes()


def test_a_build_again_changes_nothing(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in built.glob("*.json")}
    folder = BuildFolder(built, "test")
    monkeypatch.setitem(SCENES, "test", Scenes(1_000_000, 24))
    monkeypatch.setitem(PLANS, "test", SplitPlan("test", (8, 8, 8), 3, 4, 4))
    # As after a kill: the last stages are made anew.
    folder.file("edits").unlink()
    build_mini(built, "test")
    assert {path: path.read_bytes() for path in built.glob("*.json")} == before


def test_other_samples_than_the_adapters_were_tuned_with_are_told(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENES, "test", Scenes(1_000_000, 24))
    file = built / "test_expression_all_coco_format.json"
    plan = SplitPlan("test", (8, 8, 8), 3, 4, 4, sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    monkeypatch.setitem(PLANS, "test", plan)
    build_mini(built, "test")
    monkeypatch.setitem(PLANS, "test", replace(plan, sha256="another"))
    with pytest.raises(DataError, match="is not the one that the adapters of finecops-mini were tuned with"):
        build_mini(built, "test")


def test_a_split_of_some_tuple_types_has_no_others(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENES, "test", Scenes(1_000_000, 24))
    monkeypatch.setitem(PLANS, "test_long", SplitPlan("test", (4, 4, 4), 2, types=("2_hop", "and")))
    assert build_mini(built, "test_long")["positives"] >= 8
    rows = json.loads((built / "test_long_expression_pos.json").read_text()).values()
    assert {row["tuple_type"] for row in rows} == {"2_hop", "and"}


def test_the_card_says_that_the_graphs_are_complete(built: Path) -> None:
    card = (built / "README.md").read_text()
    assert "Its scene graphs were said to be complete" in card
    assert "incomplete" not in card


def test_short_expressions_have_the_box_of_their_target(built: Path) -> None:
    entries = json.loads((built / "test_short_expression_all_coco_format.json").read_text())
    assert len(entries["images"]) == len(entries["annotations"]) == 12
    assert all((built / "images" / image["file_name"]).is_file() for image in entries["images"])


def test_images_are_drawn_where_they_are_missing_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCENES, "val", Scenes(2_000_000, 3))
    assert [draw_images(tmp_path, "val"), draw_images(tmp_path, "val")] == [3, 0]
    paths = sorted(tmp_path.glob("*.png"))
    pixels = b"".join(Image.open(path).tobytes() for path in paths)
    monkeypatch.setitem(SCENES, "val", Scenes(2_000_000, 3, hashlib.sha256(pixels).hexdigest()))
    paths[1].unlink()
    assert draw_images(tmp_path, "val") == 1
    with Image.open(paths[2]) as image:
        image.putpixel((0, 0), (1, 2, 3))
        image.save(paths[2])
    with pytest.raises(DataError, match=r"the images val_\*\.png in .* are not those"):
        draw_images(tmp_path, "val")


def test_training_never_sees_the_benchmarks_scenes() -> None:
    assert max(own.first + own.count for own in SCENES.values()) < TRAIN_SEED_BASE

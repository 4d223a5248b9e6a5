"""The whole chain on drawn photographs: its files, stops and goes, other settings, faults of what it is given."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageOps

from finecops.config.find import load_dataset
from finecops.construction.chain import run as run_module
from finecops.construction.chain.build import Built, Plan, build
from finecops.construction.chain.settings import BuildSettings
from finecops.construction.chain.steps import edits, negatives, paths
from finecops.construction.graph import parse_scene_graph
from finecops.construction.pool import ordered_map
from finecops.construction.samples import EditRow, NegativeRow, PathsRow, PositiveRow
from finecops.construction.truth.facts import Facts
from finecops.construction.words import gqa_lexicon
from finecops.datasets.check import check_split
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import DataError, FinecopsError, RunError, UsageError
from finecops.runs.jsonl import read_rows
from tests.construction.chain.toy import draw, write_toy

FEW = {"positives": (6, 6, 4), "expressions": 2, "flips": 2, "sides": 1.0, "workers": 1}
STAGES = ("paths", "positives", "rewrites", "negatives", "edits", "scores", "chosen", "reviewed")


class Killed(BaseException):
    """As if the process had been killed."""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scene graph file and its photographs."""
    return write_toy(tmp_path_factory.mktemp("toy"), 16)


@pytest.fixture(scope="module")
def first(given: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark that was built; no test writes into it."""
    out = tmp_path_factory.mktemp("first") / "cars"
    make(given, out)
    return out


@pytest.fixture
def copy(first: Path, tmp_path: Path) -> Path:
    """A copy of it, under another name: nothing in it knows where it was."""
    return Path(shutil.copytree(first, tmp_path / "moved"))


def make(given: tuple[Path, Path], out: Path, plan: Plan | None = None, **changes: Any) -> Built:
    settings = {"scene_graphs": given[0], "images": given[1], "out": out, **FEW, **changes}
    return build(BuildSettings(**{k: v for k, v in settings.items() if v is not None}), plan or Plan())


def rows(out: Path, stage: str, row_type: Any, split: str = "test") -> list[Any]:
    return list(read_rows(out / "build" / split / f"{stage}.jsonl", row_type))


def positives_of(out: Path) -> int:
    return len(rows(out, "positives", PositiveRow))


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a benchmark by name, without what only says that it is being written."""
    found = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.endswith("build.lock")}


def read_json(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())


# What is written


def test_the_export_is_a_dataset_without_a_problem(copy: Path, given: tuple[Path, Path]) -> None:
    config = load_dataset(str(copy / "dataset.yaml"))
    report = check_split(config, "test", place=given[1])
    assert (list(report.problems), report.missing_images) == ([], 0)
    report = check_split(config, "test", [copy / "test_expression_all.json", copy / "test_expression_pos.json"], False)
    assert list(report.problems) == []
    dataset = load_dataset_split(config, "test", images=given[1])
    kinds = Counter((s.negative.kind, s.negative.type) if s.negative else "positive" for s in dataset.samples)
    assert kinds["positive"] == positives_of(copy) > 9
    assert kinds["image", "flip"] > 1
    assert {kind[1] for kind in kinds if kind[0] == "text"} >= {"replace_object", "swap_object", "replace_relation"}
    assert {s.level for s in dataset.samples if s.positive} == {1, 2, 3}


def test_both_layouts_say_the_same_with_the_published_keys(first: Path) -> None:
    vanilla = read_json(first / "test_expression_all.json")
    coco = read_json(first / "test_expression_all_coco_format.json")
    assert [str(row["id"]) for row in vanilla.values()] == list(vanilla)
    of_image = {image["id"]: image for image in coco["images"]}
    for annotation in coco["annotations"]:
        row, image = vanilla[str(annotation["id"])], of_image[annotation["id"]]
        assert (image["caption"], image["original_img_id"]) == (row["expression"], row["image_id"])
        shared = annotation.keys() & row.keys() - {"image_id"}
        assert {key: annotation[key] for key in shared} == {key: row[key] for key in shared}
    positives = read_json(first / "test_expression_pos.json")
    assert positives == {id_: row for id_, row in vanilla.items() if "negative_cate" not in row}
    for row in vanilla.values():
        assert {"spatial", "attribute", "tuple", "objects_id", "tuple_type", "level"} <= row.keys()
        assert len(row["attribute"]) == len(row["objects_id"])
        if "negative_cate" in row:
            positive = vanilla[str(row["positive_id"])]
            assert (row["level"], row["objects_id"]) == (positive["level"], positive["objects_id"])
            assert (row["expression"] == positive["expression"]) == (row["negative_cate"] == "image")
            assert row["shuffle_index"]
            assert row["negative_type"] in {"object", "attribute", "relation", "order", "swap_attr", "flip"}


def test_the_graphs_beside_the_files_prove_the_samples(first: Path) -> None:
    lexicon = gqa_lexicon()
    graphs = read_json(first / "scene_graphs" / "test.json.gz")
    edited = read_json(first / "scene_graphs" / "test_negative_images.json.gz")
    facts = {id_: Facts(parse_scene_graph(id_, raw), lexicon) for id_, raw in (graphs | edited).items()}
    positives = {row.id: row for row in rows(first, "positives", PositiveRow)}
    for row in positives.values():
        assert facts[row.image_id].is_unique(row.said.description(), row.objects[0])
    kept = [row for row in rows(first, "negatives", NegativeRow) if row.status == "kept"]
    assert len(kept) > 10
    assert all(facts[row.image_id].is_false(row.said.description()) for row in kept)
    flips = [row for row in rows(first, "edits", EditRow) if row.status == "kept"]
    assert len(flips) == len(edited) > 1
    for row in flips:
        positive = positives[row.positive_id]
        assert facts[row.image_id].is_false(positive.said.description())


def test_negative_images_are_the_mirrored_photographs(first: Path, given: tuple[Path, Path]) -> None:
    edits = {row.image_id: row for row in rows(first, "edits", EditRow) if row.status == "kept"}
    images = {row.id: row.image_id for row in rows(first, "positives", PositiveRow)}
    files = sorted((first / "negative_images").iterdir())
    assert [path.stem for path in files] == sorted(edits)
    for path in files:
        original = Image.open(given[1] / f"{images[edits[path.stem].positive_id]}.jpg").convert("RGB")
        assert ImageChops.difference(Image.open(path).convert("RGB"), ImageOps.mirror(original)).getbbox() is None


def test_ids_say_type_level_and_positive(first: Path) -> None:
    ids = [
        row.id for stage, kind in (("negatives", NegativeRow), ("edits", EditRow)) for row in rows(first, stage, kind)
    ]
    assert len(ids) == len(set(ids))
    for row in rows(first, "negatives", NegativeRow):
        assert row.id % 1_000_000 == row.positive_id


def test_the_card_has_counts_settings_and_reasons(first: Path) -> None:
    card = (first / "README.md").read_text()
    assert card.startswith("---\nlicense: other\nlicense_name: not stated\n")
    assert f"| positives | {positives_of(first)} |" in card
    assert "`positives`: seed: 0; positives: 6, 6, 4; per image: 3" in card
    assert "nothing of this type to change" in card
    assert "Its scene graphs are incomplete" in card
    assert str(first.parent) not in card


# Stops, goes on, and other settings


def test_a_build_that_is_killed_in_every_stage_has_the_same_bytes(
    first: Path, given: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "cars"
    append, written = run_module.append_rows, Counter[str]()

    def killed(file: Any, some: Any) -> None:
        some = list(some)
        name = Path(file.name).name
        if some and written[name] == 2:
            written[name] += 1
            file.write('{"torn')
            file.flush()
            raise Killed
        written[name] += len(some)
        append(file, some)

    monkeypatch.setattr(run_module, "append_rows", killed)
    kills = 0
    while True:
        try:
            make(given, out)
            break
        except Killed:
            kills += 1
    # All stages but those without a row.
    assert kills == 6
    assert contents(out) == contents(first)


@pytest.mark.slow
def test_the_files_do_not_depend_on_the_number_of_workers(
    first: Path, given: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worker processes begin with hundreds of things; here with the first one."""
    started = []

    def at_once(do: Any, things: Any, workers: int, fewest: int = 0) -> Any:
        started.append(workers)
        return ordered_map(do, things, workers, fewest=1)

    for step in (paths, negatives, edits):
        monkeypatch.setattr(step, "ordered_map", at_once)
    make(given, tmp_path / "cars", workers=2)
    assert started == [2, 2, 2]
    assert contents(tmp_path / "cars") == contents(first)


def test_nothing_is_made_twice(copy: Path, given: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*.json*")}
    monkeypatch.setattr(run_module, "_make", lambda *args: pytest.fail("a stage is made again"))
    built = make(given, copy)
    assert built.samples["positives"] == positives_of(copy)
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*.json*")} == before


def test_other_settings_are_refused_until_again_is_said(copy: Path, given: tuple[Path, Path]) -> None:
    with pytest.raises(RunError, match=r"positives was made with other settings: per image 3 → 1\. --again positives"):
        make(given, copy, per_image=1)
    paths = (copy / "build" / "test" / "paths.jsonl").stat().st_mtime_ns
    built = make(given, copy, Plan(again=("positives",)), per_image=1)
    found = Counter(row.image_id for row in rows(copy, "positives", PositiveRow))
    assert set(found.values()) == {1}
    assert (copy / "build" / "test" / "paths.jsonl").stat().st_mtime_ns == paths
    # What was exported is of the new positives.
    exported = read_json(copy / "test_expression_pos.json")
    assert len(exported) == built.samples["positives"] == sum(found.values())
    files = {path.stem for path in (copy / "negative_images").iterdir()}
    assert files == {
        row["image_id"]
        for row in read_json(copy / "test_expression_all.json").values()
        if row.get("negative_cate") == "image"
    }


def test_stages_alone(given: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(RunError, match=r"negatives reads .*positives\.jsonl, which is not finished"):
        make(given, out, Plan(only="negatives"))
    assert not out.exists()
    built = make(given, out, Plan(until="positives"))
    assert built.samples == {}
    assert [name for name in STAGES if (out / "build" / "test" / f"{name}.jsonl").exists()] == ["paths", "positives"]
    assert not (out / "dataset.yaml").exists()
    for name in ("rewrites", "negatives"):
        make(given, out, Plan(only=name))
    with pytest.raises(RunError, match="export reads"):
        make(given, out, Plan(only="export"))
    make(given, out)
    assert (out / "dataset.yaml").is_file()
    with pytest.raises(UsageError, match="--only: unknown stage 'paint'"):
        Plan(only="paint")


@pytest.mark.parametrize(
    ("changes", "plan", "said"),
    [
        ({"candidates": 3}, {}, "--candidates has no use without --editor"),
        ({"base_url": "http://localhost:9/v1"}, {}, "--base-url has no use without a model as --rewriter"),
        ({"budget_usd": 3.0, "rewriter": "rules"}, {}, "--budget-usd has no use without a model"),
        ({"words_by": "model"}, {}, "--words-by model asks the model of --rewriter"),
        ({"images": None, "flips": 5}, {}, "--flips has no use without --images"),
        ({"bring": "move"}, {}, "unknown value of --bring 'move'"),
        ({"refine": "both"}, {}, "unknown value of --refine 'both'"),
        ({"refine_scorers": "ngram"}, {}, "--refine-scorers has no use without --refine adversarial"),
        ({"negatives": "objekt"}, {}, "--negatives: unknown type 'objekt'"),
        ({"negatives": "swap_object/3"}, {}, "has no level 1 or 2"),
        ({"name": "../x"}, {}, "--name: '../x' is no plain name"),
        ({}, {"only": "paths", "until": "edits"}, "--only and --until both say"),
        ({"flips": 3}, {"until": "positives", "given": ("flips",)}, "--flips is of the stage edits, which --until"),
        ({"per_image": 2}, {"only": "paths", "given": ("per_image",)}, "--per-image is of the stage positives"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(
    given: tuple[Path, Path], tmp_path: Path, changes: dict[str, Any], plan: dict[str, Any], said: str
) -> None:
    usual = {key: value for key, value in FEW.items() if key != "flips"}
    settings = {"scene_graphs": given[0], "images": given[1], "out": tmp_path / "out", **usual, **changes}
    with pytest.raises(UsageError, match=said):
        build(BuildSettings(**{k: v for k, v in settings.items() if v is not None}), Plan(**plan))
    assert not (tmp_path / "out").exists()


# Folders


def test_files_of_another_benchmark_are_not_overwritten(given: tuple[Path, Path], tmp_path: Path, first: Path) -> None:
    (tmp_path / "test_expression_all.json").write_text("mine")
    with pytest.raises(DataError, match=r"test_expression_all\.json is there already, and no build of this folder"):
        make(given, tmp_path)
    (tmp_path / "test_expression_all.json").unlink()
    (tmp_path / "README.md").write_text("my notes")
    (tmp_path / "README.md").write_text("my notes")
    with pytest.raises(DataError, match="is no card of `finecops data build`"):
        make(given, tmp_path)
    assert (tmp_path / "README.md").read_text() == "my notes"


@pytest.mark.slow
def test_a_second_split_is_added(copy: Path, given: tuple[Path, Path]) -> None:
    path = copy / "dataset.yaml"
    path.write_text(path.read_text().replace("licence: null", "licence: my own  # yes"))
    built = make(given, copy, name="val", seed=3)
    config = load_dataset(str(path))
    assert list(config.splits) == ["val", "test"]
    assert "licence: my own  # yes" in path.read_text()
    assert built.file is not None
    assert built.file.to_add is None
    for split in ("val", "test"):
        assert list(check_split(config, split, place=given[1]).problems) == []
    card = (copy / "README.md").read_text()
    assert card.index("## Split test") < card.index("## Split val")
    assert make(given, copy).samples["positives"] == positives_of(copy)
    # A file that was written in another way is left alone, and the line is said.
    path.write_text(path.read_text().replace("splits:\n", "splits: &all\n"))
    built = make(given, copy, name="more", seed=4)
    assert built.file is not None
    assert built.file.to_add == "more: [more_expression_all_coco_format.json]"


@pytest.mark.slow
def test_photographs_are_brought(given: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    built = make(given, out, bring="link")
    assert built.file is not None
    assert built.file.images_inside
    used = {row.image_id for row in rows(out, "positives", PositiveRow)}
    assert {path.stem for path in (out / "images").iterdir()} == used
    shutil.move(out, tmp_path / "elsewhere")
    config = load_dataset(str(tmp_path / "elsewhere" / "dataset.yaml"))
    assert list(check_split(config, "test").problems) == []


def test_photographs_below_the_folder_are_found(tmp_path: Path) -> None:
    graphs, photos = write_toy(tmp_path, 6)
    built = make((graphs, photos), tmp_path)
    assert built.file is not None
    config = load_dataset(str(tmp_path / "dataset.yaml"))
    assert config.image_folders == ("photos", "negative_images")
    assert check_split(config, "test").missing_images == 0


def test_changed_graphs_are_noticed(copy: Path, given: tuple[Path, Path]) -> None:
    """The proofs rest on them."""
    path = copy / "build" / "test" / "graphs.jsonl"
    path.write_text(path.read_text().replace('"cup"', '"plate"'))
    for plan in (Plan(), Plan(only="negatives", again=("negatives",)), Plan(again=("export",))):
        with pytest.raises(RunError, match=r"graphs\.jsonl was changed since it was finished: --again positives"):
            make(given, copy, plan)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[" * 5000, None),
        ("a: 2026-99-99", None),
        ("name: x\nroot: /etc\nimage_folders: [i]\nsplits: {test: [a.json]}\npreset: mini\nget: x", "its root is /etc"),
    ],
)
def test_a_yaml_file_of_something_else(copy: Path, given: tuple[Path, Path], text: str, fault: str | None) -> None:
    (copy / "dataset.yaml").write_text(text)
    built = make(given, copy)
    assert built.file is not None
    assert built.file.fault == fault
    assert (built.file.to_add is None) == (fault is not None)
    assert (copy / "dataset.yaml").read_text() == text


def test_nothing_is_written_through_a_link(copy: Path, given: tuple[Path, Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mine")
    for name in ("test_expression_all.json", ".dataset.yaml.part", ".README.md.part", "README.md"):
        (copy / name).unlink(missing_ok=True)
        if name != "README.md":
            (copy / name).symlink_to(secret)
    make(given, copy, Plan(again=("export",)))
    assert secret.read_text() == "mine"
    assert not (copy / "test_expression_all.json").is_symlink()


@pytest.mark.slow
def test_sentences(given: tuple[Path, Path], tmp_path: Path) -> None:
    make(given, tmp_path / "out", sentences=True)
    for row in read_json(tmp_path / "out" / "test_expression_all.json").values():
        assert row["expression"][0].isupper()
        assert row["expression"].endswith(".")


# What is given may be wrong


def _first_row(out: Path) -> dict[str, PathsRow]:
    return {row.image_id: row for row in rows(out, "paths", PathsRow)}


def test_missing_and_wrong_images_are_counted_and_the_build_goes_on(tmp_path: Path) -> None:
    graphs, photos = write_toy(tmp_path, 10)
    (photos / "photo0.jpg").unlink()
    (photos / "photo1.jpg").write_bytes(b"no picture")
    Image.new("RGB", (40, 30)).save(photos / "photo2.jpg")
    Image.open(photos / "photo3.jpg").save(photos / "photo3.png")
    (photos / "photo3.jpg").unlink()
    raw = json.loads(graphs.read_text())
    (photos / "more").mkdir()
    (photos / "photo4.jpg").rename(photos / "more" / "photo4.jpg")
    raw["photo5"]["file_name"] = "deep/five.png"
    (photos / "deep").mkdir()
    draw(raw["photo5"], photos / "deep" / "five.png")
    (photos / "photo5.jpg").unlink()
    raw["photo6"]["objects"]["0"]["relations"] = [{"name": "near", "object": "99"}]
    raw["../x"] = raw["photo7"]
    graphs.write_text(json.dumps(raw))
    out = tmp_path / "out"
    make((graphs, photos), out, positives=(99, 99, 99), per_image=1)
    found = _first_row(out)
    failed = {id_: row.reason for id_, row in found.items() if row.status == "failed"}
    assert failed.keys() == {"photo0", "photo1", "photo2", "photo6", "#11"}
    assert failed["photo0"] == "the image is missing"
    assert "cannot be read" in str(failed["photo1"])
    assert failed["photo2"] == "the image is 40x30, its graph says 400x300"
    assert "relates to 99, which is not in the image" in str(failed["photo6"])
    files = {image["file_name"] for image in read_json(out / "test_expression_all_coco_format.json")["images"]}
    assert {"photo3.png", "more/photo4.jpg", "deep/five.png"} <= files
    assert check_split(load_dataset(str(out / "dataset.yaml")), "test", place=photos).missing_images == 0


@pytest.mark.slow
def test_images_in_a_zip_file(given: tuple[Path, Path], first: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as file:
        for path in given[1].iterdir():
            file.write(path, f"images/{path.name}")
    out = tmp_path / "out"
    make((given[0], tmp_path / "images.zip"), out)
    assert read_json(out / "test_expression_all.json") == read_json(first / "test_expression_all.json")
    config = load_dataset(str(out / "dataset.yaml"))
    assert check_split(config, "test", place=tmp_path / "images.zip").missing_images == 0
    # Sizes in a zip file are seen for the chosen images alone.
    Image.new("RGB", (40, 30)).save(tmp_path / "small.jpg")
    wrong = rows(out, "positives", PositiveRow)[0].image_id
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as file:
        for path in given[1].iterdir():
            file.write(tmp_path / "small.jpg" if path.stem == wrong else path, f"images/{path.name}")
    built = make((given[0], tmp_path / "images.zip"), tmp_path / "other")
    assert wrong not in {row.image_id for row in rows(tmp_path / "other", "positives", PositiveRow)}
    assert any("left out: the image is NxN, its graph says NxN" in n for n in built.folder.stages["positives"].notes)


@pytest.mark.slow
def test_without_images(given: tuple[Path, Path], tmp_path: Path) -> None:
    built = make(given, tmp_path / "out", images=None, flips=None)
    assert built.samples["negative images"] == 0
    assert built.samples["negative expressions"] > 10
    assert not (tmp_path / "out" / "negative_images").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda graphs: graphs.unlink(), r"no such file: .*sceneGraphs\.zip"),
        (lambda graphs: graphs.write_text("[]"), "is not in GQA's format"),
        (lambda graphs: graphs.write_text(json.dumps({"a": {"width": 9}})), "no positive could be made: 1 × "),
    ],
)
def test_a_file_of_no_use_ends_the_build(tmp_path: Path, change: Callable[[Path], object], said: str) -> None:
    graphs, photos = write_toy(tmp_path, 1)
    change(graphs)
    with pytest.raises(FinecopsError, match=said):
        make((graphs, photos), tmp_path / "out")


def test_a_folder_of_images_that_is_none(given: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it does not exist"):
        make((given[0], tmp_path / "nowhere"), tmp_path / "out")


def test_quotas_that_cannot_be_met_are_said(given: tuple[Path, Path], tmp_path: Path) -> None:
    built = make(given, tmp_path, positives=(0, 0, 500), per_image=50)
    found = rows(tmp_path, "positives", PositiveRow)
    assert {row.level for row in found} == {3}
    assert built.folder.stages["positives"].notes[0].startswith(f"level 3: {len(found)} of 500 positives")
    assert f"level 3: {len(found)} of 500 positives" in (tmp_path / "README.md").read_text()


@pytest.mark.slow
def test_complete_graphs_give_more(first: Path, given: tuple[Path, Path], tmp_path: Path) -> None:
    """What the graph does not say is false then: "near" is no clue otherwise, since nothing excludes it."""
    with pytest.raises(RunError, match="complete graphs False → True"):
        make(given, first, complete_graphs=True)
    make(given, tmp_path, complete_graphs=True, positives=(99, 99, 99))
    said = [row.said.description() for row in rows(tmp_path, "positives", PositiveRow)]
    before = [row.said.description() for row in rows(first, "positives", PositiveRow)]
    assert any(edge.relation == "near" for one in said for edge in one.edges)
    assert not any(edge.relation == "near" for one in before for edge in one.edges[:1] if one.tuple_type == "1_hop")

"""Tuning data: what is drawn, what is written, and a linter that finds what is planted."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from scipy.stats import chisquare

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import load_mllm
from finecops.config.schema import MllmConfig
from finecops.datasets.dataset import Dataset
from finecops.datasets.image_place import ImagePlace
from finecops.errors import DataError
from finecops.records import Candidates, Sample
from finecops.tuning.data import TunePlan, TuneRow, make_tune_data
from finecops.tuning.exports import read_tune_file, with_image_files, write_llama_factory, write_ms_swift, write_rows
from finecops.tuning.lint import lint
from tests.conftest import coco_file, make_negative, make_sample

CONFIG = load_mllm("mini-qwen2vl")
RIGHT = (10.0, 10.0, 50.0, 50.0)
OTHERS = tuple((float(x), 60.0, x + 15.0, 90.0) for x in (0, 20, 40, 60, 80))


def pool(n: int) -> tuple[list[Sample], dict[str, Candidates]]:
    """n positives, n negatives; every tenth positive has no right candidate, every tenth negative none at all."""
    samples = [make_sample(f"p{i}", image=f"{i % 7}.png") for i in range(n)]
    samples += [make_negative(f"n{i}", f"p{i}").model_copy(update={"image": f"{i % 7}.png"}) for i in range(n)]
    candidates = {}
    for i, sample in enumerate(samples):
        boxes = list(OTHERS)
        if sample.negative is None and i % 10:
            boxes[i % 5] = RIGHT
        if sample.negative is not None and i % 10 == 0:
            boxes = []
        kept = tuple(range(len(boxes)))
        candidates[sample.id] = Candidates(
            sample_id=sample.id, status="proposed", boxes=tuple(boxes), scores=(0.5,) * len(boxes), kept=kept
        )
    return samples, candidates


def rows_of(config: MllmConfig = CONFIG, **plan: Any) -> tuple[TuneRow, ...]:
    return make_tune_data(config, *pool(300), TunePlan(**plan)).rows


def test_rows_name_the_files_of_images_that_are_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    samples, rows = pool(300)[0], rows_of(positives=20)
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for number in range(6):
            Image.new("RGB", (100, 100), (number, 0, 0)).save(tmp_path / "one.png")
            archive.write(tmp_path / "one.png", f"{number}.png")
    config = DatasetConfig(name="d", root=tmp_path / "d", image_folders=(".",), splits={}, preset="mini", get="-")
    usual = Dataset(config, "train", config.root, (), "0", tuple(samples), ())
    assert with_image_files(rows, usual, samples) == list(rows)
    packed = replace(usual, place=ImagePlace(tmp_path / "images.zip"))
    found = with_image_files(rows, packed, samples)
    for row, before in zip(found, rows):
        assert Path(row.image).is_absolute()
        # An image that the zip file does not have is found by the check of the written rows.
        assert Path(row.image).is_file() == (before.image != "6.png")


def test_every_answer_is_the_letter_of_a_right_box() -> None:
    for row in rows_of(positives=400):
        assert row.boxes[row.letters.index(row.answer)] == RIGHT
        assert "None" not in row.prompt


def test_samples_without_a_right_candidate_are_left_out_and_counted() -> None:
    data = make_tune_data(CONFIG, *pool(300), TunePlan(positives=270))
    assert {reason: n for reason, n in data.unused.items() if n} == {
        "truth not among the candidates": 30,
        "no candidates": 30,
    }
    assert data.repeats == 1
    assert len({row.sample_id for row in data.rows}) == 270


def test_letters_are_even_and_none_has_its_share() -> None:
    rows = rows_of(positives=4000, negatives=1000)
    assert chisquare(list(Counter(row.answer for row in rows if row.box).values())).pvalue > 0.001
    negatives = [row for row in rows if row.box is None]
    assert len(negatives) == 1000
    for row in negatives:
        assert row.boxes[row.letters.index(row.answer)] is None
    assert len({row.answer for row in negatives}) == 6


def test_too_few_samples_come_again_in_another_order() -> None:
    data = make_tune_data(CONFIG, *pool(20), TunePlan(positives=90))
    assert data.repeats == 5
    assert len({row.id for row in data.rows}) == 90
    assert len({(row.prompt, row.image) for row in data.rows}) == 90


def test_an_exchange_that_cannot_be_new_is_left_out_and_counted() -> None:
    samples, candidates = pool(20)
    one = {id_: row.model_copy(update={"boxes": (RIGHT,), "kept": (0,)}) for id_, row in candidates.items()}
    data = make_tune_data(CONFIG, samples[:2], one, TunePlan(positives=6))
    assert len(data.rows) == 2
    assert data.unused["no new question possible"] == 4


def test_the_baseline_has_no_options_to_warm_up_with() -> None:
    with pytest.raises(DataError, match="no options"):
        rows_of(positives=5, style="baseline", warm_up=0.5)


def test_the_same_seed_gives_the_same_rows() -> None:
    assert rows_of(positives=50, seed=3) == rows_of(positives=50, seed=3)
    assert rows_of(positives=50, seed=3) != rows_of(positives=50, seed=4)


def test_the_papers_baseline_answers_with_text() -> None:
    rows = rows_of(positives=30, negatives=10, style="baseline")
    for row in rows:
        assert row.prompt.endswith('If no target object exists, please output "None".')
        assert row.answer == ("None" if row.box is None else "<|box_start|>(100,100),(500,500)<|box_end|>")


def test_questions_of_several_sizes_keep_the_right_candidate() -> None:
    rows = rows_of(positives=400, negatives=50, fewest=2)
    assert {len(row.letters) for row in rows} == {3, 4, 5, 6}  # None besides
    for row in rows:
        assert row.boxes[row.letters.index(row.answer)] == (RIGHT if row.box else None)
    with pytest.raises(DataError, match="--fewest 6 is not between 1 and --topk 5"):
        rows_of(positives=5, fewest=6)


def test_warming_up_comes_first_and_is_right() -> None:
    rows = rows_of(positives=100, warm_up=0.5)
    kinds = [row.kind for row in rows]
    assert kinds[50:] == ["choice"] * 100
    assert set(kinds[:50]) == {"list_again", "box_of_choice"}


def test_nothing_to_learn_from() -> None:
    samples, candidates = pool(20)
    with pytest.raises(DataError, match="no negative sample"):
        make_tune_data(CONFIG, samples[:20], candidates, TunePlan(positives=5, negatives=5))
    with pytest.raises(DataError, match="no positive sample"):
        make_tune_data(CONFIG, samples[20:], candidates, TunePlan(positives=5))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for i in range(7):
        Image.new("RGB", (100, 100), (i, i, i)).save(tmp_path / f"{i}.png")
    return tmp_path


def write(trainer: str, folder: Path, rows: Any, images: Path) -> Path:
    if trainer == "llama-factory":
        return write_llama_factory(folder / "lf", rows, images, CONFIG)
    if trainer == "ms-swift":
        return write_ms_swift(folder / "swift.jsonl", rows, images)
    return write_rows(folder / "own.jsonl", rows, {"image_root": str(images)})


@pytest.mark.parametrize("trainer", ["finecops", "llama-factory", "ms-swift"])
@pytest.mark.parametrize("style", ["crs", "baseline"])
def test_what_is_written_is_read_back_without_a_fault(trainer: str, style: str, images: Path, tmp_path: Path) -> None:
    plan: dict[str, Any] = {"positives": 300, "negatives": 60, "style": style}
    rows = rows_of(**plan, warm_up=0.2 if style == "crs" else 0.0)
    rows = tuple({(r.prompt, r.answer, r.image): r for r in rows}.values())
    report = lint(write(trainer, tmp_path, rows, images), trainer, rows, CONFIG, images)
    assert report.faults == {}
    assert report.lines_read == len(rows)
    report.raise_if_bad()


def test_ms_swift_gets_boxes_in_pixels_where_it_writes_the_same_text(images: Path, tmp_path: Path) -> None:
    plain = CONFIG.model_copy(update={"option_markers": False})
    for config, placeholders in ((CONFIG, 5), (plain, 0)):
        rows = rows_of(config, positives=20)
        for line, row in zip(write("ms-swift", tmp_path, rows, images).read_text().splitlines(), rows, strict=True):
            entry = json.loads(line)
            content = entry["messages"][0]["content"]
            assert content.count("<bbox>") == len(entry["objects"]["bbox"]) == placeholders
            assert ("<|box_start|>" in row.prompt) == bool(placeholders)
            for box, shown in zip(entry["objects"]["bbox"], row.boxes):
                assert box == pytest.approx(shown, abs=0.06)


def test_boxes_missing_from_objects_are_found(images: Path, tmp_path: Path) -> None:
    rows = rows_of(positives=30)
    path = write("ms-swift", tmp_path, rows, images)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    entries[3]["objects"]["bbox"].pop()
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    with pytest.raises(DataError, match="more or fewer <bbox>"):
        lint(path, "ms-swift", rows, CONFIG, images)


def test_llama_factorys_index_keeps_other_datasets(images: Path, tmp_path: Path) -> None:
    (tmp_path / "lf").mkdir()
    (tmp_path / "lf" / "dataset_info.json").write_text(json.dumps({"mine": {"file_name": "x.json"}}))
    write("llama-factory", tmp_path, rows_of(positives=5), images)
    info = json.loads((tmp_path / "lf" / "dataset_info.json").read_text())
    assert set(info) == {"mine", "finecops_crs"}
    assert "template: qwen2_vl" in (tmp_path / "lf" / "train.yaml").read_text()


def test_our_own_file_comes_back(images: Path, tmp_path: Path) -> None:
    rows = rows_of(positives=20, negatives=5, warm_up=0.5)
    path = write("finecops", tmp_path, rows, images)
    found, about = read_tune_file(path)
    assert tuple(found) == rows
    assert about == {"image_root": str(images)}
    with pytest.raises(DataError, match="tune-data"):
        read_tune_file(tmp_path / "nothing.jsonl")


def _swap_letter(entry: dict[str, Any]) -> None:
    options = [line[0] for line in entry["prompt"].splitlines() if line[1:3] == ". "]
    entry["answer"] = options[(options.index(entry["answer"]) + 1) % len(options)]


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (_swap_letter, "the answer's box, read back, is not the true box"),
        (lambda e: e.update(answer="Z"), "the answer is none of the options"),
        (lambda e: e.update(prompt=e["prompt"].replace("),(", "|")), "is not a box in the model's format"),
        (lambda e: e.update(image="gone.png"), "an image cannot be read"),
    ],
)
def test_planted_faults_are_found(plant: Any, fault: str, images: Path, tmp_path: Path) -> None:
    rows = rows_of(positives=100)
    path = write("finecops", tmp_path, rows, images)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    plant(entries[17])
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    report = lint(path, "finecops", rows, CONFIG, images)
    assert any(fault in kind for kind in report.faults), report.faults
    assert sum(report.counts.values()) <= 2
    with pytest.raises(DataError, match="faults"):
        report.raise_if_bad()


def test_questions_of_several_sizes_have_first_letters_more_often_and_that_is_no_fault(
    images: Path, tmp_path: Path
) -> None:
    rows = rows_of(positives=800, negatives=200, fewest=2)
    report = lint(write("finecops", tmp_path, rows, images), "finecops", rows, CONFIG, images)
    assert report.letters["A"] > 1.5 * report.letters["F"]
    assert report.faults == {}


def test_one_letter_too_often_is_a_fault_also_where_some_letters_are_rare(images: Path, tmp_path: Path) -> None:
    rows = rows_of(positives=250, fewest=2)
    tilted = [row for row in rows if row.answer == "A" or len(row.letters) == 5]
    report = lint(write("finecops", tmp_path, tilted, images), "finecops", tilted, CONFIG, images)
    assert min(report.expected.values()) < 20
    assert "letters are not spread evenly" in report.faults


def test_one_letter_for_all_twice_and_lost_lines_are_faults(images: Path, tmp_path: Path) -> None:
    rows = rows_of(positives=260)
    same = [row for row in rows if row.answer in "AB"]
    tilted = [row for row in same if row.answer == "A"] * 3 + same
    report = lint(write("finecops", tmp_path, tilted, images), "finecops", tilted, CONFIG, images)
    assert "the same exchange twice" in report.faults
    assert "letters are not spread evenly" in report.faults
    path = write("finecops", tmp_path, rows[:-3], images)
    assert "lines missing or too many" in lint(path, "finecops", rows, CONFIG, images).faults


def test_a_test_sets_samples_and_images_are_found(images: Path, tmp_path: Path) -> None:
    rows = rows_of(positives=50)
    path = write("finecops", tmp_path, rows, images)
    clean = coco_file(tmp_path / "clean" / "a.json", [{"file_name": "other.png"}])
    shared = coco_file(tmp_path / "shared" / "b.json", [{"file_name": "3.png"}])
    report = lint(path, "finecops", rows, CONFIG, images, [clean])
    assert report.faults == {}
    assert report.notes == ["no sample and no image of a.json"]
    assert lint(path, "finecops", rows, CONFIG, images, [shared]).faults == {"an image of b.json": ["3.png"]}
    # Another split counts its ids from the same number; the same sample has the same sentence and box.
    numbered = [row.model_copy(update={"sample_id": str(number)}) for number, row in enumerate(rows, start=1)]
    path = write("finecops", tmp_path, numbered, images)
    here = {"file_name": "x.png", "caption": make_sample("1").expression, "bbox": [10, 10, 40, 40]}
    for change in ({"caption": "a kite that nobody asked for"}, {"bbox": [0, 0, 5, 5]}):
        other = coco_file(tmp_path / "c.json", [here | change])
        assert lint(path, "finecops", numbered, CONFIG, images, [other]).faults == {}
    same = coco_file(tmp_path / "d.json", [here])
    assert lint(path, "finecops", numbered, CONFIG, images, [same]).faults == {"a sample of d.json": ["1"]}

"""Files of predictions as models: as specialist, MLLM, router and source of candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finecops.config.find import load_mllm, load_specialist
from finecops.config.schema import MllmConfig
from finecops.errors import ConfigError, ModelError
from finecops.images import Picture
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup
from finecops.models.replay import Replay
from finecops.records import Target
from finecops.runs.specification import ImageGroup
from finecops.stages.candidates import CandidateStage
from finecops.stages.mllm import MllmStage
from finecops.stages.route import RouteSettings, RouteStage
from finecops.stages.specialist import SpecialistStage
from tests.conftest import make_sample


@pytest.fixture
def group(tmp_path: Path) -> ImageGroup:
    path = tmp_path / "a.png"
    Image.new("RGB", (200, 100)).save(path)
    return ImageGroup(path, tuple(make_sample(i, width=200, height=100) for i in ("1", "2", "3", "4")))


def texts_file(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


# A box as each model's official code writes it, and in pixels of an image of 200 by 100.
DOCUMENTED = [
    ("shikra-7b", "Answer: [0.250,0.300,0.500,0.700] .", (50.0, 10.0, 100.0, 90.0)),
    ("groundinggpt-7b", "[0.250, 0.300, 0.500, 0.700]", (50.0, 10.0, 100.0, 90.0)),
    ("ferret-13b", "The car is there [250, 100, 500, 900].", (50.0, 10.0, 100.0, 90.0)),
    ("cogcom-17b", "The region is [[250,100,500,900]]", (50.0, 10.0, 100.0, 90.0)),
]


@pytest.mark.parametrize(("name", "text", "box"), DOCUMENTED)
def test_replies_are_parsed_in_the_models_box_format(
    tmp_path: Path, group: ImageGroup, name: str, text: str, box: tuple[float, ...]
) -> None:
    rows = [
        {"image_id": "1", "text": text, "scores": [0.7]},
        {"image_id": "2", "text": "none", "scores": []},
        {"image_id": "3", "text": "I cannot say", "scores": []},
    ]
    config = load_mllm(f"{name}@{texts_file(tmp_path / 'p.jsonl', rows)}")
    found = MllmStage(Replay(config), config, None, "mean_prob")([group])
    assert [row.status for row in found] == ["box", "reject", "unparsed", "failed"]
    assert found[0].boxes == (pytest.approx(box),)
    assert found[0].scores == (0.7,)
    assert found[0].reply == text
    assert "no row for sample 4" in str(found[3].reason)


def coco_file(path: Path) -> str:
    rows = [
        {"image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "score": 0.3},
        {"image_id": 1, "category_id": 1, "bbox": [50, 10, 50, 80], "score": 0.9},
        {"image_id": 2, "category_id": 1, "bbox": [0, 0, 10, 10], "score": 0.1},
    ]
    path.write_text(json.dumps(rows))
    return str(path)


@pytest.mark.parametrize("name", ["uninext", "simvg", "ov-dino", "proxydet"])
def test_replayed_detections_are_sorted_by_score(tmp_path: Path, group: ImageGroup, name: str) -> None:
    config = load_specialist(f"{name}@{coco_file(tmp_path / 'p.json')}")
    model = Replay(config)
    small = ImageGroup(group.image, group.samples[:2])
    rows = SpecialistStage(model, config, None)([small])
    assert rows[0].boxes == ((50.0, 10.0, 100.0, 90.0), (10.0, 10.0, 30.0, 30.0))
    assert rows[0].scores == (0.9, 0.3)
    candidates = CandidateStage(model, None)([small])
    assert candidates[0].kept == (0, 1)
    targets = {i: Target(sample_id=i, status="matched", phrase=f"car {i}", span=(0, 3), extractor="x") for i in "12"}
    routes = RouteStage(model, targets, RouteSettings(router=config, score_threshold=0.2, nms_iou=0.7, zero_is=2))(
        [small]
    )
    assert [(row.status, row.level) for row in routes] == [("routed", 2), ("routed", 2)]
    assert [len(row.boxes) for row in routes] == [2, 0]


def test_lenna_is_replayed_from_a_coco_results_file(tmp_path: Path, group: ImageGroup) -> None:
    config = load_mllm(f"lenna-7b@{coco_file(tmp_path / 'p.json')}")
    rows = MllmStage(Replay(config), config, None, "mean_prob")([ImageGroup(group.image, group.samples[:1])])
    assert rows[0].boxes[0] == (50.0, 10.0, 100.0, 90.0)
    assert rows[0].scores == (0.9, 0.3)


@pytest.mark.parametrize(
    ("name", "rows", "error", "message"),
    [
        ("shikra-7b", None, ModelError, "which does not exist"),
        ("shikra-7b", [{"image_id": "1", "text": "x"}] * 2, ModelError, "two predictions for id 1"),
    ],
)
def test_a_missing_file_or_a_repeated_row_is_an_error(
    tmp_path: Path, name: str, rows: Any, error: type[Exception], message: str
) -> None:
    path = tmp_path / "p.jsonl"
    weights = str(path) if rows is None else texts_file(path, rows)
    with pytest.raises(error, match=message):
        Replay(load_mllm(f"{name}@{weights}"))


def test_an_unknown_format_and_a_query_without_sample_are_errors(tmp_path: Path) -> None:
    config = load_mllm(f"shikra-7b@{texts_file(tmp_path / 'p.jsonl', [{'image_id': '1', 'text': 'x'}])}")
    with pytest.raises(ConfigError, match="unknown file_format 'csv'"):
        Replay(config.model_copy(update={"file_format": "csv"}))
    with pytest.raises(ModelError, match="no row for sample None"):
        Replay(config).detect([QueryGroup(Picture(Image.new("RGB", (9, 9))), (Query("x"),))])


@pytest.mark.parametrize(
    ("answer", "none", "reply", "error"),
    [
        ("A", True, "B", None),  # The same box under another letter here.
        (["The answer is (A)."], True, "B", None),
        ("B", True, "C", None),  # None
        ("B", False, None, "is none of the options"),
        ("C", True, None, "is none of the options"),  # A box that is not a candidate here.
        ("E", True, "", None),  # The file's answer names none of its options: unparsed here too.
    ],
)
def test_a_replayed_letter_chooses_the_option_with_the_same_box(
    answer: Any, none: bool, reply: str | None, error: str | None, tmp_path: Path
) -> None:
    row = {"image_id": 7, "answer": answer, "gt": {"A": [40, 40, 81, 80], "B": "None", "C": [0, 0, 9, 9]}}
    (tmp_path / "letters.json").write_text(json.dumps(row) + "\n")
    base = load_mllm("qwen2-vl-7b").model_dump() | {"backend": "replay", "file_format": "crs-letters"}
    model = Replay(MllmConfig.model_validate(base | {"weights": str(tmp_path / "letters.json")}))
    boxes = ((10.0, 10.0, 30.0, 30.0), (40.0, 40.0, 80.0, 80.0), *((None,) if none else ()))
    question = Question("Which?", ("A", "B", "C")[: len(boxes)], boxes, "7")
    ((scores,),) = model.choose([QuestionGroup(Picture(Image.new("RGB", (99, 99))), (question,))])
    assert scores.reply == reply
    assert (scores.error is None) if error is None else error in (scores.error or "")

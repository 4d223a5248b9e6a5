"""Routing, and the stages that answer, with models that answer from a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops.config.find import load_mllm, load_specialist
from finecops.models.protocols import QueryGroup
from finecops.records import Prediction, Target
from finecops.replies.answer import Answer, Reply
from finecops.runs.specification import ImageGroup
from finecops.stages.mllm import MllmStage
from finecops.stages.route import RouteSettings, RouteStage, counted, level_of_count
from finecops.stages.specialist import SpecialistStage
from tests.conftest import make_sample

# Disjoint neighbours: two instances, though their corners read as x, y, w, h would overlap by 0.735.
NEIGHBOURS = np.array([[500.0, 500, 560, 560], [560, 500, 620, 560]])


@pytest.mark.parametrize(
    ("boxes", "scores", "count"),
    [
        (NEIGHBOURS, [0.9, 0.8], 2),
        (NEIGHBOURS, [0.9, 0.2], 1),  # the threshold itself does not count
        (NEIGHBOURS[[0, 0]] + [[0], [1]], [0.9, 0.8], 1),  # the same thing twice
        (NEIGHBOURS, [0.1, 0.05], 0),
        (np.zeros((0, 4)), [], 0),
    ],
)
def test_instances_are_counted_on_corners(boxes: np.ndarray, scores: list[float], count: int) -> None:
    assert len(counted(Answer.of_arrays(boxes, np.array(scores)), 0.2, 0.7).boxes) == count


@pytest.mark.parametrize(("count", "zero_is", "level"), [(0, 2, 2), (0, 1, 1), (1, 2, 1), (2, 1, 2), (7, 2, 2)])
def test_only_one_instance_is_level_1(count: int, zero_is: Any, level: int) -> None:
    assert level_of_count(count, zero_is) == level


class ListSpecialist:
    """Detects as many boxes as its table has for a text."""

    def __init__(self, table: dict[str, int]) -> None:
        self.table, self.asked = table, []  # type: ignore[var-annotated]

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        self.asked += [q.text for g in groups for q in g.queries]
        return [[self._answer(query.text) for query in group.queries] for group in groups]

    def _answer(self, text: str) -> Answer:
        n = self.table[text]
        boxes = np.array([[20.0 * i, 0, 20 * i + 9, 9] for i in range(n)]).reshape(-1, 4)
        return Answer.of_arrays(boxes, np.full(n, 0.9))


ROUTING = RouteSettings(router=load_specialist("mini-gdino"), score_threshold=0.2, nms_iou=0.7, zero_is=2)


def target(id_: str, phrase: str, span: tuple[int, int] | None = (0, 3)) -> Target:
    status = "found" if span else "unmatched" if phrase else "failed"
    return Target(sample_id=id_, status=status, phrase=phrase, span=span, extractor="list")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("RGB", (100, 100)).save(path)
    return path


def test_samples_that_share_a_phrase_are_detected_once(picture: Path) -> None:
    samples = tuple(make_sample(i) for i in "abcd")
    targets = {"a": target("a", "car"), "b": target("b", "car"), "c": target("c", "cup"), "d": target("d", "", None)}
    router = ListSpecialist({"car": 1, "cup": 3})
    rows = RouteStage(router, targets, ROUTING)([ImageGroup(picture, samples)])
    assert router.asked == ["car", "cup"]
    assert [(r.status, r.level, len(r.boxes)) for r in rows] == [
        ("routed", 1, 1),
        ("routed", 1, 1),
        ("routed", 2, 3),
        ("failed", 2, 0),
    ]


def test_a_target_without_a_place_is_scored_without_focus_and_says_so(picture: Path) -> None:
    sample = make_sample("a")
    stage = SpecialistStage(
        ListSpecialist({"the red car": 1}), load_specialist("mini-gdino"), {"a": target("a", "auto", None)}
    )
    (row,) = stage([ImageGroup(picture, (sample,))])
    assert "without focus" in str(row.note)


def test_a_detector_without_a_box_is_unparsed(picture: Path) -> None:
    stage = SpecialistStage(ListSpecialist({"the red car": 0}), load_specialist("mini-gdino"), None)
    (row,) = stage([ImageGroup(picture, (make_sample("a"),))])
    assert (row.status, row.reason, row.boxes) == ("unparsed", "no box at all", ())
    with pytest.raises(ValueError, match="there is no box"):
        Prediction(sample_id="a", status="box", source="specialist")


class ListMllm:
    """Replies with the texts it is given."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.queries: list[Any] = []

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        self.queries += [q for g in groups for q in g.queries]
        return [[Reply("prompt", self.texts.pop(0)) for _ in g.queries] for g in groups]


def test_mllm_outcomes_are_kept_apart(picture: Path) -> None:
    samples = tuple(make_sample(i) for i in "abc")
    model = ListMllm("(100,100),(500,500)", "None", "no idea")
    rows = MllmStage(model, load_mllm("mini-qwen2vl"), {"a": target("a", "car")}, "mean_prob")(
        [ImageGroup(picture, samples)]
    )
    assert [r.status for r in rows] == ["box", "reject", "unparsed"]
    assert rows[0].boxes == ((10.0, 10.0, 50.0, 50.0),)
    assert (rows[0].scores, rows[0].score_kind) == (None, None)  # the backend gave none: none is invented
    assert [q.target for q in model.queries] == ["car", None, None]

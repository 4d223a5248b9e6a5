"""Routing and the chain on a run folder, with models that answer from a list where an answer must be given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops import images
from finecops.config.find import load_dataset, load_extractor, load_mllm, load_preset, load_specialist
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import DataError, RunError
from finecops.images import read_image
from finecops.models.protocols import Detections, QueryGroup, Reply
from finecops.records import Prediction, Route, Target
from finecops.runs.folder import Run, first_difference, open_run, read_run_json
from finecops.runs.jsonl import read_rows
from finecops.runs.runner import ImageGroup
from finecops.stages import answers as infer
from finecops.stages.route import RouteStage, counted, level_of_count
from finecops.strategies.sfa import SfaPipeline, SfaSettings
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
    assert len(counted(Detections(boxes, np.array(scores)), 0.2, 0.7).scores) == count


@pytest.mark.parametrize(("count", "zero_is", "level"), [(0, 2, 2), (0, 1, 1), (1, 2, 1), (2, 1, 2), (7, 2, 2)])
def test_only_one_instance_is_level_1(count: int, zero_is: Any, level: int) -> None:
    assert level_of_count(count, zero_is) == level


class ListSpecialist:
    """Detects as many boxes as its table has for a text."""

    def __init__(self, table: dict[str, int]) -> None:
        self.table, self.asked = table, []  # type: ignore[var-annotated]

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Detections]]:
        self.asked += [q.text for g in groups for q in g.queries]
        return [
            [
                Detections(np.array([[20.0 * i, 0, 20 * i + 9, 9] for i in range(self.table[q.text])]).reshape(-1, 4),
                           np.full(self.table[q.text], 0.9))
                for q in g.queries
            ]
            for g in groups
        ]  # fmt: skip


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
    rows = RouteStage(router, targets, 0.2, 0.7, 2)([ImageGroup(picture, samples)])
    assert router.asked == ["car", "cup"]
    assert [(r.status, r.level, len(r.boxes)) for r in rows] == [
        ("routed", 1, 1),
        ("routed", 1, 1),
        ("routed", 2, 3),
        ("failed", 2, 0),
    ]


def test_a_target_without_a_place_is_scored_without_focus_and_says_so(picture: Path) -> None:
    sample = make_sample("a")
    stage = infer.SpecialistStage(
        ListSpecialist({"the red car": 1}), load_specialist("mini-gdino"), {"a": target("a", "auto", None)}
    )
    (row,) = stage([ImageGroup(picture, (sample,))])
    assert "without focus" in str(row.note)


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
    rows = infer.MllmStage(model, load_mllm("mini-qwen2vl"), {"a": target("a", "car")}, "mean_prob")(
        [ImageGroup(picture, samples)]
    )
    assert [r.status for r in rows] == ["box", "reject", "unparsed"]
    assert rows[0].boxes == ((10.0, 10.0, 50.0, 50.0),)
    assert (rows[0].scores, rows[0].score_kind) == (None, None)  # the backend gave none: none is invented
    assert [q.target for q in model.queries] == ["car", None, None]


@pytest.mark.parametrize("content", [None, b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_missing_or_broken_image_is_an_error_with_its_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.png"):
        read_image(path)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").size == (20, 40)


def test_an_image_is_decoded_once_while_it_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path in paths:
        Image.new("RGB", (10, 10)).save(path)
    decoded: list[Path] = []
    decode = images._decode
    monkeypatch.setattr(images, "_decode", lambda path: (decoded.append(path), decode(path))[1])
    monkeypatch.setattr(images, "_cache", {})
    monkeypatch.setattr(images, "_cached_bytes", 0)
    monkeypatch.setattr(images, "CACHE_BYTES", 2 * 300)
    for _ in range(2):
        for path in paths:
            read_image(path)
    assert decoded == [*paths, paths[2]]
    Image.new("RGB", (10, 10), "red").save(paths[0])
    assert read_image(paths[0]).getpixel((0, 0)) == (255, 0, 0)  # a changed file is read anew


def test_first_difference_names_the_setting() -> None:
    assert first_difference({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}) == "a.c was 2, is 3"
    assert first_difference({"a": 1}, {"a": 1, "z": 5}) == "z was None, is 5"
    assert first_difference({"a": [1]}, {"a": [1]}) is None


@pytest.fixture(scope="module")
def mini_dataset() -> Dataset:
    return load_dataset_split(load_dataset("finecops-mini"))


def settings(**changes: Any) -> SfaSettings:
    preset = load_preset("mini")
    parts: dict[str, Any] = {
        "preset": preset,
        "extractor": load_extractor("rules"),
        "router": load_specialist("mini-gdino"),
        "specialist": load_specialist("mini-gdino"),
        "mllm": load_mllm("mini-qwen2vl"),
    }
    return SfaSettings(**(parts | changes))


def test_sfa_sends_each_sample_one_way(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 24)
    SfaPipeline(run, settings()).infer()
    routes = {r.sample_id: r for r in read_rows(run.file("routes"), Route)}
    answers = {name: list(read_rows(run.file(name), Prediction)) for name in ("specialist", "mllm", "sfa")}
    assert {p.sample_id for p in answers["specialist"]} == {i for i, r in routes.items() if r.level == 1}
    assert {p.sample_id for p in answers["mllm"]} == {i for i, r in routes.items() if r.level == 2}
    assert [p.sample_id for p in answers["sfa"]] == [s.id for s in run.samples]
    for row in answers["sfa"]:
        assert row.source == ("specialist" if routes[row.sample_id].level == 1 else "mllm")
    stages = read_run_json(run.folder)["stages"]
    assert {name: s["state"] for name, s in stages.items()} == dict.fromkeys(
        ("targets", "routes", "specialist", "mllm"), "done"
    )


def test_another_setting_refuses_the_old_file(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 6)
    SfaPipeline(run, settings()).route()
    stricter = settings(preset=load_preset("mini").model_copy(update={"score_threshold": 0.5}))
    with pytest.raises(RunError, match=r"score_threshold was 0\.2, is 0\.5"):
        SfaPipeline(run, stricter).route()
    with pytest.raises(RunError, match="limit was 6, is 8"):
        open_run(tmp_path / "run", mini_dataset, 8)


def test_without_upstream_the_command_that_is_missing_is_named(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 6)
    with pytest.raises(RunError, match="`finecops sfa extract` makes it"):
        SfaPipeline(run, settings(upstream=False)).route()


def test_the_routers_box_can_stand_for_the_specialists_answer(tmp_path: Path, mini_dataset: Dataset) -> None:
    run = open_run(tmp_path / "run", mini_dataset, 18)
    pipeline = SfaPipeline(run, settings(fast="router"))
    routes = pipeline.route()
    pipeline.specialist(routed=True)
    rows = list(read_rows(run.file("specialist"), Prediction))
    assert rows
    for row in rows:
        assert row.boxes == routes[row.sample_id].boxes
        assert len(row.boxes) == 1


def test_a_broken_image_costs_its_samples_only(tmp_path: Path, mini_dataset: Dataset) -> None:
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    chosen = [s for s in mini_dataset.samples if s.positive][:6]
    for sample in chosen:
        (root / sample.image).write_bytes(mini_dataset.image_path(sample).read_bytes())
    broken = chosen[0].image
    (root / broken).write_bytes(b"broken")
    dataset = Dataset(mini_dataset.config, "test", root, (), "0", tuple(chosen), ())
    run: Run = open_run(tmp_path / "run", dataset, 0)
    SfaPipeline(run, settings()).infer()
    rows = {p.sample_id: p for p in read_rows(run.file("sfa"), Prediction)}
    for sample in chosen:
        assert (rows[sample.id].status == "failed") == (sample.image == broken)
    assert "cannot be read" in str(next(r for r in rows.values() if r.status == "failed").reason)
    assert json.loads((run.folder / "run.json").read_text())["stages"]["routes"]["failed"] >= 1

"""Pictures of samples: what is drawn, what the caption says, and what happens without an image."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from finecops.datasets.image_place import ImageFolders
from finecops.drawing import COLOURS
from finecops.evaluation.cases import Case, Cases, MethodAnswers, file_method
from finecops.metrics.answers import answers_of_predictions
from finecops.paths import plain_name
from finecops.records import Candidates, Prediction, Route, Sample, Target
from finecops.report.case_pictures import caption, draw_case, verdicts_in_short
from tests.builders_runs import RIGHT, WRONG
from tests.conftest import make_negative, make_prediction, make_sample


def _method(key: str, row: Prediction | None, kind: str | None = None) -> MethodAnswers:
    found = file_method(key, answers_of_predictions([row] if row is not None else []))
    rows = {row.sample_id: row} if row is not None else {}
    return MethodAnswers(key, key, rows, found.answers, method=kind)  # type: ignore[arg-type]


def _case(sample: Sample, methods: list[MethodAnswers], **more: object) -> Case:
    case = Cases([sample], methods)[sample.id]
    return Case(sample=case.sample, verdicts=case.verdicts, **more)  # type: ignore[arg-type]


def _rgb(role: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(COLOURS[role][1:]))  # type: ignore[index]


def _colours(picture: Image.Image) -> set[tuple[int, ...]]:
    return {colour for _, colour in picture.convert("RGB").getcolors(1 << 20)}  # type: ignore[union-attr, misc]


@pytest.fixture
def images(tmp_path: Path) -> ImageFolders:
    Image.new("RGB", (100, 100), "black").save(tmp_path / "p.png")
    return ImageFolders(tmp_path, ())


def test_truth_answers_and_candidates_are_drawn_and_said(images: ImageFolders) -> None:
    sample = make_sample("p", tuple_type="0_hop")
    crs = make_prediction("p", [WRONG, RIGHT], (0.7, 0.3)).model_copy(update={"letters": ("B", "A"), "choice": "B"})
    methods = [
        _method("specialist", make_prediction("p", [RIGHT], (0.9,)), "specialist"),
        _method("mllm", make_prediction("p", status="unparsed").model_copy(update={"reason": "no box in it"}), "mllm"),
        _method("crs-top5-x", crs, "crs"),
    ]
    target = Target(sample_id="p", status="doubtful", phrase="red car", span=(4, 11), extractor="rules")
    route = Route(sample_id="p", status="routed", level=2, boxes=(RIGHT, WRONG), scores=(0.9, 0.8))
    case = _case(sample, methods, target=target, route=route)
    assert caption(case, methods) == [
        "p: the red car",
        "positive, level 1, 0_hop",
        "target: red car (doubtful)",
        "router: level 2 (2 instances), to the MLLM",
        "specialist: box, right, IoU 1.00, score 0.90",
        "MLLM: unparsed: no box in it",
        "CRS: letter B, wrong, IoU 0.00, score 0.70",
    ]
    assert verdicts_in_short(case, methods) == "specialist right 1.00, MLLM unparsed wrong, CRS wrong 0.00"
    drawn = draw_case(case, methods, images)
    assert drawn.missing is None
    # A small image is made larger, and the caption is below it.
    assert drawn.picture.width == 640
    assert drawn.picture.height > 640
    found = _colours(drawn.picture)
    assert {_rgb("specialist"), _rgb("crs"), _rgb("candidate"), _rgb("truth")} <= found
    assert _rgb("mllm") not in found


NEGATIVE = make_negative("p", "q", "replace_relation", 2)
OUTCOMES: dict[str, tuple[Sample, Prediction | None, str]] = {
    "a right rejection": (
        NEGATIVE,
        make_prediction("p", [RIGHT], (0.4,), "reject").model_copy(update={"presence": 0.1}),
        "x: rejected, right, presence 0.10",
    ),
    "a box on a negative": (NEGATIVE, make_prediction("p", [RIGHT], (0.4,)), "x: box, wrong, score 0.40"),
    "a failure": (
        make_sample("p"),
        make_prediction("p", status="failed").model_copy(update={"reason": "no server"}),
        "x: failed: no server",
    ),
    "no row": (make_sample("p"), None, "x: no row"),
    "an unknown truth": (
        make_sample("p", truth="unknown", box=None),
        make_prediction("p", [RIGHT]),
        "x: box",
    ),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcomes_in_words(name: str) -> None:
    sample, row, words = OUTCOMES[name]
    methods = [_method("x", row)]
    lines = caption(_case(sample, methods), methods)
    assert lines[-1] == words
    if sample is NEGATIVE:
        assert lines[1] == "negative, the target is absent, level 1, text changed, replace_relation 2, of q"


def test_candidates_without_a_selection_have_their_ranks(images: ImageFolders) -> None:
    proposed = Candidates(sample_id="p", status="proposed", boxes=(RIGHT,), scores=(0.9,), kept=(0,))
    drawn = draw_case(_case(make_sample("p"), [], candidates=proposed), [], images)
    assert _rgb("candidate") in _colours(drawn.picture)


@pytest.mark.parametrize("place", ["nowhere", "a folder without it", "another size"])
def test_without_its_image_a_sample_is_a_grey_frame_that_says_so(place: str, tmp_path: Path) -> None:
    found = None if place == "nowhere" else ImageFolders(tmp_path, ())
    if place == "another size":
        Image.new("RGB", (50, 50)).save(tmp_path / "p.png")
    methods = [_method("specialist", make_prediction("p", [RIGHT], (0.9,)), "specialist")]
    drawn = draw_case(_case(make_sample("p", width=200, height=50), methods), methods, found)
    reasons = {"nowhere": "--images", "a folder without it": "p.png", "another size": "annotation says 200x50"}
    assert drawn.missing is not None
    assert reasons[place] in drawn.missing
    assert drawn.picture.width == 640
    # Grey, of the annotated shape, with the boxes in their places.
    assert drawn.picture.getpixel((600, 150)) == (138, 143, 152)
    assert _rgb("specialist") in _colours(drawn.picture)


def test_a_size_that_nobody_can_draw_is_drawn_small() -> None:
    sample = make_sample("p", width=900_000_000, height=400_000_000)
    assert draw_case(_case(sample, []), [], None).picture.width == 1280


@pytest.mark.parametrize(
    ("id_", "name"),
    [
        ("../../etc/x", "_.._etc_x"),
        ("a\x1b[31m", "a_31m"),
        ("..", "_"),
        ("7", "7"),
        ("é:1", "é_1"),
        ("車" * 99, "車" * 60),
    ],
)
def test_a_picture_has_a_plain_name(id_: str, name: str) -> None:
    assert plain_name(id_) == name


def test_an_imported_sample_has_the_size_of_its_image_or_a_frame_around_its_boxes(images: ImageFolders) -> None:
    sample = make_sample("p", image="p.png", width=0, height=0)
    methods = [_method("a", make_prediction("p", [(0.0, 0.0, 80.0, 40.0)]), "file")]
    found = draw_case(_case(sample, methods), methods, images)
    assert found.missing is None
    # The picture is 100 pixels wide, so the answer's right side is at four fifths of it.
    assert _right_side(found.picture, "file") == pytest.approx(0.8, abs=0.02)
    frame = draw_case(_case(sample, methods), methods, None)
    assert frame.missing is not None
    # The frame ends where the boxes do.
    assert _right_side(frame.picture, "truth") == pytest.approx(50 / 80, abs=0.02)


def _right_side(picture: Image.Image, role: str) -> float:
    """Where the last pixel of a colour is, as a share of the width."""
    pixels, wanted = picture.convert("RGB").load(), _rgb(role)
    assert pixels is not None
    columns = (x for x in range(picture.width) if any(pixels[x, y] == wanted for y in range(picture.height)))
    return max(columns) / picture.width


def test_a_run_that_names_no_image_says_so(images: ImageFolders) -> None:
    drawn = draw_case(_case(make_sample(image="", width=0, height=0), []), [], images)
    assert drawn.missing == "the run does not name it"

"""Boxes in declared conventions, and the check that refuses a declaration which the rows contradict."""

from __future__ import annotations

import random

import pytest

from finecops.datasets.convention_check import RawBox, check_convention, fitting
from finecops.datasets.conventions import CONVENTIONS, box_of
from finecops.datasets.fields import FieldError
from finecops.errors import DataError

WH = (640, 480)


def boxes(count: int = 60, wh: tuple[int, int] = WH) -> list[tuple[float, float, float, float]]:
    """Corners of random boxes inside an image."""
    draw = random.Random(5)
    found = []
    for _ in range(count):
        x1, y1 = draw.uniform(0, 0.7 * wh[0]), draw.uniform(0, 0.7 * wh[1])
        found.append((x1, y1, draw.uniform(x1 + 5, wh[0]), draw.uniform(y1 + 5, wh[1])))
    return found


def written(convention: str, count: int = 60) -> list[RawBox]:
    """The same boxes as a file in some convention would have them."""
    how, rows = CONVENTIONS[convention], []
    for corners in boxes(count):
        scale = (1.0, 1.0) if how.whole is None else (how.whole / WH[0], how.whole / WH[1])
        x1, y1, x2, y2 = (v * s for v, s in zip(corners, scale * 2, strict=True))
        w, h = x2 - x1, y2 - y1
        kinds = {"corners": [x1, y1, x2, y2], "size": [x1, y1, w, h], "centre": [x1 + w / 2, y1 + h / 2, w, h]}
        rows.append(RawBox(kinds[how.kind], WH))
    return rows


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_gives_the_corners(convention: str) -> None:
    found = [box_of(row.numbers, convention, row.image_wh) for row in written(convention)]
    assert [pytest.approx(box) for box in boxes()] == found


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_right_declaration_is_accepted_with_some_bad_rows(convention: str) -> None:
    bad = [
        RawBox((-50.0, 0.0, 2000.0, 3.0), WH),
        RawBox((5.0, 5.0, 5.0, 5.0), WH),
        RawBox((1500.0, 0.0, 1800.0, 3.0), WH),
    ]
    check_convention(bad + written(convention), convention, "f")


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (declared, found)
        for declared in CONVENTIONS
        for found in CONVENTIONS
        # Corners in pixels are corners from 0 to 1000 too where no side is longer.
        if declared != found and (declared, found) != ("norm1000", "xyxy")
    ],
)
def test_a_wrong_declaration_is_an_error_that_says_so(declared: str, found: str) -> None:
    with pytest.raises(DataError, match=f"f: the layout says that boxes are {declared}, and the rows say otherwise"):
        check_convention(written(found), declared, "f")


@pytest.mark.parametrize(
    ("declared", "found"), [("xyxy", "xywh"), ("xywh", "xyxy"), ("xywh", "cxcywh"), ("norm1", "xywh")]
)
def test_the_convention_that_fits_best_is_named(declared: str, found: str) -> None:
    with pytest.raises(DataError, match=f"; {found} fits 60 of 60"):
        check_convention(written(found), declared, "f")


def test_six_rows_are_enough_to_tell_corners_from_sizes() -> None:
    with pytest.raises(DataError, match="xyxy fits 6 of 6"):
        check_convention(written("xyxy", 6), "xywh", "f")


def test_boxes_that_fit_nothing_are_an_error() -> None:
    with pytest.raises(DataError, match="no other convention fits either"):
        check_convention([RawBox((5e3, 5e3, 9e3, 9e3), WH)] * 3, "xyxy", "f")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ((10, 10, 5, 20), "has no area"),
        ((10, 10, 10, 20), "has no area"),
        ((600, 10, 700, 20), "extends 60 pixels beyond the 640x480 image"),
        ((-9, 10, 70, 20), "extends 9 pixels beyond"),
        ((640.5, 10, 641, 20), "no area inside the 640x480 image"),
    ],
)
def test_a_box_outside_of_its_image_is_refused(raw: tuple[float, float, float, float], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        box_of(raw, "xyxy", WH)


def test_a_box_is_cut_at_the_border() -> None:
    assert box_of((-1.5, 0, 641, 20), "xyxy", WH) == (0, 0, 640, 20)


def test_fitting_counts_boxes_in_each_convention() -> None:
    found = fitting([*written("norm1_cxcywh", 10), RawBox([], WH), RawBox([0.1, 0.2], WH)])
    assert found.keys() == CONVENTIONS.keys()
    assert (found["norm1_cxcywh"], max(found.values())) == (10, 10)

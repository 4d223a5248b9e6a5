"""Boxes in declared conventions, and the check that refuses a declaration which the rows contradict."""

from __future__ import annotations

import random

import pytest

from finecops.datasets.box_conventions import CONVENTIONS, Row, check_convention, corners_in_image
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


def written(convention: str, count: int = 60) -> list[Row]:
    """The same boxes as a file in some convention would have them."""
    rows = []
    for x1, y1, x2, y2 in boxes(count):
        most = {"norm1": 1, "percent": 100, "norm1000": 1000}.get(convention.partition("_")[2])
        values = [x1, y1, x2, y2]
        if most is not None:
            values = [v * most / side for v, side in zip(values, WH * 2)]
        if convention.startswith("xywh"):
            values[2], values[3] = values[2] - values[0], values[3] - values[1]
        rows.append(Row((values[0], values[1], values[2], values[3]), WH))
    return rows


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_gives_the_corners(convention: str) -> None:
    found = [corners_in_image(row, convention) for row in written(convention)]
    assert [pytest.approx(box) for box in boxes()] == found


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_right_declaration_is_accepted_with_some_bad_rows(convention: str) -> None:
    bad = [Row((-50.0, 0.0, 2000.0, 3.0), WH), Row((5.0, 5.0, 5.0, 5.0), WH), Row((1500.0, 0.0, 1800.0, 3.0), WH)]
    check_convention(bad + written(convention), convention, "f")


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ("xywh", "xyxy"),
        ("xyxy", "xywh"),
        ("xywh", "xyxy_norm1"),
        ("xyxy", "xyxy_norm1"),
        ("xywh", "xywh_norm1"),
        ("xywh", "xywh_percent"),
        ("xyxy", "xyxy_percent"),
        ("xyxy", "xyxy_norm1000"),
        ("xyxy_norm1000", "xywh"),
        ("xyxy_norm1", "xyxy"),
        ("xywh_percent", "xywh"),
    ],
)
def test_a_wrong_declaration_is_an_error_that_says_so(declared: str, found: str) -> None:
    with pytest.raises(DataError, match=f"f: the layout says that boxes are {declared}, and the rows say otherwise"):
        check_convention(written(found), declared, "f")


def test_six_rows_are_enough_to_tell_corners_from_sizes() -> None:
    with pytest.raises(DataError, match="xyxy fits 6 of 6"):
        check_convention(written("xyxy", 6), "xywh", "f")


def test_boxes_that_fit_nothing_are_an_error() -> None:
    with pytest.raises(DataError, match="no other convention fits either"):
        check_convention([Row((5e3, 5e3, 9e3, 9e3), WH)] * 3, "xyxy", "f")


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
        corners_in_image(Row(raw, WH), "xyxy")


def test_a_box_is_cut_at_the_border() -> None:
    assert corners_in_image(Row((-1.5, 0, 641, 20), WH), "xyxy") == (0, 0, 640, 20)

"""Box text: models' own documented answers first, broken output next, then the round trip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finecops.models.dialects import DIALECTS, decode
from finecops.records import Xyxy

PAREN = DIALECTS["norm1000_paren"]


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        # Qwen2-VL's documented form, then what is left when a server strips the markers.
        (
            "<|object_ref_start|>the red square<|object_ref_end|><|box_start|>(527,369),(777,702)<|box_end|>",
            [(527.0, 369.0, 777.0, 702.0)],
        ),
        ("图片(460,66),(683,252)", [(460.0, 66.0, 683.0, 252.0)]),
        ("(1, 2), (30 ,40)", [(1.0, 2.0, 30.0, 40.0)]),
        ("(1,2),(3,4) and (5,6),(7,8)", [(1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0)]),
        ("(9,9),(1,1) or (5,6),(7,8)", [(5.0, 6.0, 7.0, 8.0)]),  # the good one of two
    ],
)
def test_boxes(text: str, boxes: list[Xyxy]) -> None:
    decoded = decode(PAREN, text, (1000, 1000))
    assert decoded.status == "box"
    assert list(decoded.boxes) == boxes
    for span in decoded.at:
        assert text[slice(*span)][0] == "("
        assert text[slice(*span)][-1] == ")"


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("None", "reject", None),
        ("“None”", "reject", None),
        ("There is no such object: not found.", "reject", None),
        ("[]", "reject", None),
        ("", "unparsed", "empty"),
        ("I see a car.", "unparsed", "no box"),
        ("(527,369),(777", "unparsed", "no box"),
        ("(777,702),(527,369)", "unparsed", "wrong way round"),
        ("(5,5),(5,9)", "unparsed", "wrong way round"),
        ("(0,0),(1920,1080)", "unparsed", "above 1000"),  # pixels are not guessed
        ("[[527, 369, 777, 702]]", "unparsed", "no box"),  # another model's format
    ],
)
def test_everything_else(text: str, status: str, reason: str | None) -> None:
    decoded = decode(PAREN, text, (640, 480))
    assert decoded.status == status
    assert decoded.boxes == ()
    assert reason is None or reason in str(decoded.reason)


sides = st.integers(8, 5000)


@pytest.mark.parametrize("name", sorted(DIALECTS))
@given(width=sides, height=sides, corners=st.tuples(*[st.floats(0, 1)] * 4))
def test_round_trip_is_within_a_bin(name: str, width: int, height: int, corners: tuple[float, ...]) -> None:
    x1, x2 = sorted((corners[0] * width, corners[2] * width))
    y1, y2 = sorted((corners[1] * height, corners[3] * height))
    if x2 - x1 < 0.002 * width or y2 - y1 < 0.002 * height:
        return
    decoded = decode(DIALECTS[name], DIALECTS[name].encode((x1, y1, x2, y2), (width, height)), (width, height))
    (box,) = decoded.boxes
    for got, wanted, side in zip(box, (x1, y1, x2, y2), (width, height) * 2, strict=True):
        assert abs(got - wanted) <= side / 1000

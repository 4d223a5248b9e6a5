"""Box formats that a model's file declares: what is written is read, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finecops.config.box_pattern import BoxPattern
from finecops.replies.answer import Answer
from finecops.replies.formats import BOX_FORMATS, decode
from finecops.replies.formats.declared import declared_format

WH = (640, 480)
BOX = (64.0, 48.0, 320.0, 240.0)
CORNERS = "<box>{x1},{y1},{x2},{y2}</box>"


def read(text: str, pattern: str, coordinates: str, wh: tuple[int, int] = WH) -> Answer:
    return decode(declared_format(BoxPattern(text=pattern, coordinates=coordinates)), text, wh)


@pytest.mark.parametrize(
    ("pattern", "coordinates", "text"),
    [
        (CORNERS, "pixels", "<box>64,48,320,240</box>"),
        (CORNERS, "resized_pixels", "<box>64,48,320,240</box>"),
        (CORNERS, "norm1000", "<box>100,100,500,500</box>"),
        (CORNERS, "norm1", "<box>0.100,0.100,0.500,0.500</box>"),
        (CORNERS, "percent", "<box>10,10,50,50</box>"),
        (CORNERS, "norm1024", "<box>102,102,512,512</box>"),
        ("[{x}, {y}, {w}, {h}]", "pixels", "[64, 48, 256, 192]"),
        ("[{x}, {y}, {w}, {h}]", "norm1000", "[100, 100, 400, 400]"),
        ("[{cx}, {cy}, {w}, {h}]", "norm1", "[0.300, 0.300, 0.400, 0.400]"),
        ("y {y1}-{y2}, x {x1}-{x2}", "pixels", "y 48-240, x 64-320"),
        ("{x1} {y1} {x2} {y2}", "pixels", "64 48 320 240"),
        ('{{"a": {{"b": [{x1}, {y1}, {x2}, {y2}]}}}}', "pixels", '{"a": {"b": [64, 48, 320, 240]}}'),
        (r"\[({x1}|{y1}$^{x2}?*{y2})+", "pixels", r"\[(64|48$^320?*240)+"),
    ],
)
def test_what_is_written_is_read(pattern: str, coordinates: str, text: str) -> None:
    form = declared_format(BoxPattern(text=pattern, coordinates=coordinates))
    assert form.encode(BOX, WH) == text
    tolerance = 1.0 if coordinates == "norm1024" else 1e-6
    found = decode(form, f"It is at {text}. ", WH)
    assert found.status == "box"
    assert found.boxes[0] == pytest.approx(BOX, abs=tolerance)
    # Several boxes are several such texts; blanks around numbers are free.
    assert len(decode(form, f"{text} and {text.replace(',', ' , ')}", WH).boxes) == 2


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("<box>64,48,320</box>", "unparsed"),
        ("<box>64,48,320,240", "unparsed"),
        ("<box>-64,48,320,240</box>", "unparsed"),
        ("64,48,320,240", "unparsed"),
        ("<box>64,48,320,2400</box>", "unparsed"),
        ("<box>320,48,64,240</box>", "unparsed"),
        ("<box>64;48;320;240</box>", "unparsed"),
        ("<box>1e1,48,320,240</box>", "unparsed"),
        ("<BOX>64,48,320,240</BOX>", "unparsed"),
        ("None", "reject"),
        ("", "unparsed"),
        ("<box>64.5,48.25,320,240.</box>", "unparsed"),
        ("<box> 64.5 ,48.25,\n320,240.0 </box>", "box"),
    ],
)
def test_anything_else_is_not_read(text: str, status: str) -> None:
    assert read(text, CORNERS, "pixels").status == status


def test_a_reason_names_the_number_or_the_corners() -> None:
    assert "has a coordinate above 1" in str(read("<box>0.1,0.1,5,0.5</box>", CORNERS, "norm1").reason)
    assert "corners in the wrong order" in str(read("<box>9,9,5,50</box>", CORNERS, "pixels").reason)
    assert "no area" in str(read("[9, 9, 0, 50]", "[{x}, {y}, {w}, {h}]", "pixels").reason)


def test_a_rounded_size_may_reach_over_the_edge() -> None:
    # 501 + 500 thousandths: both were rounded up.
    assert read("[501, 0, 500, 1000]", "[{x}, {y}, {w}, {h}]", "norm1000").boxes[0][2] == 640
    assert read("[10, 10, 40, 40]", "[{cx}, {cy}, {w}, {h}]", "percent").boxes == ((0.0, 0.0, 192.0, 144.0),)


def test_the_span_has_the_numbers_without_markers() -> None:
    text = "It is <box>64,48,320,240</box>!"
    start, end = read(text, CORNERS, "pixels").spans[0]
    assert text[start:end] == "64,48,320,240"


def test_a_number_is_not_begun_in_its_middle() -> None:
    assert read("1064 48 320 240", "{x1} {y1} {x2} {y2}", "pixels").status == "unparsed"
    assert read("0.64 0.48 0.9 0.9", "{x1} {y1} {x2} {y2}", "norm1").boxes[0][0] == pytest.approx(409.6)


ROWS = [
    # (the text of a box, a token of it, what stands between two tokens)
    ("<loc_{y1}><loc_{x1}><loc_{y2}><loc_{x2}>", "<loc_{}>", ""),
    ("<{x1}><{y1}><{x2}><{y2}>", "<{}>", ""),
    ("{x1} {y1} {x2} {y2}", "{}", " "),
    ("{x1}, {y1}, {x2}, {y2}", "{}", ", "),
]


@pytest.mark.parametrize(("pattern", "token", "between"), ROWS)
@pytest.mark.parametrize(
    ("numbers", "boxes"),
    [("9 9 90 90", 1), ("9 9 90 90 9 9 90 90", 2), ("7 9 9 90 90", 0), ("-7 9 9 90 90", 0), ("-9 9 90 90", 0)],
)
def test_a_broken_token_shifts_no_other(pattern: str, token: str, between: str, numbers: str, boxes: int) -> None:
    text = between.join(token.format(number) for number in numbers.split())
    answer = read(f"It is {text} there", pattern, "pixels")
    assert (answer.status, len(answer.boxes)) == ("box" if boxes else "unparsed", boxes), answer


def test_a_third_point_makes_no_box() -> None:
    pattern = "({x1},{y1}),({x2},{y2})"
    assert len(read("(9,9),(90,90) and (9,9),(80,80),(1,1),(20,20)", pattern, "pixels").boxes) == 3
    assert read("(9,9),(90,90),(95,95)", pattern, "pixels").status == "unparsed"
    assert read("(-9,9),(90,90),(95,95)", pattern, "pixels").status == "unparsed"


TEXTS = [
    "<loc_{y1}><loc_{x1}><loc_{y2}><loc_{x2}>",
    "({x1},{y1}),({x2},{y2})",
    CORNERS,
    "{x1} {y1} {x2} {y2}",
    "[{x}, {y}, {w}, {h}]",
    "a  a {cx} b {cy}  {w} \n{h}",
    "(({x1}({y1}({x2}({y2}",
]
BITS = ("1", "1.", ".1", " ", "1 ", "1,", "<box>", "<box>1,", "[", "[1", "[1, 1, 1, ", "a  a 1 b ", "((1(", "a ", "(")


@pytest.mark.parametrize("pattern", TEXTS)
def test_the_time_grows_with_the_length_alone(pattern: str) -> None:
    """A parser that read anything twice would take hours for these."""
    for bit in BITS:
        assert read(bit * (60_000 // len(bit)), pattern, "pixels").status in ("box", "unparsed")


@given(
    corners=st.tuples(st.integers(0, 600), st.integers(0, 440), st.integers(1, 40), st.integers(1, 40)),
    pattern=st.sampled_from(TEXTS),
)
@settings(max_examples=60, deadline=None)
def test_every_box_in_pixels_comes_back(corners: tuple[int, int, int, int], pattern: str) -> None:
    x, y, w, h = corners
    box = (float(x), float(y), float(x + w), float(y + h))
    form = declared_format(BoxPattern(text=pattern, coordinates="pixels", decimals=1))
    assert decode(form, form.encode(box, WH), WH).boxes[0] == pytest.approx(box)


def test_a_declared_format_agrees_with_the_named_one() -> None:
    declared = declared_format(BoxPattern(text="[{x1}, {y1}, {x2}, {y2}]", coordinates="norm1000"))
    named = BOX_FORMATS["norm1000_list"]
    for text in ("[1, 2, 3, 4]", "[[1,2,3,4],[5,6,7,8]]", "[1.5, 2, 3, 4] none", "[1,2,3]", "[4,3,2,1]", "none"):
        assert decode(declared, text, WH).boxes == decode(named, text, WH).boxes
        assert decode(declared, text, WH).status == decode(named, text, WH).status
    assert declared.encode(BOX, WH) == named.encode(BOX, WH)
    assert declared.bin_size(WH) == named.bin_size(WH)

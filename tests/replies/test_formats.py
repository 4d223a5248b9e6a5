"""Box formats: valid boxes, rejections and unparsed replies, the round trip, and each model's documented answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finecops.records import Xyxy
from finecops.replies.formats import BOX_FORMATS, decode

PAREN = BOX_FORMATS["norm1000_paren"]


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        # Qwen2-VL's documented form, then the same without markers, as some servers return it.
        (
            "<|object_ref_start|>the red square<|object_ref_end|><|box_start|>(527,369),(777,702)<|box_end|>",
            [(527.0, 369.0, 777.0, 702.0)],
        ),
        ("图片(460,66),(683,252)", [(460.0, 66.0, 683.0, 252.0)]),
        ("(1, 2), (30 ,40)", [(1.0, 2.0, 30.0, 40.0)]),
        ("(1,2),(3,4) and (5,6),(7,8)", [(1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0)]),
        ("(9,9),(1,1) or (5,6),(7,8)", [(5.0, 6.0, 7.0, 8.0)]),  # one of two is valid
    ],
)
def test_valid_boxes(text: str, boxes: list[Xyxy]) -> None:
    decoded = decode(PAREN, text, (1000, 1000))
    assert decoded.status == "box"
    assert list(decoded.boxes) == boxes
    for span in decoded.spans:
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
        ("(527,369),(777", "unparsed", "a row of 1; 2 make a box"),
        ("(777,702),(527,369)", "unparsed", "wrong order"),
        ("(5,5),(5,9)", "unparsed", "wrong order"),
        ("(0,0),(1920,1080)", "unparsed", "above 1000"),  # pixels are not guessed
        ("[[527, 369, 777, 702]]", "unparsed", "no box"),  # another model's format
        ("(1,2),(30,40),(50,60)", "unparsed", "a row of 3; 2 make a box"),
        ("(-5,10),(300,400)", "unparsed", "is not a box"),
        ("(1,2,3),(300,400)", "unparsed", "is not a box"),
        ("Nonetheless, the red car", "unparsed", "no box"),
    ],
)
def test_rejections_and_unparsed_replies(text: str, status: str, reason: str | None) -> None:
    decoded = decode(PAREN, text, (640, 480))
    assert decoded.status == status
    assert decoded.boxes == ()
    assert reason is None or reason in str(decoded.reason)


sides = st.integers(8, 5000)


@pytest.mark.parametrize("name", sorted(BOX_FORMATS))
@given(width=sides, height=sides, corners=st.tuples(*[st.floats(0, 1)] * 4))
def test_round_trip_is_within_a_bin(name: str, width: int, height: int, corners: tuple[float, ...]) -> None:
    x1, x2 = sorted((corners[0] * width, corners[2] * width))
    y1, y2 = sorted((corners[1] * height, corners[3] * height))
    bin_x, bin_y = BOX_FORMATS[name].bin_size((width, height))
    if x2 - x1 < 2 * bin_x or y2 - y1 < 2 * bin_y:
        return
    decoded = decode(BOX_FORMATS[name], BOX_FORMATS[name].encode((x1, y1, x2, y2), (width, height)), (width, height))
    (box,) = decoded.boxes
    for got, wanted, step in zip(box, (x1, y1, x2, y2), (bin_x, bin_y) * 2, strict=True):
        assert abs(got - wanted) <= step * (1 + 1e-9)


@pytest.mark.parametrize(
    ("name", "text", "image_wh", "box"),
    [
        # Each model's own documented answer, with the pixels its documentation gives for it.
        ("norm1000_bracket2", "[[086,540,400,760]]", (500, 200), (43.0, 108.0, 200.0, 152.0)),
        ("norm1000_bracket2", "<ref>a lady</ref><box>[[243, 469, 558, 746]]</box>", (1000, 1000), (243, 469, 558, 746)),
        ("norm1000_list", "The boy ... [526, 15, 798, 757].", (2000, 1000), (1052.0, 15.0, 1596.0, 757.0)),
        ("float_square", "Answer: [0.312,0.155,0.562,0.488] .", (1000, 1000), (312.0, 155.0, 562.0, 488.0)),
        ("float_square", "[0.250, 0.300, 0.750, 0.700]", (1000, 500), (250.0, 50.0, 750.0, 450.0)),
        ("norm1_list", "[0.250, 0.300, 0.750, 0.700]", (1000, 500), (250.0, 150.0, 750.0, 350.0)),
        ("pixel_list", "[12, 30, 600, 400]", (640, 480), (12.0, 30.0, 600.0, 400.0)),
        ("json_bbox2d_rel1000", '```json\n[{"bbox_2d": [10, 20, 50, 90]}]\n```', (1000, 1000), (10, 20, 50, 90)),
        ("glm_box", "Not [[1,2,3,4]]: <|begin_of_box|>[[10,20,50,90]]<|end_of_box|>", (1000, 1000), (10, 20, 50, 90)),
        ("glm_box", "[100, 200, 500, 900]", (1000, 1000), (100, 200, 500, 900)),
        ("loc_tokens_xyxy1000", "a car<loc_12><loc_34><loc_56><loc_78>", (1000, 2000), (12.5, 69.0, 56.5, 157.0)),
        ("loc_tokens_yxyx1024", "<loc0123><loc0456><loc0789><loc0999> cat", (1024, 1024), (456, 123, 999, 789)),
        ("angle_int999", "dog<|object_ref_end|><|box_start|><17><38><40><93><|box_end|>", (999, 999), (17, 38, 40, 93)),
        ("angle_int1000", "<ref>dog</ref><box><171><386><407><934></box>", (1000, 1000), (171, 386, 407, 934)),
        ("patch_index32", "<object><patch_index_0044><patch_index_0863></object>", (320, 320), (125, 15, 315, 265)),
        ("patch_index32", "<patch_index_0033><patch_index_0033>", (320, 320), (10.0, 10.0, 20.0, 20.0)),
    ],
)  # fmt: skip
def test_each_models_documented_answer(name: str, text: str, image_wh: tuple[int, int], box: Xyxy) -> None:
    decoded = decode(BOX_FORMATS[name], text, image_wh)
    assert decoded.boxes == (pytest.approx(box),)


def test_several_boxes_in_one_reply() -> None:
    text = "[[100,200,300,400;500,600,700,800]]"
    assert decode(BOX_FORMATS["norm1000_bracket2"], text, (1000, 1000)).boxes == (
        (100.0, 200.0, 300.0, 400.0),
        (500.0, 600.0, 700.0, 800.0),
    )
    listed = "[[1, 2, 30, 40], [5, 6, 70, 80]]"
    assert len(decode(BOX_FORMATS["norm1000_bracket2"], listed, (1000, 1000)).boxes) == 2


@pytest.mark.parametrize("name", sorted(BOX_FORMATS))
def test_rejections_and_other_text_in_every_format(name: str) -> None:
    for text, status in (
        ("none", "reject"),
        ("Not found.", "reject"),
        ("[]", "reject"),
        # GroundingME's prompt asks for it.
        ('{"bbox_2d": null}', "reject"),
        ("It would be nullified.", "unparsed"),
        ("a car", "unparsed"),
    ):
        assert decode(BOX_FORMATS[name], text, (640, 480)).status == status


@pytest.mark.parametrize(
    ("name", "text", "boxes"),
    [
        # A broken point does not pair the second corner of one box with the first of the next.
        ("norm1000_paren", "(-5,10),(300,400)(500,600),(700,800)", [(500, 600, 700, 800)]),
        ("norm1000_paren", "(5,10),(300,400),(500,600)(700,800)", [(5, 10, 300, 400), (500, 600, 700, 800)]),
        ("norm1000_paren", "(left), (5,10),(300,400) (2)", [(5, 10, 300, 400)]),
        ("loc_tokens_xyxy1000", "<loc_-5><loc_10><loc_20><loc_300><loc_400>", []),
        (
            "loc_tokens_xyxy1000",
            "<loc_x><loc_10><loc_20><loc_300>" + "<loc_1><loc_2><loc_3><loc_4>",
            [(1.5, 2.5, 3.5, 4.5)],
        ),
        ("loc_tokens_yxyx1024", "<loc00001><loc0001><loc0002><loc0003><loc0004>", []),
        ("angle_int999", "<1><2><3><4><5>", []),
        ("angle_int999", "<99999><1><2><3>", []),
        ("patch_index32", "<patch_index_99999><patch_index_0044><patch_index_0863>", []),
    ],
)
def test_a_broken_token_shifts_no_other(name: str, text: str, boxes: list[Xyxy]) -> None:
    decoded = decode(BOX_FORMATS[name], text, (1000, 1000))
    assert list(decoded.boxes) == [pytest.approx(box) for box in boxes]
    assert decoded.status == ("box" if boxes else "unparsed")

"""Boxes with labels on a picture."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from finecops import drawing
from finecops.drawing import COLOURS, Mark, captioned, draw_marks, fitted, scaled
from finecops.records import Xyxy

GREEN = "#88aa77"


def picture(width: int = 200, height: int = 120) -> Image.Image:
    return Image.new("RGB", (width, height), GREEN)


BOXES: dict[str, Xyxy] = {
    "inside": (20, 30, 90, 100),
    "corners in the wrong order": (90, 100, 20, 30),
    "larger than the picture": (-500, -500, 900, 900),
    "outside": (500, 500, 600, 600),
    "a point": (50, 50, 50, 50),
    "half a pixel": (50.2, 50.2, 50.4, 50.4),
    "at the upper edge": (0, 0, 40, 20),
    "at the right edge": (190, 10, 199, 40),
}


@pytest.mark.parametrize("name", BOXES)
def test_any_box_is_drawn_inside_the_picture(name: str) -> None:
    before = picture()
    after = draw_marks(before, [Mark(BOXES[name], "sfa 0.91", "sfa")])
    assert after.size == before.size
    assert before.getcolors() == picture().getcolors(), "the picture of the caller was changed"
    colours = {colour for _, colour in after.getcolors(10_000) or ()}
    assert tuple(bytes.fromhex(COLOURS["sfa"][1:])) in colours


def test_corners_in_the_wrong_order_are_the_same_box() -> None:
    drawn = [draw_marks(picture(), [Mark(BOXES[name])]) for name in ("inside", "corners in the wrong order")]
    assert drawn[0].tobytes() == drawn[1].tobytes()


def test_labels_stay_inside_and_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[Xyxy] = []
    original = drawing._label_place

    def noted(box: Xyxy, label_wh: tuple[float, float], wh: tuple[int, int], taken: list[Xyxy]) -> Xyxy:
        places.append(original(box, label_wh, wh, taken))
        return places[-1]

    monkeypatch.setattr(drawing, "_label_place", noted)
    marks = [Mark((60, 60 + i, 150, 110), f"method {i}") for i in range(4)]
    draw_marks(picture(), [*marks, Mark((195, 0, 199, 5), "a label that is far wider than the whole picture is")])
    for left, top, right, bottom in places:
        assert 0 <= left < right <= 200
        assert 0 <= top < bottom <= 120
    assert not any(drawing._meet(a, b) for a, b in combinations(places, 2))


def test_a_caption_has_all_its_words_and_no_control_characters() -> None:
    long = " ".join(["word"] * 60) + " " + "w" * 300
    short, tall = captioned(picture(), ["one"]), captioned(picture(), [long, "\x1b[31mred\n", ""])
    assert short.width == tall.width == 200
    assert 120 < short.height < tall.height
    assert short.crop((0, 0, 200, 120)).tobytes() == picture().tobytes()


def test_a_large_picture_is_made_smaller_with_its_marks() -> None:
    small, scale = fitted(picture(4000, 2000), 1000)
    assert small.size == (1000, 500)
    assert scaled(Mark((400, 400, 800, 800), "x", "mllm"), scale) == Mark((100, 100, 200, 200), "x", "mllm")
    assert fitted(picture(), 1000) == (picture(), 1.0)
    assert fitted(picture(10_000, 3), 100)[0].size == (100, 1)


def test_boxes_have_one_colour_in_pictures_and_in_the_gallery() -> None:
    script = (Path(drawing.__file__).parent / "report" / "gallery" / "assets" / "boxes.js").read_text(encoding="utf-8")
    in_gallery = dict(re.findall(r"^  (\w+): \"(#\w{6})\",$", script, re.MULTILINE))
    in_gallery["candidate"] = in_gallery.pop("candidates")
    assert in_gallery == {role: colour for role, colour in drawing.COLOURS.items() if role != "file"}

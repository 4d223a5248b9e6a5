"""Box formats: how a model writes a box as text, and how to parse it.

A parser is a pure function of the text. It never sees the ground truth. The coordinate convention belongs to the format
and is never guessed from the size of the numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from finecops.errors import ConfigError
from finecops.records import Xyxy
from finecops.replies.answer import Answer
from finecops.replies.formats import kosmos
from finecops.replies.formats.box_format import BoxFormat, Single
from finecops.replies.formats.grouping import Grouping
from finecops.replies.formats.quadruple import (
    NUMBER,
    PIXELS,
    Convention,
    Found,
    ImageWh,
    bin_centres,
    centred_square,
    find_boxes,
    per_axis,
    per_axis_shares,
    rounded,
)


def _four_numbers(pattern: str, convention: Convention, template: str, grouping: Grouping | None = None) -> BoxFormat:
    """A format of four integers.

    Args:
        pattern: regular expression of a box in a reply, with four groups (`find_boxes`).
        convention: what the numbers mean.
        template: how to write a box, with the fields x1, y1, x2, y2 for `str.format`.
        grouping: of a box that is several tokens in a row.
    """
    compiled = re.compile(pattern)

    def encode(box: Xyxy, image_wh: ImageWh) -> str:
        values = rounded(convention, box, image_wh)
        return template.format(**dict(zip(("x1", "y1", "x2", "y2"), values)))

    return BoxFormat(
        encode,
        lambda text, wh: find_boxes(compiled, convention, text=text, image_wh=wh, grouping=grouping),
        convention.bin_size,
        Single(compiled, convention) if grouping is None and convention.top is not None else None,
    )


def _decimals(convention: Convention) -> BoxFormat:
    """Shares with three decimals in brackets."""
    compiled = re.compile(_IN_BRACKETS)

    def encode(box: Xyxy, image_wh: ImageWh) -> str:
        return "[" + ",".join(f"{min(max(v, 0), 1):.3f}" for v in convention.from_pixels(box, image_wh)) + "]"

    return BoxFormat(
        encode,
        lambda text, wh: find_boxes(compiled, convention, text=text, image_wh=wh),
        convention.bin_size,
        Single(compiled, convention) if convention.top is not None else None,
    )


def _glm_box() -> BoxFormat:
    """Thousandths between GLM-V's markers of the final answer."""
    plain = _four_numbers(_IN_BRACKETS, per_axis(1000), "<|begin_of_box|>[[{x1},{y1},{x2},{y2}]]<|end_of_box|>")

    def find(text: str, image_wh: ImageWh) -> list[Found]:
        # Reasoning comes before the marked answer and may name boxes too: only what follows the last marker counts.
        # rfind gives -1 where a server removed the markers; then the whole text counts.
        begin = max(text.rfind("<|begin_of_box|>"), 0)
        # Spans refer to the whole text, so they are shifted by what was cut.
        return [
            item if isinstance(item, str) else (item[0], (item[1][0] + begin, item[1][1] + begin))
            for item in plain.find(text[begin:], image_wh)
        ]

    return BoxFormat(plain.encode, find, plain.bin_size)


def _no_box(box: Xyxy, image_wh: ImageWh) -> str:
    raise ConfigError("a model that answers with points has no text for a box: use --show marks")


def _point(text: str, image_wh: ImageWh) -> list[Found]:
    # Molmo writes <point …> for one point and <points …> for several.
    begin = re.search(r"<points?\b", text)
    if begin is None or text.find(">", begin.end()) < 0:
        return []
    return ["the answer is a point, not a box: use the model as a selector (`finecops crs`)"]


_FOUR: Final = ",".join([NUMBER] * 4)
# Brackets and ";" are looked at, not consumed: in "[[1,2,3,4;5,6,7,8]]" the ";" ends one box and begins the next.
_IN_BRACKETS: Final = rf"(?<=[\[;]){_FOUR}(?=[\];])"
_ANGLES: Final = r"<(\d{1,4})>" * 4
_LOC: Final = r"<loc_(\d++)>" * 4
# PaliGemma writes y before x, so the groups have names.
_LOC_YX: Final = "".join(rf"<loc(?P<{name}>\d{{4}})>" for name in ("y1", "x1", "y2", "x2"))
# Tokens in a row, broken ones too ("<loc_-5>"): a point in parentheses, a number in angle brackets.
_POINTS: Final = Grouping(re.compile(r"\([-+.\deE\s]*+,[-+.,\deE\s]*+\)"), 2, ("", ","))
_LOCS: Final = Grouping(re.compile(r"<loc_?+[^<>]*+>"), 4)
_IN_ANGLES: Final = Grouping(re.compile(r"<[-+.]?+\d[^<>]*+>"), 4)

BOX_FORMATS: Final[Mapping[str, BoxFormat]] = {
    # Qwen2-VL. The markers are not part of the pattern: servers remove them.
    "norm1000_paren": _four_numbers(
        rf"\({NUMBER},{NUMBER}\)\s*+,?\s*+\({NUMBER},{NUMBER}\)",
        per_axis(1000),
        "<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>",
        _POINTS,
    ),
    # CogVLM and CogCoM (three digits, ";" between boxes), InternVL
    "norm1000_bracket2": _four_numbers(_IN_BRACKETS, per_axis(1000), "[[{x1}, {y1}, {x2}, {y2}]]"),
    # Ferret
    "norm1000_list": _four_numbers(_IN_BRACKETS, per_axis(1000), "[{x1}, {y1}, {x2}, {y2}]"),
    # Shikra, GroundingGPT: shares of the padded square
    "float_square": _decimals(centred_square(3)),
    # Shares of the image's width and height, as lmms-eval's refcoco_bbox_rec asks for them
    "norm1_list": _decimals(per_axis_shares(3)),
    # Pixels of the original image
    "pixel_list": _four_numbers(_IN_BRACKETS, PIXELS, "[{x1}, {y1}, {x2}, {y2}]"),
    # Qwen3-VL
    "json_bbox2d_rel1000": _four_numbers(
        rf'"bbox_2d"\s*+:\s*+\[{_FOUR}\]', per_axis(1000), '[{{"bbox_2d": [{x1}, {y1}, {x2}, {y2}]}}]'
    ),
    # Qwen2.5-VL: pixels of the resized image. `finecops.replies.box_text` passes that image's size.
    "json_bbox2d_abs_resized": _four_numbers(
        rf'"bbox_2d"\s*+:\s*+\[{_FOUR}\]', PIXELS, '[{{"bbox_2d": [{x1}, {y1}, {x2}, {y2}]}}]'
    ),
    # GLM-4.xV
    "glm_box": _glm_box(),
    # Florence-2: a number is one of 1000 bins and stands for the middle of the bin.
    "loc_tokens_xyxy1000": _four_numbers(_LOC, bin_centres(1000), "<loc_{x1}><loc_{y1}><loc_{x2}><loc_{y2}>", _LOCS),
    # PaliGemma 2: 1024 steps, and the largest token is <loc1023>.
    "loc_tokens_yxyx1024": _four_numbers(
        _LOC_YX, per_axis(1024, 1023), "<loc{y1:04d}><loc{x1:04d}><loc{y2:04d}><loc{x2:04d}>", _LOCS
    ),
    # Rex-Omni, LocateAnything
    "angle_int999": _four_numbers(
        _ANGLES, per_axis(999), "<|box_start|><{x1}><{y1}><{x2}><{y2}><|box_end|>", _IN_ANGLES
    ),
    "angle_int1000": _four_numbers(_ANGLES, per_axis(1000), "<box><{x1}><{y1}><{x2}><{y2}></box>", _IN_ANGLES),
    # Kosmos-2
    "patch_index32": BoxFormat(kosmos.encode, kosmos.find, lambda wh: (wh[0] / kosmos.GRID, wh[1] / kosmos.GRID)),
    # Molmo2
    "point": BoxFormat(_no_box, _point, lambda wh: (math.inf, math.inf)),
}

MAX_REPLY_CHARS: Final = 200_000
"""Longer replies are cut before they are parsed: no model's answer is as long, reasoning included."""

# Phrases that mean "the target is not there" when a reply has no box.
_REFUSAL = re.compile(r"\b(?:none|null|not found|no target|not present|not in the image|does not exist)\b|\[\]")


def decode(box_format: BoxFormat, text: str, image_wh: tuple[int, int]) -> Answer:
    """Parse a reply: its boxes if there are any, else a rejection if it says so, else unparsed.

    A reply with no valid box but with a broken one (corners in the wrong order, a coordinate out of range) is unparsed,
    with the reason. Of a reply longer than `MAX_REPLY_CHARS` the beginning is read; the note or the reason says so.
    """
    found = box_format.find(text[:MAX_REPLY_CHARS], image_wh)
    good = [item for item in found if not isinstance(item, str)]
    cut = None
    if len(text) > MAX_REPLY_CHARS:
        cut = f"the reply has {len(text)} characters, of which the first {MAX_REPLY_CHARS} are read"
    if good:
        boxes, spans = zip(*good)
        return Answer("box", boxes, spans=spans, note=cut)
    if cut is not None:
        return Answer("unparsed", reason=cut)
    if found:
        return Answer("unparsed", reason=str(found[0]))
    plain = text.strip().strip("\"'“”.").lower()
    if _REFUSAL.search(plain):
        return Answer("reject")
    return Answer("unparsed", reason="the answer has no box" if plain else "the answer is empty")

"""Boxes as a configured model writes and reads them: its dialect, in terms of the image as the model sees it."""

from __future__ import annotations

import math
from dataclasses import replace

from finecops.config.schema import MllmConfig
from finecops.records import Xyxy
from finecops.replies.answer import Answer
from finecops.replies.formats import BOX_FORMATS, IN_RESIZED_PIXELS, decode
from finecops.replies.formats.quadruple import ImageWh


def smart_resize(image_wh: ImageWh, factor: int, min_pixels: int, max_pixels: int) -> ImageWh:
    """Width and height as multiples of `factor`, the area in bounds, the shape kept as well as that allows.

    The same arithmetic as `smart_resize` of Qwen2-VL's image processor in transformers.

    >>> smart_resize((640, 480), 28, 3136, 12845056)
    (644, 476)
    """
    width, height = image_wh
    w, h = (max(factor, round(side / factor) * factor) for side in (width, height))
    if w * h > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        w, h = (max(factor, math.floor(side / shrink / factor) * factor) for side in (width, height))
    elif w * h < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        w, h = (math.ceil(side * grow / factor) * factor for side in (width, height))
    return w, h


def frame_of(config: MllmConfig, image_wh: ImageWh) -> ImageWh:
    """The size of the image in whose terms the model speaks of boxes: the original's, or the resized one's."""
    if config.box_format not in IN_RESIZED_PIXELS:
        return image_wh
    # Their presence was checked when the file was read.
    return smart_resize(image_wh, config.resize_factor or 1, config.min_pixels or 0, config.max_pixels or 0)


def write_box(config: MllmConfig, box: Xyxy, image_wh: ImageWh) -> str:
    """A box in pixels of the original image as the model writes it."""
    frame = frame_of(config, image_wh)
    return BOX_FORMATS[config.box_format].encode(_scaled(box, image_wh, frame), frame)


def parse_boxes(config: MllmConfig, text: str, image_wh: ImageWh) -> Answer:
    """What a model's answer says, boxes in pixels of the original image."""
    frame = frame_of(config, image_wh)
    answer = decode(BOX_FORMATS[config.box_format], text, frame)
    return replace(answer, boxes=tuple(_scaled(box, frame, image_wh) for box in answer.boxes))


def _scaled(box: Xyxy, from_wh: ImageWh, to_wh: ImageWh) -> Xyxy:
    if from_wh == to_wh:
        return box
    x, y = to_wh[0] / from_wh[0], to_wh[1] / from_wh[1]
    return (box[0] * x, box[1] * y, box[2] * x, box[3] * y)

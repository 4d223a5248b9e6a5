"""Writing and parsing boxes in a configured model's box format, in pixels of the original image."""

from __future__ import annotations

import math
from dataclasses import replace

from finecops.config.box_pattern import BoxPattern, in_resized_pixels
from finecops.config.choices import CHOICES
from finecops.config.schema import MllmConfig
from finecops.errors import ConfigError
from finecops.names import unknown_name
from finecops.records import Xyxy
from finecops.replies.answer import Answer
from finecops.replies.formats import BOX_FORMATS, decode
from finecops.replies.formats.box_format import BoxFormat
from finecops.replies.formats.declared import declared_format
from finecops.replies.formats.quadruple import ImageWh

CHOICES["box_format"] = BOX_FORMATS


def smart_resize(image_wh: ImageWh, factor: int, min_pixels: int, max_pixels: int) -> ImageWh:
    """The size to which Qwen2-VL's image processor resizes an image.

    Both sides are multiples of `factor`, the area is between `min_pixels` and `max_pixels`, and the aspect ratio
    changes as little as that allows. Same arithmetic as `smart_resize` in transformers
    (`models/qwen2_vl/image_processing_qwen2_vl.py`).

    >>> smart_resize((640, 480), 28, 3136, 12845056)
    (644, 476)
    """
    width, height = image_wh
    w, h = (max(factor, round(side / factor) * factor) for side in (width, height))
    # The ratio is that of the original area, not of the rounded one: transformers does the same. Rounding down, or up,
    # keeps the result on the allowed side of the bound.
    if w * h > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        w, h = (max(factor, math.floor(side / shrink / factor) * factor) for side in (width, height))
    elif w * h < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        w, h = (math.ceil(side * grow / factor) * factor for side in (width, height))
    return w, h


def frame_of(config: MllmConfig, image_wh: ImageWh) -> ImageWh:
    """The size of the image that the model's coordinates refer to: the original or the resized image."""
    return seen_size(config, image_wh) if in_resized_pixels(config.box_format) else image_wh


def seen_size(config: MllmConfig, image_wh: ImageWh) -> ImageWh:
    """The size at which the model gets an image, if boxes or a budget of visual tokens need it; else the image's."""
    least, most = config.pixel_bounds
    if most is None or config.resize_factor is None:
        return image_wh
    if config.visual_tokens is None and not in_resized_pixels(config.box_format):
        return image_wh
    return smart_resize(image_wh, factor=config.resize_factor, min_pixels=least or 0, max_pixels=most)


def box_format_of(config: MllmConfig) -> BoxFormat:
    """The box format that a configuration names or declares.

    Raises:
        ConfigError: there is none of that name.
    """
    found = find_format(config.box_format)
    if found is None:
        raise ConfigError(f"{config.name}: {unknown_name('box_format', str(config.box_format), BOX_FORMATS)}")
    return found


def find_format(box_format: str | BoxPattern) -> BoxFormat | None:
    """The box format of a name, or a declared one; None for a name that is not known."""
    return declared_format(box_format) if isinstance(box_format, BoxPattern) else BOX_FORMATS.get(box_format)


def write_box(config: MllmConfig, box: Xyxy, image_wh: ImageWh) -> str:
    """The text that the model would write for a box in pixels of the original image."""
    frame = frame_of(config, image_wh)
    return box_format_of(config).encode(_scaled(box, image_wh, frame), frame)


def parse_boxes(config: MllmConfig, text: str, image_wh: ImageWh) -> Answer:
    """Parse a model's reply. Boxes are in pixels of the original image."""
    frame = frame_of(config, image_wh)
    answer = decode(box_format_of(config), text, frame)
    return replace(answer, boxes=tuple(_scaled(box, frame, image_wh) for box in answer.boxes))


def _scaled(box: Xyxy, from_wh: ImageWh, to_wh: ImageWh) -> Xyxy:
    if from_wh == to_wh:
        return box
    x, y = to_wh[0] / from_wh[0], to_wh[1] / from_wh[1]
    return (box[0] * x, box[1] * y, box[2] * x, box[3] * y)

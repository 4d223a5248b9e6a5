"""The part of an image that an editor sees: around the box, scaled to the size that the editor was trained for.

The pipelines of diffusers have something alike (`padding_mask_crop`), but not all of them, and not for images whose
sides are no multiples of 8 or 16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageStat

from finecops.construction.edits.mask import Pixels, mask_image


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of an image, and the size at which an editor gets it."""

    region: Pixels
    """In the image."""
    wh: tuple[int, int]
    """Width and height for the editor, in pixels."""

    def shown(self, image: Image.Image, mask: Pixels, hide: bool = False) -> tuple[Image.Image, Image.Image]:
        """The part of the image, and the mask in it, as the editor gets them.

        Args:
            image: the whole image, RGB.
            mask: the box to repaint, in the image.
            hide: fill the mask with the mean colour around it.
        """
        part = image.crop(self.region)
        # The mask in the part's own pixels.
        left, top = self.region[:2]
        inside = (mask[0] - left, mask[1] - top, mask[2] - left, mask[3] - top)
        area = mask_image(inside, part.size)
        if hide:
            around = ImageStat.Stat(part, area.point(lambda value: 255 - value))
            # A mask that fills the part has nothing around it.
            mean = around.mean if min(around.count) > 0 else ImageStat.Stat(part).mean
            part.paste(tuple(round(value) for value in mean), inside)
        # A mask has two values: no grey edge, which a pipeline would cut at a half anyway.
        return part.resize(self.wh, Image.Resampling.LANCZOS), area.resize(self.wh, Image.Resampling.NEAREST)

    def put_back(self, image: Image.Image, repainted: Image.Image) -> Image.Image:
        """A copy of the whole image with the repainted part at its place, at the image's own scale."""
        left, top, right, bottom = self.region
        found = image.copy()
        part = repainted.convert("RGB").resize((right - left, bottom - top), Image.Resampling.LANCZOS)
        found.paste(part, (left, top))
        return found


def crop_around(mask: Pixels, image_wh: tuple[int, int], context: float | None, side: int, multiple: int) -> Crop:
    """The part of an image around a mask.

    It is as square as the image allows. It is scaled to the area of a square of `side`; the aspect ratio changes by no
    more than the rounding to multiples.

    Args:
        mask: the box to repaint.
        image_wh: of the image, in pixels.
        context: how far the part reaches beyond the mask on each side, in longer sides of the mask; None: the image.
        side: of the square, in pixels.
        multiple: the sides for the editor are multiples of this.
    """
    region = (0, 0, *image_wh)
    if context is not None:
        longer = max(mask[2] - mask[0], mask[3] - mask[1])
        wanted = math.ceil((1 + 2 * context) * longer)
        x = _span(mask[0], mask[2], wanted, image_wh[0])
        y = _span(mask[1], mask[3], wanted, image_wh[1])
        region = (x[0], y[0], x[1], y[1])
    width, height = region[2] - region[0], region[3] - region[1]
    # A small part is enlarged: an editor paints 58 pixels badly, and 500 well.
    scale = side / math.sqrt(width * height)
    return Crop(region, (_rounded(scale * width, multiple), _rounded(scale * height, multiple)))


def _span(start: int, end: int, wanted: int, length: int) -> tuple[int, int]:
    """A span of at most this length around another one, moved until it is inside the image."""
    wanted = min(max(wanted, end - start), length)
    first = (start + end - wanted) // 2
    first = max(0, min(first, length - wanted))
    return first, first + wanted


def _rounded(value: float, multiple: int) -> int:
    return max(1, round(value / multiple)) * multiple

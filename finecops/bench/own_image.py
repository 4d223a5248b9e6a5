"""Samples of a user's own image for `finecops models check`: expressions whose truth nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finecops.errors import DataError
from finecops.images import read_image
from finecops.records import Sample
from finecops.runs.specification import ImageGroup


def own_groups(image: Path | None, expressions: Sequence[str]) -> list[ImageGroup]:
    """A group for each expression, so that each is timed alone.

    Args:
        image: the image; its size is that of the upright frame (EXIF rotation applied). None: only an extractor is
            asked, which sees no image.
        expressions: what to look for in it.

    Raises:
        DataError: there is no such image, or it cannot be read.
    """
    if image is not None and not image.exists():
        raise DataError(f"no such file: {image}")
    width, height = read_image(image).size if image is not None else (1, 1)
    path = image or Path()
    return [
        ImageGroup(
            path,
            (
                Sample(
                    id=str(number),
                    dataset="own",
                    split="own",
                    image=path.name,
                    width=width,
                    height=height,
                    expression=expression,
                    truth="unknown",
                    box=None,
                    level=None,
                ),
            ),
        )
        for number, expression in enumerate(expressions, start=1)
    ]

"""The picture of an answer: the image with everybody's box."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from finecops.drawing import Mark, captioned, draw_marks, fitted, scaled
from finecops.errors import DataError
from finecops.grounding.questions import DRAWN
from finecops.grounding.records import Grounding
from finecops.images import read_image

SIDE = 1600
"""The longer side of a drawn picture has at most so many pixels."""


def picture_of(found: Grounding, image: Path) -> Image.Image:
    """The image with the boxes, and the answer in words below it.

    Raises:
        DataError: the image cannot be read.
    """
    small, scale = fitted(read_image(image), SIDE)
    marks = [Mark(found.truth, "truth", "truth")] if found.truth is not None else []
    for method, answer in found.answers.items():
        # SFA's box is one of the pathways': with all of them it would hide theirs.
        if answer.box is not None and (found.by == "all" or method == found.by):
            score = f" {answer.score:.2f}" if answer.score is not None else ""
            marks.append(Mark(answer.box, f"{method}{score}", method))
    lines = [found.sentence, found.why]
    if found.box is None:
        lines.append(f"{found.status}: {found.reason}" if found.reason else found.status)
    return captioned(draw_marks(small, [scaled(mark, scale) for mark in marks]), lines)


def place_of(image: Path, number: int, out: Path | None, before: str = "") -> Path:
    """Where a picture is drawn: beside its image, or in the folder `out`; a second one has a number.

    Args:
        image: whose picture it is.
        number: 1 for the first picture of the image, 2 for the second.
        out: the folder; None: the image's.
        before: what the file's name begins with, in at most 120 bytes.

    >>> place_of(Path("a/photo.jpg"), 1, None).as_posix(), place_of(Path("photo.jpg"), 2, Path("o")).as_posix()
    ('a/photo.grounded.png', 'o/photo.2.grounded.png')
    """
    # A name has at most 255 bytes: what is in front of the image's own and behind it takes up to 150 of them.
    stem = image.stem.encode(errors="surrogateescape")[:100].decode(errors="ignore")
    name = f"{before}{stem}{f'.{number}' if number > 1 else ''}{DRAWN}.png"
    return (out if out is not None else image.parent) / name


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture.

    Raises:
        DataError: the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, format="PNG")
    except OSError as error:
        raise DataError(
            f"the picture {path} cannot be written: {error.strerror or error}; --out names another folder"
        ) from error

"""A box format that a model's file declares: the text of one box with its four numbers, and what the numbers mean.

`finecops.replies.formats.declared` makes the parser. No regular expression comes from a file.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from finecops.config.choices import one_of
from finecops.config.templates import pieces_of

_SHAPES = (("x1", "y1", "x2", "y2"), ("x", "y", "w", "h"), ("cx", "cy", "w", "h"))
_SHOWN = "{x1} {y1} {x2} {y2}, {x} {y} {w} {h} or {cx} {cy} {w} {h}"

_COORDINATES = re.compile(r"pixels|resized_pixels|percent|norm[1-9]\d{0,5}", re.ASCII)

Shape: TypeAlias = Literal["xyxy", "xywh", "cxcywh"]


class BoxPattern(BaseModel):
    """How a model writes one box. Several boxes are several such texts.

    Raises:
        ValueError: the text does not have the four numbers of a box, each once, with something between them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: str = Field(max_length=200)
    """The text of one box, with four placeholders in the order in which the model writes them: {x1} {y1} {x2} {y2} for
    corners, {x} {y} {w} {h} for the left upper corner and the size, {cx} {cy} {w} {h} for the centre and the size.
    Other braces are doubled."""
    coordinates: str
    """What the numbers mean: pixels of the image; resized_pixels, of the image as the model gets it; percent, norm1,
    norm1000 or any other normN, shares of the image's width and height in N parts."""
    decimals: int | None = Field(default=None, ge=0, le=6)
    """How many decimals the model writes. None: 3 for norm1, else 0. Any number of them is read."""

    @field_validator("text")
    @classmethod
    def _is_a_box(cls, text: str) -> str:
        if not text.replace("\n", "").isprintable():
            raise ValueError("holds a character that cannot be printed")
        pieces = pieces_of(text)
        fields = [field for _, field in pieces if field is not None]
        if sorted(fields) not in [sorted(shape) for shape in _SHAPES]:
            raise ValueError(f"needs the four numbers of a box, each once: {_SHOWN}")
        for number, (literal, field) in enumerate(pieces):
            between = number > 0 and field is not None
            if between and not literal:
                raise ValueError(f"nothing stands before {{{field}}}: two numbers could not be separated")
            before, after = literal.rstrip()[-1:], literal.lstrip()[:1]
            follows = number and (after.isdigit() or (between and after == "."))
            if follows or (field is not None and before.isdigit()):
                raise ValueError(f"{literal.strip()!r} cannot be separated from the number beside it")
        return text

    @field_validator("coordinates")
    @classmethod
    def _is_known(cls, coordinates: str) -> str:
        if _COORDINATES.fullmatch(coordinates) is None:
            known = "pixels, resized_pixels, percent, norm1, norm1000, or normN for any other number of parts"
            raise ValueError(f"{coordinates[:80]!r} is none of {known}")
        return coordinates

    @property
    def pieces(self) -> list[tuple[str, str | None]]:
        """Literal pieces, each with the placeholder behind it; None behind the last one."""
        return pieces_of(self.text)

    @property
    def shape(self) -> Shape:
        """What the four numbers are."""
        fields = {field for _, field in self.pieces}
        return "xyxy" if "x1" in fields else "xywh" if "x" in fields else "cxcywh"

    @property
    def steps(self) -> int | None:
        """The number that stands for the whole width or height; None for pixels."""
        if self.coordinates.startswith("norm"):
            return int(self.coordinates.removeprefix("norm"))
        return 100 if self.coordinates == "percent" else None

    @property
    def written_decimals(self) -> int:
        """How many decimals are written."""
        return self.decimals if self.decimals is not None else 3 if self.steps == 1 else 0

    def __str__(self) -> str:
        return f"{self.text} in {self.coordinates}"


def _name(value: str) -> str:
    if "{" in value:
        raise ValueError("a text of one's own stands under `text`, beside `coordinates`, which says what it means")
    return value


BoxFormatSetting: TypeAlias = Annotated[
    Annotated[str, AfterValidator(_name), one_of("box_format"), Tag("name")] | Annotated[BoxPattern, Tag("pattern")],
    Discriminator(lambda value: "pattern" if isinstance(value, dict | BoxPattern) else "name"),
]
"""The name of a box format, or a declared one."""


def in_resized_pixels(box_format: object) -> bool:
    """Whether the numbers of a format are pixels of the resized image; also of one as a file gives it, unchecked."""
    if isinstance(box_format, BoxPattern):
        return box_format.coordinates == "resized_pixels"
    if isinstance(box_format, dict):
        return box_format.get("coordinates") == "resized_pixels"
    return isinstance(box_format, str) and box_format.endswith("_resized")

"""The multiple-choice question of CRS: which candidate has which letter, and the prompt's text. Pure functions.

The question has the paper's wording (`finecops.prompts`). Boxes are written in the model's box format.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finecops import prompts
from finecops.config.schema import MllmConfig
from finecops.records import Xyxy
from finecops.replies.box_text import write_box
from finecops.replies.choices import letters_for

Show = Literal["text", "marks", "both"]
Order = Literal["rank", "shuffle"]
NONE_TEXT = "None"
"""The text of the option None."""
# Markers such as <|box_start|>. The paper's options have none.
_MARKERS = re.compile(r"<\|[^|<>]*\|>")


@dataclass(frozen=True)
class Options:
    """The options of one question."""

    letters: tuple[str, ...]
    """The letter of each option, in order."""
    candidate: tuple[int, ...]
    """The candidate of each option, as an index into the ranked list; -1 for None."""
    prompt: str
    """The whole question."""

    @property
    def none_letter(self) -> str | None:
        """The letter of the option None, if there is one."""
        return self.letters[self.candidate.index(-1)] if -1 in self.candidate else None


def option_order(count: int, none: bool, order: Order, seed: str) -> tuple[int, ...]:
    """Candidates in the order of the letters, as indices into the ranked list; -1 for None.

    Args:
        count: how many candidates there are.
        none: whether None is an option.
        order: `rank`: best first, None last. `shuffle`: a random order, None included.
        seed: any text. The same text gives the same order.
    """
    ranked = [*range(count), *([-1] if none else [])]
    if order == "shuffle":
        # Python's own hash of a text differs between processes; a checksum does not.
        random.Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big")).shuffle(ranked)
    return tuple(ranked)


def make_options(
    config: MllmConfig,
    expression: str,
    boxes: Sequence[Xyxy],
    image_wh: tuple[int, int],
    order: Sequence[int],
    show: Show = "text",
) -> Options:
    """The question about some candidates.

    Args:
        config: the model; its box format writes the boxes.
        expression: the referring expression.
        boxes: the candidates, best first, in pixels of the image.
        image_wh: the image's size.
        order: the result of `option_order`.
        show: whether an option names its box by text, by the number of a mark drawn on the image, or by both. Marks are
            numbered from 1 in the order of the options; None has no mark and no number.

    Raises:
        ValueError: there are more options than letters.
    """
    letters = letters_for(len(order))
    numbers = iter(range(1, len(order) + 1))
    texts = [
        NONE_TEXT if index < 0 else _shown(config, boxes[index], image_wh, number=next(numbers), show=show)
        for index in order
    ]
    listed = "\n".join(f"{letter}. {text}" for letter, text in zip(letters, texts, strict=True))
    prompt = prompts.CRS_QUESTION.format(expression=expression, options=listed)
    if -1 in order:
        prompt += prompts.CRS_NONE
    return Options(letters, tuple(order), prompt)


def box_as_option(config: MllmConfig, box: Xyxy, image_wh: tuple[int, int]) -> str:
    """The text of a box as an option: rounded to `option_step` thousandths, in the model's box format.

    The format's markers are kept only with `option_markers`.
    """
    snapped = box
    if config.option_step > 1:
        parts = 1000 / config.option_step
        sides = (*image_wh, *image_wh)
        x1, y1, x2, y2 = (round(v / side * parts) / parts * side for v, side in zip(box, sides))
        snapped = (x1, y1, x2, y2)
    text = write_box(config, snapped, image_wh)
    return text if config.option_markers else _MARKERS.sub("", text)


def _shown(config: MllmConfig, box: Xyxy, image_wh: tuple[int, int], number: int, show: Show) -> str:
    text = box_as_option(config, box, image_wh)
    mark = prompts.CRS_MARK.format(number=number)
    return {"text": text, "marks": mark, "both": f"{mark} {text}"}[show]

"""The question: which candidates stand under which letters, and what is written there. Pure.

Box text is the model's own (`MllmConfig.box_format`); the wording is the paper's (`finecops.prompts`).
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
_MARKERS = re.compile(r"<\|[^|<>]*\|>")


@dataclass(frozen=True)
class Options:
    """The options of one question.

    Attributes:
        letters: of every option, in order.
        candidate: of every option which candidate it is (index into the ranked list), -1 for None.
        prompt: the whole question.
    """

    letters: tuple[str, ...]
    candidate: tuple[int, ...]
    prompt: str

    @property
    def none_letter(self) -> str | None:
        """The letter of None, if it is an option."""
        return self.letters[self.candidate.index(-1)] if -1 in self.candidate else None


def option_order(count: int, none: bool, order: Order, seed: str) -> tuple[int, ...]:
    """Candidates in the order of the letters: by rank with None last, or shuffled, None too, by a seed of any text."""
    ranked = [*range(count), *([-1] if none else [])]
    if order == "shuffle":
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
    """The question about some candidates (best first), in an order of `option_order`.

    Marks are numbered in the options' order, from 1; None has no mark and takes no number.
    """
    letters = letters_for(len(order))
    numbers = iter(range(1, len(order) + 1))
    texts = [
        NONE_TEXT if index < 0 else _shown(config, boxes[index], image_wh, number=next(numbers), show=show)
        for index in order
    ]
    listed = "\n".join(f"{letter}. {text}" for letter, text in zip(letters, texts, strict=True))
    prompt = prompts.CRS_QUESTION.format(expression=expression.strip().rstrip("."), options=listed)
    if -1 in order:
        prompt += prompts.CRS_NONE
    return Options(letters, tuple(order), prompt)


def box_as_option(config: MllmConfig, box: Xyxy, image_wh: tuple[int, int]) -> str:
    """A box as an option shows it: snapped to `option_step` thousandths, in the model's own text, with or without the
    markers around it (`option_markers`)."""
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

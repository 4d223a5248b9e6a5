"""Draw samples of a run with the boxes of both models.

    python scripts/draw_gallery.py outputs/finecops-mini-mini-both docs/gallery.png

The run must have both models' answers to every sample (`finecops sfa run --both`). The picture has the first samples of
each of these cases, in the run's order: level 1, the specialist is right; level 2, the specialist is wrong and the MLLM
right; and one where both are wrong.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from finecops.boxes import iou_xyxy
from finecops.config.find import load_dataset, resolve
from finecops.drawing import COLOURS, Mark, draw_marks, scaled
from finecops.images import read_image
from finecops.records import Prediction, Route, Sample
from finecops.runs.folder import read_samples
from finecops.runs.jsonl import read_rows

SCALE, GAP, TEXT_HEIGHT, LEGEND_HEIGHT, COLUMNS = 2, 14, 74, 20, 3


def is_right(sample: Sample, prediction: Prediction) -> bool:
    """Whether the first box is right (IoU above 0.5)."""
    return bool(prediction.boxes) and bool(iou_xyxy(np.array(prediction.boxes[0]), np.array(sample.box)) > 0.5)


def draw_card(sample: Sample, route: Route, answers: dict[str, Prediction], root: Path) -> Image.Image:
    """One sample: its image with the boxes, its expression, and which model SFA asked."""
    image = read_image(root / sample.image)
    image = image.resize((image.width * SCALE, image.height * SCALE), Image.Resampling.LANCZOS)
    card = Image.new("RGB", (image.width, image.height + TEXT_HEIGHT), "white")
    boxes = {"truth": sample.box} | {n: p.boxes[0] if p.boxes else None for n, p in answers.items()}
    marks = [Mark(box, role=role) for role, box in boxes.items() if box is not None]
    card.paste(draw_marks(image, [scaled(mark, SCALE) for mark in marks]))
    pen = ImageDraw.Draw(card)
    font, small = ImageFont.load_default(13), ImageFont.load_default(11)
    asked = "specialist" if route.level == 1 else "mllm"
    verdict = "right" if is_right(sample, answers[asked]) else "wrong"
    pen.multiline_text((2, image.height + 4), textwrap.fill(sample.expression, 40), "black", font, spacing=2)
    caption = f"level {route.level}: {'specialist' if route.level == 1 else 'MLLM'} asked, {verdict}"
    pen.text((2, image.height + TEXT_HEIGHT - 16), caption, "black", small)
    return card


def choose(samples: list[Sample], routes: dict[str, Route], answers: dict[str, dict[str, Prediction]]) -> list[Sample]:
    """The first samples of each case, every one on another image."""

    def case(level: int, specialist: bool, mllm: bool) -> Callable[[Sample], bool]:
        return lambda s: (
            routes[s.id].level == level
            and is_right(s, answers["specialist"][s.id]) is specialist
            and is_right(s, answers["mllm"][s.id]) is mllm
        )

    wanted = [
        (case(1, specialist=True, mllm=True), 1),
        (case(1, specialist=True, mllm=False), 1),
        (case(2, specialist=False, mllm=True), 3),
        (case(2, specialist=False, mllm=False), 1),
    ]
    chosen: list[Sample] = []
    for fits, count in wanted:
        # A generator: the images of `chosen` are looked up while it grows.
        fresh = (s for s in samples if fits(s) and s.image not in {c.image for c in chosen})
        for _, sample in zip(range(count), fresh, strict=False):
            chosen.append(sample)
    return chosen


def draw_sheet(cards: list[Image.Image]) -> Image.Image:
    """Cards in rows of three below a legend."""
    rows = -(-len(cards) // COLUMNS)
    width, height = cards[0].size
    sheet = Image.new("RGB", (COLUMNS * (width + GAP) + GAP, rows * (height + GAP) + GAP + LEGEND_HEIGHT), "white")
    pen, x = ImageDraw.Draw(sheet), GAP
    for name, label in (("truth", "truth"), ("specialist", "specialist's box"), ("mllm", "MLLM's box")):
        pen.rectangle((x, 9, x + 12, 19), fill=COLOURS[name])
        pen.text((x + 17, 6), label, "black", ImageFont.load_default(13))
        x += 150
    for i, card in enumerate(cards):
        position = (GAP + i % COLUMNS * (width + GAP), LEGEND_HEIGHT + GAP + i // COLUMNS * (height + GAP))
        sheet.paste(card, position)
    return sheet


def main() -> None:
    """Draw the gallery of a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    samples = [s for s in read_samples(args.run) if s.positive]
    routes = {r.sample_id: r for r in read_rows(args.run / "routes.jsonl", Route)}
    answers = {
        n: {p.sample_id: p for p in read_rows(args.run / f"{n}.jsonl", Prediction)} for n in ("specialist", "mllm")
    }
    root = resolve(load_dataset(samples[0].dataset).root)
    chosen = choose(samples, routes, answers)
    cards = [draw_card(s, routes[s.id], {n: a[s.id] for n, a in answers.items()}, root) for s in chosen]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw_sheet(cards).save(args.out, optimize=True)


if __name__ == "__main__":
    main()

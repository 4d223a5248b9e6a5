"""Tuning data: questions with their answers, from samples whose truth is among the candidates (paper, IV-B).

A row is one exchange about one image. `crs` rows ask for a letter; `baseline` rows are those of the paper's baseline
of Table VIII: the grounding prompt with a sentence about "None", answered by the box text or "None".
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from finecops import prompts
from finecops.boxes import iou_xyxy
from finecops.config.schema import MllmConfig
from finecops.errors import DataError
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Candidates, Record, Sample, Xyxy
from finecops.replies.options import NONE_TEXT, box_as_option, make_options, option_order

Style = Literal["crs", "baseline"]
Kind = Literal["choice", "list_again", "box_of_choice"]
"""What a row asks for: a choice; or, for warming up, all options once more, or the chosen box as text."""
_NOTHING_NEW = "no question that was not asked before"
_ATTEMPTS = 20


class TuneRow(Record):
    """One exchange: `prompt` about `image` (below the dataset's folder) and the `answer` to learn.

    `boxes` are what the options show, in their order, None where an option is "None"; `box` is the truth, None for a
    negative.
    """

    id: str
    sample_id: str
    image: str
    width: int
    height: int
    prompt: str
    answer: str
    kind: Kind = "choice"
    letters: tuple[str, ...] = ()
    boxes: tuple[Xyxy | None, ...] = ()
    box: Xyxy | None = None


@dataclass(frozen=True)
class TunePlan:
    """What to make: how many positives and negatives, k candidates, None as an option (with negatives it always is).

    With `fewest` a question has any number of candidates from that to k, not always k (the paper): a small model learns
    to choose among as many as it has seen.
    `warm_up` adds that many rows per row of the rest, before them: half list the options again, half give the right box
    as text. A large model knows how to read options; a very small one learns it from these first.
    """

    positives: int = 10_000
    negatives: int = 0
    topk: int = 5
    fewest: int | None = None
    none: bool = False
    style: Style = "crs"
    warm_up: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class TuneData:
    """Rows in random order (warm-up rows first), and why samples could not be used: reason → number."""

    rows: tuple[TuneRow, ...]
    unused: Mapping[str, int]
    repeats: int


def make_tune_data(
    config: MllmConfig, samples: Sequence[Sample], candidates: Mapping[str, Candidates], plan: TunePlan
) -> TuneData:
    """Draw rows. Where there are fewer samples than rows asked for, samples come again with their options in another
    order (`repeats` says how often at most). No exchange comes twice: where there is no new one, `unused` counts it.

    Raises:
        DataError: there is no usable positive, or negatives are asked for and there are none, or warming up is asked
            for in a style without options.
    """
    if plan.fewest is not None and not 1 <= plan.fewest <= plan.topk:
        raise DataError(f"--fewest {plan.fewest} is not between 1 and --topk {plan.topk}")
    if plan.warm_up and plan.style == "baseline":
        raise DataError("the baseline's questions have no options to warm up with; leave --warm-up out")
    unused = {"truth not among the candidates": 0, "no candidates": 0, _NOTHING_NEW: 0}
    usable: dict[bool, list[Sample]] = {True: [], False: []}
    for sample in samples:
        positive = sample.positive
        boxes = _best(candidates, sample, plan.topk)
        if not boxes and plan.style == "crs":
            unused["no candidates"] += 1
        elif positive and plan.style == "crs" and _right_candidate(sample, boxes) is None:
            unused["truth not among the candidates"] += 1
        else:
            usable[positive].append(sample)
    rng = random.Random(plan.seed)
    chosen = [
        *_draw(rng, usable[True], plan.positives, "positive"),
        *_draw(rng, usable[False], plan.negatives, "negative"),
    ]
    rng.shuffle(chosen)
    rows = list(_new_rows(config, chosen, candidates, plan, unused))
    warm = [_warm_up(config, rng, row, number) for number, row in enumerate(_cycle(rows, plan.warm_up)) if row.box]
    return TuneData((*warm, *rows), unused, max(turn for _, turn in chosen) + 1)


def _new_rows(
    config: MllmConfig,
    chosen: Iterable[tuple[Sample, int]],
    candidates: Mapping[str, Candidates],
    plan: TunePlan,
    unused: dict[str, int],
) -> Iterator[TuneRow]:
    """A row per choice, its options in an order that makes it a new exchange."""
    seen: set[tuple[str, str]] = set()
    for sample, turn in chosen:
        boxes = _best(candidates, sample, plan.topk)
        attempts = (_row(config, sample, turn, boxes, plan, attempt) for attempt in range(_ATTEMPTS))
        row = next((row for row in attempts if (row.prompt, row.image) not in seen), None)
        if row is None:
            unused[_NOTHING_NEW] += 1
            continue
        seen.add((row.prompt, row.image))
        yield row


def _cycle(rows: Sequence[TuneRow], times: float) -> Iterable[TuneRow]:
    """The rows as often as `times` says: 1.5 is all of them and then the first half."""
    return (rows[i % len(rows)] for i in range(round(times * len(rows))))


def _warm_up(config: MllmConfig, rng: random.Random, row: TuneRow, number: int) -> TuneRow:
    """An exercise about a row's options: name them all again in another order, box first, or say which box is meant."""
    image_wh = (row.width, row.height)
    texts = [NONE_TEXT if box is None else box_as_option(config, box, image_wh) for box in row.boxes]
    listed = "\n".join(f"{letter}. {text}" for letter, text in zip(row.letters, texts, strict=True))
    if number % 2:
        expression = row.prompt.partition("Referring expression: ")[2].partition("\n")[0]
        prompt = prompts.CRS_WHICH_BOX.format(expression=expression, options=listed)
        answer, kind, box = texts[row.letters.index(row.answer)], "box_of_choice", row.box
    else:
        pairs = [f"{text} {letter}" for text, letter in zip(texts, row.letters, strict=True)]
        rng.shuffle(pairs)
        prompt = prompts.CRS_LIST_AGAIN.format(options=listed)
        answer, kind, box = "\n".join(pairs), "list_again", row.box
    changed = {"id": f"{row.id}/warm-up {number}", "prompt": prompt, "answer": answer, "kind": kind, "box": box}
    return row.model_copy(update=changed)


def _best(candidates: Mapping[str, Candidates], sample: Sample, k: int) -> tuple[Xyxy, ...]:
    row = candidates.get(sample.id)
    return row.best(k) if row is not None else ()


def _right_candidate(sample: Sample, boxes: Sequence[Xyxy]) -> int | None:
    """The candidate that fits the truth best, if it is right."""
    if not boxes or sample.box is None:
        return None
    iou = iou_xyxy(np.array(boxes), np.array(sample.box))
    best = int(iou.argmax())
    return best if iou[best] > IOU_THRESHOLD else None


def _some(boxes: Sequence[Xyxy], sample: Sample, plan: TunePlan, seed: str) -> Sequence[Xyxy]:
    """The best candidates, a number of them drawn from `fewest` to all; the right one stays among them."""
    if plan.fewest is None or plan.fewest >= len(boxes):
        return boxes
    count = random.Random(f"{seed}/count").randint(plan.fewest, len(boxes))
    right = _right_candidate(sample, boxes)
    if right is None or right < count:
        return boxes[:count]
    return [*boxes[: count - 1], boxes[right]]


def _draw(rng: random.Random, pool: list[Sample], count: int, what: str) -> Iterable[tuple[Sample, int]]:
    if count and not pool:
        raise DataError(f"no {what} sample can be used for tuning; see what was left out, or take another split")
    turn = 0
    while count > 0:
        order = list(pool)
        rng.shuffle(order)
        yield from ((sample, turn) for sample in order[:count])
        count -= len(order)
        turn += 1


def _row(config: MllmConfig, sample: Sample, turn: int, boxes: Sequence[Xyxy], plan: TunePlan, attempt: int) -> TuneRow:
    image_wh = (sample.width, sample.height)
    common = {
        "id": f"{sample.id}#{turn}",
        "sample_id": sample.id,
        "image": sample.image,
        "width": sample.width,
        "height": sample.height,
        "box": sample.box,
    }
    if plan.style == "baseline":
        template = getattr(prompts, config.prompt)
        prompt = template.format(expression=sample.expression.strip().rstrip(".")) + prompts.NONE_BASELINE
        marked = config.model_copy(update={"option_markers": True})
        answer = NONE_TEXT if sample.box is None else box_as_option(marked, sample.box, image_wh)
        return TuneRow(prompt=prompt, answer=answer, **common)
    seed = f"{plan.seed}/{sample.id}#{turn}/{attempt}"
    boxes = _some(boxes, sample, plan, seed)
    order = option_order(len(boxes), plan.none or plan.negatives > 0, "shuffle", seed)
    options = make_options(config, sample.expression, boxes, image_wh, order)
    right = -1 if sample.box is None else _right_candidate(sample, boxes)
    assert right is not None
    return TuneRow(
        prompt=options.prompt,
        answer=options.letters[order.index(right)],
        letters=options.letters,
        boxes=tuple(boxes[i] if i >= 0 else None for i in order),
        **common,
    )

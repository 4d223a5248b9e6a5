"""Tuning data: questions with their answers, from samples whose truth is among the candidates (paper, IV-B).

A row is one exchange about one image. `crs` rows ask for a letter. `baseline` rows are those of the paper's baseline of
Table VIII: the grounding prompt with a sentence about "None", answered by the box text or "None".
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
from finecops.replies.prompting import prompt_text

Style = Literal["crs", "baseline"]
Kind = Literal["choice", "list_again", "box_of_choice"]
"""What a row asks for: a choice; or, as an exercise before, all options once more, or the chosen box as text."""
_NOT_AMONG_CANDIDATES = "truth not among the candidates"
_NO_CANDIDATES = "no candidates"
_NOTHING_NEW = "no new question possible"
_ATTEMPTS = 20
"""Orders of the options that are tried until a question is new."""


class TuneRow(Record):
    """One exchange: `prompt` about `image`, and the `answer` to learn."""

    id: str

    sample_id: str

    image: str
    """Path below the dataset's image root."""

    width: int
    height: int
    prompt: str
    answer: str
    kind: Kind = "choice"

    letters: tuple[str, ...] = ()
    """Letters of the options, in the order of the prompt."""

    boxes: tuple[Xyxy | None, ...] = ()
    """What the options show (xyxy, pixels), in the same order; None for the option "None"."""

    box: Xyxy | None = None
    """The truth (xyxy, pixels); None for a negative."""


@dataclass(frozen=True)
class TunePlan:
    """What data to make. The defaults are the paper's, without "None"."""

    positives: int = 10_000

    negatives: int = 0
    """Samples whose answer is "None". With any of them "None" is an option of every question."""

    topk: int = 5
    """Candidates per question."""

    fewest: int | None = None
    """If given, a question has a random number of candidates from this to `topk`, not always `topk` (the paper). A
    small model learns to choose only among as many as it has seen."""

    none: bool = False
    """Offer "None" also without negatives."""

    style: Style = "crs"

    warm_up: float = 0.0
    """Exercises per row, to be learnt before the rows: half of them list the options again, half give the right box as
    text. A large model can read options; a very small one learns it from these first."""

    seed: int = 0


@dataclass(frozen=True)
class TuneData:
    """Drawn rows."""

    rows: tuple[TuneRow, ...]
    """In random order, the exercises first."""

    unused: Mapping[str, int]
    """Why samples could not be used: reason → number of samples."""

    repeats: int
    """How often a sample comes, at most."""


def make_tune_data(
    config: MllmConfig, samples: Sequence[Sample], candidates: Mapping[str, Candidates], plan: TunePlan
) -> TuneData:
    """Draw rows.

    Where there are fewer samples than rows asked for, samples come again with their options in another order. No
    exchange comes twice: where no new one is possible, `unused` counts it.

    Args:
        config: the MLLM to be tuned; its box text is what the options show.
        samples: where to draw from; positives and negatives.
        candidates: sample id → its candidates.
        plan: how many of what.

    Raises:
        DataError: there is no usable positive; or negatives are asked for and there are none; or the plan contradicts
            itself.
    """
    if plan.fewest is not None and not 1 <= plan.fewest <= plan.topk:
        raise DataError(f"--fewest {plan.fewest} is not between 1 and --topk {plan.topk}")
    if plan.warm_up and plan.style == "baseline":
        raise DataError("questions of the baseline have no options to warm up with; remove --warm-up")
    usable, unused = usable_samples(samples, candidates, plan)
    rng = random.Random(plan.seed)
    chosen = [
        *_draw(rng, usable[True], plan.positives, what="positive"),
        *_draw(rng, usable[False], plan.negatives, what="negative"),
    ]
    rng.shuffle(chosen)
    rows = list(_new_rows(config=config, chosen=chosen, candidates=candidates, plan=plan, unused=unused))
    # Only positives: exercises about negatives would have no box to name.
    exercises = [
        _exercise(config=config, rng=rng, row=row, number=number)
        for number, row in enumerate(_cycle(rows, plan.warm_up))
        if row.box
    ]
    return TuneData(rows=(*exercises, *rows), unused=unused, repeats=max(turn for _, turn in chosen) + 1)


def usable_samples(
    samples: Sequence[Sample], candidates: Mapping[str, Candidates], plan: TunePlan
) -> tuple[dict[bool, list[Sample]], dict[str, int]]:
    """Samples for questions (positives under True, negatives under False), and the counts of the others by reason.

    The baseline needs no candidates.
    """
    unused = {_NOT_AMONG_CANDIDATES: 0, _NO_CANDIDATES: 0, _NOTHING_NEW: 0}
    usable: dict[bool, list[Sample]] = {True: [], False: []}
    for sample in samples:
        boxes = _best(candidates, sample, plan.topk)
        if plan.style == "crs" and not boxes:
            unused[_NO_CANDIDATES] += 1
        elif plan.style == "crs" and sample.positive and _right_candidate(sample, boxes) is None:
            unused[_NOT_AMONG_CANDIDATES] += 1
        else:
            usable[sample.positive].append(sample)
    return usable, unused


def _draw(rng: random.Random, pool: list[Sample], count: int, what: str) -> Iterable[tuple[Sample, int]]:
    """`count` samples, each with the number of times it came before; all come once before one comes again."""
    if count and not pool:
        raise DataError(f"no {what} sample can be used for tuning; see the counts of unused ones, or use another split")
    turn = 0
    while count > 0:
        # Shuffled, so that the last turn, which is not a whole one, is a random part of the pool.
        order = list(pool)
        rng.shuffle(order)
        yield from ((sample, turn) for sample in order[:count])
        count -= len(order)
        turn += 1


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
        attempts = (
            _row(config=config, sample=sample, turn=turn, boxes=boxes, plan=plan, attempt=attempt)
            for attempt in range(_ATTEMPTS)
        )
        # With two options there are two orders, so a repeated sample may have no new question.
        row = next((row for row in attempts if (row.prompt, row.image) not in seen), None)
        if row is None:
            unused[_NOTHING_NEW] += 1
            continue
        seen.add((row.prompt, row.image))
        yield row


def _cycle(rows: Sequence[TuneRow], times: float) -> Iterable[TuneRow]:
    """The rows `times` times: 1.5 is all of them and then the first half."""
    return (rows[i % len(rows)] for i in range(round(times * len(rows))))


def _exercise(config: MllmConfig, rng: random.Random, row: TuneRow, number: int) -> TuneRow:
    """An exercise about a row's options: list them again in another order, box first, or give the right box as text."""
    image_wh = (row.width, row.height)
    texts = [NONE_TEXT if box is None else box_as_option(config, box, image_wh) for box in row.boxes]
    listed = "\n".join(f"{letter}. {text}" for letter, text in zip(row.letters, texts, strict=True))
    if number % 2:
        expression = row.prompt.partition("Referring expression: ")[2].partition("\n")[0]
        prompt = prompts.CRS_WHICH_BOX.format(expression=expression, options=listed)
        answer, kind = texts[row.letters.index(row.answer)], "box_of_choice"
    else:
        # Box first and letter second: the model must look the letter up, not copy the line.
        pairs = [f"{text} {letter}" for text, letter in zip(texts, row.letters, strict=True)]
        rng.shuffle(pairs)
        prompt = prompts.CRS_LIST_AGAIN.format(options=listed)
        answer, kind = "\n".join(pairs), "list_again"
    changed = {"id": f"{row.id}/warm-up {number}", "prompt": prompt, "answer": answer, "kind": kind}
    return row.model_copy(update=changed)


def _best(candidates: Mapping[str, Candidates], sample: Sample, k: int) -> tuple[Xyxy, ...]:
    row = candidates.get(sample.id)
    return row.best(k) if row is not None else ()


def _right_candidate(sample: Sample, boxes: Sequence[Xyxy]) -> int | None:
    """Index of the candidate with the highest IoU with the truth, if it is above the threshold (0.5)."""
    if not boxes or sample.box is None:
        return None
    iou = iou_xyxy(np.array(boxes), np.array(sample.box))
    best = int(iou.argmax())
    return best if iou[best] > IOU_THRESHOLD else None


def _some(boxes: Sequence[Xyxy], sample: Sample, plan: TunePlan, seed: str) -> Sequence[Xyxy]:
    """The best candidates, a random number of them from `fewest` to all; the right one stays among them."""
    if plan.fewest is None or plan.fewest >= len(boxes):
        return boxes
    count = random.Random(f"{seed}/count").randint(plan.fewest, len(boxes))
    right = _right_candidate(sample, boxes)
    if right is None or right < count:
        return boxes[:count]
    # The right candidate would be cut off: it takes the position of the last one.
    return [*boxes[: count - 1], boxes[right]]


def _row(config: MllmConfig, sample: Sample, turn: int, boxes: Sequence[Xyxy], plan: TunePlan, attempt: int) -> TuneRow:
    """One exchange; `turn` and `attempt` change only the order of the options."""
    common = {
        "id": f"{sample.id}#{turn}",
        "sample_id": sample.id,
        "image": sample.image,
        "width": sample.width,
        "height": sample.height,
        "box": sample.box,
    }
    if plan.style == "baseline":
        prompt, answer = _baseline_exchange(config, sample)
        return TuneRow(prompt=prompt, answer=answer, **common)
    seed = f"{plan.seed}/{sample.id}#{turn}/{attempt}"
    boxes = _some(boxes=boxes, sample=sample, plan=plan, seed=seed)
    order = option_order(count=len(boxes), none=plan.none or plan.negatives > 0, order="shuffle", seed=seed)
    options = make_options(
        config=config, expression=sample.expression, boxes=boxes, image_wh=(sample.width, sample.height), order=order
    )
    # -1 is "None" in an order. Samples without a right candidate were left out before.
    right = -1 if sample.box is None else _right_candidate(sample, boxes)
    assert right is not None
    return TuneRow(
        prompt=options.prompt,
        answer=options.letters[order.index(right)],
        letters=options.letters,
        boxes=tuple(boxes[i] if i >= 0 else None for i in order),
        **common,
    )


def _baseline_exchange(config: MllmConfig, sample: Sample) -> tuple[str, str]:
    """Prompt and answer of the paper's baseline (Table VIII)."""
    prompt = prompt_text(config.model_copy(update={"refusal": "NONE_BASELINE"}), sample.expression)
    if sample.box is None:
        return prompt, NONE_TEXT
    # The answer is what the model writes when it grounds, so with its markers, also where options have none.
    marked = config.model_copy(update={"option_markers": True})
    return prompt, box_as_option(marked, sample.box, (sample.width, sample.height))

"""Selection: the MLLM picks one of the candidates by its letter, in one forward pass (paper, IV-B)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from finecops.config.schema import MllmConfig
from finecops.images import read_image
from finecops.models.protocols import Mllm, Question, QuestionGroup
from finecops.records import Candidates, Prediction, Sample, Xyxy
from finecops.replies.choices import parse_letter
from finecops.replies.letters import LetterScores
from finecops.replies.options import Options, Order, Show, make_options, option_order
from finecops.runs.runner import ImageGroup
from finecops.stages.marks import draw_marks

_SCORE_DIGITS = 6
SOURCE = "crs"


@dataclass(frozen=True)
class Selecting:
    """How questions are asked: k candidates, None as an option, their order, and how they are shown."""

    topk: int = 5
    none: bool = False
    order: Order = "rank"
    show: Show = "text"
    seed: str = ""

    def options(self, config: MllmConfig, sample: Sample, boxes: Sequence[Xyxy]) -> Options:
        """The question about a sample's candidates."""
        order = option_order(len(boxes), self.none, self.order, f"{self.seed}{sample.id}")
        return make_options(config, sample.expression, boxes, (sample.width, sample.height), order, self.show)


class SelectionStage:
    """Asks for one letter per sample."""

    def __init__(
        self, model: Mllm, config: MllmConfig, candidates: Mapping[str, Candidates], selecting: Selecting
    ) -> None:
        self.model, self.config, self.candidates, self.selecting = model, config, candidates, selecting

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample, candidates by their letters' probabilities."""
        asked: list[tuple[Sample, Options]] = []
        questions: list[QuestionGroup] = []
        for group in groups:
            image = read_image(group.image)
            for sample in group.samples:
                boxes = self._boxes(sample)
                if not boxes:
                    continue
                options = self.selecting.options(self.config, sample, boxes)
                asked.append((sample, options))
                questions.append(QuestionGroup(self._seen(image, boxes, options), (_question(sample, boxes, options),)))
        answers = self.model.choose(questions) if questions else []
        rows = {
            sample.id: prediction_of(sample, self._boxes(sample), options, scores)
            for (sample, options), (scores,) in zip(asked, answers, strict=True)
        }
        return [rows.get(sample.id) or self._without_candidates(sample) for group in groups for sample in group.samples]

    def _boxes(self, sample: Sample) -> tuple[Xyxy, ...]:
        row = self.candidates.get(sample.id)
        return row.best(self.selecting.topk) if row is not None else ()

    def _seen(self, image: Image.Image, boxes: Sequence[Xyxy], options: Options) -> Image.Image:
        if self.selecting.show == "text":
            return image
        # Mark i is the i-th option's; None has no mark.
        return draw_marks(image, [boxes[index] for index in options.candidate if index >= 0])

    def _without_candidates(self, sample: Sample) -> Prediction:
        row = self.candidates.get(sample.id)
        if row is None or row.status == "failed":
            reason = f"no candidates: {row.reason if row else 'none were made'}"
            return Prediction(sample_id=sample.id, status="failed", source=SOURCE, reason=reason)
        if self.selecting.none:
            note = "the specialist proposed nothing"
            return Prediction(sample_id=sample.id, status="reject", source=SOURCE, presence=0.0, note=note)
        return Prediction(sample_id=sample.id, status="failed", source=SOURCE, reason="the specialist proposed nothing")


def _question(sample: Sample, boxes: Sequence[Xyxy], options: Options) -> Question:
    shown = tuple(boxes[index] if index >= 0 else None for index in options.candidate)
    return Question(options.prompt, options.letters, shown, sample.id)


def prediction_of(sample: Sample, boxes: Sequence[Xyxy], options: Options, scores: LetterScores) -> Prediction:
    """A row from what the model said of the options.

    Every candidate keeps its letter's probability, whether None won or not, so that ranking and decision come from
    the same numbers. Without probabilities the letter is read from the reply, and the row has no scores.
    """
    if scores.error is not None:
        return Prediction(sample_id=sample.id, status="failed", source=SOURCE, reason=scores.error)
    if scores.probabilities is None:
        return _from_reply(sample, boxes, options, scores)
    probability = np.array(scores.probabilities)
    real = [place for place, index in enumerate(options.candidate) if index >= 0]
    # Of equal probabilities the better-ranked candidate comes first.
    ranked = sorted(real, key=lambda place: (-probability[place], options.candidate[place]))
    none = options.candidate.index(-1) if -1 in options.candidate else None
    best = ranked[0]
    rejected = none is not None and probability[none] > probability[best]
    presence = 1 - probability[none] if none is not None else probability[best]
    return Prediction(
        sample_id=sample.id,
        status="reject" if rejected else "box",
        boxes=tuple(boxes[options.candidate[place]] for place in ranked),
        scores=tuple(round(float(probability[place]), _SCORE_DIGITS) for place in ranked),
        score_kind="probability of the option's letter among all options'",
        source=SOURCE,
        prompt=options.prompt,
        reply=scores.reply,
        presence=round(float(presence), _SCORE_DIGITS),
        letters=tuple(options.letters[place] for place in ranked),
        choice=options.letters[none if rejected and none is not None else best],
        mass=None if scores.mass is None else round(scores.mass, _SCORE_DIGITS),
    )


def _from_reply(sample: Sample, boxes: Sequence[Xyxy], options: Options, scores: LetterScores) -> Prediction:
    reply = scores.reply or ""
    letter = parse_letter(reply, options.letters, options.none_letter)
    common = {"sample_id": sample.id, "source": SOURCE, "prompt": options.prompt, "reply": reply, "choice": letter}
    if letter is None:
        return Prediction(status="unparsed", reason="the answer names none of the options", **common)
    if letter == options.none_letter:
        return Prediction(status="reject", **common)
    box = boxes[options.candidate[options.letters.index(letter)]]
    return Prediction(status="box", boxes=(box,), letters=(letter,), **common)

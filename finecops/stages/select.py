"""Selection as a stage: the MLLM picks one of the candidates by its letter, in one forward pass (paper, IV-B).

One file per kind of question: `crs-top5-<model>.jsonl`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np

from finecops.config.schema import MllmConfig
from finecops.images import Picture
from finecops.models.backends import load_mllm_model
from finecops.models.protocols import Mllm, Question, QuestionGroup
from finecops.records import Candidates, Prediction, Route, Sample, Xyxy
from finecops.replies.choices import parse_letter
from finecops.replies.letters import LetterScores
from finecops.replies.options import Options, Order, Show, make_options, option_order
from finecops.runs.manifest import Answering
from finecops.runs.specification import ImageGroup, Resources, StageContext, StageSettings, StageSpec, Watched, width_of
from finecops.stages.candidates import CandidateSettings, Proposer
from finecops.stages.marks import draw_marks
from finecops.stages.rows import SCORE_DIGITS, MllmSetting, failed_prediction, picture_of

SOURCE = "crs"


class Selecting(StageSettings):
    """How questions are asked."""

    topk: int = 5
    """How many candidates are options."""
    none: bool = False
    """Whether None is an option too."""
    order: Order = "rank"
    """Options by the specialist's rank, or in a seeded shuffle."""
    show: Show = "text"
    """Candidates as text, as marks drawn on the image, or both."""
    seed: str = ""
    """Of the shuffle, beside the sample's id."""

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

    def width(self) -> int:
        """As its model's."""
        return width_of(self.model)

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        """One row per sample, candidates by their letters' probabilities."""
        asked: list[tuple[Sample, Options]] = []
        questions: list[QuestionGroup] = []
        for group in groups:
            options = {
                sample.id: self.selecting.options(self.config, sample, boxes)
                for sample in group.samples
                if (boxes := self._boxes(sample))
            }
            shown = [sample for sample in group.samples if sample.id in options]
            asked += [(sample, options[sample.id]) for sample in shown]
            questions += self._question_groups(group, [(sample, options[sample.id]) for sample in shown])
        answers = self.model.choose(questions) if questions else []
        scores = (score for found in answers for score in found)
        rows = {
            sample.id: prediction_of(sample, self._boxes(sample), options, score)
            for (sample, options), score in zip(asked, scores, strict=True)
        }
        return [rows.get(sample.id) or self._without_candidates(sample) for group in groups for sample in group.samples]

    def _question_groups(self, group: ImageGroup, asked: Sequence[tuple[Sample, Options]]) -> list[QuestionGroup]:
        """All questions about the image together; with marks each has a picture of its own."""
        picture = picture_of(group) if asked else None
        if picture is None:
            return []
        questions = [_question(sample, self._boxes(sample), options) for sample, options in asked]
        if self.selecting.show == "text":
            return [QuestionGroup(picture, tuple(questions))]
        return [
            QuestionGroup(self._marked(picture, self._boxes(sample), options), (question,))
            for (sample, options), question in zip(asked, questions, strict=True)
        ]

    def _boxes(self, sample: Sample) -> tuple[Xyxy, ...]:
        row = self.candidates.get(sample.id)
        return row.best(self.selecting.topk) if row is not None else ()

    def _marked(self, picture: Picture, boxes: Sequence[Xyxy], options: Options) -> Picture:
        # Mark i is the i-th option's; None has no mark.
        return Picture(draw_marks(picture.pixels, [boxes[index] for index in options.candidate if index >= 0]))

    def _without_candidates(self, sample: Sample) -> Prediction:
        row = self.candidates.get(sample.id)
        if row is None or row.status == "failed":
            reason = f"no candidates: {row.reason if row else 'none were made'}"
            return Prediction(sample_id=sample.id, status="failed", source=SOURCE, reason=reason, cause="input")
        if self.selecting.none:
            note = "the specialist proposed nothing"
            return Prediction(sample_id=sample.id, status="reject", source=SOURCE, presence=0.0, note=note)
        reason = "the specialist proposed nothing"
        return Prediction(sample_id=sample.id, status="failed", source=SOURCE, reason=reason, cause="input")


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
    real = [option for option, index in enumerate(options.candidate) if index >= 0]
    # Of equal probabilities the better-ranked candidate comes first.
    ranked = sorted(real, key=lambda option: (-probability[option], options.candidate[option]))
    none = options.candidate.index(-1) if -1 in options.candidate else None
    best = ranked[0]
    rejected = none is not None and probability[none] > probability[best]
    presence = 1 - probability[none] if none is not None else probability[best]
    return Prediction(
        sample_id=sample.id,
        status="reject" if rejected else "box",
        boxes=tuple(boxes[options.candidate[option]] for option in ranked),
        scores=tuple(round(float(probability[option]), SCORE_DIGITS) for option in ranked),
        score_kind="probability of the option's letter among all options'",
        source=SOURCE,
        prompt=options.prompt,
        reply=scores.reply,
        presence=round(float(presence), SCORE_DIGITS),
        letters=tuple(options.letters[option] for option in ranked),
        choice=options.letters[none if rejected and none is not None else best],
        mass=None if scores.mass is None else round(scores.mass, SCORE_DIGITS),
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


class SelectSettings(Selecting):
    """Who chooses, and how it is asked."""

    mllm: MllmSetting
    focus: bool = False
    """Whether the candidates are those of a focused specialist."""
    seed: Literal[""] = ""


def make(settings: SelectSettings, context: StageContext) -> SelectionStage:
    """The stage with its model loaded."""
    return make_with(load_mllm_model(settings.mllm, context.device), settings, context)


def make_with(model: Mllm, settings: SelectSettings, context: StageContext) -> SelectionStage:
    """The stage with a model that is there."""
    return SelectionStage(model, settings.mllm, context.rows("candidates", Candidates), settings)


def question_words(selecting: Selecting, proposer: Proposer) -> list[str]:
    """Words that name a kind of question: `top5`, then what is not the default (`router`, `none`, `shuffle`, `marks`,
    `both`)."""
    words = [f"top{selecting.topk}"]
    words += [proposer] if proposer != "specialist" else []
    words += ["none"] if selecting.none else []
    words += [selecting.order] if selecting.order != "rank" else []
    words += [selecting.show] if selecting.show != "text" else []
    return words


def select_spec(
    settings: SelectSettings,
    resources: Resources,
    candidates: StageSpec[Candidates],
    routes: StageSpec[Route] | None = None,
) -> StageSpec[Prediction]:
    """The stage of the choices, on the candidates' share of the samples. `routes` are there where they decide it."""
    assert isinstance(candidates.settings, CandidateSettings)
    config, focus = settings.mllm, settings.focus
    words = question_words(settings, candidates.settings.proposer)
    label = " ".join(["CRS", words[0].replace("top", "top-"), *words[1:], config.name])
    return StageSpec(
        name="-".join(["crs", *words, config.name]),
        row_type=Prediction,
        role="answers",
        label=label + (" + focus" if focus else ""),
        settings=settings,
        make=make,
        failure=partial(failed_prediction, source=SOURCE),
        inputs=(candidates, *([routes] if routes is not None else [])),
        share=candidates.share,
        answering=Answering(method="crs", model=config.name, paper_row=config.paper_row, focus=focus),
        resources=resources,
        command="finecops crs select",
        watched=Watched(config.name, "of a letter"),
        model=config,
    )

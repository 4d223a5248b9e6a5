"""Asking models about pictures: from questions to answers, with models that are loaded once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby, islice
from math import ceil
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from finecops.boxes import iou_xyxy
from finecops.config.schema import AnyModelConfig
from finecops.errors import DataError, UsageError
from finecops.grounding.in_order import in_order
from finecops.grounding.pipeline import Pipeline
from finecops.grounding.questions import Question, each_once, sample_of
from finecops.grounding.records import BY, By, GroundAnswer, Grounding
from finecops.images import forget_images
from finecops.records import Candidates, Prediction, Route, Sample, StageRow, Target, Xyxy
from finecops.runs.batches import make_batches
from finecops.runs.engines.cores import use_threads
from finecops.runs.folder import OUTPUTS
from finecops.runs.manifest import Method
from finecops.runs.specification import StageSpec
from finecops.serving.run import LOGS, prepare, served_models
from finecops.strategies import baselines
from finecops.strategies.crs import crs
from finecops.strategies.options import Options, require_known
from finecops.strategies.parts import Parts
from finecops.strategies.sfa import sfa

BATCH = 8
"""Questions that are asked together, unless `batch_size` says another number."""


class Grounder:
    """Models that find what a sentence describes; they are loaded when they are first needed, and once.

    Args:
        by: who answers: `sfa`, `crs`, `specialist`, `mllm` or `all`.
        options: models, thresholds and device (`finecops.strategies.options.Options`). `focus` concerns SFA, specialist
            and MLLM; CRS's candidates are those of the whole sentence, as in the paper, unless `focus_crs`.
        focus_crs: focus the specialist that proposes CRS's candidates.

    Raises:
        UsageError: `by` is unknown, or an option is given that nobody uses or that does not go with it.
        ConfigError: a model or preset is unknown.
    """

    def __init__(self, by: By = "sfa", options: Options | None = None, focus_crs: bool = False) -> None:
        require_known("strategy", by, BY)
        self.by = by
        given = options or Options()
        if by == "all" and given.slow == "crs":
            # Both would choose, each among candidates of its own, and only one of them could be called CRS.
            raise UsageError("--slow crs does not go with --by all, which asks CRS anyway; --by sfa --slow crs does")
        self._parts = Parts(given.model_copy(update={"both": by == "all"}))
        # Its own parts: in a run of CRS models are not focused.
        self._crs_parts = Parts(given.model_copy(update={"focus": focus_crs}))
        self.specs = list(self._specs())
        self._refuse_unused()
        if given.threads is not None:
            use_threads(given.threads)
        self.batch = given.batch_size or BATCH
        """How many questions are asked together."""
        self._lock, self._in_use = threading.Lock(), Counter[Path]()

    @cached_property
    def pipeline(self) -> Pipeline:
        """The stages. Servers for their model start when it is loaded, and end with the process."""
        pipeline = Pipeline(self.specs)
        prepare(served_models(pipeline.specs), OUTPUTS / LOGS)
        return pipeline

    @property
    def parts(self) -> tuple[Parts, ...]:
        """The parts that are used."""
        return (self._parts, self._crs_parts) if self.by == "all" else (self._used,)

    @property
    def models(self) -> frozenset[AnyModelConfig]:
        """The configurations of its models."""
        return frozenset(config for parts in self.parts for config in parts.models)

    @property
    def _used(self) -> Parts:
        return self._crs_parts if self.by == "crs" else self._parts

    def _specs(self) -> Iterator[StageSpec[Prediction]]:
        if self.by == "specialist":
            yield baselines.specialist(self._parts)
        elif self.by == "mllm":
            yield baselines.mllm_baseline(self._parts)
        elif self.by in ("sfa", "all"):
            yield from sfa(self._parts)
        if self.by in ("crs", "all"):
            yield from crs(self._crs_parts)

    def _refuse_unused(self) -> None:
        """
        Raises:
            UsageError: an option was given that no stage uses.
        """
        if self.by != "all":
            self._used.refuse_unused()
            return
        # With all strategies an option is of use if one of them reads it.
        read = self._parts.read | self._crs_parts.read
        self._parts.refuse_unused(besides=read)

    def ask(self, questions: Iterable[Question], ahead: bool = True) -> Iterator[Grounding]:
        """The answer to each question, in their order, as they come. What cannot be asked has a reason.

        Args:
            questions: taken as they are asked.
            ahead: while a server answers some, take and ask more. False: nobody gives more before the answers.

        Raises:
            FinecopsError: a model cannot be loaded.
        """
        for answers in in_order(self._answered, self._batches(questions, ahead), self._width, not ahead):
            yield from answers

    def _batches(self, questions: Iterable[Question], ahead: bool) -> Iterator[list[Question]]:
        """What is asked together: `batch` questions, or those about one image where all models are behind servers."""
        if ahead and self.pipeline.only_waits:
            for _, about_image in groupby(questions, attrgetter("image")):
                while some := list(islice(about_image, self.batch)):
                    yield some
            return
        waiting = iter(questions)
        while some := list(islice(waiting, self.batch)):
            yield some

    def _width(self) -> int:
        """How many batches are asked at the same time by now."""
        width = self.pipeline.width()
        # Enough questions for the server, while others of their batches are still with a model in this process.
        return width if width == 1 or self.pipeline.only_waits else ceil(width / self.batch) + 1

    def _answered(self, questions: Sequence[Question]) -> list[Grounding]:
        with self._decoded({question.image for question in questions}):
            return list(self._answers_to(questions))

    def _answers_to(self, questions: Sequence[Question]) -> Iterator[Grounding]:
        samples: dict[int, Sample] = {}
        faults: dict[int, str] = {}
        for number, (id_, question) in enumerate(zip(each_once([q.id for q in questions]), questions, strict=True)):
            try:
                if question.fault is not None:
                    raise DataError(question.fault)
                samples[number] = sample_of(id_, question)
            except DataError as error:
                faults[number] = str(error)
        images = {sample.id: questions[number].image for number, sample in samples.items()}
        rows: dict[str, dict[str, StageRow]] = {}
        for batch in make_batches(list(samples.values()), lambda sample: images[sample.id], self.batch):
            for name, found in self.pipeline(batch).items():
                rows.setdefault(name, {}).update(found)
        for number, question in enumerate(questions):
            if number in faults:
                yield self._failed(question, faults[number])
            else:
                sample = samples[number]
                of_sample = {name: table[sample.id] for name, table in rows.items() if sample.id in table}
                yield self._grounding(question, sample, of_sample)

    @contextmanager
    def _decoded(self, images: set[Path]) -> Iterator[None]:
        """Held while some images are asked about; those that nobody asks about any more are freed."""
        with self._lock:
            self._in_use.update(images)
            forget_images(but=self._in_use.keys())
        try:
            yield
        finally:
            with self._lock:
                self._in_use -= Counter(images)

    def _failed(self, question: Question, reason: str) -> Grounding:
        return Grounding(
            id=question.id,
            image=question.shown,
            width=0,
            height=0,
            sentence=question.sentence,
            by=self.by,
            status="failed",
            box=None,
            score=None,
            score_kind=None,
            model=None,
            why="nobody was asked",
            reason=reason,
            truth=question.truth,
        )

    def _grounding(self, question: Question, sample: Sample, rows: dict[str, StageRow]) -> Grounding:
        answers: dict[Method, GroundAnswer] = {}
        for spec in self.pipeline.specs:
            row = rows.get(spec.name)
            if spec.answering is not None and isinstance(row, Prediction):
                answers[spec.answering.method] = _answer(row, self._model(spec, row), question.truth)
        first = answers["sfa" if self.by == "all" else self.by]
        target, route = _first(rows, Target), _first(rows, Route)
        return Grounding(
            id=question.id,
            image=question.shown,
            width=sample.width,
            height=sample.height,
            sentence=question.sentence,
            by=self.by,
            status=first.status,
            box=first.box,
            score=first.score,
            score_kind=first.score_kind,
            model=first.model,
            why=_why(self.by, first, target, route),
            reason=first.row.reason or (first.row.note if first.status != "box" else None),
            truth=question.truth,
            iou=first.iou,
            target=target,
            route=route,
            candidates=_first(rows, Candidates),
            answers=answers,
        )

    def _model(self, spec: StageSpec[Any], row: Prediction) -> str:
        """Who wrote an answer: of SFA's, the model of the pathway."""
        named = spec.answering.model if spec.answering is not None else None
        if named is not None:
            return named
        # A row of SFA names its pathway, and the pathway's stage the model.
        pathways = (before for before in spec.inputs if before.answering and before.answering.method == row.source)
        return next((before.answering.model or row.source for before in pathways if before.answering), row.source)


def _answer(row: Prediction, model: str, truth: Xyxy | None) -> GroundAnswer:
    box = row.boxes[0] if row.status == "box" else None
    iou = None
    if box is not None and truth is not None:
        iou = round(float(iou_xyxy(np.array([box]), np.array(truth))[0]), 6)
    score = row.scores[0] if box is not None and row.scores else None
    kind = row.score_kind if score is not None else None
    return GroundAnswer(status=row.status, box=box, score=score, score_kind=kind, model=model, iou=iou, row=row)


def _first(rows: dict[str, StageRow], row_type: type[Any]) -> Any:
    return next((row for row in rows.values() if isinstance(row, row_type)), None)


def _why(by: By, first: GroundAnswer, target: Target | None, route: Route | None) -> str:
    """Who answered and why, in words."""
    if by in ("specialist", "mllm"):
        return f"{first.model} was asked alone"
    if by == "crs":
        chose = {"box": "chose a specialist's box", "reject": "chose none of the specialist's boxes"}
        return f"{first.model} {chose.get(first.status, 'was asked to choose a box')}"
    if route is None or target is None:
        return f"{first.model} answered"
    who = "the specialist" if route.level == 1 else "the MLLM"
    if route.status == "failed":
        return f"the router failed ({route.reason}), so {who} {first.model} was asked"
    if route.status == "doubtful":
        return f"it is doubtful that {target.phrase!r} is the target, so {who} {first.model} was asked"
    count = len(route.boxes)
    found = {0: "did not find", 1: "found one"}.get(count, f"found {count}")
    return f"the router {found} {target.phrase!r}, so {who} {first.model} was asked"

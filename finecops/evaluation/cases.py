"""Each sample of a run with everything that the run says of it: what `show`, `report` and `compare` look at.

A case has the sample, the target phrase, the route, the candidates, and one verdict a method: its outcome, its first
box with IoU and score, and whether that is right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from finecops.evaluation.reading import Row, RunData
from finecops.metrics.answers import OUTCOMES, Answers
from finecops.metrics.arrays import evaluate_arrays
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Candidates, Prediction, Route, Sample, Target, Xyxy
from finecops.runs.manifest import Method, Role


@dataclass(frozen=True)
class MethodAnswers:
    """The answers of one method.

    Attributes:
        key: its name, each once in a collection: the stage's, or what the user called it.
        label: its name for people.
        rows: its answers by sample id.
        share: ids of the samples that it was asked about; None: all. Others have no verdict of it.
        method: what it is (`specialist`, `mllm`, `sfa`, `crs`); None: not known, as of a prediction file.
        answers: `rows` as columns.
    """

    key: str
    label: str
    rows: Mapping[str, Prediction]
    answers: Answers
    share: frozenset[str] | None = None
    method: Method | None = None


@dataclass(frozen=True)
class Verdict:
    """One method's answer to one sample, judged.

    Attributes:
        outcome: `box`, `reject`, `unparsed`, `failed` or `missing` (asked, and no row).
        right: on a positive whether the first box is right (IoU above the threshold); on a negative whether the answer
            is a rejection; None where the truth is unknown.
        iou: IoU of the first box with the truth; None where one of them is not there.
        score: of the first box; None where there is none.
        box: the first box, of a box or of a rejection that has candidates; None where there is none.
        row: the row, with prompt, reply and the other boxes; None where it is missing.
    """

    outcome: str
    right: bool | None
    iou: float | None
    score: float | None
    box: Xyxy | None
    row: Prediction | None


@dataclass(frozen=True)
class Case:
    """A sample and what a run says of it."""

    sample: Sample
    verdicts: Mapping[str, Verdict]
    """By the method's key; a method that was not asked about the sample has none."""
    target: Target | None = None
    route: Route | None = None
    candidates: Candidates | None = None


class Cases:
    """Samples with the verdicts of methods; a sequence in the samples' order that is also read by sample id.

    Args:
        samples: what was asked, each id once.
        methods: who answered.
        iou: a box is right above it.
        run: the run, for targets, routes and candidates; None: there are none.
        others: further runs, each with the ids of the samples that it has too, for what `run` lacks of those three.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        methods: Sequence[MethodAnswers],
        iou: float = IOU_THRESHOLD,
        run: RunData | None = None,
        others: Sequence[tuple[RunData, frozenset[str]]] = (),
    ) -> None:
        self.samples = list(samples)
        self.methods = list(methods)
        self.iou = iou
        self.run = run
        self._others = others
        self._targets = self._rows("targets", Target)
        self._routes = self._rows("routes", Route)
        self._candidates = self._rows("candidates", Candidates)
        self._judged = {method.key: _Judged(self.samples, method, iou) for method in self.methods}

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Case]:
        return (self._case(row) for row in range(len(self.samples)))

    def __contains__(self, id_: object) -> bool:
        return id_ in self._row_of

    def __getitem__(self, id_: str) -> Case:
        """The case of a sample id.

        Raises:
            KeyError: no sample has this id.
        """
        return self._case(self._row_of[id_])

    @cached_property
    def negatives_of(self) -> dict[str, list[str]]:
        """The ids of the negatives that were made from each positive."""
        found: dict[str, list[str]] = {}
        for sample in self.samples:
            if sample.positive_id in self._row_of:
                found.setdefault(sample.positive_id or "", []).append(sample.id)
        return found

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {sample.id: row for row, sample in enumerate(self.samples)}

    def _rows(self, role: Role, row_type: type[Row]) -> Mapping[str, Row]:
        """The rows of a role, from the first run that has any."""
        found = self.run.first(role, row_type) if self.run is not None else None
        for run, same in self._others:
            if found is None and (rows := run.first(role, row_type)) is not None:
                found = {id_: row for id_, row in rows.items() if id_ in same}
        return found or {}

    def _case(self, row: int) -> Case:
        sample = self.samples[row]
        found = ((key, judged.verdict(row)) for key, judged in self._judged.items())
        return Case(
            sample=sample,
            verdicts={key: verdict for key, verdict in found if verdict is not None},
            target=self._targets.get(sample.id),
            route=self._routes.get(sample.id),
            candidates=self._candidates.get(sample.id),
        )


class _Judged:
    """One method's answers beside the samples, row by row."""

    def __init__(self, samples: Sequence[Sample], method: MethodAnswers, iou: float) -> None:
        # IoU, outcome and rank are those of the metrics. A sample of unknown truth has no place in their arrays.
        scored = [row for row, sample in enumerate(samples) if sample.truth != "unknown"]
        data = evaluate_arrays([samples[row] for row in scored], method.answers)
        first = data.answered_iou[:, 0]
        right = np.where(data.positive, first > iou, data.outcome == OUTCOMES.index("reject"))
        self._samples, self._method = samples, method
        self._iou = dict(zip(scored, data.iou[:, 0].tolist()))
        self._right = dict(zip(scored, right.tolist()))
        outcome = [OUTCOMES[index] for index in method.answers.outcome.tolist()]
        self._outcome = dict(zip(method.answers.ids, outcome))

    def verdict(self, row: int) -> Verdict | None:
        sample, method = self._samples[row], self._method
        if method.share is not None and sample.id not in method.share:
            return None
        answer = method.rows.get(sample.id)
        outcome = self._outcome.get(sample.id, "missing")
        # Boxes of an answer that nobody could parse are no boxes; a rejection (CRS) still ranks its candidates.
        boxes = answer.boxes if answer is not None and outcome in ("box", "reject") else ()
        scores = answer.scores if answer is not None else None
        return Verdict(
            outcome=outcome,
            right=self._right.get(row),
            iou=self._iou[row] if boxes and sample.box is not None else None,
            score=scores[0] if boxes and scores else None,
            box=boxes[0] if boxes else None,
            row=answer,
        )


def run_methods(run: RunData, names: Collection[str] | None = None) -> list[MethodAnswers]:
    """The methods of a run, in the order of results: every one, or those of some names."""
    everything = len(run.samples)
    found = []
    for stage in run.methods(names):
        ids = frozenset(sample.id for sample in stage.samples)
        found.append(
            MethodAnswers(
                key=stage.name,
                label=stage.entry.label,
                rows=run.rows(stage.name, Prediction),
                answers=stage.answers,
                share=None if len(ids) == everything else ids,
                method=stage.entry.answering.method if stage.entry.answering else None,
            )
        )
    return found


def run_cases(run: RunData, iou: float = IOU_THRESHOLD) -> Cases:
    """Every sample of a run with every method's verdict.

    Raises:
        RunError: a file of the run was changed since it was finished.
    """
    return Cases(run.samples, run_methods(run), iou, run)


def file_method(key: str, answers: Answers) -> MethodAnswers:
    """The answers of a prediction file as a method."""
    return MethodAnswers(key=key, label=key, rows=_rows(answers), answers=answers)


def _rows(answers: Answers) -> dict[str, Prediction]:
    """Answers as rows. Those of formats that are not ranked are ranked by score, ties in the file's order."""
    rows = {}
    for i, id_ in enumerate(answers.ids):
        part = slice(int(answers.start[i]), int(answers.start[i + 1]))
        boxes, scores = answers.boxes[part], answers.scores[part]
        # A box without a score stands where 0 would: NaN has no order.
        order = np.arange(len(boxes)) if answers.ranked else np.argsort(-np.nan_to_num(scores, nan=0.0), kind="stable")
        status = OUTCOMES[answers.outcome[i]]
        known = status in ("box", "reject")
        presence = float(answers.presence[i])
        rows[id_] = Prediction.model_validate(
            {
                "sample_id": id_,
                "status": status,
                # Boxes of a row that makes no sense may hold anything.
                "boxes": boxes[order].tolist() if known else (),
                "scores": scores[order].tolist() if known and len(boxes) and not np.isnan(scores).any() else None,
                "presence": None if np.isnan(presence) or not known else presence,
                "source": answers.source[i],
            }
        )
    return rows

"""What routers are worth: their levels against the truth, SFA's precision with each, and their time (Table IX)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finecops.errors import RunError
from finecops.evaluation.reading import RunData
from finecops.evaluation.results import RouterSummary
from finecops.evaluation.same_samples import match_samples
from finecops.evaluation.summaries import right_answers, router_summary
from finecops.metrics.arrays import Bools
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Record, Route, Sample


class RouterResult(Record):
    """One router on a dataset."""

    name: str
    """As the user named it."""
    paper_row: str | None = None
    """Its row in Table IX."""
    summary: RouterSummary
    precision_at_1: float | None = None
    """Per cent of the positives that SFA with this router answers right; None: no run has both pathways' answers."""
    n: int = 0
    """How many positives that is over."""
    milliseconds: float | None = None
    """Per sample, when the routes were made here, without the loading of the model."""
    gflops: float | None = None
    """10**9 operations per sample."""


class RoutersResult(Record):
    """Some routers on the same samples."""

    dataset: str
    split: str
    samples: int
    routers: tuple[RouterResult, ...]
    answers: str | None = None
    """The run whose answers SFA's precision is of."""
    specialist: float | None = None
    mllm: float | None = None
    oracle: float | None = None
    """Precision@1 of each pathway alone, and of the best choice between them, on the same positives."""
    notes: tuple[str, ...] = ()


class Pathways:
    """Which positives each pathway of a run has right."""

    def __init__(self, folder: Path, samples: Sequence[Sample], of: Path, iou: float = IOU_THRESHOLD) -> None:
        """
        Args:
            folder: of a run with both pathways on every sample.
            samples: what the routers were asked.
            of: their run's folder, for messages.
            iou: a box is right above it.

        Raises:
            RunError: a pathway lacks answers, or the run has none of the samples.
        """
        run = RunData(folder)
        fast, slow = run.pathway("specialist"), run.pathway("mllm")
        matched = match_samples(samples, run.samples, (str(of), str(folder)))
        self.positives = [s for s in matched.samples if s.positive]
        ids = {s.id for s in self.positives}
        # A router may send any positive to either, so both must have answered every one.
        if fast is None or slow is None or not ids <= fast.keys() or not ids <= slow.keys():
            raise RunError(f"{folder}/ lacks both pathways on every sample: repeat its command with --both")
        if not self.positives:
            raise RunError(f"{folder}/ has no positive sample that the routers were asked about")
        self.notes = tuple(matched.about.sentences(str(of), str(folder)))
        self.specialist: Bools = right_answers(self.positives, fast, iou)
        self.mllm: Bools = right_answers(self.positives, slow, iou)

    def precision(self, level_of: dict[str, int]) -> float:
        """Precision@1 of SFA in per cent, if level 1 goes to the specialist and any other to the MLLM."""
        easy = np.array([level_of[s.id] == 1 for s in self.positives])
        return 100 * float(np.where(easy, self.specialist, self.mllm).mean())


def compare_routers(
    folder: Path, stages: dict[str, tuple[str, str | None]], answers: Path | None, note: str = ""
) -> RoutersResult:
    """The numbers of routers whose routes lie in one run.

    Args:
        folder: the run of the routes.
        stages: of each stage the router's name, and its row in the paper.
        answers: a run with both pathways on the same samples; None: there is none.
        note: what to say where there is none.

    Raises:
        RunError: a run was changed, or `answers` does not have what it must.
    """
    run = RunData(folder)
    pathways = None if answers is None else Pathways(answers, run.samples, folder)
    found = []
    for stage, (name, paper_row) in stages.items():
        entry, routes = run.stages[stage], run.rows(stage, Route)
        summary = router_summary(run.samples, routes)
        if summary is None:
            raise RunError(f"{folder}/{stage}.jsonl has no routes")
        timed = entry.seconds is not None and entry.timed_samples
        found.append(
            RouterResult(
                name=name,
                paper_row=paper_row,
                summary=summary,
                precision_at_1=pathways and pathways.precision({id_: route.level for id_, route in routes.items()}),
                n=len(pathways.positives) if pathways else 0,
                milliseconds=1000 * (entry.seconds or 0.0) / (entry.timed_samples or 1) if timed else None,
                gflops=entry.gflops_per_sample,
            )
        )
    about, bounds = run.manifest.dataset, {}
    if pathways is not None:
        either = pathways.specialist | pathways.mllm
        rights = {"specialist": pathways.specialist, "mllm": pathways.mllm, "oracle": either}
        bounds = {label: 100 * float(right.mean()) for label, right in rights.items()}
    return RoutersResult(
        dataset=about.name,
        split=about.split,
        samples=about.samples,
        routers=tuple(found),
        answers=None if answers is None else str(answers),
        notes=pathways.notes if pathways else tuple(filter(None, [note])),
        **bounds,
    )

"""What an evaluation finds, as records: one `Evaluation` per run or prediction file, one `MethodResult` per method.

A run's is written to `metrics.json`. Tables, tidy rows, the paper's figures, pictures and reports read these and
nothing else. Docs: `docs/metrics.md`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from finecops.errors import RunError
from finecops.metrics.ledgers import SfaLedger
from finecops.metrics.values import MetricValue, Subset
from finecops.paths import open_regular
from finecops.records import Record
from finecops.runs.jsonl import write_json_atomically
from finecops.runs.manifest import ALL, Answering, Share

log = logging.getLogger(__name__)

METRICS_JSON: Final = "metrics.json"
MOST_REASONS: Final = 5
"""So many reasons of failed rows are kept of a method."""
Counts = dict[str, int]
"""How many of what, by name."""


class Outcomes(Record):
    """How many samples had which outcome, positives and negatives apart."""

    positive: Counts = Field(default_factory=dict)
    negative: Counts = Field(default_factory=dict)

    @property
    def together(self) -> Counts:
        """Of all samples."""
        return {name: count + self.negative[name] for name, count in self.positive.items()}


class Measured(Record):
    """What the metrics say of one list of answers."""

    values: tuple[MetricValue, ...]
    outcomes: Outcomes
    absent: dict[str, str] = Field(default_factory=dict)
    """Metrics that these answers do not allow, with the reason; `everything` where there is no number at all."""
    unknown: int = 0
    """Samples of unknown truth: they may have answers and get no score."""


class PaperFigure(Subset):
    """A figure of the paper, in per cent, as printed."""

    metric: str
    value: float
    table: str
    """Its table's number: `VI`."""


class BesidePaper(PaperFigure):
    """A figure of the paper, with the measured value of the same model on the same data."""

    ours: float
    difference: float
    """Measured minus paper, in points."""


class MethodResult(Measured):
    """One method's numbers."""

    stage: str
    """The stage that answers; `file` of a prediction file."""
    label: str
    """The method's name for people, without its share."""
    share: Share = ALL
    """Which samples it answered, and is evaluated on."""
    answering: Answering | None = None
    """Who answers; None of a file."""
    reasons: Counts = Field(default_factory=dict)
    """How many rows failed for which reason, the most frequent ones."""
    ledger: Counts | None = None
    """CRS's ledger: every positive counted once, by where it was lost."""
    paper: tuple[BesidePaper, ...] | None = None
    """The paper's figures beside the measured ones; None if they were not asked for."""

    @property
    def title(self) -> str:
        """The label, with its share where that is not all."""
        return self.label if self.share == ALL else f"{self.label} ({self.share} only)"


class EvaluatedData(Record):
    """What was evaluated on."""

    name: str
    split: str
    limit: int
    samples: int
    entries: int = 0
    """Entries of the files, also those that could not be used."""
    left_out: int = 0
    """Entries that make no sense."""


class RouterSummary(Record):
    """Where the router sent the samples, and on positives how its level meets the ground truth's."""

    to_mllm: int
    n: int
    doubtful: int
    """Of those to the MLLM: not routed since their target is doubtful."""
    failed: int
    detections: Counts
    """Samples by how many instances of the target were detected."""
    level_accuracy: float | None
    """Per cent of the positives whose level the router gave (level 3 counts as 2)."""
    level2_recall: float | None
    """Per cent of the hard positives that it gave level 2."""
    confusion: Counts
    """Positives by "truth->router"."""


class StageTiming(Record):
    """How a stage went."""

    state: Literal["begun", "done"]
    rows: int | None = None
    failed: int | None = None
    seconds: float | None = None
    timed_samples: int | None = None
    samples_per_second: float | None = None
    gflops_per_sample: float | None = None


class ReferenceSfa(Record):
    """What `SFA/evaluation_SFA.py` prints: accuracy (per cent) of the positives it calls single and multiple."""

    single: float | None
    multiple: float | None
    all: float | None
    n_single: int
    n_multiple: int


class Evaluation(Record):
    """All numbers of a run, or of a prediction file."""

    version: Literal[1] = 1
    title: str
    """The run's folder or the file."""
    dataset: EvaluatedData
    methods: tuple[MethodResult, ...]
    router: RouterSummary | None = None
    ledger: SfaLedger | None = None
    """SFA's, where both pathways answered every positive."""
    targets: Counts | None = None
    """Targets by status."""
    doubtful: dict[str, Counts] | None = None
    """Label of a method → `n` positives with a doubtful target, and how many of them are `right`."""
    candidates: dict[str, int | float | None] | None = None
    """Candidate recall@k (per cent) by k, `all` before NMS, and `n` positives: the ceiling of any choice."""
    stages: dict[str, StageTiming] = Field(default_factory=dict)
    unknown: int = 0
    """Samples of unknown truth."""
    problems: tuple[str, ...] = ()
    """What was wrong in the files, a sentence each."""
    reference_sfa: ReferenceSfa | None = None


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Write `metrics.json` in one step. Where the disk does not take it, that is said: the numbers stand without."""
    try:
        write_json_atomically(folder / METRICS_JSON, evaluation.model_dump(mode="json"))
    except OSError as error:
        log.warning("%s was not written: %s", folder / METRICS_JSON, error.strerror)


def read_evaluation(folder: Path) -> Evaluation:
    """What `write_evaluation` wrote.

    Raises:
        RunError: there is none, or it is of another version.
    """
    path = folder / METRICS_JSON
    try:
        with open_regular(path) as file:
            return Evaluation.model_validate_json(file.read())
    except FileNotFoundError:
        raise RunError(f"{path} is not there; `finecops eval {folder}` makes it") from None
    except ValidationError as error:
        # A file of another version has many faults; the first names the reason.
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RunError(f"{path}: {where}: {first['msg']}; `finecops eval {folder}` makes it again") from error

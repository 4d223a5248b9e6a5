"""The rows that stages write and read: the contract between them.

One row per sample and stage. Boxes are `xyxy` pixels of the original image, floats. An unknown or missing key is
an error with file and line (`finecops.runs.jsonl.read_rows`). Docs: `docs/records.md`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

Xyxy = tuple[float, float, float, float]
Span = tuple[int, int]
"""Start and end of characters in a text."""
Truth = Literal["box", "absent", "unknown"]
NegativeKind = Literal["text", "image"]
PredictionStatus = Literal["box", "reject", "unparsed", "failed"]


class Record(BaseModel):
    """Frozen, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Negative(Record):
    """What makes a sample a negative. A benchmark of rejection without pairs may know only some of it."""

    kind: NegativeKind | None = None
    """What was changed: the expression or the image."""
    type: str | None = None
    """How it was changed, in the benchmark's words: `replace_object`, `flip`, …"""
    level: int | None = None
    """How near the change is to the target: 1 changes the target itself, 2 something around it."""
    positive_id: str | None = None
    """The sample that it was made from."""


class Sample(Record):
    """An image and an expression, and what is known of the target.

    Raises:
        ValueError: `box` and `truth` contradict each other, or a sample that is not absent has a `negative`.
    """

    id: str
    dataset: str
    split: str
    image: str
    """Path of the image below the dataset's root."""
    width: int
    height: int
    expression: str
    truth: Truth
    """`box`: the target is there, at `box`; `absent`: it is not there; `unknown`: answers get no score."""
    box: Xyxy | None
    level: int | None
    """Difficulty level 1 to 3 (paper, III-C); a negative has its positive's."""
    tuple_type: str | None = None
    negative: Negative | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Sample:
        if (self.truth == "box") != (self.box is not None):
            raise ValueError(f"truth is {self.truth!r} and box is {self.box}")
        if self.negative is not None and self.truth != "absent":
            raise ValueError(f"truth is {self.truth!r} and the sample is a negative")
        return self

    @property
    def positive(self) -> bool:
        """Whether the target is known to be there."""
        return self.truth == "box"

    @property
    def absent(self) -> bool:
        """Whether the target is known not to be there."""
        return self.truth == "absent"

    @property
    def positive_id(self) -> str | None:
        """Of a negative, the id of the sample that it was made from, if that is known."""
        return self.negative.positive_id if self.negative is not None else None


FailureCause = Literal["data", "input"]


class StageRow(Record):
    """What every stage's row has: the sample, and why it failed if it did."""

    sample_id: str
    reason: str | None = None
    cause: FailureCause | None = None
    """Of a failed row: `data`, the sample's own image or expression cannot be used; `input`, a stage before this one
    gave nothing to work on; None: a model, a server or the machine, and another try may succeed."""
    data_sha256: str | None = None
    """Of a row that failed by its own data: a checksum of image and expression as they were."""


class Target(StageRow):
    """The phrase of an expression that names what it refers to.

    Status: `found` (a span of the expression), `matched` (the extractor's words were not, but their head noun
    is), `unmatched` (nothing in the expression matches them; span None), `failed` (no phrase; span None).
    """

    status: Literal["found", "matched", "unmatched", "failed"]
    phrase: str
    span: tuple[int, int] | None
    extractor: str


class Route(StageRow):
    """Level 1 (to the specialist) or 2 (to the MLLM), and the detections of the target that decided it.

    `boxes` and `scores` are those above the threshold after NMS. `all_boxes` and `all_scores` are what the detector
    returned down to a score of 0.05, so that other thresholds can be tried without detecting again. A sample whose
    routing failed goes to the MLLM.
    """

    status: Literal["routed", "failed"]
    level: Literal[1, 2]
    boxes: tuple[Xyxy, ...]
    scores: tuple[float, ...]
    all_boxes: tuple[Xyxy, ...] = ()
    all_scores: tuple[float, ...] = ()


class Candidates(StageRow):
    """What a specialist proposes for an expression (paper, IV-B).

    `boxes` and `scores` are all proposals, best first, before NMS; `kept` are the indices of those that NMS keeps,
    best first, so that another number of candidates needs no new detection.
    """

    status: Literal["proposed", "failed"]
    boxes: tuple[Xyxy, ...]
    scores: tuple[float, ...]
    kept: tuple[int, ...]

    def best(self, k: int) -> tuple[Xyxy, ...]:
        """The k best after NMS, or as many as there are."""
        return tuple(self.boxes[i] for i in self.kept[:k])


class OrderVotes(StageRow):
    """What a model says to one question in several orders of its options.

    `orders[i]` says which candidate each letter stood for in order i (-1: None), `probabilities[i]` what each got.
    """

    status: Literal["asked", "failed"]
    orders: tuple[tuple[int, ...], ...]
    probabilities: tuple[tuple[float, ...], ...]


class Prediction(StageRow):
    """What a model answered.

    Status: `box` (boxes in rank order), `reject` (it said that the target is not there), `unparsed` (an answer
    nobody could read), `failed` (no answer; `reason` says why). `scores` is None where the backend gives none;
    `score_kind` says what they mean. `note` names a fallback that was taken (a target span not found, a text
    cut at the model's limit).

    From a choice among candidates: `boxes` are the candidates in the order of their letters' probabilities, which are
    their scores, also where the answer is a rejection; `letters` are theirs. `choice` is the chosen letter, `presence`
    how present the target is (1 - p(None) where None is an option), `mass` the share of all probability that fell
    on the options' letters.
    """

    status: PredictionStatus
    boxes: tuple[Xyxy, ...] = ()
    scores: tuple[float, ...] | None = None
    score_kind: str | None = None
    source: str
    prompt: str | None = None
    reply: str | None = None
    note: str | None = None
    presence: float | None = None
    letters: tuple[str, ...] | None = None
    choice: str | None = None
    mass: float | None = None

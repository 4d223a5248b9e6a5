"""The rows that stages write and read. They are the contract between stages.

There is one row per sample and stage. Boxes are `xyxy` in pixels of the original image, floats. An unknown or missing
key is an error that names the file and the line (`finecops.runs.jsonl.read_rows`). Documentation: `docs/records.md`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from finecops.text import clean_text

Xyxy = tuple[float, float, float, float]
"""A box: left, top, right, bottom."""
Span = tuple[int, int]
"""Start and end (exclusive) of characters in a text."""
Truth = Literal["box", "absent", "unknown"]
NegativeKind = Literal["text", "image"]
PredictionStatus = Literal["box", "reject", "unparsed", "failed"]


def _clean(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_clean)]
"""A text of a model or a server. Half a character, which no file takes, becomes its escape sequence."""


class Record(BaseModel):
    """A row or a part of one. It is frozen, and an unknown key is an error.

    A number that is not finite is an error: JSON has none, and a row must be read as it was written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Negative(Record):
    """What makes a sample a negative. Fields are None where a benchmark does not state them."""

    kind: NegativeKind | None = None
    """What was changed: the expression or the image."""
    type: str | None = None
    """How it was changed: `replace_object`, `flip`, … (`finecops.benchmark_words`), or the benchmark's own word."""
    level: int | None = None
    """1: the target itself was changed. 2: something around it."""
    positive_id: str | None = None
    """The positive sample that it was made from."""


class Sample(Record):
    """An image, an expression, and what is known about the target.

    Raises:
        ValueError: `box` and `truth` contradict each other, or a sample that is not absent has a `negative`.
    """

    id: str
    """Unique in the split."""
    dataset: str
    split: str
    image: str
    """Path of the image below the dataset's root. Empty where an imported run does not know it."""
    width: int
    """Of the image, in pixels. 0 where an imported run does not know it."""
    height: int
    """Of the image, in pixels. 0 where an imported run does not know it."""
    expression: str
    """The referring expression."""
    truth: Truth
    """`box`: the target is in the image, at `box`. `absent`: it is not. `unknown`: answers get no score."""
    box: Xyxy | None
    """The target's box, with truth `box`."""
    level: int | None
    """Difficulty level 1 to 3 (paper, III-C). A negative has the level of its positive."""
    tuple_type: str | None = None
    """The expression's kind in the benchmark's construction, for example `0_hop`."""
    negative: Negative | None = None
    """With truth `absent`: how the sample was made, if that is known."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Sample:
        if (self.truth == "box") != (self.box is not None):
            raise ValueError(f"truth is {self.truth!r} and box is {self.box}")
        if self.negative is not None and self.truth != "absent":
            raise ValueError(f"truth is {self.truth!r} and the sample is a negative")
        return self

    @property
    def positive(self) -> bool:
        """Whether the target is known to be in the image."""
        return self.truth == "box"

    @property
    def absent(self) -> bool:
        """Whether the target is known not to be in the image."""
        return self.truth == "absent"

    @property
    def positive_id(self) -> str | None:
        """For a negative, the id of the positive that it was made from, if that is known."""
        return self.negative.positive_id if self.negative is not None else None


FailureCause = Literal["data", "input"]


class StageRow(Record):
    """What the rows of all stages have."""

    sample_id: str
    reason: Text | None = None
    """Why the stage failed for the sample, or why an answer has no box."""
    cause: FailureCause | None = None
    """Of a failed row: `data`, the sample's own image or expression cannot be used; `input`, a stage before this one
    gave nothing to work on; None: a model, a server or the machine, and another try may succeed."""
    data_sha256: str | None = None
    """Of a row that failed by its own data: a checksum of image and expression as they were."""


class Target(StageRow):
    """The target phrase of an expression: the words that name what it refers to."""

    status: Literal["found", "doubtful", "matched", "unmatched", "failed"]
    """`found`: the phrase is in the expression. `doubtful`: so it is, but the extractor is not sure that it is the
    right one; used like `found`, counted and scored apart. `matched`: only its head noun is. `unmatched`: nothing of it
    is. `failed`: the extractor gave no phrase."""
    phrase: Text
    """Empty with status `failed`."""
    span: tuple[int, int] | None
    """Where the phrase stands in the expression, as character offsets. None with `unmatched` and `failed`."""
    extractor: str
    """The name of the extractor."""


class Route(StageRow):
    """The router's decision, with the detections of the target that it counted (paper, IV-A)."""

    status: Literal["routed", "doubtful", "failed"]
    """`routed`: by the number of detections. `doubtful`: the extractor is not sure of the target, and such samples go
    to the MLLM (`--doubtful mllm`). `failed`: the router gave no answer; the sample goes to the MLLM."""
    level: Literal[1, 2]
    """1: to the specialist. 2: to the MLLM."""
    boxes: tuple[Xyxy, ...]
    """The detections above the score threshold, after NMS."""
    scores: tuple[float, ...]
    all_boxes: tuple[Xyxy, ...] = ()
    """All detections with a score above 0.05, so that other thresholds need no new detection."""
    all_scores: tuple[float, ...] = ()


class Candidates(StageRow):
    """A specialist's proposals for an expression (paper, IV-B)."""

    status: Literal["proposed", "failed"]
    boxes: tuple[Xyxy, ...]
    """All proposals, best first, before NMS."""
    scores: tuple[float, ...]
    kept: tuple[int, ...]
    """Indices of the proposals that remain after NMS, best first. All are kept here, so that another number of
    candidates needs no new detection."""

    def best(self, k: int) -> tuple[Xyxy, ...]:
        """The k best boxes after NMS; fewer if there are fewer."""
        return tuple(self.boxes[i] for i in self.kept[:k])


class OrderVotes(StageRow):
    """A model's answers to one question, asked with its options in several orders."""

    status: Literal["asked", "failed"]
    orders: tuple[tuple[int, ...], ...]
    """For each order, the candidate of each letter; -1: None."""
    probabilities: tuple[tuple[float, ...], ...]
    """For each order, the probability of each letter."""


class Prediction(StageRow):
    """A model's answer.

    In CRS, `boxes` are the candidates, sorted by the probabilities of their letters, which are their `scores`. A
    rejection has them too: ranking and decision come from the same numbers.

    Raises:
        ValueError: the status is `box` and there is none: on a negative it would pass for the best of answers.
    """

    status: PredictionStatus
    """`box`: one or more boxes. `reject`: the model says that the target is not in the image. `unparsed`: the reply
    could not be parsed. `failed`: there is no reply; `reason` says why."""
    boxes: tuple[Xyxy, ...] = ()
    """Best first."""
    scores: tuple[float, ...] | None = None
    """One per box; None where the backend gives none."""
    score_kind: Text | None = None
    """What the scores mean."""
    source: str
    """Which part of the strategy answered: `specialist`, `mllm` or `crs`."""
    prompt: Text | None = None
    """The prompt that was sent."""
    reply: Text | None = None
    """The reply before parsing."""
    note: Text | None = None
    """A fallback that was used: a target span that was not found, a text that was cut."""
    presence: float | None = None
    """CRS: the score for the target being in the image: 1 - p(None) where None is an option, else that of the best
    letter."""
    letters: tuple[str, ...] | None = None
    """CRS: the letter of each box."""
    choice: Text | None = None
    """CRS: the chosen letter."""
    mass: float | None = None
    """CRS: the probability of all letters together, before their sum was scaled to 1."""

    @model_validator(mode="after")
    def _has_its_box(self) -> Prediction:
        if self.status == "box" and not self.boxes:
            raise ValueError("status is 'box' and there is no box")
        return self

"""What `ground` answers: one record a question, which is also a line of `finecops ground --json`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from finecops.records import Candidates, Prediction, Record, Route, Target, Xyxy
from finecops.runs.manifest import Method

By = Literal["sfa", "crs", "specialist", "mllm", "all"]
BY: tuple[By, ...] = ("sfa", "crs", "specialist", "mllm", "all")
"""Who may be asked: one strategy, one model alone, or all of them."""


class GroundAnswer(Record):
    """The answer of one strategy or model."""

    status: Literal["box", "reject", "unparsed", "failed"]
    """`box`: there is one. `reject`: the model says that the target is not in the image. `unparsed`: nobody could read
    its reply. `failed`: there is no reply; `reason` says why."""
    box: Xyxy | None
    """The best box, in pixels of the upright image; None where the status is another."""
    score: float | None
    """Of that box; None where the model gives none."""
    score_kind: str | None
    """What the score means."""
    model: str
    """The model that answered."""
    iou: float | None = None
    """IoU of the box with the true one, where that is known."""
    row: Prediction
    """The whole answer: all boxes, prompt, reply, letters."""


class ImageFile(Record):
    """An image file as it was when it was asked about."""

    size: int
    """Bytes."""
    modified: int
    """Time of the last change, in nanoseconds."""
    sha256: str


class Grounding(Record):
    """A question and its answers. Boxes are xyxy in pixels of the image as a person sees it (EXIF rotation applied)."""

    version: Literal[1] = 1
    id: str
    """Of the question: its row in a table, or its number."""
    image: str
    """The image's path, as it was given."""
    width: int
    height: int
    """Of the upright image, in pixels; 0 where it cannot be read."""
    sentence: str
    by: By
    status: Literal["box", "reject", "unparsed", "failed"]
    box: Xyxy | None
    score: float | None
    score_kind: str | None
    model: str | None
    """The same of the answer that was asked for; with `all`, SFA's."""
    why: str
    """Who answered and why, in words."""
    reason: str | None = None
    """Why there is no box."""
    truth: Xyxy | None = None
    """The true box, if one was given."""
    iou: float | None = None
    """IoU with it."""
    picture: str | None = None
    """The file with the drawn boxes."""
    file: ImageFile | None = None
    """The image's file, where answers are kept in a folder: another picture under its name is asked about again."""
    target: Target | None = None
    """The phrase that names the target, where it was looked for."""
    route: Route | None = None
    """The detections of the target that decided who answers, where a router was asked."""
    candidates: Candidates | None = None
    """What CRS chose from, where CRS was asked."""
    answers: dict[Method, GroundAnswer] = Field(default_factory=dict)
    """Of everyone who was asked."""

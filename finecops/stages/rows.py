"""From answers of models to rows; from samples to queries. Shared by the stages that ask models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import PlainSerializer

from finecops.config.fingerprint import model_settings
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.errors import DataError
from finecops.images import Picture, read_picture
from finecops.models.protocols import Query, QueryGroup
from finecops.records import Prediction, Sample, Target, Xyxy
from finecops.replies.answer import Answer
from finecops.runs.specification import ImageGroup

SpecialistSetting = Annotated[SpecialistConfig, PlainSerializer(model_settings)]
"""A specialist as a setting: `run.json` gets what of it changes answers, with a fingerprint of its weights."""
MllmSetting = Annotated[MllmConfig, PlainSerializer(model_settings)]
"""An MLLM as a setting, in the same way."""

_BOX_DIGITS = 4
"""Boxes are kept to a ten-thousandth of a pixel."""
SCORE_DIGITS = 6


def rounded_boxes(answer: Answer) -> tuple[Xyxy, ...]:
    """Boxes of an answer as rows keep them."""
    boxes = answer.xyxy.round(_BOX_DIGITS).tolist()
    return tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes)


def rounded_scores(answer: Answer) -> tuple[float, ...] | None:
    """Scores of an answer as rows keep them."""
    if answer.scores is None:
        return None
    # As floats: whole numbers beyond 64 bits would become Python objects, which NumPy cannot round.
    return tuple(np.round(np.asarray(answer.scores, dtype=np.float64), SCORE_DIGITS).tolist())


def expression_query(sample: Sample, targets: Mapping[str, Target] | None) -> Query:
    """The query of a sample; with `targets`, one that focuses on its target."""
    target = targets.get(sample.id) if targets is not None else None
    if target is None or target.status == "failed":
        return Query(sample.expression, sample_id=sample.id)
    return Query(sample.expression, target.phrase, target.span, sample.id)


def picture_of(group: ImageGroup) -> Picture:
    """The decoded image of a group.

    Raises:
        DataError: it cannot be read, or has another size than its samples say: their boxes would be wrong.
    """
    sizes = {(sample.width, sample.height) for sample in group.samples}
    if len(sizes) > 1:
        # The runner tries the samples one by one, and those that fit have their answers.
        raise DataError(f"the samples on {group.image} say different sizes of it: {sorted(sizes)}")
    return read_picture(group.image, sizes.pop() if sizes else None)


def query_groups(groups: Sequence[ImageGroup], targets: Mapping[str, Target] | None) -> list[QueryGroup]:
    """Decode the images of groups and make their queries."""
    return [
        QueryGroup(picture_of(group), tuple(expression_query(sample, targets) for sample in group.samples))
        for group in groups
    ]


def failed_prediction(sample: Sample, reason: str, source: str) -> Prediction:
    """The row of a sample that could not be answered."""
    return Prediction(sample_id=sample.id, status="failed", source=source, reason=reason)

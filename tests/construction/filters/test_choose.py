"""Thresholds: pure functions of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from finecops.construction.filters.choose import (
    NOT_LIKE_POSITIVE,
    Thresholds,
    choose_edit,
    choose_expression,
    thresholds_for,
)
from finecops.construction.filters.scorers import Scorers
from finecops.construction.samples import EditRow, ScoreRow

ALL = Thresholds(synthetic=0.5, synthetic_crop=0.5)
GOOD: dict[str, Any] = {
    "text_positive": 0.3,
    "text_negative": 0.2,
    "edit_margin": [0.1, 0.1, None, 0.1],
    "synthetic": [0.1, 0.1, None, 0.1],
    "synthetic_crop": [0.1, 0.1, None, 0.1],
    "synthetic_original": 0.0,
    "synthetic_original_crop": 0.0,
    "similarity": [0.7, 0.9, None, 0.8],
    "similarity_box": [0.9, 0.1, None, 0.2],
}


def row(**changes: Any) -> EditRow:
    """An edit with four candidates, of which the third failed."""
    made = EditRow(
        id=1,
        positive_id=0,
        image_id="neg_1",
        type="replace_object",
        level=1,
        status="kept",
        changed=[0],
        boxes=[(0, 0, 9, 9)],
        prompts=["a cup"],
        candidates=["a/0.png", "a/1.png", "", "a/3.png"],
        seeds=[0, 1, 2, 3],
    )
    return made.model_copy(update=changes)


def scores(reason: str | None = None, **changes: Any) -> ScoreRow:
    return ScoreRow(id=1, scores={k: v for k, v in (GOOD | changes).items() if v != "missing"}, reason=reason)


def test_the_most_similar_candidate_is_taken() -> None:
    chosen = choose_edit(row(), scores(), ALL)
    assert (chosen.kept, chosen.candidate, chosen.reason) == (True, 1, None)
    assert chosen.details["dropped"] == {"it could not be made": 1}
    assert chosen.details["scores"]["similarity"] == 0.9  # type: ignore[index,call-overload]
    assert choose_edit(row(), scores(), replace(ALL, best_by="similarity_box")).candidate == 0
    assert choose_edit(row(), scores(), replace(ALL, best_by=None)).candidate == 0
    assert choose_edit(row(), scores(similarity=[0.5, 0.5, None, 0.5]), ALL).candidate == 0


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"edit_margin": [0.1, 0.0, None, 0.1]}, 3),  # As much the old thing as the new one.
        ({"edit_margin": [0.1, -0.2, None, -0.1]}, 0),
        ({"synthetic": [0.1, 0.51, None, 0.1]}, 3),
        ({"synthetic": [0.1, 0.5, None, 0.1]}, 1),  # Above the threshold is too much, at it is not.
        ({"synthetic_crop": [0.1, 0.9, None, 0.9]}, 0),
        # The classifier takes the photograph itself for synthetic: no fault of the edit.
        ({"synthetic": [0.9, 0.8, None, 0.9], "synthetic_original": 0.8}, 1),
        ({"synthetic": [0.9, 0.9, None, 0.7], "synthetic_original": 0.8}, 3),
    ],
)
def test_a_candidate_that_fails_a_filter_is_not_taken(changed: Any, expected: int) -> None:
    assert choose_edit(row(), scores(**changed), ALL).candidate == expected


def test_the_papers_rule_takes_the_threshold_alone() -> None:
    paper = replace(ALL, synthetic=0.2, synthetic_crop=None, synthetic_rise=None, edit_margin=None)
    found = choose_edit(row(), scores(synthetic=[0.19, 0.21, None, 0.3], synthetic_original=0.9), paper)
    assert (found.candidate, found.details["dropped"]) == (0, {"it looks synthetic": 2, "it could not be made": 1})


def test_no_candidate_is_left() -> None:
    found = choose_edit(row(), scores(synthetic=[0.9, 0.9, None, 0.1], edit_margin=[1, 1, None, -1]), ALL)
    assert (found.kept, found.candidate) == (False, None)
    assert found.reason == (
        "no candidate is left (2: it looks synthetic, 1: it could not be made, 1: the box does not look more like the "
        "new words than like the old ones)"
    )


@pytest.mark.parametrize(("negative", "kept"), [(0.2, True), (0.3, False), (0.4, False)])
def test_the_negative_text_must_be_less_similar_to_the_original_image(negative: float, kept: bool) -> None:
    found = choose_edit(row(), scores(text_negative=negative), ALL)
    assert (found.kept, found.reason) == (kept, None if kept else NOT_LIKE_POSITIVE)
    text = choose_expression(1, "replace_object", scores(text_negative=negative), ALL)
    assert (text.kept, text.reason) == (kept, None if kept else NOT_LIKE_POSITIVE)
    # These models hardly hear relations.
    assert choose_expression(1, "replace_relation", scores(text_negative=negative), ALL).kept


@pytest.mark.parametrize(
    "name", ["text_positive", "text_negative", "edit_margin", "synthetic", "synthetic_original", "similarity"]
)
def test_a_missing_score_is_a_reason_and_never_a_pass(name: str) -> None:
    found = choose_edit(row(), scores("no memory", **{name: "missing"}), ALL)
    assert not found.kept
    assert "a score is missing: " in str(found.reason)
    assert "(no memory)" in str(found.reason)
    assert not choose_edit(row(), None, ALL).kept
    assert not choose_edit(row(), scores(**{name: None}), ALL).kept


def test_a_filter_that_is_left_out_needs_no_score() -> None:
    nothing = thresholds_for(Scorers())
    assert choose_edit(row(), None, nothing).candidate == 0
    assert choose_expression(1, "replace_object", None, nothing).kept


def test_the_usual_thresholds_are_those_of_the_scorers() -> None:
    class Classifier:
        threshold = 0.7

        def probabilities(self, images: Any) -> list[float]:
            return []

    found = thresholds_for(Scorers(synthetic=Classifier()))
    assert (found.synthetic, found.synthetic_crop, found.text_margin, found.best_by) == (0.7, 0.7, None, None)


def test_a_flip_stays_and_a_drawing_is_judged_by_its_text() -> None:
    flip = row(type="flip", boxes=[], prompts=[], candidates=["a/0.png"])
    assert choose_edit(flip, ScoreRow(id=1), ALL).candidate == 0
    drawn = row(boxes=[], prompts=[], editor="drawn")
    texts = ScoreRow(id=1, scores={"text_positive": 0.3, "text_negative": 0.2})
    assert choose_edit(drawn, texts, ALL).candidate == 0
    assert not choose_edit(drawn, ScoreRow(id=1), ALL).kept


def test_what_was_dropped_before_keeps_its_reason() -> None:
    found = choose_edit(row(status="failed", reason="no editor"), None, ALL)
    assert (found.kept, found.reason) == (False, "no editor")

"""Candidate recall: at which rank the truth is, before and after NMS."""

from __future__ import annotations

import numpy as np

from finecops.metrics.candidates import candidate_recall, truth_ranks
from finecops.records import Candidates
from tests.conftest import make_negative, make_sample

BOXES = ((10.0, 10.0, 50.0, 50.0), (60.0, 60.0, 90.0, 90.0), (5.0, 60.0, 30.0, 90.0))


def proposal(id_: str, order: tuple[int, ...], kept: tuple[int, ...] = (0, 1, 2)) -> Candidates:
    boxes = tuple(BOXES[i] for i in order)
    return Candidates(sample_id=id_, status="proposed", boxes=boxes, scores=(0.9, 0.8, 0.7), kept=kept)


def test_candidate_recall_is_monotone_and_ends_at_all() -> None:
    samples = [make_sample("1"), make_sample("2"), make_sample("3")]
    # NMS removed the right box of the third.
    rows = {"1": proposal("1", (0, 1, 2)), "2": proposal("2", (1, 2, 0)), "3": proposal("3", (0, 1, 2), kept=(1, 2))}
    assert truth_ranks(samples, rows)[1].tolist() == [0, 2, np.inf]
    found = candidate_recall([*samples, make_negative("n", "1")], rows)
    assert [round(found[k] or 0, 1) for k in ("1", "3", "25", "all")] == [33.3, 66.7, 66.7, 100.0]
    assert found["n"] == 3


def test_another_iou_counts_other_boxes() -> None:
    row = proposal("1", (0, 1, 2))
    sample = make_sample("1", box=(10.0, 10.0, 50.0, 42.0))  # IoU with the first box is 0.8
    assert candidate_recall([sample], {"1": row}, 0.7)["1"] == 100
    assert candidate_recall([sample], {"1": row}, 0.85)["1"] == 0


def test_nothing_has_no_recall() -> None:
    assert candidate_recall([], {})["1"] is None

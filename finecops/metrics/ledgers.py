"""Ledgers: every positive counted once, by where it was lost."""

from __future__ import annotations

import numpy as np

from finecops.metrics.answers import OUTCOMES, Ints
from finecops.metrics.arrays import Bools
from finecops.records import Record

CRS_ENTRIES = (
    "correct",
    "not_proposed",
    "removed_by_nms",
    "cut_by_top_k",
    "wrong_choice",
    "wrong_none",
    "unparsed",
    "failed",
)


class SfaLedger(Record):
    """Every positive counted once: was it routed to the pathway its ground-truth level asks for (1: specialist, more:
    MLLM), and did that pathway answer right. `other_right` of the wrong ones the other pathway had right, which is
    the regret against an oracle router."""

    routed_right_answered_right: int
    routed_right_answered_wrong: int
    routed_wrong_answered_right: int
    routed_wrong_answered_wrong: int
    other_right: int
    n: int


def sfa_ledger(level: Ints, router_level: Ints, specialist_right: Bools, mllm_right: Bools) -> SfaLedger:
    """The ledger of positives: their ground-truth level, the router's, and what each pathway gave, `[n]` each."""
    routed = np.minimum(level, 2) == router_level
    answered = np.where(router_level == 1, specialist_right, mllm_right)
    # What the pathway that was not taken would have given.
    other = np.where(router_level == 1, mllm_right, specialist_right)
    return SfaLedger(
        routed_right_answered_right=int(np.sum(routed & answered)),
        routed_right_answered_wrong=int(np.sum(routed & ~answered)),
        routed_wrong_answered_right=int(np.sum(~routed & answered)),
        routed_wrong_answered_wrong=int(np.sum(~routed & ~answered)),
        other_right=int(np.sum(~answered & other)),
        n=len(level),
    )


def crs_ledger(proposed: Bools, after_nms: Bools, among_k: Bools, outcome: Ints, right: Bools) -> dict[str, int]:
    """Every positive of CRS counted once, in `CRS_ENTRIES`; they sum to n.

    A right answer is correct whatever else. Of the others, the first stage that lost the target has it: no proposal
    at IoU above the threshold, none left by NMS, none among the k best. Where the target was among the options, the
    answer has it: another letter, None, unparsed, or failed (missing counts as failed).

    Args:
        proposed, after_nms, among_k: whether the truth is among the boxes at each stage, `[n]`.
        outcome: index into `OUTCOMES`, `[n]`.
        right: whether the answer is a box that is right, `[n]`.
    """
    stages = (
        right,
        ~proposed,
        ~after_nms,
        ~among_k,
        outcome == OUTCOMES.index("box"),
        outcome == OUTCOMES.index("reject"),
        outcome == OUTCOMES.index("unparsed"),
        np.ones_like(right),
    )
    # Each positive is removed at the first stage that has it, so the counts sum to n.
    left = np.ones_like(right)
    counts = {}
    for name, lost_here in zip(CRS_ENTRIES, stages):
        counts[name] = int(np.sum(left & lost_here))
        left = left & ~lost_here
    return counts

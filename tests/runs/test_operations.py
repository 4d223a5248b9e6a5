"""Operations are counted beside the computation: right, and without a changed digit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from finecops.config.find import load_dataset
from finecops.datasets.dataset import load_dataset_split
from finecops.image_memory import forget_computed
from finecops.images import Picture, read_image
from finecops.models.protocols import Query, QueryGroup
from finecops.runs.engines.operations import OperationCounter

IMAGE, KERNEL = torch.ones(2, 3, 8, 8), torch.ones(5, 3, 3, 3)
X, WEIGHT = torch.ones(2, 7, 16), torch.ones(4, 16)
HEADS = torch.ones(2, 4, 6, 8)


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (lambda: functional.linear(X, WEIGHT), 2 * 2 * 7 * 16 * 4),
        (lambda: X @ WEIGHT.T, 2 * 2 * 7 * 16 * 4),
        (lambda: functional.conv2d(IMAGE, KERNEL), 2 * 2 * 5 * 6 * 6 * 3 * 3 * 3),
        (lambda: functional.scaled_dot_product_attention(HEADS, HEADS, HEADS), 2 * 2 * 2 * 4 * 6 * 6 * 8),
        (lambda: X[X > 0].sum() + X.nonzero().sum(), 0),
        (lambda: [functional.linear(X, WEIGHT) for _ in range(3)], 3 * 2 * 2 * 7 * 16 * 4),
        (lambda: torch.arange(10), 0),
    ],
)
def test_operations_are_counted(made: Callable[[], object], wanted: int) -> None:
    with torch.inference_mode(), OperationCounter() as counter:
        made()
    assert counter.total == wanted


def test_counting_changes_no_digit(mini_mllm: Any) -> None:
    """torch's own counter does: it takes the attention apart."""
    mini = load_dataset_split(load_dataset("finecops-mini"))
    groups = [QueryGroup(Picture(read_image(mini.image_path(s))), (Query(s.expression),)) for s in mini.samples[:6]]
    plain = mini_mllm.ground(groups)
    forget_computed()
    with OperationCounter() as counter:
        assert mini_mllm.ground(groups) == plain
    forget_computed()
    with FlopCounterMode(display=False) as reference:
        mini_mllm.ground(groups)
    assert counter.total > reference.get_total_flops() > 0

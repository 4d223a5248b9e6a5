"""The paper's figures, looked up by what they are of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from finecops.evaluation.paper import PaperMethod, beside_paper, model_names, paper_figures
from finecops.evaluation.results import PaperFigure
from finecops.metrics.values import MetricValue, Subset


def value(figures: Iterable[PaperFigure], metric: str, **of: Any) -> float:
    (figure,) = [f for f in figures if f.metric == metric and f.subset == Subset(**of)]
    return figure.value


@pytest.mark.parametrize(
    ("model", "method", "focus", "metric", "of", "printed"),
    [
        ("Qwen2-VL-7B", "alone", False, "precision@1", {}, 73.09),
        ("Qwen2-VL-7B", "alone", False, "precision@1", {"level": 3}, 60.72),
        ("Qwen2-VL-7B", "alone", False, "precision@1", {"router_level": 2}, 65.74),
        ("Qwen2-VL-7B", "alone", True, "precision@1", {}, 75.03),
        ("Qwen2-VL-7B", "sfa", True, "precision@1", {}, 75.61),
        ("Qwen2-VL-7B", "sfa", False, "precision@1", {"router_level": 1}, 81.2),
        ("Qwen2-VL-7B", "crs", False, "precision@1", {}, 78.33),
        ("MM-GDINO-L", "alone", False, "recall@1", {"kind": "text", "type": "swap_object", "level": 2}, 48.19),
        ("MM-GDINO-L", "alone", False, "recall@1", {"kind": "image", "type": "mean of columns"}, 52.89),
        ("MM-GDINO-T", "alone", False, "precision@1", {}, 58.87),
    ],
)
def test_figures(model: str, method: PaperMethod, focus: bool, metric: str, of: dict[str, Any], printed: float) -> None:
    assert value(paper_figures("finecops-ref", model, method, focus), metric, **of) == printed


def test_other_datasets_and_models_have_what_the_paper_has_and_no_more() -> None:
    assert value(paper_figures("ref-adv", "CogVLM", "sfa"), "precision@1") == 78.13
    assert paper_figures("finecops-mini", "Qwen2-VL-7B") == []
    assert paper_figures("finecops-ref", "nobody") == []
    assert "Qwen2-VL-7B" in model_names()


def test_differences() -> None:
    papers = paper_figures("finecops-ref", "MM-GDINO-T")
    ours = [
        MetricValue(metric="precision@1", value=60.0, n=10),
        MetricValue(metric="precision@1", value=1.0, n=10, arithmetic="reference"),
        MetricValue(metric="precision@5", value=90.0, n=10),
    ]
    (row,) = beside_paper(ours, papers)
    assert row.difference == pytest.approx(60 - 58.87)

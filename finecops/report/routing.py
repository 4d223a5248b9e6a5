"""Threshold sweeps, as tables and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from finecops.evaluation.sweep import Sweep
from finecops.metrics.routing import Rule
from finecops.report.document import Cell, Column, Document, Table


def sweep_document(found: Mapping[Path, Sweep]) -> Document:
    """Sweeps by run for every writer; the rows have every rule."""
    data: dict[str, JsonValue] = {str(folder): sweep.model_dump(mode="json") for folder, sweep in found.items()}
    rows: list[dict[str, JsonValue]] = []
    for folder, sweep in found.items():
        for result in sweep.model_dump(mode="json")["rules"]:
            # CSV has one level, so the rule's thresholds become columns.
            rows.append({"run": str(folder), **result.pop("rule"), **result})
    tables = [sweep_table(folder, sweep) for folder, sweep in found.items()]
    return Document(tables, data=data, rows=rows, leading=tuple(rows[0]) if rows else ())


def sweep_table(folder: Path, found: Sweep) -> Table:
    """The Pareto front of the threshold sweep, between the pathways alone and the oracle."""

    def row(label: str, rule: Rule | None, to_mllm: float, gflops: float | None, precision: float) -> tuple[Cell, ...]:
        thresholds: tuple[Cell, ...] = ("", "", "", "")
        if rule is not None:
            thresholds = (rule.score_threshold, rule.nms_iou, rule.zero_is, rule.min_confidence)
        return (label, *thresholds, to_mllm, gflops, precision, found.oracle.precision_at_1 - precision)

    costs = found.gflops_per_sample
    rows = [
        row(
            "specialist alone",
            rule=None,
            to_mllm=0.0,
            gflops=costs.specialist if costs else None,
            precision=found.specialist,
        )
    ]
    rows += [
        row("rule", rule=r.rule, to_mllm=r.to_mllm, gflops=r.gflops, precision=r.precision_at_1) for r in found.front
    ]
    rows.append(row("MLLM alone", rule=None, to_mllm=100.0, gflops=costs.mllm if costs else None, precision=found.mllm))
    best = found.oracle
    rows.append(
        row(
            "oracle (on positives)",
            rule=None,
            to_mllm=best.to_mllm_of_positives,
            gflops=None,
            precision=best.precision_at_1,
        )
    )
    header = (
        Column("", side="left"),
        *(Column(title, "g") for title in ("score >", "NMS", "zero is", "confidence >=")),
        Column("to MLLM %"),
        Column("GFLOP/sample", ".4g"),
        Column("precision@1"),
        Column("regret"),
    )
    return Table(f"{folder}: the best of {len(found.rules)} routing rules at every cost", header, tuple(rows))

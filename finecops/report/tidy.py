"""Results for programs: one flat row per number, and documents. Stable for scripts; docs: `docs/metrics.md`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from finecops.evaluation.results import Evaluation, MethodResult
from finecops.metrics.values import SUBSET_FIELDS
from finecops.report.document import Document
from finecops.report.tables import evaluation_tables

VERSION: Final = 1
LEADING: Final = ("run", "method", "metric", *SUBSET_FIELDS, "value", "n")
"""The first columns of the CSV."""

JsonObject = dict[str, JsonValue]


def evaluation_document(evaluations: Sequence[Evaluation], full: bool = False) -> Document:
    """Evaluations for every writer; `full` says what their tables show."""
    rows = tidy_rows(evaluations)
    return Document(evaluation_tables(evaluations, full), data=tidy(evaluations, rows), rows=rows, leading=LEADING)


def tidy_rows(evaluations: Sequence[Evaluation]) -> list[JsonObject]:
    """Every value of every method, with `run` and `method`, then the paper's figures with `source`."""
    rows: list[JsonObject] = []
    for evaluation in evaluations:
        for method in evaluation.methods:
            named: JsonObject = {"run": evaluation.title, "method": method.stage}
            rows += [named | value.model_dump(mode="json") for value in method.values]
            rows += [named | _figure(figure.model_dump(mode="json")) for figure in method.paper or ()]
    return rows


def _figure(row: JsonObject) -> JsonObject:
    return {"metric": row.pop("metric"), **row, "source": "paper"}


def tidy(evaluations: Sequence[Evaluation], rows: Sequence[JsonObject]) -> JsonObject:
    """The document of some evaluations.

    Where there is one list of predictions, `outcomes` and `absent` are its own; else they are by method, and by run if
    there are several.
    """
    outcomes: JsonObject = {e.title: {m.stage: _outcomes(m) for m in e.methods} for e in evaluations}
    absent: JsonObject = {e.title: {m.stage: dict(m.absent) for m in e.methods} for e in evaluations}
    return {
        "version": VERSION,
        "rows": list(rows),
        "outcomes": _innermost(outcomes),
        "absent": _innermost(absent),
        "runs": {evaluation.title: _about(evaluation) for evaluation in evaluations},
    }


def _innermost(by_run: JsonObject) -> JsonValue:
    """Without the level of runs if there is one run, and of methods if it has one method."""
    if len(by_run) != 1:
        return by_run
    (by_method,) = by_run.values()
    assert isinstance(by_method, dict)
    return next(iter(by_method.values())) if len(by_method) == 1 else by_method


def _outcomes(method: MethodResult) -> JsonObject:
    found = method.outcomes
    return (
        {**found.together, "positive": dict(found.positive), "negative": dict(found.negative)} if found.positive else {}
    )


def _about(evaluation: Evaluation) -> JsonObject:
    """Everything of an evaluation but its values."""
    # Values are in `rows`; ledgers are by method here, where scripts of version 1 look for them.
    found: JsonObject = evaluation.model_dump(mode="json", exclude={"version", "title", "methods"})
    ledgers = {m.stage: m.ledger for m in evaluation.methods if m.ledger is not None}
    return found | {"ledgers": {stage: dict(entries) for stage, entries in ledgers.items()}}

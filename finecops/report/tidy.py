"""Evaluations for programs: tidy rows as JSON or CSV. The same numbers as in the tables."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

LEADING = ("run", "method", "metric", "kind", "type", "level", "router_level", "tuple_type", "value", "n")


def tidy(results: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Results of `evaluate_run` or `evaluate_file`, each with its title, as one document.

    `rows` has every value of every method, with `run` and `method`. Where there is one list of predictions,
    `outcomes` and `absent` are its own; else they are by method, and by run if there are several.
    """
    rows: list[dict[str, Any]] = []
    found: list[tuple[str, str, dict[str, Any]]] = [
        (title, method, evaluation) for title, result in results for method, evaluation in result["methods"].items()
    ]
    for title, method, evaluation in found:
        named = {"run": title, "method": method}
        rows += [named | row for row in evaluation["rows"]]
        rows += [named | row | {"source": "paper"} for row in evaluation.get("paper", ())]
    document: dict[str, Any] = {"rows": rows}
    for key in ("outcomes", "absent"):
        if len(found) == 1:
            document[key] = found[0][2][key]
        elif len(results) == 1:
            document[key] = {method: evaluation[key] for _, method, evaluation in found}
        else:
            document[key] = {
                title: {method: evaluation[key] for method, evaluation in result["methods"].items()}
                for title, result in results
            }
    document["runs"] = {
        title: {key: value for key, value in result.items() if key != "methods"}
        | {"ledgers": {name: e["ledger"] for name, e in result["methods"].items() if "ledger" in e}}
        for title, result in results
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def as_json_text(results: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """The document as JSON; what is infinite or not a number is null."""
    return json.dumps(tidy(results), indent=1, allow_nan=False)


def as_csv_text(results: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """The rows as CSV with a header; None is empty."""
    rows = tidy(results)["rows"]
    columns = [*LEADING, *sorted({key for row in rows for key in row} - set(LEADING))]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""Charts as data for other programs: CSV rows, one a point, and JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict

from pydantic import JsonValue

from finecops.report.charts.chart import Chart

COLUMNS = ("series", "name", "x", "y", "low", "high", "n", "base")


def chart_rows(chart: Chart) -> list[dict[str, JsonValue]]:
    """A row a point; `name` is that of a bar, `x` is empty there. What is not there is None."""
    rows: list[dict[str, JsonValue]] = []
    for series in chart.series:
        for point in series.points:
            name = chart.x.names[int(point.x)] if chart.x.names else None
            values: dict[str, JsonValue] = dict(point._asdict())
            x = None if chart.x.names else point.x
            rows.append({"series": series.name, "name": name, **values, "x": x})
    return rows


def chart_csv(chart: Chart) -> str:
    """The points as CSV with a heading."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(chart_rows(chart))
    return text.getvalue()


def chart_json(chart: Chart) -> dict[str, JsonValue]:
    """All of a chart; a point is an object."""
    found: dict[str, JsonValue] = asdict(chart)
    # A named tuple would be a list without names.
    found["series"] = [asdict(s) | {"points": [dict(p._asdict()) for p in s.points]} for s in chart.series]
    return found

"""Charts and pictures as files of a folder, in any of five formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from finecops.errors import UsageError
from finecops.report.charts.chart import Chart
from finecops.report.charts.data import chart_csv, chart_json
from finecops.report.charts.figure_6 import Picture
from finecops.report.charts.plot import save_figure
from finecops.report.charts.svg import svg_file, svg_panels


def _text(make: Callable[[Chart], str]) -> Callable[[Chart, Path], None]:
    def write(chart: Chart, path: Path) -> None:
        path.write_text(make(chart), encoding="utf-8", newline="")

    return write


def _drawn(chart: Chart, path: Path) -> None:
    save_figure([chart], path)


FORMATS: Final[Mapping[str, Callable[[Chart, Path], None]]] = {
    "png": _drawn,
    "pdf": _drawn,
    "svg": _text(lambda chart: f"{svg_file(chart)}\n"),
    "csv": _text(chart_csv),
    "json": _text(lambda chart: f"{json.dumps(chart_json(chart), ensure_ascii=False, indent=1)}\n"),
}
"""The formats that `--as` of `finecops figures` can name. PNG and PDF need the extra `plot`."""


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """The formats, each once.

    Raises:
        UsageError: one is unknown, or there is none.
    """
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise UsageError(f"unknown format {', '.join(unknown) or '(none)'}; there are: {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(names))


def write_chart(chart: Chart, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write a chart as `<name>.<format>` into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in formats:
        path = folder / f"{chart.name}.{name}"
        FORMATS[name](chart, path)
        paths.append(path)
    return paths


def save_panels(charts: Sequence[Chart], path: Path) -> None:
    """Write several charts as one picture: .svg without any extra, .png or .pdf with matplotlib.

    Raises:
        UsageError: the path has another suffix.
        ConfigError: matplotlib is not installed, and it is needed.
    """
    if path.suffix.lower() != ".svg":
        save_figure(charts, path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{svg_panels(charts)}\n", encoding="utf-8", newline="")


def write_picture(picture: Picture, name: str, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write a picture as PNG and PDF, and what is on it as CSV and JSON. It is none for SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending in formats:
        path = folder / f"{name}.{ending}"
        if ending == "svg":
            continue
        if ending in ("png", "pdf"):
            picture.pixels.save(path)
        else:
            rows = picture.rows
            written = _csv(rows) if ending == "csv" else f"{json.dumps(rows, ensure_ascii=False, indent=1)}\n"
            path.write_text(written, encoding="utf-8", newline="")
        paths.append(path)
    return paths


def _csv(rows: Sequence[Mapping[str, JsonValue]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: json.dumps(v) if isinstance(v, list) else v for key, v in row.items()} for row in rows)
    return text.getvalue()

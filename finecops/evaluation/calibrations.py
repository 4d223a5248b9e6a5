"""`calibration.json`: the maps that were fitted on another split, saved with the run they were applied to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from finecops.metrics.calibration import Calibration
from finecops.records import Record
from finecops.runs.jsonl import write_json_atomically


class Calibrations(Record):
    """Maps by method."""

    fitted_on: str
    """The run that they were fitted on."""
    methods: dict[str, Calibration]


def save_calibrations(path: Path, fitted_on: str, calibrations: Mapping[str, Calibration]) -> None:
    """Write the maps of some methods as JSON."""
    content = Calibrations(fitted_on=fitted_on, methods=dict(calibrations))
    write_json_atomically(path, content.model_dump(mode="json"))

"""`calibration.json`: the maps that were fitted on another split, saved with the run they were applied to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from finecops.errors import DataError
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


def load_calibrations(path: Path) -> dict[str, Calibration]:
    """Read what `save_calibrations` wrote.

    Raises:
        DataError: the file is no such file.
    """
    try:
        return Calibrations.model_validate_json(path.read_bytes()).methods
    except (OSError, ValidationError) as error:
        # The first fault is enough: the file is written by finecops alone.
        first = error.errors(include_url=False)[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise DataError(f"{path} is no calibration: {first}") from error

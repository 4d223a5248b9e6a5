"""What `finecops report` is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field, model_validator

from finecops.errors import UsageError
from finecops.evaluation.settings import MetricSettings, RunFolder

MAX_MB: Final = 10.0


class ReportSettings(MetricSettings):
    """A report on one run or several."""

    runs: tuple[str, ...] = ()
    """`RUN` or `RUN:METHOD`; the newest run if none is named."""
    reference: RunFolder | None = None
    """The run that the others are compared with; the first if none is named."""
    val: RunFolder | None = None
    """A run of the same models on another split, for calibrated scores."""
    images: Path | None = None
    """A folder or zip file of the images, if they are not where the run read them."""
    out: Path | None = None
    copy_images: bool = False
    """Whether images go into the report's folder."""
    single: bool = False
    """Whether the report is one file."""
    max_mb: float | None = Field(default=None, gt=0)
    """The size of the one file, in 10**6 bytes; None: `MAX_MB`."""
    command: str = ""
    """What the user typed, for the foot of the page."""

    @model_validator(mode="after")
    def _fits(self) -> ReportSettings:
        # Before a run is read: that can take a minute.
        if self.single and self.copy_images:
            raise UsageError("--copy-images is for a folder; with --single images are in the file anyway")
        if not self.single and self.max_mb is not None:
            raise UsageError("--max-mb goes with --single")
        if self.paper_row is not None and not self.paper:
            raise UsageError("--paper-row goes with --paper")
        if self.single and self.out is not None and self.out.suffix.lower() not in (".html", ".htm"):
            raise UsageError(f"--out {self.out}: with --single it is a file, and ends in .html")
        if not self.single and self.out is not None and self.out.suffix.lower() in (".html", ".htm"):
            raise UsageError(f"--out {self.out}: a report is a folder; --single writes one file")
        return self

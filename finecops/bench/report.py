"""`finecops bench report`: the time of writing a report on a large run, and of looking at it in a browser."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from finecops.bench.browser import ReportTimes, time_report
from finecops.bench.processes import run_process
from finecops.bench.synthetic import Counts
from finecops.bench.synthetic_run import write_synthetic_run
from finecops.errors import FinecopsError, first_line
from finecops.report.page.folder import PAGE, size_of


@dataclass(frozen=True)
class WrittenReport:
    """How a report was written.

    Attributes:
        page: the file to open.
        samples: of the run.
        seconds: of the whole process, the fastest of some.
        cpu_seconds: of that process, the least of some.
        peak_mib: the highest memory of any of them.
        size: bytes of the folder.
    """

    page: Path
    samples: int
    seconds: float
    cpu_seconds: float
    peak_mib: float
    size: int


def time_writing(folder: Path, counts: Counts, repeats: int = 1) -> WrittenReport:
    """Write a drawn run, and time `finecops report` on it.

    Args:
        folder: gets run, images and report.
        counts: how many samples of each kind.
        repeats: runs of the command; the fastest counts.

    Raises:
        RunError: a process fails.
    """
    run = write_synthetic_run(folder, counts)
    out = folder / "report"
    # A process of its own: imports are a part of what a user waits for.
    command = [sys.executable, "-m", "finecops", "report", str(run), "--out", str(out)]
    ended = [run_process(command) for _ in range(repeats)]
    return WrittenReport(
        page=out / PAGE,
        samples=counts.rows,
        seconds=min(process.seconds for process in ended),
        cpu_seconds=min(process.cpu_seconds for process in ended),
        peak_mib=max(process.peak_mib for process in ended),
        size=size_of(out),
    )


def time_looking(page: Path, repeats: int) -> ReportTimes:
    """Time the page in Chromium without a window.

    Raises:
        ConfigError: there is no Chromium, or Playwright is not installed.
        FinecopsError: the page does not come to what is timed.
    """
    try:
        from playwright.sync_api import Error
    except ImportError:
        # `time_report` says it.
        return time_report(page, repeats)
    try:
        return time_report(page, repeats)
    except Error as error:
        raise FinecopsError(f"{page} in Chromium: {first_line(error)}") from error

"""`finecops figures`: from the runs that a user names to files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from finecops.errors import UsageError
from finecops.evaluation.reading import RunData
from finecops.evaluation.runs import evaluate_run, refuse_itself
from finecops.evaluation.settings import MetricSettings, RunFolder, Settings, named_or_newest
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.report.charts import figure_6
from finecops.report.charts.chart import Missing
from finecops.report.charts.computed import COMPUTED
from finecops.report.charts.files import check_formats, write_chart, write_picture
from finecops.report.charts.runs import CHARTS, run_charts
from finecops.report.charts.subject import ChartRun
from finecops.runs.folder import OUTPUTS, images_of_run

log = logging.getLogger(__name__)

NAMES = (*CHARTS, figure_6.NAME, *COMPUTED)
"""All that `--only` can name."""
_LARGE = 5000
"""Samples, from which on somebody waits long enough to wonder."""


def _listed(value: str | Sequence[str] | None) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value or ()
    return tuple(name.strip() for name in names if name.strip())


def _known(value: str | Sequence[str] | None) -> tuple[str, ...]:
    names = _listed(value)
    unknown = [name for name in names if name not in NAMES]
    if unknown or (value is not None and not names):
        raise UsageError(f"unknown figure {', '.join(unknown) or '(none)'}; there are: {', '.join(NAMES)}")
    return names


def _formats(value: str | Sequence[str]) -> tuple[str, ...]:
    return check_formats(_listed(value))


class FigureSettings(Settings):
    """Which figures, of which runs, as what, and where."""

    runs: tuple[RunFolder, ...] = ()
    """The newest if none is named."""
    out: Path | None = None
    only: Annotated[tuple[str, ...], BeforeValidator(_known)] = ()
    """Names in `NAMES`; if there is none, all but the computed ones."""
    as_: Annotated[tuple[str, ...], BeforeValidator(_formats)] = ("png", "pdf", "csv")
    """Names in `finecops.report.charts.files.FORMATS`."""
    val: RunFolder | None = None
    """A run of the same models on another split, to calibrate scores on."""
    iou: float = IOU_THRESHOLD
    images: Path | None = None
    """A folder or zip file of the images, if they are not where the runs had them."""

    @property
    def without_runs(self) -> bool:
        """Whether nothing is asked for that needs a run."""
        return bool(self.only) and set(self.only) <= COMPUTED.keys()

    @property
    def folder(self) -> Path:
        """Where files go: the folder of the run, or a folder beside those of several."""
        if self.without_runs:
            return self.out or OUTPUTS / "figures"
        runs = named_or_newest(self.runs)
        if self.out is not None:
            return self.out
        joined = "-and-".join(run.name for run in runs)
        # A folder's name has at most 255 bytes.
        return runs[0] / "figures" if len(runs) == 1 else runs[0].parent / f"figures-{joined}"[:120]


def make_figures(settings: FigureSettings) -> Iterator[Path | Missing]:
    """Write the figures, and give each file as soon as it is there, or what could not be drawn.

    Raises:
        RunError: a run is none, has no answers or was changed.
        UsageError: a run is named twice, or for figures that need none.
        ConfigError: matplotlib is not installed, and PNG or PDF is asked for.
    """
    if settings.without_runs and (settings.runs or settings.val or settings.images):
        raise UsageError(f"{', '.join(settings.only)}: computed from shapes; runs, --val and --images have no use")
    for name in settings.only:
        if name in COMPUTED:
            yield from write_chart(COMPUTED[name](), settings.folder, settings.as_)
    if settings.without_runs:
        return
    folders, out = named_or_newest(settings.runs), settings.folder
    if len(set(map(Path.resolve, folders))) < len(folders):
        raise UsageError("a run is named twice")
    runs = list(_read(folders, settings))
    wanted = [name for name in CHARTS if not settings.only or name in settings.only]
    if wanted:
        drawn = run_charts(runs, wanted)
        for chart in drawn.charts:
            yield from write_chart(chart, out, settings.as_)
        yield from drawn.missing
    if not settings.only or figure_6.NAME in settings.only:
        yield from _figure_6(runs, settings, out)


def _read(folders: Sequence[Path], settings: FigureSettings) -> Iterator[ChartRun]:
    metrics = MetricSettings(metrics=("p1", "r1"), iou=settings.iou, intervals=True)
    val = RunData(settings.val) if settings.val is not None else None
    last = [folder.name for folder in folders]
    names = last if len(set(last)) == len(last) else list(map(str, folders))
    for name, folder in zip(names, folders):
        refuse_itself(settings.val, folder)
        run = RunData(folder)
        if len(run.samples) > _LARGE:
            log.info("%s: numbers with intervals; of a large run this takes a minute", folder)
        # metrics.json has what the last evaluation was asked for; figures need other metrics.
        yield ChartRun(name, run, evaluate_run(run, metrics, write=False), val, settings.iou)


def _figure_6(runs: Sequence[ChartRun], settings: FigureSettings, out: Path) -> Iterator[Path | Missing]:
    """The picture of the first run that it can be made of."""
    reasons: list[Missing] = []
    for run in runs:
        found = figure_6.figure_6(run.run, images_of_run(run.run.manifest, settings.images), settings.iou)
        if isinstance(found, Missing):
            reasons.append(found)
            continue
        written = write_picture(found, figure_6.NAME, out, settings.as_)
        yield from written
        if not written:
            yield Missing(figure_6.NAME, figure_6.TITLE, "it is a picture, and none as SVG")
        return
    yield reasons[0]

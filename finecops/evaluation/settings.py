"""The settings of evaluation, validated: one frozen record from the command line to the arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from finecops.datasets.conventions import CONVENTIONS
from finecops.datasets.formats import FORMAT_OF_SUFFIX
from finecops.errors import UsageError
from finecops.exchange.formats import FORMATS
from finecops.metrics.dictionary import METRICS, check_metrics
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.metrics.values import Cluster
from finecops.names import no_such, unknown_name

Compat = Literal["none", "reference", "both"]
S = TypeVar("S", bound="Settings")


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    # The command line gives one text, Python code a list of names.
    names = value.split(",") if isinstance(value, str) else value
    return check_metrics(name.strip() for name in names if name.strip())


def _one_of(what: str, there: Sequence[str]) -> BeforeValidator:
    """Refuses another value with the list of what there is."""

    def check(value: str) -> str:
        if value not in there:
            raise UsageError(unknown_name(what, value, there))
        return value

    return BeforeValidator(check)


def _folder(name: str | Path) -> Path:
    """A run by its name or by its folder."""
    # Imported late: scoring a file needs no run folders.
    from finecops.runs.folder import run_folder

    return name if isinstance(name, Path) else run_folder(name)


def _known_format(name: str | None) -> str:
    if name not in FORMATS:
        problem = f"unknown format {name!r}" if name else "a prediction file needs --format"
        raise UsageError(no_such(problem, name or "", FORMATS))
    return name


def _known_boxes(name: str | None) -> str | None:
    if name is not None and name not in CONVENTIONS:
        raise UsageError(unknown_name("convention of boxes", name, CONVENTIONS))
    return name


def _several(value: object) -> object:
    # An option that was not given is None, and one of a command that takes it once is no list.
    return () if value is None else [value] if isinstance(value, str | Path) else value


_SEVERAL = BeforeValidator(_several)
RunFolder = Annotated[Path, BeforeValidator(_folder)]


ClusterName = Annotated[Cluster, _one_of("cluster", get_args(Cluster))]
CompatName = Annotated[Compat, _one_of("arithmetic", get_args(Compat))]


class Settings(BaseModel):
    """Base: frozen, and strict about keys.

    Raises:
        UsageError: a choice is unknown.
    """

    # A command uses one or two of the subclasses; the others are never built.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def of(cls: type[S], arguments: Mapping[str, object]) -> S:
        """From a command's arguments (its `locals()`), of which each kind of settings takes its own."""
        return cls.model_validate({name: arguments[name] for name in cls.model_fields if name in arguments})


class MetricSettings(Settings):
    """Which numbers, and how."""

    metrics: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(default_factory=lambda: tuple(METRICS))
    """Names in `finecops.metrics.dictionary`; a text has commas between them."""
    iou: float = IOU_THRESHOLD
    """A box is right above this IoU."""
    intervals: bool = False
    """Whether values carry 95% bootstrap intervals."""
    cluster: ClusterName = "positive"
    """What a bootstrap draws together."""
    compat: CompatName = "none"
    """The arithmetic: that of finecops (`none`), that of the paper's scripts, or one after the other."""
    paper: bool = False
    """Whether the paper's figures are given too."""
    paper_row: str | None = None
    """The model's row in the paper, instead of its configuration's."""

    def only(self, names: Sequence[str]) -> MetricSettings:
        """The same with other metrics and without intervals."""
        return self.model_copy(update={"metrics": tuple(names), "intervals": False})


class EvalSettings(MetricSettings):
    """Evaluating runs."""

    runs: tuple[RunFolder, ...] = ()
    """The newest if none is named."""
    val: RunFolder | None = None
    """A run of the same models on another split: scores are calibrated and operating points chosen there."""


class ScoreSettings(MetricSettings):
    """Scoring a prediction file without a run."""

    annotations: tuple[Path, ...]
    boxes: Annotated[str | None, BeforeValidator(_known_boxes)] = None
    """What the numbers of a box mean in annotation files of rows."""
    predictions: Path
    format: Annotated[str, BeforeValidator(_known_format)]
    """A name in `finecops.exchange.formats.FORMATS`."""
    box_format: str | None = None
    score: str | None = None
    ignore_unknown: bool = False
    """Leave out rows whose id is not annotated."""
    val_annotations: tuple[Path, ...] | None = None
    val_predictions: Path | None = None
    """The same of another split: scores are calibrated and operating points chosen there."""

    @model_validator(mode="after")
    def _has_pairs(self) -> ScoreSettings:
        if bool(self.val_annotations) != (self.val_predictions is not None):
            raise UsageError("--val-annotations and --val-predictions go together")
        rows = [path for path in self.annotations if path.suffix.lower() in FORMAT_OF_SUFFIX]
        if rows and self.compat != "none":
            raise UsageError(f"--compat {self.compat}: the paper's scripts read COCO files, not {rows[0].name}")
        if self.boxes is not None and not rows:
            raise UsageError("--boxes goes with --annotations FILE.jsonl or FILE.csv")
        return self


class FileSettings(Settings):
    """How prediction files among the things that a user names are read."""

    annotations: Annotated[tuple[Path, ...], _SEVERAL] = ()
    """The annotation files that they answer."""
    boxes: Annotated[str | None, BeforeValidator(_known_boxes)] = None
    """What the numbers of a box mean in annotation files of rows."""
    format: Annotated[tuple[Annotated[str, BeforeValidator(_known_format)], ...], _SEVERAL] = ()
    """Names in `finecops.exchange.formats.FORMATS`: one for all files, or one for each."""
    box_format: Annotated[tuple[str, ...], _SEVERAL] = ()
    """How a model writes boxes, for the formats that need it: one for all such files, or one for each."""
    score: Annotated[tuple[str, ...], _SEVERAL] = ()
    """The field of the scores, for the formats that may need it: one for all such files, or one for each."""
    ignore_unknown: bool = False
    """Leave out rows whose id is not annotated."""

    @model_validator(mode="after")
    def _has_rows(self) -> FileSettings:
        rows = [path for path in self.annotations if path.suffix.lower() in FORMAT_OF_SUFFIX]
        if self.boxes is not None and not rows:
            raise UsageError("--boxes goes with --annotations FILE.jsonl or FILE.csv")
        return self

    @property
    def given(self) -> list[str]:
        """What was set, as options are written."""
        return [f"--{name.replace('_', '-')}" for name in FileSettings.model_fields if getattr(self, name)]


class CompareSettings(FileSettings):
    """Comparing runs, or methods of any kind."""

    runs: tuple[Annotated[str, BeforeValidator(str)], ...] = ()
    """Each a run, a method of a run, or a prediction file (`finecops.evaluation.sources`). The newest run if none."""
    iou: float = IOU_THRESHOLD
    cluster: ClusterName = "positive"


class SweepSettings(Settings):
    """Sweeping the routing rules of runs."""

    runs: tuple[RunFolder, ...] = ()


class GainSettings(Settings):
    """Measuring the gains of runs."""

    runs: tuple[RunFolder, ...] = ()
    """About the same samples; the newest if none is named."""
    iou: float = IOU_THRESHOLD
    cluster: ClusterName = "positive"


def named_or_newest(runs: Sequence[Path]) -> Sequence[Path]:
    """The runs, or the newest below `outputs/`.

    Raises:
        RunError: there is none.
    """
    from finecops.runs.folder import newest_run

    return runs or [newest_run()]

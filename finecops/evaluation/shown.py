"""What `finecops show` looks at: the samples of a run or of a prediction file, chosen by conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from finecops.datasets.image_place import ImageFolders, check_place
from finecops.errors import RunError
from finecops.evaluation.cases import Case, Cases, MethodAnswers
from finecops.evaluation.filters import CaseFilter, check_filter, matching, why_none
from finecops.evaluation.settings import FileSettings
from finecops.evaluation.sources import Source, method_key, resolve
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.runs.folder import images_of_run, newest_run


def _listed(value: object) -> object:
    return () if value is None else value


class ShowSettings(FileSettings):
    """Which samples are shown, and where their images are."""

    source: str | None = None
    """A run, `RUN:METHOD` (whose answers `wrong`, `failed` and `unparsed` look at), or a prediction file."""
    samples: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    wrong: bool = False
    failed: bool = False
    unparsed: bool = False
    right: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    disagree: bool = False
    level: Annotated[tuple[int, ...], BeforeValidator(_listed)] = ()
    type: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    kind: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    limit: int = 50
    """So many are drawn; 0: all."""
    iou: float = IOU_THRESHOLD
    images: Path | None = None
    """A folder or zip file of the images."""


@dataclass(frozen=True)
class Shown:
    """The samples that are to be drawn.

    Attributes:
        source: where they come from.
        methods: every method of the run, or the file.
        cases: the samples, as many as the limit allows.
        matched: how many met the conditions.
        asked: how many there are.
        images: where images are looked up; None: nowhere.
    """

    source: Source
    methods: Sequence[MethodAnswers]
    cases: Sequence[Case]
    matched: int
    asked: int
    images: ImageFolders | None


def choose_cases(settings: ShowSettings) -> Shown:
    """Choose samples.

    Raises:
        UsageError: a method, a kind, a level or a type is none of the source's.
        RunError: no sample meets the conditions, or an id is no sample's.
        DataError: the images' place is neither a folder nor a zip file.
    """
    source = resolve(settings.source or str(newest_run()), settings)
    looked_at = frozenset(method.key for method in source.methods) if source.named else frozenset[str]()
    # A picture has every method's box, whichever the conditions look at.
    whole = resolve(str(source.place)) if source.named else source
    images = _images(whole, settings)
    cases = Cases(whole.samples, whole.methods, settings.iou, whole.run)
    wanted = CaseFilter(
        ids=frozenset(settings.samples),
        looked_at=looked_at,
        wrong=settings.wrong,
        failed=settings.failed,
        unparsed=settings.unparsed,
        right=tuple(method_key(whole, name) for name in settings.right),
        disagree=settings.disagree,
        levels=frozenset(settings.level),
        types=settings.type,
        kinds=settings.kind,
    )
    check_filter(wanted, cases)
    found = matching(cases, wanted)
    if not found:
        raise RunError(f"{whole.place}: {why_none(cases, wanted)}")
    drawn = found[: settings.limit] if settings.limit else found
    return Shown(whole, whole.methods, drawn, matched=len(found), asked=len(cases), images=images)


def _images(source: Source, settings: ShowSettings) -> ImageFolders | None:
    if source.run is not None:
        return images_of_run(source.run.manifest, settings.images)
    place = check_place(settings.images.expanduser().absolute()) if settings.images is not None else None
    # As `score` reads annotations: images lie beside the file, or in `images/`.
    root = settings.annotations[0].parent if settings.annotations else source.place.parent
    return ImageFolders(root, (".", "images"), place)

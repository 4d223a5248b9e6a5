"""`finecops report`: from what is asked to a folder or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from finecops.evaluation.results import Evaluation
from finecops.records import Sample
from finecops.report.gallery import Gallery, Opening, gallery
from finecops.report.page.content import Content
from finecops.report.page.drawings import drawings_of
from finecops.report.page.folder import (
    PAGE,
    check_replaceable,
    check_replaceable_file,
    new_report_folder,
    size_of,
    write_report_file,
)
from finecops.report.page.html import folder_page, single_page
from finecops.report.page.images import MakeUrl, PageImages, copying, inline, linking
from finecops.report.page.provenance import provenance
from finecops.report.page.sections import charts_section, sections_of
from finecops.report.page.settings import MAX_MB, ReportSettings
from finecops.report.page.single import fit, sentence
from finecops.report.page.subject import Subject, read_subject
from finecops.runs.folder import images_of_run
from finecops.text import counted

_LONGEST_NAME = 120


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Attributes:
        page: the file to open.
        size: bytes of the folder, or of the file.
        shown: how many samples are in its gallery.
        samples: of how many.
        missing: images that it cannot show → the reason.
        problems: what was wrong in the runs' files.
    """

    page: Path
    size: int
    shown: int
    samples: int
    missing: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def write_report(settings: ReportSettings) -> Written:
    """Write a report on one run or several.

    Raises:
        UsageError: what is asked contradicts itself.
        RunError: a run has no answers or was changed, the place holds something else, or the limit is too small.
        DataError: `images` is neither a folder nor a zip file.
    """
    if settings.out is not None:
        # Before anything is read: a large run takes seconds.
        (check_replaceable_file if settings.single else check_replaceable)(settings.out)
    subject = read_subject(settings)
    out = settings.out or default_place(subject, settings.single)
    return _write_file(subject, settings, out) if settings.single else _write_folder(subject, settings, out)


def default_place(subject: Subject, single: bool) -> Path:
    """Where a report goes that is given no place: into the folder of the run, or beside those of several."""
    folders = [run.folder for run in subject.runs.values()]
    ending = ".html" if single else ""
    if len(folders) > 1:
        # Methods of the same runs are another report.
        stages = ["" if subject.whole else _stages(subject.evaluations[name]) for name in subject.runs]
        name = "report-" + "-and-".join(folder.name + methods for folder, methods in zip(folders, stages))
        return folders[0].parent / f"{name[:_LONGEST_NAME]}{ending}"
    keys = [method.key for method in subject.cases.methods]
    name = "report" if subject.whole else "-".join(["report", *keys])[:_LONGEST_NAME]
    # Somebody who gets a file sees its name alone.
    return folders[0] / (f"{folders[0].resolve().name}-{name}{ending}" if single else name)


def _stages(evaluation: Evaluation) -> str:
    return "".join(f"-{method.stage}" for method in evaluation.methods)


def _write_folder(subject: Subject, settings: ReportSettings, out: Path) -> Written:
    with new_report_folder(out) as folder:
        copy = copying(folder, before=out)
        images = _images(subject, settings, copy if settings.copy_images else linking(out, copy))
        images.prepare(subject.cases.samples)
        content = replace(_content(subject, settings), gallery_notes=tuple(_images_sentences(settings, images)))
        page = folder_page(content, _gallery(subject, subject.cases.samples, images))
        for name, text in {PAGE: page.html, **page.files}.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            # Line ends as they are: the policy has checksums of texts.
            path.write_text(text, encoding="utf-8", newline="")
    shown = len(subject.cases)
    return Written(out / PAGE, size_of(out), shown, shown, images.missing, _problems(subject))


def _write_file(subject: Subject, settings: ReportSettings, out: Path) -> Written:
    check_replaceable_file(out)
    images = _images(subject, settings, inline)
    total, limit = len(subject.cases), settings.max_mb or MAX_MB
    content = _content(subject, settings)

    def render(samples: Sequence[Sample]) -> bytes:
        notes = (sentence(len(samples), total, limit), *_missing_sentences(images))
        found = _gallery(subject, samples, images) if samples else None
        return single_page(replace(content, gallery_notes=notes), found).encode()

    # All samples may not fit, and nothing is written before it is known what does.
    fitted = fit(subject, images, render, limit)
    write_report_file(out, fitted.content)
    return Written(out, len(fitted.content), fitted.samples, total, images.missing, _problems(subject))


def _images(subject: Subject, settings: ReportSettings, make: MakeUrl) -> PageImages:
    found = (images_of_run(run.manifest, settings.images) for run in subject.runs.values())
    return PageImages([folders for folders in found if folders is not None], make)


def _gallery(subject: Subject, samples: Sequence[Sample], images: PageImages) -> Gallery:
    opening = Opening("cells", *subject.pair) if subject.pair is not None else Opening("cards", *_namesakes(subject))
    cases = subject.cases_of([images.sized(sample) for sample in samples])
    return gallery(cases, images.url, opening, name=_title(subject), problem=images.problem)


def _namesakes(subject: Subject) -> tuple[str, str] | tuple[()]:
    """Of several runs the last method that two of them have, SFA where it is there: what one compares first."""
    first, *others = subject.runs
    keys = {method.key for method in subject.cases.methods}
    for method in reversed(subject.cases.methods):
        own = method.key.removeprefix(f"{first}:")
        for other in others:
            if method.key == f"{first}:{own}" and f"{other}:{own}" in keys:
                return method.key, f"{other}:{own}"
    return ()


def _content(subject: Subject, settings: ReportSettings) -> Content:
    """Everything but the gallery and the sentences above it."""
    charts = charts_section(*drawings_of(subject, settings.val))
    above, below = sections_of(subject, charts)
    return Content(
        title=_title(subject),
        about=tuple(_about(name, found) for name, found in subject.evaluations.items()),
        above=tuple(above),
        below=tuple(below),
        foot=provenance(subject.runs, settings.command),
    )


def _title(subject: Subject) -> str:
    return " and ".join(subject.runs)


def _about(name: str, evaluation: Evaluation) -> str:
    data = evaluation.dataset
    return f"{name}: {data.name}, {data.split}, {counted(data.samples, 'sample')}"


def _images_sentences(settings: ReportSettings, images: PageImages) -> list[str]:
    where = (
        "Images are copies in this folder, which can go anywhere."
        if settings.copy_images
        else "Images are linked from where the dataset keeps them: they are shown as long as neither moves. With "
        "--copy-images they are copied into the folder of the report."
    )
    return [where, *_missing_sentences(images)]


def _missing_sentences(images: PageImages) -> list[str]:
    if not images.missing:
        return []
    first = next(iter(images.missing.values()))
    return [f"{counted(len(images.missing), 'image')} cannot be shown; the first: {first}."]


def _problems(subject: Subject) -> tuple[str, ...]:
    return tuple(problem for evaluation in subject.evaluations.values() for problem in evaluation.problems)

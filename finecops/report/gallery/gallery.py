"""The gallery of a report: markup, styles, the application, and its data as scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal, get_args

from finecops.evaluation.cases import Cases
from finecops.metrics.answers import OUTCOMES
from finecops.records import Sample
from finecops.report.gallery.columns import KINDS, answer_columns, sample_columns
from finecops.report.gallery.details import CHUNK, case_details, chunks_of
from finecops.report.gallery.scripts import data_script

View = Literal["cards", "pairs", "cells"]
SCRIPTS: Final = tuple(
    f"{name}.js"
    for name in (
        "data elements words state filters sorting notes boxes cards pairs list panel cells answers sample keys start"
    ).split()
)
"""The application's files, in the order in which they are joined."""
STYLES: Final = ("gallery.css", "filters.css", "cards.css", "pairs.css", "sample.css")
APPLICATION: Final = "gallery.js"
SAMPLES: Final = "samples.js"
_SAFE_PICTURE = re.compile(r"data:image/(png|jpeg|webp|gif|avif);base64,|(?![a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


@dataclass(frozen=True)
class Opening:
    """What the gallery shows first.

    Attributes:
        view: every sample as a card, pairs of a positive and a negative, or the four cells of two methods.
        a, b: keys of the methods that are compared. None: the first two.
    """

    view: View = "cards"
    a: str | None = None
    b: str | None = None


@dataclass(frozen=True)
class Gallery:
    """The parts of a page. They have no inline handler, no inline style, and ask for nothing of any network.

    Attributes:
        markup: an element for the page's body.
        styles: a style sheet. Its rules are for the element alone.
        scripts: file name → text, to be run in this order after the markup.
        later: file name → text of the files that the application asks for when a sample is opened, from the folder
            that it was loaded from itself. In a page without a folder they are scripts like the others.
    """

    markup: str
    styles: str
    scripts: Mapping[str, str]
    later: Mapping[str, str]


def gallery(
    cases: Cases,
    picture: Callable[[Sample], str | None],
    opening: Opening | None = None,
    name: str = "gallery",
    chunk: int = CHUNK,
    problem: Callable[[Sample], str | None] | None = None,
) -> Gallery:
    """The gallery of some cases.

    Args:
        picture: the URL of a sample's image, relative to the page or `data:`; None: there is no picture. Samples with
            the same URL share it, so a `data:` URL is in the page once.
        opening: what is shown first.
        name: what the notes in the browser are kept for, and the start of the file name that they are exported to.
            Two reports of the same name on one machine share their notes.
        chunk: samples of one file in `later`.
        problem: why a sample has no picture; its grey frame says so.

    Raises:
        ValueError: a picture's URL leads to a network, or `opening` names a method that the cases do not have.
    """
    opening = _checked(opening or Opening(), [method.key for method in cases.methods])
    found = list(cases)
    chunks = chunks_of(cases, chunk)
    chunk_of = {row: number for number, rows in enumerate(chunks) for row in rows}
    pictures, picture_of = _pictures(cases, picture)
    samples, words = sample_columns(cases, found)
    data: dict[str, object] = {
        "name": name,
        "iou": cases.iou,
        "opening": {"view": opening.view, "a": opening.a, "b": opening.b},
        "methods": [{"key": m.key, "label": m.label, "method": m.method} for m in cases.methods],
        "answers": [answer_columns(cases, found, method) for method in cases.methods],
        "outcomes": OUTCOMES,
        "kinds": KINDS,
        "pictures": pictures,
        "problems": _problems(cases, picture_of, problem),
        "columns": {**samples, "picture": picture_of, "chunk": [chunk_of[row] for row in range(len(found))]},
        **words,
    }
    later: dict[str, str] = {}
    for number, rows in enumerate(chunks):
        title = f"details-{number:04d}"
        later[f"{title}.js"] = data_script(title, {str(row): case_details(found[row]) for row in rows})
    return Gallery(
        markup=_asset("gallery.html"),
        styles="".join(map(_asset, STYLES)),
        scripts={APPLICATION: application(), SAMPLES: data_script("samples", data)},
        later=later,
    )


def application() -> str:
    """The application: its files joined, in a function of their own so that the page gets one global name alone."""
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}\n}})();\n'


def _checked(opening: Opening, keys: Sequence[str]) -> Opening:
    for key in (opening.a, opening.b):
        if key is not None and key not in keys:
            raise ValueError(f"no method {key!r}; there are {', '.join(map(repr, keys))}")
    if opening.view not in get_args(View):
        raise ValueError(f"no view {opening.view!r}; there are {', '.join(get_args(View))}")
    return opening


def _asset(name: str) -> str:
    return (resources.files("finecops.report.gallery") / "assets" / name).read_text(encoding="utf-8")


def _problems(
    cases: Cases, picture_of: Sequence[int], problem: Callable[[Sample], str | None] | None
) -> dict[str, str]:
    """Row → why it has no picture, where that is known."""
    if problem is None:
        return {}
    said = {row: problem(cases.samples[row]) for row, picture in enumerate(picture_of) if picture < 0}
    return {str(row): text for row, text in said.items() if text is not None}


def _pictures(cases: Cases, picture: Callable[[Sample], str | None]) -> tuple[list[str], list[int]]:
    """Every URL once, and for each sample which one is its own; -1: none."""
    number_of: dict[str, int] = {}
    numbers = []
    for sample in cases.samples:
        url = picture(sample)
        if url is not None and not _SAFE_PICTURE.match(url):
            raise ValueError(f"the picture of {sample.id!r} is at {url[:80]!r}: neither relative nor an image's data")
        numbers.append(-1 if url is None else number_of.setdefault(url, len(number_of)))
    return list(number_of), numbers

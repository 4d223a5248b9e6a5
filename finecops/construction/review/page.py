"""The page on which a rater votes: one HTML file that works from the file system.

Its parts are those of the report's gallery where they fit. Texts are data: they become text in the page and never
markup. The page's policy lets it load nothing from any network and run its one script alone. Pictures inside the page
are texts until they are shown, so that thousands of them cost little.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final

from finecops.construction.review.votes import REASONS, Vote
from finecops.datasets.dataset import Dataset
from finecops.errors import DataError
from finecops.records import Sample
from finecops.report.gallery.columns import kind_of
from finecops.report.page.html import policy_hash
from finecops.report.page.images import PageImages, inline, linking
from finecops.text import clean_line, printable

GENERATOR: Final = "finecops data review"
"""What the page's head says of who made it: a file without it is not replaced."""
SIDE: Final = 800
"""Pixels of the longer side of a picture inside the page."""
LARGE: Final = 200 * 10**6
"""Bytes of a page that browsers are slow with."""
_HEAD: Final = 2048
_SHARED: Final = ("elements.js", "words.js")
"""Files of the gallery's application that the page uses too."""
_OWN: Final = ("data.js", "votes.js", "picture.js", "sample.js", "actions.js", "keys.js", "start.js")
_SHARED_STYLES: Final = ("gallery.css", "sample.css")


@dataclass(frozen=True)
class PageSettings:
    """How a page is made.

    Attributes:
        rater: the rater's name; None: the page asks.
        link: pictures stay where they are, and the page names their paths; else they are inside it.
        round: 2 and more: about what the raters of the round before did not agree on.
        votes: sample id → votes that are shown beside it.
    """

    rater: str | None = None
    link: bool = False
    round: int = 1
    votes: Mapping[str, Sequence[Vote]] = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the page.
        fingerprint: which samples it has, in which words; votes have it too.
        samples: how many stand on it, and how many pictures they have.
        size: bytes of the file.
        missing: pictures that could not be read → why.
    """

    path: Path
    fingerprint: str
    samples: int
    pictures: int
    size: int
    missing: Mapping[str, str]


def write_page(path: Path, dataset: Dataset, samples: Sequence[Sample], settings: PageSettings) -> Written:
    """Write the page of some samples.

    Args:
        path: the file. Another review's page is replaced, any other file is not.
        dataset: the split, for the positives of negatives and the images.
        samples: what is voted on, in this order. Planted faults are samples like the others.
        settings: the rest.

    Raises:
        DataError: there is another file of that name, or it cannot be written.
    """
    _check_replaceable(path)
    # A picture in a zip file, or of a format that browsers do not show, is inside the page in any case.
    make = partial(inline, side=SIDE)
    images = PageImages([dataset.images], linking(path.parent, make) if settings.link else make)
    positives = _positives_of(samples, dataset)
    images.prepare([*samples, *positives.values()])
    # Two samples of one image share its picture.
    urls = dict.fromkeys(url for sample in (*samples, *positives.values()) if (url := images.url(sample)) is not None)
    number_of = {url: number for number, url in enumerate(urls)}
    # What the application reads; its names are those of assets/data.js.
    page = fingerprint(dataset, samples, settings.round)
    data: dict[str, object] = {
        "name": dataset.config.name,
        "split": dataset.split,
        "sha256": dataset.sha256,
        "page": page,
        "round": settings.round,
        "rater": settings.rater,
        "reasons": [[name, *words] for name, words in REASONS.items()],
        "links": list(urls) if settings.link else None,
        "problems": {name: printable(why) for name, why in images.missing.items()},
        "rows": [_row(sample, positives, images, number_of, settings) for sample in samples],
    }
    second = f", round {settings.round}" if settings.round > 1 else ""
    title = f"Review: {dataset.config.name}, {dataset.split}{second}"
    _write(path, _parts(title, data, () if settings.link else urls))
    return Written(path, page, len(samples), len(urls), path.stat().st_size, images.missing)


def fingerprint(dataset: Dataset, samples: Sequence[Sample], round_: int) -> str:
    """Which samples a page has, in which words and with which boxes: progress is kept for it, and votes name it."""
    shown = [[sample.id, sample.image, sample.expression, sample.truth, sample.box] for sample in samples]
    content = json.dumps([dataset.config.name, dataset.split, dataset.sha256, round_, shown])
    return hashlib.sha256(content.encode()).hexdigest()[:24]


def _positives_of(samples: Sequence[Sample], dataset: Dataset) -> dict[str, Sample]:
    wanted = {sample.positive_id for sample in samples if sample.positive_id is not None}
    return {sample.id: sample for sample in dataset.samples if sample.id in wanted and sample.positive}


def _row(
    sample: Sample,
    positives: Mapping[str, Sample],
    images: PageImages,
    number_of: Mapping[str, int],
    settings: PageSettings,
) -> dict[str, object]:
    negative, positive = sample.negative, positives.get(sample.positive_id or "")
    row = {
        "id": sample.id,
        "kind": kind_of(sample),
        "level": sample.level,
        "tuple_type": _said(sample.tuple_type),
        "negative_type": _said(negative.type) if negative is not None else None,
        "negative_level": negative.level if negative is not None else None,
        **_seen(sample, images, number_of),
        "positive": None if positive is None else _seen(positive, images, number_of),
    }
    # Of a second round: only where somebody asked to see who voted what.
    others = settings.votes.get(sample.id, ())
    said = [vote.model_dump(include={"rater", "verdict", "reason", "text", "note"}) for vote in others]
    return row | ({"votes": said} if said else {})


def _said(word: str | None) -> str | None:
    return None if word is None else printable(word)


def _seen(sample: Sample, images: PageImages, number_of: Mapping[str, int]) -> dict[str, object]:
    """What is looked at: the sentence, the box, and the picture with its size."""
    url, sized = images.url(sample), images.sized(sample)
    return {
        "text": clean_line(sample.expression),
        "box": None if sample.box is None else list(sample.box),
        "picture": None if url is None else number_of[url],
        "picture_of": sample.image,
        "size": [sized.width, sized.height],
    }


def _parts(title: str, data: Mapping[str, object], pictures: Mapping[str, None] | tuple[()]) -> Iterator[str]:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    script = '(() => {\n"use strict";\n' + "\n".join([*map(_shared, _SHARED), *map(_asset, _OWN)]) + "\n})();\n"
    styles = "".join([*map(_shared, _SHARED_STYLES), _asset("review.css")])
    # The browser ends an element at these characters wherever they stand, also inside a text of the script.
    if "</" in styles or "</script" in script.lower() or "<!--" in script:
        raise ValueError("a style sheet or a script would end its element")
    # In parts: thousands of pictures need not be in memory twice.
    environment = Environment(
        loader=PackageLoader("finecops.construction.review", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    # 'self' is nothing for a page from the file system in some browsers; file: is what they understand.
    policy = {
        "default-src": "'none'",
        "img-src": "'self' data: file:" if data["links"] is not None else "data:",
        "script-src": policy_hash(script),
        "style-src": policy_hash(styles),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return environment.get_template("review.html.j2").generate(
        generator=GENERATOR,
        policy="; ".join(f"{key} {value}" for key, value in policy.items()),
        title=printable(title),
        styles=Markup(styles),
        data=data,
        # Behind the comma of a data URL stands the picture; what is before it is the same for all.
        pictures=(url.partition(",")[2] for url in pictures),
        script=Markup(script),
    )


def _asset(name: str) -> str:
    return (resources.files("finecops.construction.review") / "assets" / name).read_text(encoding="utf-8")


def _shared(name: str) -> str:
    return (resources.files("finecops.report.gallery") / "assets" / name).read_text(encoding="utf-8")


def _check_replaceable(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path} is a folder; --out takes the page's file, as review.html")
    if path.exists():
        # By its head, not its name: nobody's notes are overwritten.
        with path.open("rb") as file:
            if f'content="{GENERATOR}"'.encode() not in file.read(_HEAD):
                raise DataError(f"{path} is there already and is no review's page; choose another --out")


def _write(path: Path, parts: Iterator[str]) -> None:
    # Another name first: a page that is there is whole.
    partial_ = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Newlines as they are: the policy names scripts and styles by their bytes.
        with partial_.open("w", encoding="utf-8", newline="", errors="backslashreplace") as file:
            file.writelines(parts)
        os.replace(partial_, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        partial_.unlink(missing_ok=True)

"""A report as one file of limited size: as many samples as fit, whole pairs of every stratum first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from finecops.errors import RunError
from finecops.records import Sample
from finecops.report.page.images import PageImages
from finecops.report.page.sample import SEED, first_groups, in_turns
from finecops.report.page.subject import Subject

MB: Final = 10**6
_SHARE = 0.9
"""Of the limit, for images: tables and answers take the rest. Where they do not, the sample is made smaller."""
_FULL = 0.97
"""Of the limit: the samples of a report that is as full are not made more."""
_TRIES = 12

Render = Callable[[Sequence[Sample]], bytes]
"""The whole file with a gallery of some samples; with none, without a gallery."""


@dataclass(frozen=True)
class Fitted:
    """A file that is small enough.

    Attributes:
        content: its bytes.
        samples: how many samples are in its gallery.
    """

    content: bytes
    samples: int


def fit(subject: Subject, images: PageImages, render: Render, max_mb: float) -> Fitted:
    """The page with as many samples as fit.

    The size is that of the file itself: it is made, measured, and made again with fewer samples until it is small
    enough. Images are encoded once.

    Raises:
        RunError: the page without any sample is larger than the limit.
    """
    limit = int(max_mb * MB)
    bare = render(())
    if len(bare) > limit:
        raise RunError(
            f"tables and charts alone take {len(bare) / MB:.2f} MB, more than --max-mb {max_mb:g}; give a larger "
            "--max-mb, fewer runs, or leave out --single"
        )
    # Whole pairs, the rare strata first: any prefix is a sample.
    everything = subject.cases.samples
    groups = in_turns(subject.cases)
    count = _enough(groups, images, int(_SHARE * (limit - len(bare))))
    best = Fitted(bare, 0)
    for _ in range(_TRIES):
        if not count:
            break
        chosen = first_groups(groups, count, everything)
        content = render(chosen)
        # What a group takes on average says how many fit.
        fits = int(_FULL * (limit - len(bare)) * count / (len(content) - len(bare)))
        if len(content) > limit and not best.samples:
            count = min(count - 1, fits)
            continue
        if len(content) <= limit:
            best = Fitted(content, len(chosen))
        larger = min(fits, len(groups))
        if len(content) > limit or larger <= count / _FULL:
            break
        count = larger
    return best


def sentence(shown: int, of: int, max_mb: float) -> str:
    """What the page says of its samples."""
    if not shown:
        return f"None of the {of} samples fits beside tables and charts into {max_mb:g} MB."
    if shown == of:
        return f"All {of} samples are in this file."
    return (
        f"{shown} of {of} samples are in this file, as many as fit into {max_mb:g} MB. Each level, kind of sample and "
        "combination of outcomes by method takes its turn (seed "
        f"{SEED}), a positive always with its negatives: so rare ones are here, and shares among these samples are not "
        "those of the data. Tables and charts are over all samples."
    )


def _enough(groups: Sequence[Sequence[Sample]], images: PageImages, budget: int) -> int:
    """How many groups have images that fill the budget."""
    taken: set[str] = set()
    for count, group in enumerate(groups):
        # Some at a time, on every core.
        if count % 64 == 0:
            images.prepare(sample for some in groups[count : count + 64] for sample in some)
        for sample in group:
            url = images.url(sample)
            if url is not None and sample.image not in taken:
                taken.add(sample.image)
                budget -= len(url)
        if budget < 0:
            return max(count, 1)
    return len(groups)

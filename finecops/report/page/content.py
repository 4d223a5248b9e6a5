"""What a report shows, as data; `html.py` turns it into a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finecops.report.document import Table


@dataclass(frozen=True)
class Drawing:
    """A chart that is ready for the page.

    Attributes:
        title: what it shows.
        svg: its markup, in which every text is escaped.
        notes: sentences below it.
    """

    title: str
    svg: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading.

    Attributes:
        key: its name in links; letters, digits and hyphens.
        title: its heading.
        notes: sentences below the heading.
        tables: its tables.
        drawings: its charts, above the tables.
        folded: whether it is closed until somebody opens it.
    """

    key: str
    title: str
    notes: tuple[str, ...] = ()
    tables: Sequence[Table] = ()
    drawings: Sequence[Drawing] = ()
    folded: bool = False


@dataclass(frozen=True)
class Content:
    """A page without its gallery.

    Attributes:
        title: of the page.
        about: sentences below it: what was evaluated, how the page may be used.
        above: sections above the gallery.
        gallery_notes: sentences above the gallery: which samples are in it, what is missing.
        below: sections below the gallery.
        foot: the last ones: provenance.
    """

    title: str
    about: tuple[str, ...]
    above: tuple[Section, ...]
    gallery_notes: tuple[str, ...] = ()
    below: tuple[Section, ...] = ()
    foot: tuple[Section, ...] = ()

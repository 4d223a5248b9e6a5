"""Runs with images, and pages taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

from PIL import Image

from finecops.runs.manifest import ImagesEntry, read_manifest, write_manifest


def add_images(run: Path, root: Path, names: Iterable[str]) -> Path:
    """Draw an image of 100 by 100 pixels a name, each in another colour, and say in the run where they are."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 100), (number * 7 % 256, number // 36 * 40 % 256, 90)).save(path)
    return point_to(run, root)


def point_to(run: Path, root: Path, place: Path | None = None) -> Path:
    """Say in a run where its images are."""
    entry = ImagesEntry(root=str(root), place=str(place) if place is not None else None)
    write_manifest(run, read_manifest(run).model_copy(update={"images": entry}))
    return run


class Markup(HTMLParser):
    """The elements and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "input", "br", "link", "hr", "img"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "script" in self._inside:
            self.scripts.append(data)
        elif "style" not in self._inside:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All texts, with single blanks."""
        return " ".join(" ".join(self.texts).split())

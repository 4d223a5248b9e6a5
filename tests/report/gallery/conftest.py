"""Pages of the gallery, each written once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from finecops.bench.browser import Viewport, Watched, opened
from finecops.report.gallery import gallery
from tests.builders_gallery import (
    family_cases,
    hostile_cases,
    many_cases,
    relative,
    write_folder_page,
    write_picture,
    write_single_page,
)

Open = Callable[..., AbstractContextManager[Watched]]
WIDE, NARROW = Viewport(1280, 900), Viewport(400, 800)


@pytest.fixture(scope="session")
def open_page(chromium: Any) -> Open:
    """A function that opens a page: `with open_page(page, viewport, "#view=pairs") as watched`."""

    def open_(page: Path, viewport: Viewport = WIDE, at: str = "") -> AbstractContextManager[Watched]:
        return opened(chromium, page, viewport, at)

    return open_


@pytest.fixture(scope="session")
def family_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 75 samples with everything that a run may say of one."""
    folder = tmp_path_factory.mktemp("family")
    cases = family_cases()
    for sample in cases.samples:
        write_picture(folder / sample.image)
    return write_folder_page(gallery(cases, relative, name="family"), folder)


@pytest.fixture(scope="session")
def single_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same samples in one file, without pictures."""
    return write_single_page(gallery(family_cases(), lambda sample: None), tmp_path_factory.mktemp("single"))


@pytest.fixture(scope="session", params=["folder", "single"])
def hostile_page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose every text is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    write_picture(folder / "images" / "a b.png")
    write = write_folder_page if request.param == "folder" else write_single_page
    return write(gallery(hostile_cases(), relative), folder)


@pytest.fixture(scope="session")
def many_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 28,000 samples."""
    folder = tmp_path_factory.mktemp("many")
    write_picture(folder / "many" / "0.png")
    picture = (folder / "many" / "0.png").read_bytes()
    for i in range(1, 14_000):
        (folder / "many" / f"{i}.png").write_bytes(picture)
    return write_folder_page(gallery(many_cases(), relative, name="many"), folder)

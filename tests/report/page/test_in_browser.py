"""The whole page in Chromium: nothing hostile runs, no network is asked, and it fits small windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from finecops.bench.browser import Viewport, opened
from finecops.report.page.build import write_report
from finecops.report.page.settings import ReportSettings
from tests.builders_runs import make_run
from tests.report.page.builders import add_images, point_to
from tests.report.page.test_page import hostile_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
SIZES = [Viewport(1280, 900), Viewport(400, 800, dark=True)]


def written(run: Path, out: Path, **options: Any) -> Path:
    return write_report(ReportSettings(runs=(str(run),), out=out, **({"metrics": "p1,r1"} | options))).page


@pytest.fixture
def run(tmp_path: Path) -> Path:
    names = [f"{kind}{i}.png" for kind in "pn" for i in range(20)]
    return add_images(make_run(tmp_path / "run"), tmp_path / "data", names)


@pytest.mark.parametrize("single", [False, True])
def test_nothing_hostile_runs(tmp_path: Path, chromium: Browser, single: bool) -> None:
    folder = point_to(hostile_run(tmp_path / "run"), tmp_path / "data")
    page = written(folder, tmp_path / ("r.html" if single else "report"), single=single)
    with opened(chromium, page, at="#gallery") as watched:
        watched.page.wait_for_selector(".fc-card")
        # Everything that can be opened.
        for details in watched.page.locator("details").all():
            details.evaluate("element => { element.open = true; }")
        watched.page.locator(".fc-card a, .fc-card button").first.click()
        watched.page.wait_for_selector("dialog[open]")
        assert watched.page.evaluate("window.hacked") is None
        assert watched.faults == []
        assert all(url.startswith(("file:", "data:")) for url in watched.requests)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("options", [{}, {"copy_images": True}, {"single": True}], ids=["links", "copies", "single"])
def test_pictures_are_seen(
    tmp_path: Path, chromium: Browser, run: Path, options: dict[str, bool], size: Viewport
) -> None:
    page = written(run, tmp_path / ("r.html" if options.get("single") else "report"), **options)
    if options:
        # They do not need the dataset any more.
        (tmp_path / "data").rename(tmp_path / "moved")
    with opened(chromium, page, size, at="#gallery") as watched:
        watched.page.wait_for_function(
            "() => [...document.querySelectorAll('.fc-card img')].some((i) => i.naturalWidth)"
        )
        assert watched.faults == []
        assert all(url.startswith(("file:", "data:")) for url in watched.requests)
        # Wide tables scroll in their own frame, never the page.
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= size.width


def test_tables_need_no_script(tmp_path: Path, chromium: Browser, run: Path) -> None:
    page = written(run, tmp_path / "report")
    context = chromium.new_context(java_script_enabled=False)
    try:
        found = context.new_page()
        found.goto(page.as_uri())
        assert found.locator("table").first.is_visible()
        assert "needs JavaScript" in found.locator("#gallery").inner_text()
    finally:
        context.close()


@pytest.mark.parametrize("size", SIZES)
def test_accessible(tmp_path: Path, chromium: Browser, run: Path, size: Viewport) -> None:
    """axe-core: contrast, headings, names of regions, and what else a program can see."""
    from axe_playwright_python.sync_playwright import Axe

    with opened(chromium, written(run, tmp_path / "report", intervals=True), size) as watched:
        for details in watched.page.locator("details").all():
            details.evaluate("element => { element.open = true; }")
        options = {"rules": {"skip-link": {"enabled": False}}}
        violations = Axe().run(watched.page, options=options).response["violations"]
        assert [(v["id"], [node["html"][:200] for node in v["nodes"]][:3]) for v in violations] == []

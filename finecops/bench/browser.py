"""A report in a browser without a window: opened, watched, and timed from the start to its first picture.

Chromium is the system's own; Playwright (extra `browser`) drives it and downloads none.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from finecops.errors import ConfigError, FinecopsError
from finecops.install import install_line

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VARIABLE: Final = "FINECOPS_CHROMIUM"
"""An environment variable with the path of a Chromium elsewhere."""
_TIMEOUT_MS: Final = 60_000
# A function: an expression would need eval, which the page forbids.
_PICTURE: Final = "() => [...document.querySelectorAll('.fc-card img')].some((image) => image.naturalWidth)"
# From a change of a control until the browser has painted what came of it.
_CHANGE: Final = """async ([selector, value]) => {
  const control = document.querySelector(selector);
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const count = document.querySelector('[data-fc="count"]');
  const before = count.textContent;
  const start = performance.now();
  if (value === null) control.click();
  else {
    control.value = value;
    control.dispatchEvent(new Event("input", { bubbles: true }));
    control.dispatchEvent(new Event("change", { bubbles: true }));
  }
  for (let tries = 0; tries < 200; tries += 1) {
    await painted();
    if (count.textContent !== before) break;
  }
  return performance.now() - start;
}"""


class Viewport(NamedTuple):
    """The size of a window in CSS pixels, and whether its user prefers dark colours."""

    width: int = 1280
    height: int = 900
    dark: bool = False


@dataclass(frozen=True)
class Watched:
    """A page and what it did.

    Attributes:
        page: Playwright's page.
        requests: every URL that was asked for, the page's own first.
        faults: messages of the console that are errors, and errors that nobody caught.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def requested(self, *suffixes: str) -> int:
        """How many requests there were for files with some suffixes."""
        return sum(url.split("?")[0].endswith(suffixes) for url in self.requests)


@dataclass(frozen=True)
class ReportTimes:
    """How long a report takes, the median of some tries.

    Attributes:
        samples: in its gallery.
        first_picture_s: from the call until the first picture of a sample is in the page.
        filters_ms: by control, from the change until the page shows what came of it; searching waits 90 ms for more
            letters.
    """

    samples: int
    first_picture_s: float
    filters_ms: dict[str, float]


def find_browser() -> Path:
    """The Chromium of this machine.

    Raises:
        ConfigError: there is none.
    """
    named = os.environ.get(VARIABLE)
    found = named or next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None or not Path(found).is_file():
        raise ConfigError(
            f"no Chromium ({named or 'searched: ' + ', '.join(PROGRAMS)}). `bash scripts/browser_environment.sh` "
            f"installs Debian's; {VARIABLE}=PATH names another one"
        )
    return Path(found)


@contextmanager
def browser() -> Iterator[Browser]:
    """A running Chromium without a window.

    Raises:
        ConfigError: there is none, or Playwright is not installed.
        FinecopsError: it does not start.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise ConfigError(f"Playwright is not installed: {install_line('browser')}") from error
    program = find_browser()
    with sync_playwright() as playwright:
        try:
            # Chromium has no sandbox for root, as which containers run.
            root = hasattr(os, "geteuid") and os.geteuid() == 0
            found = playwright.chromium.launch(executable_path=program, chromium_sandbox=not root)
        except Error as error:
            raise FinecopsError(f"{program} does not start: {' '.join(str(error).split())[:300]}") from error
        try:
            yield found
        finally:
            found.close()


@contextmanager
def opened(chromium: Browser, page: Path | str, viewport: Viewport | None = None, at: str = "") -> Iterator[Watched]:
    """A page in a profile of its own.

    Args:
        page: an HTML file, which gets no network at all; or the address of a server of this machine.
        at: what follows the file in the address, with its `#`.
    """
    size = viewport or Viewport()
    context = chromium.new_context(
        viewport={"width": size.width, "height": size.height},
        color_scheme="dark" if size.dark else "light",
        # A colour on its way to another one is neither.
        reduced_motion="reduce",
        offline=isinstance(page, Path),
    )
    try:
        context.set_default_timeout(_TIMEOUT_MS)
        watched = Watched(context.new_page())
        watched.page.on("request", lambda request: watched.requests.append(request.url))
        watched.page.on("pageerror", lambda error: watched.faults.append(str(error)))
        watched.page.on(
            "console", lambda message: watched.faults.append(message.text) if message.type == "error" else None
        )
        watched.page.goto(f"{page.resolve().as_uri() if isinstance(page, Path) else page}{at}")
        yield watched
    finally:
        context.close()


def time_report(report: Path, repeats: int = 3, viewport: Viewport | None = None) -> ReportTimes:
    """How long a report with a gallery takes to its first picture, and how long its filters take.

    Raises:
        ConfigError: there is no Chromium or no Playwright.
        FinecopsError: the page has no gallery, or an error while it was timed.
    """
    first: list[float] = []
    changes: dict[str, list[float]] = {}
    samples = 0
    with browser() as chromium:
        for _ in range(repeats):
            start = time.perf_counter()
            # A report may have tables above its gallery, and pictures are loaded when they are seen.
            with opened(chromium, report, viewport, at="#gallery") as watched:
                if not watched.page.locator(".fc-gallery").count():
                    raise FinecopsError(f"{report} has no gallery")
                watched.page.wait_for_function(_PICTURE)
                first.append(time.perf_counter() - start)
                samples = int(watched.page.locator(".fc-gallery").get_attribute("data-samples") or 0)
                for name, (selector, value) in _controls(watched.page).items():
                    changes.setdefault(name, []).append(watched.page.evaluate(_CHANGE, [selector, value]))
                    watched.page.evaluate("document.querySelector('.fc-clear')?.click()")
                if watched.faults:
                    raise FinecopsError(f"{report}: {watched.faults[0]}")
    return ReportTimes(samples, median(first), {name: median(found) for name, found in changes.items()})


def _controls(page: Page) -> dict[str, tuple[str, str | None]]:
    """Controls that a report has: the selector of each, and what it is set to (None: clicked)."""
    wanted: dict[str, tuple[str, str | None]] = {
        "kind": ('[data-fc="filters"] [data-filter="kind"] input', None),
        "level": ('[data-fc="filters"] [data-filter="level"] input', None),
        "right or wrong": ('[data-fc="filters"] [data-filter="right"]', "wrong"),
        "search": ('[data-fc="search"]', "the"),
    }
    return {name: found for name, found in wanted.items() if page.locator(found[0]).count()}

"""Screenshots for the documents, into docs/ (Chromium and the extra `browser`).

    python scripts/screenshots.py           # of a report
    python scripts/screenshots.py review    # of the page of `finecops data review`
    python scripts/screenshots.py demo      # of `finecops demo`, in an environment with Gradio:
                                            # outputs/demo-environment/venv (scripts/demo_environment.sh)

For the report it runs SFA on 300 samples of finecops-mini with both pathways (a minute; what is done is kept).
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from finecops.bench.browser import Viewport, Watched, browser, opened
from finecops.demo.server import HOST, listen, serving
from finecops.grounding.grounder import Grounder
from finecops.strategies.options import Options

PROJECT = Path(__file__).resolve().parents[1]
RUN = "finecops-mini-mini-both-300"
CARD = ".fc-card img"
LOADED = "() => [...document.querySelectorAll('.fc-gallery img')].filter((i) => i.src).every((i) => i.naturalWidth)"
# File → window, what follows the page in the address, what is waited for.
SHOTS = {
    "report.png": (Viewport(1280, 860), "#view=pairs", CARD),
    "report_cells.png": (Viewport(1280, 860, dark=True), "#view=cells&a=specialist&b=mllm", CARD),
}


def finecops(*arguments: str) -> None:
    """Run the program, and stop where it fails."""
    subprocess.run([sys.executable, "-m", "finecops", *arguments], cwd=PROJECT, check=True)


def main() -> None:
    """Write every screenshot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=tuple(MAKERS), default="report")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for path in MAKERS[given.what](given.out):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def of_report(out: Path) -> Iterator[Path]:
    """Pictures of a report."""
    finecops("sfa", "run", "--both", "--limit", "300")
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        finecops("report", RUN, "--out", f"{folder}/report")
        for name, (viewport, at, selector) in SHOTS.items():
            with opened(chromium, Path(folder) / "report/report.html", viewport, at) as watched:
                take(watched, selector, out / name)
            yield out / name


def of_review(out: Path) -> Iterator[Path]:
    """The page of a review: a negative expression with its positive, while a reason is asked for."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        page = Path(folder) / "review.html"
        finecops("data", "review", "finecops-mini", "--split", "val", "--rater", "ana", "--out", str(page))
        with opened(chromium, page, Viewport(1280, 800)) as watched:
            for key in "kkk":
                watched.page.keyboard.press(key)
            watched.page.locator('[data-fc="go"]').fill("700")
            for key in ("Enter", "p", "d"):
                watched.page.keyboard.press(key)
            watched.page.wait_for_timeout(300)
            save(watched.page.screenshot(), out / "review.png")
        yield out / "review.png"


def of_demo(out: Path) -> Iterator[Path]:
    """The page of `finecops demo` with the answer to its third example."""
    options = Options(none=True)
    with serving(Grounder("all", options), options, listen(HOST, 0)) as address, browser() as chromium:
        with opened(chromium, address, Viewport(1280, 1880)) as watched:
            page = watched.page
            page.locator("tr.tr-body").nth(2).click()
            page.wait_for_selector("#fd-picture img")
            page.get_by_role("button", name="Find", exact=True).click()
            page.wait_for_selector(".fd-answer")
            # Where this machine keeps pictures is nobody's business.
            page.evaluate("document.querySelector('.fd-place').textContent = '/tmp/finecops-demo-…'")
            page.evaluate("window.scrollTo(0, 0)")
            page.wait_for_timeout(1500)
            save(page.screenshot(), out / "demo.png")
        yield out / "demo.png"


def take(watched: Watched, selector: str, path: Path) -> None:
    """A picture of the gallery as it is seen, in 256 colours: a third of the bytes, and no difference that one sees."""
    watched.page.wait_for_selector(selector)
    watched.page.evaluate("document.querySelector('#gallery').scrollIntoView()")
    watched.page.wait_for_function(LOADED)
    watched.page.wait_for_timeout(300)
    save(watched.page.screenshot(), path)


def save(screenshot: bytes, path: Path) -> None:
    """Write a screenshot with 256 colours."""
    with Image.open(io.BytesIO(screenshot)) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


MAKERS = {"report": of_report, "review": of_review, "demo": of_demo}

if __name__ == "__main__":
    main()

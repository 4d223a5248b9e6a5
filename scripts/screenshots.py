"""Screenshots of a report for the documents: `python scripts/screenshots.py` (Chromium and the extra `browser`).

It runs SFA on 300 samples of finecops-mini with both pathways (a minute; what is done is kept), writes the report, and
takes pictures of it into docs/.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from finecops.bench.browser import Viewport, Watched, browser, opened

PROJECT = Path(__file__).resolve().parents[1]
RUN = "finecops-mini-mini-both-300"
CARD = ".fc-card img"
LOADED = "[...document.querySelectorAll('.fc-gallery img')].filter((i) => i.src).every((i) => i.naturalWidth)"
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
    parser.add_argument("--out", type=Path, default=PROJECT / "docs")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    finecops("sfa", "run", "--both", "--limit", "300")
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        finecops("report", RUN, "--out", f"{folder}/report")
        for name, (viewport, at, selector) in SHOTS.items():
            with opened(chromium, Path(folder) / "report/report.html", viewport, at) as watched:
                take(watched, selector, out / name)
            print(f"{out / name}: {(out / name).stat().st_size / 1000:.0f} kB")


def take(watched: Watched, selector: str, path: Path) -> None:
    """A picture of the gallery as it is seen, in 256 colours: a third of the bytes, and no difference that one sees."""
    watched.page.wait_for_selector(selector)
    watched.page.evaluate("document.querySelector('#gallery').scrollIntoView()")
    watched.page.wait_for_function(LOADED)
    watched.page.wait_for_timeout(300)
    with Image.open(io.BytesIO(watched.page.screenshot())) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()

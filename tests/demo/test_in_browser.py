"""The page in Chromium, with the mini models: `bash scripts/demo_environment.sh`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from PIL import Image

from finecops.bench.browser import Viewport, Watched, opened
from finecops.demo import page as demo_page
from finecops.demo import server
from finecops.grounding.grounder import Grounder
from finecops.strategies.options import Options

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_spec("gradio") is None and not os.environ.get("FINECOPS_DEMO_NO_SKIP"),
        reason="NOT CHECKED: no Gradio here; bash scripts/demo_environment.sh tests it",
    ),
]
PROJECT = Path(__file__).resolve().parents[2]
SCENE = PROJECT / "data/finecops-mini/images/test_00665.png"
SENTENCE = "left of a tree, there is a striped boat"
VIEWPORTS = [Viewport(width, height, dark) for width, height in ((1280, 900), (400, 800)) for dark in (False, True)]


_asked: set[str] = set()
_LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "None")


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """Note which host this process connects to or looks up."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _asked.add(str(arguments[1][0]))
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        _asked.add(host.decode() if isinstance(host, bytes) else str(host))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A page that is served; what the whole process asks of networks meanwhile is noted."""
    sys.addaudithook(_note)
    _asked.clear()
    options = Options(none=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "MAX_UPLOAD", "1mb")
        with server.serving(Grounder("all", options), options, server.listen(server.HOST, 0)) as found:
            yield found
    # At the end nobody listens and nothing is kept.
    with pytest.raises(httpx.ConnectError):
        httpx.get(found)
    # The browser's own log is read in each test; this is the server's.
    assert "127.0.0.1" in _asked
    assert [host for host in _asked if host not in _LOCAL] == []


def upload(page: Page, path: Path | dict[str, Any]) -> None:
    page.wait_for_selector(".fd-intro")
    page.locator("input[type=file]").first.set_input_files(path)  # type: ignore[arg-type]


def ask(page: Page, path: Path, sentence: str) -> None:
    """Upload a picture and type a sentence."""
    upload(page, path)
    page.wait_for_selector("#fd-picture img")
    page.get_by_label("Sentence").fill(sentence)


def find(page: Page) -> None:
    page.get_by_role("button", name="Find", exact=True).click()


def part(page: Page, name: str) -> str:
    return page.locator(f'[data-fd="{name}"]').first.inner_text()


def is_quiet(watched: Watched, address: str) -> None:
    """No fault, no other address than the page's own, and nothing wider than the page."""
    assert watched.faults == []
    assert [url for url in watched.requests if not url.startswith((f"{address}/", "data:", "blob:"))] == []
    wide, window = watched.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= window


@pytest.mark.parametrize("viewport", VIEWPORTS)
def test_an_example_is_answered(chromium: Browser, address: str, viewport: Viewport) -> None:
    with opened(chromium, address, viewport) as watched:
        page = watched.page
        page.wait_for_selector(".fd-warning")
        assert "nothing but drawn scenes of finecops-mini" in page.locator(".fd-warning").inner_text()
        page.locator("tr.tr-body").first.click()
        assert page.locator("tr.tr-body").count() == demo_page.EXAMPLES
        page.wait_for_selector("#fd-picture img")
        find(page)
        page.wait_for_selector(".fd-answer")
        assert part(page, "headline").startswith("Box ")
        assert page.locator(".fd-sentence mark").inner_text() in part(page, "sentence")
        assert "level" in part(page, "router")
        assert "taken by SFA" in part(page, "pathways")
        crs = part(page, "crs")
        assert "None: it is not in the image" in crs
        probabilities = [float(text) for text in re.findall(r"\b[01]\.\d{3}\b", crs)]
        assert sum(probabilities) == pytest.approx(1, abs=0.01)
        page.get_by_text("The question that").click()
        assert "F. None" in part(page, "question")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.fd-answer img')].every((i) => i.naturalWidth > 99)"
        )
        assert page.evaluate("document.fonts.size") == 0
        is_quiet(watched, address)


def test_an_uploaded_picture_lies_where_the_page_says_and_is_upright(
    chromium: Browser, address: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(SCENE) as scene:
        scene.convert("RGB").resize((200, 100)).save(tmp_path / "turned.jpg", exif=exif)
    with opened(chromium, address) as watched:
        ask(watched.page, tmp_path / "turned.jpg", SENTENCE)
        watched.page.get_by_label("Sentence").press("Enter")
        watched.page.wait_for_selector(".fd-answer")
        assert "pixels of 100 x 200" in watched.page.locator(".fd-final").inner_text()
        said = re.search(r"in (/\S+),", watched.page.locator(".fd-intro").inner_text())
        assert said is not None
        assert list(Path(said[1]).rglob("turned.jpg"))


def test_what_is_wrong_is_said_on_the_page(chromium: Browser, address: str, tmp_path: Path) -> None:
    with opened(chromium, address) as watched:
        page = watched.page
        page.wait_for_selector(".fd-intro")
        find(page)
        page.get_by_text("No picture yet").wait_for()
        (tmp_path / "broken.png").write_bytes(SCENE.read_bytes()[:500])
        upload(page, tmp_path / "broken.png")
        page.get_by_label("Sentence").fill(SENTENCE)
        page.wait_for_selector("#fd-picture img", state="attached")
        find(page)
        page.wait_for_selector(".fd-fault")
        fault = page.locator(".fd-fault").inner_text()
        assert "broken.png cannot be read" in fault
        assert "/tmp" not in fault


def test_a_large_file_is_refused(chromium: Browser, address: str) -> None:
    large = b"x" * 1_500_000
    with opened(chromium, address) as watched:
        upload(watched.page, {"name": "large.png", "mimeType": "image/png", "buffer": large})
        watched.page.get_by_text("exceed the maximum allowed size", exact=False).first.wait_for()
    # And by the server, whoever asks it.
    assert httpx.post(f"{address}/gradio_api/upload", files={"files": ("large.png", large)}).status_code == 413


HOSTILE = "the <img src=x onerror=window.hacked=1> kite ${window.hacked=2} {{value}} <script>window.hacked=3</script>"


def test_a_sentence_is_never_markup(chromium: Browser, address: str) -> None:
    with opened(chromium, address) as watched:
        ask(watched.page, SCENE, HOSTILE)
        find(watched.page)
        watched.page.wait_for_selector(".fd-answer")
        assert part(watched.page, "sentence") == HOSTILE
        for details in watched.page.locator("details").all():
            details.evaluate("element => { element.open = true; }")
        watched.page.wait_for_timeout(300)
        assert watched.page.evaluate("window.hacked") is None
        is_quiet(watched, address)


def test_two_users_at_once_do_not_mix(chromium: Browser, address: str) -> None:
    sentences = ("the boat on the left", "the large tree")
    with opened(chromium, address) as one, opened(chromium, address) as two:
        for watched, sentence in zip((one, two), sentences):
            ask(watched.page, SCENE, sentence)
        for watched in (one, two):
            find(watched.page)
        for watched, sentence in zip((one, two), sentences):
            watched.page.wait_for_selector(".fd-answer")
            assert part(watched.page, "sentence") == sentence


def test_an_address_in_place_of_an_upload_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def never(url: str, *rest: Any) -> Any:
        asked.append(url)
        raise AssertionError(url)

    monkeypatch.setattr("gradio.processing_utils.async_ssrf_protected_download", never)
    config = httpx.get(f"{address}/config").json()
    number = next(d["id"] for d in config["dependencies"] if len(d["inputs"]) == 2 and d["backend_fn"])
    picture = {"path": "http://192.0.2.1/a.png", "meta": {"_type": "gradio.FileData"}}
    question = {"data": [picture, SENTENCE], "fn_index": number, "session_hash": "abc"}
    assert httpx.post(f"{address}/gradio_api/queue/join", json=question).status_code == 200
    told = httpx.get(f"{address}/gradio_api/queue/data", params={"session_hash": "abc"}, timeout=60).text
    assert "not fetched from an address" in told
    assert asked == []


def test_ctrl_c_ends_it_with_one_line(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "finecops", "demo", "--port", "0", "--none"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert re.fullmatch(r"The page is at http://127\.0\.0\.1:\d+  \(Ctrl-C stops it\)\n", line)
        assert list(tmp_path.glob("finecops-demo-*"))
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "stopped; all uploaded pictures are deleted"
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []

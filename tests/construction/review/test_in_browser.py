"""The review's page in Chromium: real keys, wide and narrow, light and dark."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from finecops.bench.browser import Viewport, Watched, opened
from finecops.construction.review.page import PageSettings, write_page
from finecops.construction.review.votes import read_votes
from finecops.datasets.dataset import Dataset
from tests.builders_gallery import HOSTILE
from tests.conftest import make_sample
from tests.construction.review.builders import benchmark, vote

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
WIDE, NARROW = Viewport(1280, 900), Viewport(390, 844, dark=True)
Open = Callable[..., AbstractContextManager[Watched]]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return benchmark(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def page(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 24 samples; samples 100, 101 are positives, 102 a negative expression, 103 a negative image."""
    return write_page(tmp_path_factory.mktemp("page") / "r.html", dataset, dataset.samples, PageSettings("ana")).path


@contextmanager
def sound(chromium: Browser, page: Path, viewport: Viewport = WIDE) -> Iterator[Watched]:
    """A page on which nothing goes wrong, nothing is asked of a network, and nothing is wider than the window."""
    with opened(chromium, page, viewport) as watched:
        yield watched
        assert watched.faults == []
        assert {url.split(":")[0] for url in watched.requests} <= {"file", "data", "blob"}
        width = watched.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1]


def text(page: Page, part: str) -> str:
    return page.locator(f'[data-fc="{part}"]').inner_text()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def sample(page: Page) -> str:
    """The id of the sample that is shown."""
    return page.locator(".fr-id").inner_text()


def kept(page: Page) -> dict[str, Any]:
    """Verdicts, reasons and texts that the browser keeps, by sample."""
    key = page.evaluate("Object.keys(localStorage).find((key) => key.startsWith('finecops-review:'))")
    found = json.loads(page.evaluate("(key) => localStorage.getItem(key)", key) or "{}")
    return {id_: one["text"] or one["reason"] or one["verdict"] for id_, one in found.items()}


def saved(page: Page, path: Path) -> Path:
    """The file that the key S saves."""
    with page.expect_download() as download:
        press(page, "s")
    download.value.save_as(path)
    return path


def test_every_vote_has_its_keys(chromium: Browser, page: Path) -> None:
    with sound(chromium, page) as watched:
        on = watched.page
        assert text(on, "sentence") == "the red car number 0"
        press(on, "k")
        assert (sample(on), text(on, "message")) == ("101", "keep: sample 100")
        # A drop waits for its reason: no other key votes meanwhile.
        press(on, "d", "k", "u", "9", "ArrowRight")
        assert (sample(on), kept(on)) == ("101", {"100": "keep"})
        assert "A key from 1 to 6" in text(on, "message")
        press(on, "3")
        assert sample(on) == "102"
        press(on, "u")
        press(on, "d", "6")
        on.keyboard.type("k looks like u")
        press(on, "Enter")
        assert sample(on) == "110"
        # Fix: what is typed is no command.
        press(on, "f", "End")
        on.keyboard.type(", dk")
        press(on, "Enter")
        assert kept(on) == {
            "100": "keep",
            "101": "wrong_english",
            "102": "unsure",
            "103": "other",
            "110": "the red boat number 1, dk",
        }
        assert text(on, "progress") == "5 of 24 samples voted"
        assert text(on, "counts") == "1 kept · 1 text fixed · 2 dropped · 1 unsure"
        press(on, "ArrowLeft")
        assert (text(on, "sentence"), text(on, "before")) == ("the red boat number 1, dk", "was: the red boat number 1")
        press(on, "ArrowLeft")
        assert text(on, "vote") == "Your vote: drop, something else – k looks like u"


def test_keyboards_of_other_alphabets(chromium: Browser, page: Path) -> None:
    with sound(chromium, page) as watched:
        keyboard = watched.page.context.new_cdp_session(watched.page)
        # A Russian one, and the 1 of a French one.
        for key, code in (("л", "KeyK"), ("в", "KeyD"), ("&", "Digit1")):
            keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "key": key, "code": code, "text": key})
        assert kept(watched.page) == {"100": "keep", "101": "not_unique"}


def test_undo_goes_back_step_by_step(chromium: Browser, page: Path) -> None:
    with sound(chromium, page) as watched:
        on = watched.page
        press(on, "k", "d", "1", "ArrowLeft", "k", "ArrowLeft", "Delete")
        assert kept(on) == {"100": "keep"}
        press(on, "z")
        assert kept(on) == {"100": "keep", "101": "keep"}
        press(on, "z")
        assert (sample(on), kept(on)) == ("101", {"100": "keep", "101": "not_unique"})
        press(on, "Control+z")
        assert (sample(on), kept(on)) == ("101", {"100": "keep"})
        press(on, "z")
        assert (sample(on), kept(on)) == ("100", {})
        press(on, "z")
        assert text(on, "message") == "There is nothing to undo since the page was opened."
        assert on.locator('[data-fc="undo"]').is_disabled()


def test_escape_leaves_a_question(chromium: Browser, page: Path) -> None:
    with sound(chromium, page) as watched:
        on = watched.page
        press(on, "d", "Escape", "k")
        assert kept(on) == {"100": "keep"}
        press(on, "f")
        on.keyboard.type("x")
        press(on, "Escape", "k")
        assert kept(on) == {"100": "keep", "101": "keep"}
        # A very long one is refused at once, not when the file is read.
        press(on, "f")
        on.get_by_label("The right sentence").evaluate("e => { e.value = 'a'.repeat(10001); }")
        press(on, "Enter")
        assert "at most 10,000 characters" in text(on, "message")
        press(on, "Escape")
        # The same sentence is no fix, and no sentence is none.
        press(on, "f", "Enter")
        assert "The sentence is as it was" in text(on, "message")
        press(on, "Control+a", "Backspace", "Enter")
        assert "A sentence has words" in text(on, "message")
        press(on, "Escape")
        assert sample(on) == "102"


def test_progress_is_there_again(chromium: Browser, page: Path, dataset: Dataset, tmp_path: Path) -> None:
    with sound(chromium, page) as watched:
        on = watched.page
        press(on, "k", "k", "d", "4")
        on.reload()
        assert (text(on, "progress"), sample(on)) == ("3 of 24 samples voted", "103")
        assert text(on, "message") == "This browser keeps 3 votes of ana."
        press(on, "k")
        path = saved(on, tmp_path / "a.jsonl")
        assert text(on, "message") == "Saved 4 votes of 24 samples as toy-test-ana.votes.jsonl."
        found = read_votes([path], dataset)
        assert {one.sample_id: one.verdict for one in found.samples} == {
            **dict.fromkeys(("100", "101", "103"), "keep"),
            "102": "drop",
        }
    # Another browser: the file has it all.
    with sound(chromium, page) as watched:
        on = watched.page
        press(on, "u")
        with path.open("a") as file:
            for changes in ({"rater": "ben"}, {"page": "q"}, {"sample_id": "999", "page": found.samples[0].page}):
                file.write(
                    json.dumps({**vote(dataset, "111").model_dump(), "page": found.samples[0].page, **changes}) + "\n"
                )
            file.write("[]\nnot json\n")
        # The key asks for a file; a busy machine may lose the dialog of a browser without a window.
        field = on.locator('[data-fc="file"]')
        field.evaluate("e => e.addEventListener('click', (event) => { event.preventDefault(); e.dataset.asked = 1; })")
        press(on, "l")
        assert field.get_attribute("data-asked") == "1"
        field.set_input_files(path)
        on.wait_for_function("() => document.querySelector('[data-fc=message]').textContent.startsWith('Loaded')")
        assert text(on, "message") == (
            "Loaded 4 votes; left out: 1 of another rater, 1 of another page, 1 of another sample, 2 no vote. Z undoes "
            "this."
        )
        assert kept(on) == {"100": "keep", "101": "keep", "102": "wrong_truth", "103": "keep"}
        press(on, "z")
        assert kept(on) == {"100": "unsure"}


def test_what_another_page_left_in_the_browser_is_not_trusted(chromium: Browser, page: Path) -> None:
    with sound(chromium, page) as watched:
        on = watched.page
        press(on, "k")
        for content in ("null", "[1]", "{", '{"100": {"verdict": "<b>"}, "101": {"verdict": "drop"}, "102": 3}'):
            on.evaluate(
                """(content) => {
                  const key = Object.keys(localStorage).find((key) => key.startsWith("finecops-review:"));
                  localStorage.setItem(key, content);
                }""",
                content,
            )
            on.reload()
            assert text(on, "progress") == "0 of 24 samples voted", content


def test_a_browser_that_keeps_nothing_says_so(chromium: Browser, page: Path) -> None:
    with sound(chromium, page) as watched:
        watched.page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
        assert not watched.page.locator('[data-fc="unkept"]').is_visible()
        press(watched.page, "k")
        assert watched.page.locator('[data-fc="unkept"]').is_visible()
        assert text(watched.page, "progress") == "1 of 24 samples voted"


def test_the_page_asks_who_votes(chromium: Browser, dataset: Dataset, tmp_path: Path) -> None:
    page = write_page(tmp_path / "r.html", dataset, dataset.samples, PageSettings()).path
    with sound(chromium, page) as watched:
        on = watched.page
        press(on, "Escape", "Escape", "Enter")
        assert text(on, "who-problem") == "Votes need a name."
        on.locator('[data-fc="rater-field"]').fill("Bén <b>")
        press(on, "Enter", "k")
        assert text(on, "rater") == "Bén <b>"
        # Somebody else begins anew, and finds what was theirs.
        on.locator('[data-fc="rater"]').click()
        on.locator('[data-fc="rater-field"]').fill("eva")
        press(on, "Enter")
        assert text(on, "progress") == "0 of 24 samples voted"
        on.reload()
        assert on.locator('[data-fc="rater-field"]').input_value() == "eva"
        on.locator('[data-fc="rater-field"]').fill("Bén <b>")
        press(on, "Enter")
        assert text(on, "progress") == "1 of 24 samples voted"
        rows = saved(on, tmp_path / "b.jsonl").read_text(encoding="utf-8")
        assert [json.loads(row)["rater"] for row in rows.splitlines()] == ["Bén <b>"]


def test_a_negative_shows_its_positive(chromium: Browser, page: Path) -> None:
    with sound(chromium, page) as watched:
        on = watched.page
        box, image = on.locator(".fr-box"), on.locator(".fr-picture image")
        press(on, "p")
        assert "Only a negative" in text(on, "message")
        first = image.get_attribute("href")
        assert box.evaluate("e => [e.x, e.y, e.width, e.height].map((one) => one.baseVal.value)") == [10, 10, 30, 30]
        press(on, "b")
        assert not box.count()
        press(on, "b", "e")
        assert on.locator(".fr-picture").get_attribute("viewBox") == "0 0 75 75"
        press(on, "ArrowRight", "j")
        assert "Negative expression" in text(on, "claim")
        assert not box.count()
        press(on, "p")
        assert on.locator('[data-fc="positive"] del').all_inner_texts() == ["car"]
        assert on.locator('[data-fc="sentence"] ins').all_inner_texts() == ["boat"]
        assert (image.get_attribute("href"), box.count()) == (first, 1)
        press(on, "ArrowRight")
        assert "Negative image" in text(on, "claim")
        changed = image.get_attribute("href")
        press(on, "p")
        assert (image.get_attribute("href"), box.count()) == (first, 1)
        assert "The words are the same." in text(on, "positive")
        press(on, "p")
        assert image.get_attribute("href") == changed != first


def test_moving_and_help(chromium: Browser, page: Path) -> None:
    with sound(chromium, page) as watched:
        on = watched.page
        press(on, "?")
        assert on.get_by_role("dialog").get_by_text("drop; then one key for the reason").is_visible()
        press(on, "k", "Escape")
        assert kept(on) == {}
        press(on, "k", "g")
        on.keyboard.type("24")
        press(on, "Enter")
        assert (sample(on), text(on, "place")) == ("153", "24 of 24")
        press(on, "k")
        assert text(on, "message") == "keep: sample 153. The last one; without a vote: 22. N goes to the next."
        press(on, "n")
        assert sample(on) == "101"
        press(on, "g")
        on.keyboard.type("112")
        press(on, "Enter")
        assert sample(on) == "112"
        on.locator('[data-fc="shown"]').select_option("keep")
        assert sample(on) == "153"
        on.locator('[data-fc="previous"]').click()
        assert sample(on) == "100"
        on.locator('[data-fc="shown"]').select_option("unsure")
        assert "No sample is of that kind" in text(on, "message")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_mouse_or_a_finger_does_it_too(chromium: Browser, page: Path, viewport: Viewport) -> None:
    with sound(chromium, page, viewport) as watched:
        on = watched.page
        on.get_by_role("button", name="Keep").click()
        on.get_by_role("button", name="Drop…").click()
        on.get_by_role("button", name="wrong box").click()
        on.get_by_role("button", name="Fix text").click()
        on.get_by_label("The right sentence").fill("a  sentence\nof two lines")
        on.get_by_role("button", name="Done (Enter)").click()
        assert kept(on) == {"100": "keep", "101": "wrong_box", "102": "a sentence of two lines"}
        on.get_by_role("button", name="Undo").click()
        assert sample(on) == "102"


def test_a_second_round(chromium: Browser, dataset: Dataset, tmp_path: Path) -> None:
    votes = [vote(dataset, "100", "keep", "ana"), vote(dataset, "100", "drop", "<i>ben</i>", note="<b>see</b>")]
    for name, shown in (("hidden", {}), ("shown", {"100": votes})):
        settings = PageSettings("eva", round=2, votes=shown)
        page = write_page(tmp_path / f"{name}.html", dataset, dataset.samples[:2], settings).path
        with sound(chromium, page) as watched:
            others = watched.page.locator('[data-fc="others"] li').all_inner_texts()
            expected = ["ana: keep", "<i>ben</i>: drop, wrong box – <b>see</b>"]
            assert others == (expected if shown else [])
            press(watched.page, "k")
            (found,) = read_votes([saved(watched.page, tmp_path / "eva.jsonl")], dataset).samples
            assert (found.round, found.rater) == (2, "eva")


def test_nothing_hostile_runs(chromium: Browser, tmp_path: Path) -> None:
    words = [{"expression": text, "tuple_type": text[:50]} for text in HOSTILE]
    dataset = benchmark(tmp_path / "toy", of := [make_sample(str(i), image="a.png", **w) for i, w in enumerate(words)])
    page = write_page(tmp_path / "r.html", dataset, dataset.samples, PageSettings(HOSTILE[1])).path
    with sound(chromium, page, NARROW) as watched:
        on = watched.page
        for one in dataset.samples:
            assert on.locator('[data-fc="sentence"]').text_content() == one.expression
            assert on.evaluate("document.documentElement.scrollWidth <= innerWidth"), one.expression[:40]
            press(on, "f", "End")
            on.keyboard.type(" <img src=x onerror=alert(1)>")
            press(on, "Enter")
        rows = read_votes([saved(on, tmp_path / "a.jsonl")], dataset).samples
        assert len(rows) == len(of)


def test_a_picture_that_is_gone_is_said(chromium: Browser, tmp_path: Path) -> None:
    dataset = benchmark(tmp_path / "toy")
    (tmp_path / "toy" / "0.png").unlink()
    page = write_page(tmp_path / "r.html", dataset, dataset.samples, PageSettings("ana")).path
    with sound(chromium, page) as watched:
        assert "is missing" in text(watched.page, "stage")
        press(watched.page, "k")
        assert text(watched.page, "progress") == "1 of 24 samples voted"
    page = write_page(tmp_path / "l.html", dataset, dataset.samples[4:6], PageSettings("ana", link=True)).path
    (tmp_path / "toy" / "1.png").unlink()
    with opened(chromium, page) as watched:
        watched.page.get_by_text("The picture cannot be read").wait_for()


@pytest.mark.parametrize("link", [False, True], ids=["inside", "linked"])
def test_thousands_of_samples(chromium: Browser, tmp_path: Path, link: bool) -> None:
    """Of 5,000 rows with many pictures one is in the page at a time, and keys do what they say."""
    one, pictures = make_sample("0", image="0.png"), 100
    of = [
        one.model_copy(update={"id": str(i), "image": f"{i % pictures}.png", "expression": f"the car {i}"})
        for i in range(5000)
    ]
    dataset = benchmark(tmp_path / "toy", of[:1])
    picture = (tmp_path / "toy" / "0.png").read_bytes()
    for i in range(1, pictures):
        (tmp_path / "toy" / f"{i}.png").write_bytes(picture)
    page = write_page(tmp_path / "r.html", dataset, of, PageSettings("ana", link=link)).path
    with sound(chromium, page) as watched:
        on = watched.page
        elements = on.locator("body *:not(script)").count()
        press(on, *("k" * 50))
        press(on, "g")
        on.keyboard.type("4990")
        press(on, "Enter", *("k" * 9))
        assert (sample(on), text(on, "progress")) == ("4999", "59 of 5,000 samples voted")
        on.wait_for_function("() => document.querySelectorAll('.fr-picture image').length === 1")
        assert on.locator("body *:not(script)").count() < elements + 20
        # Only what was shown, and the one after it, was asked for.
        assert watched.requested(".png") <= (62 if link else 0)
        assert len(saved(on, tmp_path / "a.jsonl").read_text().splitlines()) == 59


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_accessible(chromium: Browser, page: Path, viewport: Viewport) -> None:
    """axe-core in every state of the page."""
    from axe_playwright_python.sync_playwright import Axe

    states = (("k", "d"), ("6",), ("Escape", "ArrowRight", "p"), ("?",))
    with sound(chromium, page, viewport) as watched:
        for keys in states:
            press(watched.page, *keys)
            violations = Axe().run(watched.page).response["violations"]
            assert [(v["id"], [node["html"][:200] for node in v["nodes"]][:3]) for v in violations] == [], keys

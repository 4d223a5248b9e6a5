"""The gallery in Chromium: real clicks and keys, wide and narrow, light and dark."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from finecops.bench.browser import Viewport, Watched, time_report
from finecops.evaluation.cases import Case, Cases
from finecops.records import Negative
from finecops.report.gallery import Opening, gallery
from tests.builders_gallery import HOSTILE, family_cases, many_cases, write_folder_page
from tests.report.gallery.conftest import NARROW, WIDE, Open

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.browser
VIEWPORTS = [Viewport(width, height, dark) for width, height in ((1280, 900), (400, 800)) for dark in (False, True)]
NAMES = [f"{v.width}-{'dark' if v.dark else 'light'}" for v in VIEWPORTS]


def part(watched: Watched, name: str) -> Locator:
    return watched.page.locator(f'[data-fc="{name}"]')


def count(watched: Watched) -> int:
    """The number of samples, or of pairs, that the page says it shows."""
    return int(part(watched, "count").inner_text().split()[0].replace(",", ""))


def wait_for_count(watched: Watched, number: int) -> None:
    """Wait until the page shows so many samples: searching waits for more letters."""
    from playwright.sync_api import expect

    expect(part(watched, "count")).to_have_text(re.compile(f"^{number:,} of "), timeout=30_000)


def choose(watched: Watched, name: str, label: str) -> None:
    watched.page.locator(f'[data-filter="{name}"]').get_by_label(label, exact=False).first.click()


def sound(watched: Watched) -> None:
    """Nothing went wrong, nothing was asked of a network, and nothing is wider than the page."""
    assert watched.faults == []
    assert {url.split(":")[0] for url in watched.requests} <= {"file", "data", "blob"}
    width = watched.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


def negative(case: Case) -> Negative:
    return case.sample.negative or Negative()


# what is done → which cases Python would show
FILTERS: dict[str, tuple[str, Callable[[Case], bool]]] = {
    "level": ("level=2", lambda c: c.sample.level == 2),
    "two levels": ("level=2,none", lambda c: c.sample.level in (2, None)),
    "negative images": ("kind=image", lambda c: negative(c).kind == "image"),
    "unknown truth": ("kind=unknown", lambda c: c.sample.truth == "unknown"),
    "a type of negative": (
        "negative=flip",
        lambda c: c.sample.negative is not None and c.sample.negative.type == "flip",
    ),
    "a tuple type": ("type=1_hop", lambda c: c.sample.tuple_type == "1_hop"),
    "the router": ("route=2", lambda c: c.route is not None and c.route.level == 2),
    "A right and B wrong": (
        "right.specialist=right&right.mllm=wrong",
        lambda c: c.verdicts["specialist"].right is True and c.verdicts["mllm"].right is False,
    ),
    "an outcome": ("outcome.mllm=unparsed", lambda c: c.verdicts["mllm"].outcome == "unparsed"),
    "rejections": ("outcome.crs=reject", lambda c: c.verdicts["crs"].outcome == "reject"),
    "no row": ("outcome.mllm=missing", lambda c: c.verdicts["mllm"].outcome == "missing"),
    "not asked": ("outcome.sfa=unasked", lambda c: "sfa" not in c.verdicts),
    "disagreement": ("disagree=yes", lambda c: {v.right for v in c.verdicts.values()} >= {True, False}),
    "a text": ("text=BOAT+7", lambda c: "boat" in c.sample.expression and "7" in c.sample.expression + c.sample.id),
    "a score": ("scoreOf=specialist&score=0.2%3A0.6", lambda c: 0.2 <= (c.verdicts["specialist"].score or -1) <= 0.6),
    "at least a score": ("scoreOf=crs&score=0.5%3A", lambda c: (c.verdicts["crs"].score or -1) >= 0.5),
    "a size": ("size=15%3A17", lambda c: c.sample.box is not None),
    "several": (
        "kind=positive&level=1&right.crs=right",
        lambda c: c.sample.positive and c.sample.level == 1 and c.verdicts["crs"].right is True,
    ),
    "what no sample is": ("kind=positive&negative=flip", lambda c: False),
    "nonsense": ("level=99&kind=%00&right.nobody=right&score=a%3Ab&sort=x&sample=none", lambda c: True),
}


@pytest.fixture(scope="module")
def cases() -> Cases:
    return family_cases()


def test_filters_show_what_python_counts(family_page: Path, open_page: Open, cases: Cases) -> None:
    with open_page(family_page) as watched:
        for name, (address, wanted) in FILTERS.items():
            watched.page.evaluate("hash => { location.hash = hash }", address)
            found = [case.sample.id for case in cases if wanted(case)]
            wait_for_count(watched, len(found))
            assert count(watched) == len(found), name
            shown = watched.page.locator(".fc-item").first
            if found:
                assert f"sample {found[0]}:" in (shown.locator("a.fc-open").get_attribute("aria-label") or ""), name
            else:
                assert part(watched, "empty").is_visible(), name
        sound(watched)


def test_choices_say_how_many_they_would_show(family_page: Path, open_page: Open, cases: Cases) -> None:
    with open_page(family_page, at="#level=1&right.specialist=wrong") as watched:
        for kind in ("positive", "negative expression", "negative image"):
            line = watched.page.locator('[data-filter="kind"] label', has_text=kind)
            said = int(line.locator(".fc-count").inner_text())
            line.click()
            assert count(watched) == said, kind
            line.click()
        level = watched.page.locator('[data-filter="level"] label', has_text="level 2")
        wrong = [c for c in cases if c.verdicts["specialist"].right is False and c.sample.level == 2]
        assert int(level.locator(".fc-count").inner_text()) == len(wrong)


def test_the_controls_filter_and_the_address_follows(family_page: Path, open_page: Open) -> None:
    with open_page(family_page) as watched:
        page = watched.page
        choose(watched, "kind", "positive")
        page.get_by_label("mllm: right or wrong").select_option("wrong")
        page.get_by_label("Specialist toy: right or wrong").select_option("right")
        only = count(watched)
        assert 0 < only < 24
        part(watched, "search").fill("p7")
        wait_for_count(watched, 1)
        page.get_by_role("button", name="text: p7").click()
        assert count(watched) == only
        address = page.url
        with open_page(family_page, at="#" + address.split("#")[1]) as again:
            assert count(again) == only
        page.get_by_role("button", name="Clear all").click()
        assert count(watched) == 75
        assert "#" not in page.url or page.url.endswith("#")
        sound(watched)


def test_filters_on_a_narrow_screen(family_page: Path, open_page: Open) -> None:
    with open_page(family_page, NARROW) as watched:
        assert not part(watched, "filters").is_visible()
        part(watched, "toggle-filters").click()
        choose(watched, "level", "level 2")
        watched.page.get_by_role("button", name="Show 24 samples").click()
        assert not part(watched, "filters").is_visible()
        assert count(watched) == 24
        assert watched.page.locator(".fc-card").first.is_visible()
        sound(watched)


def test_sorting(family_page: Path, open_page: Open, cases: Cases) -> None:
    with open_page(family_page) as watched:
        watched.page.get_by_label("Sort by", exact=True).select_option("score")
        watched.page.get_by_label("Sort by which method").select_option("crs")

        def scores() -> list[float]:
            # Only cards in view are in the page; the first ones are enough.
            ids = watched.page.locator(".fc-item a.fc-open").evaluate_all(
                "links => links.slice(0, 8).map(a => new URLSearchParams(a.hash.slice(1)).get('sample'))"
            )
            return [cases[id_].verdicts["crs"].score or 0.0 for id_ in ids]

        assert scores() == sorted(scores(), reverse=True)
        assert scores()[0] == 0.6
        part(watched, "down").click()
        assert scores() == sorted(scores())
        watched.page.get_by_label("Sort by", exact=True).select_option("pairgap")
        watched.page.get_by_label("Sort by", exact=True).select_option("gap")
        watched.page.get_by_label("Sort by", exact=True).select_option("size")
        sound(watched)


@pytest.mark.parametrize("viewport", VIEWPORTS, ids=NAMES)
def test_a_sample_is_opened_by_a_click(family_page: Path, open_page: Open, viewport: Viewport) -> None:
    with open_page(family_page, viewport) as watched:
        page = watched.page
        page.locator(".fc-item a.fc-open").first.click()
        dialog = part(watched, "sample")
        assert dialog.is_visible()
        assert page.url.endswith("#sample=p0")
        dialog.get_by_text("Prompt").first.wait_for()
        text = dialog.inner_text()
        for words in (
            "Target phrase: “car”",
            "The router counted 2 instances: to the MLLM",
            "None",
            "2 candidates",
            "lost",
        ):
            assert words in text, words
        assert page.locator('.fc-large [data-kind="candidates"] text').all_text_contents() == ["B", "A"]
        assert not page.locator('.fc-large [data-kind="candidates"]').first.is_visible()
        dialog.get_by_role("button", name="Candidates").click()
        assert page.locator('.fc-large [data-kind="candidates"]').first.is_visible()
        part(watched, "next").click()
        assert page.url.endswith("#sample=t0")
        dialog.get_by_text("The pair").or_(dialog.get_by_text("The positive and its 2 negatives")).first.wait_for()
        sound(watched)
        part(watched, "close").click()
        assert not dialog.is_visible()
        # The list is drawn anew before the focus comes back: on a busy machine a moment later.
        page.locator('[aria-label^="Open sample t0"]:focus').first.wait_for()


def test_back_closes_a_sample(family_page: Path, open_page: Open) -> None:
    with open_page(family_page, at="#level=1") as watched:
        watched.page.locator(".fc-item a.fc-open").first.click()
        assert part(watched, "sample").is_visible()
        watched.page.go_back()
        part(watched, "sample").wait_for(state="hidden")
        assert watched.page.url.endswith("#level=1")
        assert count(watched) == 24


def test_keys(family_page: Path, open_page: Open) -> None:
    with open_page(family_page) as watched:
        page, dialog = watched.page, part(watched, "sample")
        page.keyboard.press("j")  # Nothing: the focus is outside of the gallery.
        assert not dialog.is_visible()
        page.locator(".fc-item a.fc-open").first.focus()
        page.keyboard.press("j")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        assert page.url.endswith("#sample=t0")
        dialog.get_by_text("Prompt").first.wait_for()
        page.keyboard.press("ArrowRight")
        assert page.url.endswith("#sample=i0")
        page.keyboard.press("k")
        page.keyboard.press("k")
        assert page.url.endswith("#sample=p0")
        truth = page.locator('.fc-large [data-kind="truth"]').first
        assert truth.is_visible()
        page.keyboard.press("t")
        assert not truth.is_visible()
        page.keyboard.press("1")
        assert not page.locator('.fc-large [data-kind="m0"]').first.is_visible()
        page.keyboard.press("?")
        assert part(watched, "help").is_visible()
        page.keyboard.press("Escape")
        assert not part(watched, "help").is_visible()
        assert dialog.is_visible()
        page.keyboard.press("n")
        page.keyboard.type("jk?t")  # Letters of a note are no commands.
        assert page.url.endswith("#sample=p0")
        page.keyboard.press("Escape")
        assert not dialog.is_visible()
        page.keyboard.press("/")
        page.keyboard.type("boat")
        wait_for_count(watched, 24)
        page.locator(".fc-item a.fc-open").first.focus()
        page.keyboard.press("v")
        assert page.locator(".fc-pair").count()
        page.locator(".fc-item a.fc-open").first.focus()
        before = part(watched, "filters").is_visible()
        page.keyboard.press("f")
        assert part(watched, "filters").is_visible() is not before
        sound(watched)


@pytest.mark.parametrize("viewport", VIEWPORTS, ids=NAMES)
def test_pairs_show_what_was_lost(family_page: Path, open_page: Open, cases: Cases, viewport: Viewport) -> None:
    with open_page(family_page, viewport) as watched:
        # Colours change at once.
        watched.page.emulate_media(reduced_motion="reduce")
        watched.page.get_by_role("button", name="Pairs").click()
        # The mouse is still over it: its words keep their ground.
        pressed = watched.page.get_by_role("button", name="Pairs")
        background = pressed.evaluate("one => getComputedStyle(one).backgroundColor")
        watched.page.mouse.move(0, 0)
        assert pressed.evaluate("one => getComputedStyle(one).backgroundColor") == background
        assert count(watched) == 48
        first = watched.page.locator(".fc-pair").first
        assert first.locator("del").all_text_contents() == ["car"]
        assert first.locator("ins").all_text_contents() == ["boat"]
        second = watched.page.locator(".fc-pair").nth(1)
        assert "same words, changed picture" in second.inner_text()
        # p0 has 0.00 and t0 0.37: the negative won.
        row = first.locator("tbody tr", has_text="Specialist toy").inner_text()
        assert re.search(r"0\.0000\s+0\.3700\s+✗ lost by 0\.3700", row)
        sound(watched)


def test_a_report_opens_at_the_cells(tmp_path: Path, open_page: Open) -> None:
    found = gallery(family_cases(2), lambda sample: None, Opening("cells", "crs", "specialist"))
    page = write_folder_page(found, tmp_path)
    # Something long above it, as in a report.
    page.write_text(page.read_text().replace("<h1>", f"{'<p>line</p>' * 100}<h1>"))
    for at, seen in (("", True), ("#view=pairs", True), ("#results", False)):
        with open_page(page, at=at) as watched:
            top = watched.page.locator(".fc-gallery").evaluate("e => e.getBoundingClientRect().top")
            assert (top < 200) is seen
            if not at:
                assert watched.page.get_by_label("Method A of the four cells").input_value() == "crs"
                assert watched.page.get_by_label("Method B of the four cells").input_value() == "specialist"


def test_boxes_are_in_the_frame_where_no_size_is_known(tmp_path: Path, open_page: Open) -> None:
    base = family_cases(1)
    samples = [sample.model_copy(update={"width": 0, "height": 0}) for sample in base.samples]
    page = write_folder_page(gallery(Cases(samples, base.methods), lambda sample: None), tmp_path)
    inside = """e => {
      const [frame, box] = [e.closest(".fc-picture"), e].map((one) => one.getBoundingClientRect());
      return box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
    }"""
    with open_page(page) as watched:
        boxes = watched.page.locator(".fc-card .fc-box")
        assert boxes.count() > 3
        assert all(box.evaluate(inside) for box in boxes.all())
        watched.page.locator(".fc-card .fc-open").first.click()
        text = watched.page.locator(".fc-rest").filter(has_text="Truth:").inner_text()
        assert "size of the image unknown" in text
        large = watched.page.locator(".fc-large .fc-box:visible")
        assert large.count() > 1
        assert all(box.evaluate(inside) for box in large.all())


def test_methods_of_several_runs_are_told_apart(tmp_path: Path, open_page: Open) -> None:
    base = family_cases(1)
    labels = ("finecops-ref-paper-both: Specialist", "finecops-ref-paper-crs: CRS top-5")
    cases = Cases(base.samples, [replace(m, label=label) for m, label in zip(base.methods, labels, strict=False)])
    with open_page(write_folder_page(gallery(cases, lambda sample: None), tmp_path)) as watched:
        names = watched.page.locator(".fc-card").first.locator(".fc-method")
        assert names.all_text_contents() == ["…both: Specialist", "…crs: CRS top-5"]
        assert names.first.get_attribute("title") == labels[0]
        watched.page.get_by_role("button", name="Four cells").click()
        assert f"Only {labels[1]} right" in part(watched, "cells").inner_text()


def test_lost_pairs_are_found(family_page: Path, open_page: Open, cases: Cases) -> None:
    from finecops.report.gallery.columns import pair_hits

    lost = sum(hit == 0 for hit in pair_hits(cases, cases.methods[0]))
    with open_page(family_page, at="#view=pairs&pair.specialist=lost") as watched:
        assert count(watched) == lost
        texts = watched.page.locator(".fc-pair tbody tr:first-child").all_inner_texts()
        assert texts
        assert all("lost" in text for text in texts)


def test_four_cells(family_page: Path, open_page: Open, cases: Cases) -> None:
    wanted = {(a, b): 0 for a in (True, False) for b in (True, False)}
    for case in cases:
        pair = case.verdicts["specialist"].right, case.verdicts["mllm"].right
        if pair in wanted:
            wanted[pair] += 1  # type: ignore[index]
    with open_page(family_page, at="#view=cells") as watched:
        for (a, b), number in wanted.items():
            cell = watched.page.locator(f'[data-cell="{"right" if a else "wrong"}-{"right" if b else "wrong"}"]')
            assert int(cell.locator(".fc-cell-number").inner_text().split()[0]) == number
            cell.click()
            assert count(watched) == number
            assert cell.get_attribute("aria-pressed") == "true"
        text = part(watched, "cells").inner_text()
        assert "73 samples compared; not compared: 2 samples of unknown truth" in text
        watched.page.get_by_label("Method B of the four cells").select_option("sfa")
        assert "that one of them was not asked about" in part(watched, "cells").inner_text()
        watched.page.get_by_label("Method B of the four cells").select_option("specialist")
        assert "Choose two methods that differ" in part(watched, "cells").inner_text()
        sound(watched)


def test_notes_are_kept_and_exported(family_page: Path, open_page: Open) -> None:
    with open_page(family_page, at="#sample=p3") as watched:
        page = watched.page
        page.get_by_label("Tags", exact=True).fill("odd, to ask, odd")
        page.get_by_label("Note", exact=True).fill('a "note"\nof two lines </script>')
        part(watched, "close").click()
        page.reload()
        assert page.locator(".fc-item", has_text="to ask").count() == 1
        page.get_by_label("Tag", exact=True).select_option("odd")
        assert count(watched) == 1
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Export notes").click()
        (line,) = waiting.value.path().read_text(encoding="utf-8").splitlines()
        assert waiting.value.suggested_filename == "family-notes.jsonl"
        found = json.loads(line)
        assert (found["sample_id"], found["tags"]) == ("p3", ["odd", "to ask"])
        assert found["note"] == 'a "note"\nof two lines </script>'
        sound(watched)


@pytest.mark.parametrize("leave", ["Escape", "reload", "address"])
def test_a_note_that_is_being_written_is_kept(family_page: Path, chromium: Any, leave: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{family_page.as_uri()}#sample=p3")
    page.keyboard.press("n")
    page.keyboard.type("half a thou")
    if leave == "Escape":
        page.keyboard.press("Escape")
    elif leave == "address":
        page.evaluate("() => { location.hash = 'sample=p4' }")
    page.reload()
    page.evaluate("() => { location.hash = 'sample=p3' }")
    page.wait_for_function("() => document.querySelector('textarea')?.value === 'half a thou'")
    context.close()


def test_notes_of_two_pages_are_all_kept(family_page: Path, chromium: Any) -> None:
    context = chromium.new_context()
    pages = [context.new_page() for _ in range(2)]
    for page, id_ in zip(pages, ("p3", "p4"), strict=True):
        page.goto(f"{family_page.as_uri()}#sample={id_}")
    for page in pages:
        page.get_by_label("Note", exact=True).fill("seen")
        page.get_by_role("button", name="Close").first.click()
    pages[0].reload()
    assert pages[0].get_by_text("2 samples with tags or notes").count()
    context.close()


def test_notes_without_storage_say_so(family_page: Path, chromium: Any) -> None:
    context = chromium.new_context()
    context.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden') } })")
    page = context.new_page()
    page.goto(f"{family_page.as_uri()}#sample=p3")
    assert page.get_by_text("This browser keeps nothing for this page").count()
    page.get_by_label("Note", exact=True).fill("kept until the page closes")
    page.get_by_role("button", name="Close").first.click()
    assert page.locator('[data-filter="notes"]').get_by_text("notes are lost when it is closed").count()
    assert page.get_by_role("button", name="Export notes").is_enabled()
    context.close()


def test_notes_that_another_page_spoilt(family_page: Path, chromium: Any) -> None:
    context = chromium.new_context()
    faults: list[str] = []
    spoilt = json.dumps(
        {"p3": None, "p4": {"tags": [1, {}], "note": 7}, "p5": {"tags": ["<b>"], "note": []}, "__proto__": 1}
    )
    context.add_init_script(f"localStorage.setItem('finecops-notes:family', {json.dumps(spoilt)})")
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(family_page.as_uri())
    assert page.get_by_text("1 sample with tags or notes").count()
    assert faults == []
    context.close()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["1280", "400"])
def test_hostile_texts_stay_texts(hostile_page: Path, open_page: Open, viewport: Viewport) -> None:
    with open_page(hostile_page, viewport) as watched:
        page = watched.page
        alerts: list[str] = []
        page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
        for view in ("Cards", "Pairs", "Four cells"):
            page.get_by_role("button", name=view, exact=True).click()
            page.wait_for_timeout(50)
            sound(watched)
        for text in HOSTILE:
            page.evaluate("hash => { location.hash = hash }", f"sample={quote(text, safe='')}")
            part(watched, "sample").get_by_text("Prompt").first.wait_for()
            assert part(watched, "sample-title").text_content() == text
            assert page.locator(".fc-sentence").text_content() == text
            sound(watched)
        assert page.locator(".fc-gallery :is(script, iframe, object, embed, b, form)").count() == 0
        assert page.locator(".fc-gallery [onerror], .fc-gallery [onload], .fc-gallery [onmouseover]").count() == 0
        assert page.locator('.fc-gallery img:not([data-picture]), .fc-gallery a[href^="javascript"]').count() == 0
        assert alerts == []


def test_28000_samples_are_never_all_in_the_page(many_page: Path, open_page: Open) -> None:
    with open_page(many_page) as watched:
        page = watched.page
        assert count(watched) == 28_000
        page.wait_for_function(
            "() => [...document.querySelectorAll('.fc-card img')].some((image) => image.naturalWidth)"
        )
        visible = page.locator(".fc-card img").evaluate_all(
            "images => images.filter(i => i.getBoundingClientRect().top < innerHeight).length"
        )
        most = page.locator(".fc-card").count()
        assert 0 < watched.requested(".png") <= visible
        for view, each in (("cards", 1), ("pairs", 2)):
            page.evaluate("view => { location.hash = `view=${view}` }", view)
            for share in (0.1, 0.5, 0.9, 1):
                page.locator(".fc-list").evaluate(
                    "(list, share) => { list.scrollTop = share * list.scrollHeight }", share
                )
                page.wait_for_timeout(120)
                most = max(most, each * page.locator(".fc-card").count())
                assert page.locator(".fc-card").count()
        assert most <= 60
        # A handful of screens were seen, of 14,000 pictures.
        assert watched.requested(".png") < 200
        # Passing by quickly asks for nothing that is not seen.
        before = watched.requested(".png")
        page.evaluate(
            "() => { const list = document.querySelector('.fc-list');"
            " for (let i = 0; i < 500; i += 1) list.scrollTop = i * 3000; list.scrollTop = 0 }"
        )
        page.wait_for_timeout(200)
        assert watched.requested(".png") - before < 60
        sound(watched)


@pytest.mark.parametrize("width", [400, 800, 2560, 3840])
def test_no_window_has_more_than_60_cards(many_page: Path, open_page: Open, width: int) -> None:
    with open_page(many_page, Viewport(width, 2000)) as watched:
        watched.page.locator(".fc-card").first.wait_for()
        assert 0 < watched.page.locator(".fc-card").count() <= 60
        lefts = "items => new Set(items.map(i => i.getBoundingClientRect().x)).size"
        columns = watched.page.locator(".fc-item").evaluate_all(lefts)
        assert (columns == 1) is (width == 400)
        sound(watched)


def test_counts_of_many_are_those_of_python(many_page: Path, open_page: Open) -> None:
    found = many_cases()
    wanted = sum(case.sample.level == 2 and case.verdicts["specialist"].right is True for case in found)
    with open_page(many_page, at="#level=2&right.specialist=right") as watched:
        assert count(watched) == wanted


def test_details_are_asked_for_when_a_sample_is_opened(many_page: Path, open_page: Open) -> None:
    with open_page(many_page) as watched:
        watched.page.locator(".fc-item a.fc-open").first.wait_for()
        details = [url for url in watched.requests if "details-" in url]
        assert details == []
        watched.page.locator(".fc-item a.fc-open").first.click()
        part(watched, "sample").get_by_text("First box").wait_for()
        details = [url.rsplit("/", 1)[1] for url in watched.requests if "details-" in url]
        assert details == ["details-0000.js"]
        # Its negative is in the same file.
        watched.page.keyboard.press("ArrowRight")
        part(watched, "sample").get_by_text("First box").wait_for()
        assert sum("details-" in url for url in watched.requests) == 1
        sound(watched)


def test_a_missing_file_is_said(family_page: Path, open_page: Open, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(family_page.parent, tmp_path / "copy")
    for file in (copy / "report_data").glob("details-*"):
        file.unlink()
    with open_page(copy / family_page.name, at="#sample=p0") as watched:
        watched.page.get_by_role("alert").wait_for()
        assert "details-0000.js of this report cannot be read" in watched.page.get_by_role("alert").inner_text()


def test_one_file_has_everything(single_page: Path, open_page: Open) -> None:
    with open_page(single_page, at="#sample=p0") as watched:
        part(watched, "sample").get_by_text("Prompt").first.wait_for()
        assert len(watched.requests) == 1
        assert "no picture" in (watched.page.locator(".fc-large").text_content() or "")
        sound(watched)


@pytest.mark.parametrize("viewport", [Viewport(1280, 900), Viewport(400, 800, dark=True)], ids=["wide", "narrow-dark"])
def test_accessible(family_page: Path, open_page: Open, viewport: Viewport) -> None:
    """axe-core: names of controls, contrast, roles, and what else a program can see."""
    from axe_playwright_python.sync_playwright import Axe

    with open_page(family_page, viewport) as watched:
        for at in ("view=cards&level=1", "view=pairs", "view=cells", "sample=p0"):
            watched.page.evaluate("hash => { location.hash = hash }", at)
            if at == "sample=p0":
                part(watched, "sample").get_by_text("Prompt").first.wait_for()
            elif not part(watched, "filters").is_visible():
                part(watched, "toggle-filters").click()
            # It takes the first link to a sample for a link that skips to the main part of the page.
            options = {"rules": {"skip-link": {"enabled": False}}}
            violations = Axe().run(watched.page, options=options).response["violations"]
            assert [(v["id"], [node["html"][:200] for node in v["nodes"]][:3]) for v in violations] == [], at


def test_times_are_to_be_had(family_page: Path, chromium: Any) -> None:
    # One browser at a time: Playwright's loop is this thread's.
    del chromium
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        times = pool.submit(time_report, family_page, 1).result()
    assert times.samples == 75
    assert set(times.filters_ms) == {"kind", "level", "right or wrong", "search"}
    assert times.first_picture_s > 0
    assert all(value > 0 for value in times.filters_ms.values())

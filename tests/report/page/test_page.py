"""The page itself: what is on it, and that nothing of an untrusted text becomes markup."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import RunError, UsageError
from finecops.records import Negative, Sample
from finecops.report.page.build import write_report
from finecops.report.page.settings import ReportSettings
from tests.builders_runs import RIGHT, WRONG, make_run, stage_entry, write_run
from tests.conftest import make_prediction, make_sample
from tests.report.page.builders import Markup, add_images, point_to

MARKS = (
    "</script><script>hacked = 1</script>",
    "<!--<script>",
    '<img src=x onerror="hacked = 1">',
    "'\"><svg onload=hacked=1>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:hacked=1",
    "a\u2028b\u2029c",
    "\u202egnp.exe\u202c\u200f",
    "\x1b[31mred\x07",
    "</style><style>*{display:none}",
    "&lt;b&gt;&amp;",
    "]]><![CDATA[",
)


def report(*runs: Path | str, out: Path, **options: Any) -> Markup:
    """A report, taken apart."""
    found = write_report(ReportSettings(runs=tuple(map(str, runs)), out=out, **({"metrics": "p1"} | options)))
    return Markup(found.page.read_text(encoding="utf-8"))


def hostile_run(folder: Path) -> Path:
    """A run in which every text of a file or a model is hostile, and one is missing, failed, unparsed or refused."""
    samples: list[Sample] = []
    for number, mark in enumerate(MARKS):
        negative = Negative(type=mark, kind="text", level=1, positive_id=f"id {mark}")
        about = {"dataset": mark, "split": mark, "expression": f"the {mark}", "tuple_type": mark}
        samples.append(make_sample(f"id {mark}", image=f"{number}{mark}.png".replace("/", "\u2215"), **about))
        samples.append(make_sample(f"no {mark}", image="gone.png", box=None, negative=negative, **about))
    statuses = ("box", "reject", "unparsed", "failed")
    answers = []
    for i, sample in enumerate(samples):
        mark, status = MARKS[i // 2], statuses[i % 4]
        row = make_prediction(sample.id, [RIGHT if i % 3 else WRONG] if status == "box" else (), None, status)
        words = {name: f"{name} {mark}" for name in ("reason", "prompt", "reply", "note", "source", "score_kind")}
        answers.append(row.model_copy(update=words))
    hostile = "".join(MARKS)
    entry = stage_entry("answers", "mllm", label=hostile, model=hostile, settings={hostile: {"a": [hostile]}})
    other = stage_entry("answers", "specialist", label=f"S {hostile}")
    rows = {"samples": samples, "mllm": answers, "specialist": answers[:-1]}
    return write_run(folder, rows, {"mllm": entry, "specialist": other}, dataset=hostile)


# What a report is made of. `script` has a source or, in one file, a text of our own.
ELEMENTS = set(
    "html head meta title style body header h1 h2 h3 p nav ul li a main section div table caption thead tbody tr th td "
    "details summary figure figcaption footer script span button input dialog svg g path text line rect circle "
    "polyline polygon desc ellipse".split()
)


def check_markup(page: Markup) -> None:
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset", "srcdoc")]
        assert attributes.get("href", "#").startswith("#")
        assert attributes.get("src", "report_data/").startswith("report_data/")
    assert "default-src 'none'" in policy(page)
    assert "unsafe" not in policy(page)


def policy(page: Markup) -> str:
    return next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")


@pytest.mark.parametrize("single", [False, True])
def test_no_hostile_text_becomes_markup(tmp_path: Path, single: bool) -> None:
    run = hostile_run(tmp_path / "run <b>&'\"")
    point_to(run, tmp_path / "data")
    out = tmp_path / ("r.html" if single else "report")
    page = report(run, out=out, single=single, paper=True, command="finecops report '</script>'")
    check_markup(page)
    # Each text is there as a text.
    assert '<img src=x onerror="hacked = 1">' in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "run <b>&'\"" in page.text
    # Direction marks would let a text look like another one; of control characters a page has line ends alone.
    html = (out if single else out / "report.html").read_text(encoding="utf-8")
    outside = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u2028\u2029\x00-\x09\x0b-\x1f\x7f-\x9f]", outside)
    if single:
        assert len(page.scripts) == html.count("<script>") == html.count("</script>")
    else:
        assert page.scripts == []
        for path in (out / "report_data").glob("*.js"):
            if path.name != "gallery.js":
                assert "<" not in path.read_text(encoding="utf-8")


def test_one_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    add_images(run, tmp_path / "data", [f"p{i}.png" for i in range(20)])
    page = report(run, out=tmp_path / "report", metrics="p1,r1", intervals=True, command="finecops report run")
    check_markup(page)
    for text in (
        "Precision@1 on positives, %",
        "95% bootstrap intervals",
        "Outcomes, samples",
        "Compared sample by sample",
        "Precision@1 on positives, by level",
        "Not drawn: ",
        "SFA − specialist",
        "finecops report run",
        # Negatives have no image here.
        "20 images cannot be shown; the first: image n0.png is missing.",
        "Images are linked",
    ):
        assert text in page.text, text
    data = (tmp_path / "report/report_data/samples.js").read_text()
    assert '\\"20\\":\\"image n0.png is missing\\"' in data
    assert [a["src"] for tag, a in page.elements if tag == "script"] == [
        "report_data/gallery.js",
        "report_data/samples.js",
    ]
    links = [a["href"][1:] for tag, a in page.elements if tag == "a"]
    assert set(links) <= {a["id"] for _, a in page.elements if "id" in a}
    # Written into the folder that the page is in, whose files it names as its own.
    own = json.loads((tmp_path / "report/report_data/report.json").read_text())["files"]
    assert {"report.html", "report_data/gallery.js"} < set(own)


def test_the_same_bytes_again(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")

    def files() -> dict[str, bytes]:
        report(run, out=tmp_path / "report")
        found = (path for path in (tmp_path / "report").rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in found}

    assert files() == files()


def test_several_runs_and_the_reference(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", scale=0.5, unknown=1)
    page = report(a, b, out=tmp_path / "report", reference=b)
    check_markup(page)
    assert "The reference is b." in page.text
    assert "Left out, of b alone: 1 sample." in page.text
    assert page.text.index("b: Specialist toy") < page.text.index("a: Specialist toy")
    for text in ("Side by side", "All numbers", "Provenance of a"):
        assert text in page.text
    data = (tmp_path / "report/report_data/samples.js").read_text()
    assert "a:specialist" in data
    assert "b:sfa" in data


def test_runs_on_other_data_stand_side_by_side(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a")
    rows = {"samples": [make_sample("x")], "mllm": [make_prediction("x", [RIGHT])]}
    other = write_run(tmp_path / "b", rows, {"mllm": stage_entry("answers", "mllm")}, dataset="other")
    page = report(a, other, out=tmp_path / "report")
    assert "no sample in common" in page.text
    assert "b: MLLM toy" in page.text


def test_two_methods_open_at_the_four_cells(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    page = report(f"{run}:specialist", f"{run}:mllm", out=tmp_path / "report")
    places = [
        page.text.index(text) for text in ("first: ", "both right", "Second minus first", "Precision@1 on positives")
    ]
    assert places == sorted(places)
    assert (
        '\\"view\\":\\"cells\\",\\"a\\":\\"specialist\\",\\"b\\":\\"mllm\\"'
        in (tmp_path / "report/report_data/samples.js").read_text()
    )
    # The numbers are those of the two alone.
    assert "SFA" not in page.text[: page.text.index("Provenance of run")].partition("Results")[2].replace("SFA's", "")


def test_where_a_report_goes_by_itself(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")

    def place(*runs: object, **options: Any) -> str:
        settings = ReportSettings(runs=tuple(map(str, runs)), metrics="p1", **options)
        return write_report(settings).page.relative_to(tmp_path).as_posix()

    assert place(a) == "a/report/report.html"
    assert place(a, single=True) == "a/a-report.html"
    assert place(f"{a}:sfa") == "a/report-sfa/report.html"
    assert place(a, b) == "report-a-and-b/report.html"
    assert place(f"{a}:sfa", f"{b}:mllm") == "report-a-sfa-and-b-mllm/report.html"
    assert place(a, b, single=True) == "report-a-and-b.html"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_mb": 3}, "--max-mb goes with --single"),
        ({"single": True, "copy_images": True}, "--copy-images is for a folder"),
        ({"single": True, "out": "x"}, "ends in .html"),
        ({"out": "x.html"}, "a report is a folder"),
        ({"paper_row": "x"}, "--paper-row goes with --paper"),
        ({"reference": "{run}"}, "--reference goes with several runs"),
        ({"runs": ("{run}", "{run}:sfa")}, "named twice"),
        ({"runs": ("{run}/samples.jsonl",)}, "is a file, and a report is about runs"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    run = str(make_run(tmp_path / "run"))
    for name, value in options.items():
        if name == "runs":
            options = options | {"runs": tuple(text.format(run=run) for text in value)}
        elif isinstance(value, str):
            options = options | {name: value.format(run=run)}
    with pytest.raises(UsageError, match=re.escape(says)):
        write_report(ReportSettings.model_validate({"runs": (run,), "metrics": "p1"} | options))


def test_nothing_is_written_where_something_else_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(RunError, match="is no report"):
        report(run, out=run)
    assert (run / "run.json").exists()

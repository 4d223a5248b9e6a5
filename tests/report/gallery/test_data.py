"""What Python hands to the gallery: columns, details, scripts."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

import pytest

from finecops.evaluation.cases import Cases, run_cases
from finecops.evaluation.reading import RunData
from finecops.evaluation.runs import evaluate_run
from finecops.records import Sample
from finecops.report.gallery import Gallery, Opening, gallery
from finecops.report.gallery.columns import pair_hits
from finecops.report.gallery.details import case_details, chunks_of
from finecops.report.gallery.gallery import SCRIPTS, STYLES, application
from finecops.report.gallery.scripts import data_script
from tests.builders_gallery import HOSTILE, family_cases, hostile_cases, method, relative
from tests.builders_runs import RIGHT, WRONG, make_run
from tests.conftest import make_negative, make_prediction, make_sample

CALL = re.compile(r'finecopsData\(("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")\);\n')


def read_script(text: str) -> Any:
    """The data of a script, read as a browser reads them."""
    found = CALL.fullmatch(text)
    assert found is not None
    return json.loads(json.loads(found[2]))


def samples_of(found: Gallery) -> Any:
    return read_script(found.scripts["samples.js"])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_stays_a_text(text: str) -> None:
    script = data_script("a", {"text": text})
    assert read_script(script) == {"text": text}
    assert not re.search("[<>&\u2028\u2029]", script)


def test_half_a_character_and_a_number_that_is_none() -> None:
    assert "\\\\ud800" in data_script("a", "\ud800")
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_script("a", {"score": float("nan")})


def test_columns_are_the_verdicts() -> None:
    cases = family_cases(6)
    data = samples_of(gallery(cases, relative))
    columns = data["columns"]
    assert {len(column) for column in columns.values()} == {len(cases)}
    for key, answers in zip([m["key"] for m in data["methods"]], data["answers"], strict=True):
        for row, case in enumerate(cases):
            verdict = case.verdicts.get(key)
            if verdict is None:
                assert (answers["outcome"][row], answers["right"][row]) == (-1, -1)
                continue
            assert data["outcomes"][answers["outcome"][row]] == verdict.outcome
            assert answers["right"][row] == (-1 if verdict.right is None else int(verdict.right))
            assert answers["score"][row] == verdict.score
    row = {id_: row for row, id_ in enumerate(columns["id"])}
    assert data["kinds"][columns["kind"][row["i3"]]] == "image"
    assert data["kinds"][columns["kind"][row["u0"]]] == "unknown"
    assert data["kinds"][columns["kind"][row["alone"]]] == "other"
    assert columns["positive"][row["t3"]] == row["p3"]
    assert columns["phrase"][row["p3"]] == [8, 11]
    assert columns["size"][row["p0"]] == 16.0
    assert data["negative_types"] == ["replace_object", "swap_attribute", "flip"]


def test_won_pairs_are_recall_at_1(tmp_path: Any) -> None:
    folder = make_run(tmp_path / "run")
    cases = run_cases(RunData(folder))
    for found, answers in zip(evaluate_run(folder).methods, cases.methods, strict=True):
        recall = next(v for v in found.values if v.metric == "recall@1" and v.subset.kind == "text")
        hits = [hit for hit in pair_hits(cases, answers) if hit is not None]
        assert (recall.n, recall.value) == (len(hits), pytest.approx(100 * sum(hits) / len(hits)))


# positive's answer, negative's answer → hit
PAIRS: dict[str, tuple[Any, Any, float | None]] = {
    "won": (([RIGHT], (0.9,)), ([WRONG], (0.8,)), 1.0),
    "lost": (([RIGHT], (0.7,)), ([WRONG], (0.8,)), 0.0),
    "tied": (([RIGHT], (0.8,)), ([WRONG], (0.8,)), 0.5),
    "a wrong box wins nothing": (([WRONG], (0.9,)), ([WRONG], (0.8,)), 0.0),
    "a rejection leaves the positive first": (([RIGHT], (0.1,)), ((), None), 1.0),
    "no scores": (([RIGHT], None), ([WRONG], None), None),
}


@pytest.mark.parametrize("name", PAIRS)
def test_pair_hits(name: str) -> None:
    mine, theirs, hit = PAIRS[name]
    samples = [make_sample("p"), make_negative("n", "p")]
    answers = method("specialist", [make_prediction("p", *mine), make_prediction("n", *theirs)])
    assert pair_hits(Cases(samples, [answers]), answers) == [None, hit]


def test_details_have_the_row_and_no_more_than_a_page_shows() -> None:
    cases = family_cases(3)
    found: Any = case_details(cases["p0"])
    crs = found["answers"]["crs"]
    assert crs["letters"] == ["B", "A"]
    assert crs["none"] == pytest.approx(0.8)
    assert found["candidates"]["count"] == 2
    assert found["candidates"]["before"] == 3
    assert found["route"]["count"] == 2
    assert "sfa" not in case_details(cases["t0"])["answers"]  # type: ignore[operator]
    row = make_prediction("p", [RIGHT] * 50, (0.5,) * 50).model_copy(update={"reply": "a" * 99_999})
    many = method("specialist", [row])
    answer: Any = case_details(Cases([make_sample("p")], [many])["p"])["answers"]
    assert len(answer["specialist"]["boxes"]) == 12
    assert answer["specialist"]["count"] == 50
    assert answer["specialist"]["reply"].endswith("(cut: 99999 characters in the row)")


@pytest.mark.parametrize("choice", ["A", "B"])
def test_a_question_without_none_has_no_such_option(choice: str) -> None:
    row = make_prediction("p", [RIGHT, WRONG], (0.9, 0.1)).model_copy(
        update={"letters": ("A", "B"), "choice": choice, "presence": 0.9}
    )
    found: Any = case_details(Cases([make_sample("p")], [method("crs", [row])])["p"])["answers"]
    assert "none" not in found["crs"]


def test_families_share_a_file() -> None:
    cases = family_cases(40)
    chunks = chunks_of(cases, 10)
    assert sorted(row for chunk in chunks for row in chunk) == list(range(len(cases)))
    of = {cases.samples[row].id: number for number, chunk in enumerate(chunks) for row in chunk}
    assert all(of[f"p{i}"] == of[f"t{i}"] == of[f"i{i}"] for i in range(40))
    assert max(map(len, chunks)) <= 10
    found = gallery(cases, relative, chunk=10)
    assert len(found.later) == len(chunks)
    data = samples_of(found)
    for row, number in enumerate(data["columns"]["chunk"]):
        assert str(row) in read_script(found.later[f"details-{number:04d}.js"])


def test_a_large_family_is_cut() -> None:
    samples = [make_sample("p"), *(make_negative(f"n{i}", "p") for i in range(24)), make_sample("q")]
    assert list(map(len, chunks_of(Cases(samples, []), 10))) == [10, 10, 6]


def test_negatives_of_negatives_and_of_themselves_are_in_a_file() -> None:
    circle = [make_negative("a", "b"), make_negative("b", "a"), make_negative("c", "c"), make_sample("d")]
    chunks = chunks_of(Cases(circle, []))
    assert sorted(row for chunk in chunks for row in chunk) == [0, 1, 2, 3]


def test_equal_pictures_are_in_the_page_once() -> None:
    samples = [make_sample(str(i), image=f"{i % 2}.png") for i in range(6)]
    data = samples_of(gallery(Cases(samples, []), lambda s: None if s.id == "5" else s.image))
    assert data["pictures"] == ["0.png", "1.png"]
    assert data["columns"]["picture"] == [0, 1, 0, 1, 0, -1]


@pytest.mark.parametrize(
    "url", ["https://example.org/a.png", "//example.org/a.png", "javascript:alert(1)", "data:text/html,a", "blob:a"]
)
def test_a_picture_elsewhere_is_refused(url: str) -> None:
    def elsewhere(sample: Sample) -> str:
        return url

    with pytest.raises(ValueError, match="neither relative nor an image's data"):
        gallery(Cases([make_sample("p")], []), elsewhere)


def test_pictures_here_are_taken() -> None:
    for url in ("a/b.png", "../a.png", "data:image/webp;base64,AAAA", "a%3Ab.png"):
        assert samples_of(gallery(Cases([make_sample("p")], []), lambda s, url=url: url))["pictures"] == [url]  # type: ignore[misc]


def test_an_opening_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no method 'x'; there are 'specialist'"):
        gallery(family_cases(1), relative, Opening("cells", "x"))


def test_hostile_texts_are_in_no_script_as_markup() -> None:
    found = gallery(hostile_cases(), relative)
    for text in [*found.later.values(), found.scripts["samples.js"]]:
        assert "<" not in text


def test_the_application_is_all_of_its_files_and_makes_no_markup() -> None:
    files = resources.files("finecops.report.gallery") / "assets"
    assert {file.name for file in files.iterdir()} == {*SCRIPTS, *STYLES, "gallery.html"}
    text = application()
    assert not re.search(r"(inner|outer)HTML|insertAdjacent|document\.write|\beval\(|new Function|\bfetch\(", text)
    # It stands in a script element of the one-file report.
    assert not re.search(r"</script|<!--", text, re.IGNORECASE)
    # Names of namespaces are the only addresses.
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}


def test_no_file_of_the_application_is_long() -> None:
    for file in (resources.files("finecops.report.gallery") / "assets").iterdir():
        lines = file.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 300, file.name
        assert max(map(len, lines)) <= 120, file.name

"""What `finecops show` chooses and writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from finecops.errors import RunError, UsageError
from finecops.evaluation.shown import ShowSettings, choose_cases
from tests.builders_runs import make_run
from tests.cli.invoke import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Positives p0 to p11 are right by the specialist, all by the MLLM; odd ones go to the MLLM in SFA."""
    return make_run(tmp_path / "run")


def test_a_named_method_is_the_one_that_is_looked_at(folder: Path) -> None:
    shown = choose_cases(ShowSettings(source=f"{folder}:sfa", wrong=True, kind=("positive",)))
    assert [case.sample.id for case in shown.cases] == ["p12", "p14", "p16", "p18"]
    assert set(shown.cases[0].verdicts) == {"specialist", "mllm", "sfa"}
    both = choose_cases(ShowSettings(source=f"{folder}:specialist", wrong=True, right=("sfa",), limit=3))
    assert ([case.sample.id for case in both.cases], both.matched, both.asked) == (["p13", "p15", "p17"], 4, 40)


def test_nothing_found_is_refused_with_the_reason(folder: Path) -> None:
    with pytest.raises(RunError, match=r"each alone: --wrong 24, --unparsed 0, --right 20, --level 10$"):
        choose_cases(ShowSettings(source=f"{folder}:sfa", wrong=True, right=("mllm",), level=(2,), unparsed=True))
    with pytest.raises(
        UsageError, match=r"has no method 'mlm' \(did you mean 'mllm'\?\); there are: specialist, mllm, sfa"
    ):
        choose_cases(ShowSettings(source=str(folder), right=("mlm",)))


def test_a_prediction_file_is_shown_with_the_images_beside_its_annotations(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("image,expression,box,width,height\na.png,car,1 2 30 40,100,100\n")
    (tmp_path / "file.jsonl").write_text('{"sample_id": "1", "status": "reject", "source": "x"}\n')
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    annotations = ("--annotations", str(tmp_path / "own.csv"), "--boxes", "xyxy", "--format", "finecops")
    out = tmp_path / "out"
    code, text = run("show", str(tmp_path / "file.jsonl"), *annotations, "--wrong", "--out", str(out))
    assert code == 0
    assert f"{out / '1.png'}  1: car  [file reject wrong]" in text
    assert "not found" not in text


def test_a_line_a_sample_and_what_was_drawn(folder: Path, tmp_path: Path) -> None:
    code, text = run("show", f"{folder}:sfa", "--wrong", "--level", "1", "--kind", "positive", "--limit", "2")
    assert code == 0
    assert f"{folder / 'pictures' / 'p12.png'}  p12: the red car  [specialist wrong 0.00, MLLM right 1.00" in text
    assert "4 of 40 samples match; 2 drawn (--limit)" in text
    assert "2 images not found, drawn as a grey frame; the first: nothing says where the images are" in text
    with Image.open(folder / "pictures" / "p12.png") as picture:
        assert picture.format == "PNG"
    code, text = run("show", str(folder), "p3", "n3", "--out", str(tmp_path / "two"))
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["n3.png", "p3.png"]

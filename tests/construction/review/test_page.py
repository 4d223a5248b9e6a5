"""The page as a file, and the command that writes it and reads votes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.construction.review.page import PageSettings, fingerprint, write_page
from finecops.construction.review.planting import read_key
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import DataError
from tests.builders_gallery import HOSTILE
from tests.cli.invoke import run
from tests.conftest import make_sample
from tests.construction.review.builders import benchmark, samples, vote, votes_of, write_votes
from tests.datasets.releases import RELEASES, SPLITS, yaml_of


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return benchmark(tmp_path / "toy")


def data_of(page: Path) -> dict[str, Any]:
    """The data in a page."""
    found = re.search(r'<script type="application/json" id="fr-data">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_row_has_what_a_rater_looks_at(tmp_path: Path, dataset: Dataset) -> None:
    written = write_page(tmp_path / "r.html", dataset, dataset.samples, PageSettings(rater="ana"))
    assert (written.samples, written.pictures, written.missing) == (24, 12, {})
    assert written.size == (tmp_path / "r.html").stat().st_size
    found = data_of(written.path)
    assert (found["name"], found["split"], found["rater"], found["round"]) == ("toy", "test", "ana", 1)
    assert (found["sha256"], found["page"]) == (dataset.sha256, written.fingerprint)
    positive, _, text, image = found["rows"][:4]
    assert (positive["kind"], positive["box"], positive["positive"]) == ("positive", [10, 10, 40, 40], None)
    assert (text["kind"], text["negative_type"], text["negative_level"]) == ("text", "replace_object", 1)
    assert (text["box"], text["positive"]["text"]) == (None, positive["text"])
    # The negative image has a picture of its own, and that of its positive to be compared with.
    assert image["picture"] != positive["picture"] == image["positive"]["picture"]
    assert "votes" not in positive


def test_the_page_is_about_what_it_shows(dataset: Dataset) -> None:
    some = dataset.samples[:3]
    known = fingerprint(dataset, some, 1)
    assert known == fingerprint(dataset, some, 1)
    others = [some[0].model_copy(update={"expression": "another"}), *some[1:]]
    assert (
        len({known, fingerprint(dataset, some, 2), fingerprint(dataset, some[:2], 1), fingerprint(dataset, others, 1)})
        == 4
    )


def test_a_positive_is_shown_although_it_is_not_on_the_page(tmp_path: Path, dataset: Dataset) -> None:
    negatives = [sample for sample in dataset.samples if sample.absent]
    write_page(tmp_path / "r.html", dataset, negatives, PageSettings())
    assert all(row["positive"]["box"] for row in data_of(tmp_path / "r.html")["rows"])


def test_links_are_relative_to_the_page(tmp_path: Path, dataset: Dataset) -> None:
    write_page(tmp_path / "pages" / "r.html", dataset, dataset.samples[:2], PageSettings(link=True))
    assert data_of(tmp_path / "pages" / "r.html")["links"] == ["../toy/0.png"]


def test_a_missing_picture_is_said(tmp_path: Path, dataset: Dataset) -> None:
    (tmp_path / "toy" / "0.png").unlink()
    (tmp_path / "toy" / "1.png").write_bytes(b"no picture")
    written = write_page(tmp_path / "r.html", dataset, dataset.samples, PageSettings())
    assert sorted(written.missing) == ["0.png", "1.png"]
    found = data_of(tmp_path / "r.html")
    assert found["rows"][0]["picture"] is None
    # No path of this machine.
    assert str(tmp_path) not in json.dumps(found["problems"])


def test_nothing_hostile_is_markup(tmp_path: Path) -> None:
    of = [make_sample(str(i), expression=text, tuple_type=text[:50]) for i, text in enumerate(HOSTILE)]
    dataset = benchmark(tmp_path / "toy", of)
    settings = PageSettings(rater=HOSTILE[1], votes={"1": [vote(dataset, "1", note="</script><b>", rater="<i>")]})
    page = write_page(tmp_path / "r.html", dataset, dataset.samples, settings).path
    text = page.read_text()
    assert [row["text"] for row in data_of(page)["rows"]] == [s.expression for s in dataset.samples]
    # Nothing but the page's own scripts: data, pictures, and the one that runs.
    assert len(re.findall("<script", text)) == text.count("</script>") == 2 + len(of)
    assert "<img" not in text
    assert "<b>" not in text
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    checksum = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{checksum}&#39;" in text


def test_what_is_no_page_is_not_replaced(tmp_path: Path, dataset: Dataset) -> None:
    page = tmp_path / "r.html"
    for _ in range(2):
        write_page(page, dataset, dataset.samples[:1], PageSettings())
    page.write_text("my notes")
    with pytest.raises(DataError, match="is no review's page; choose another --out"):
        write_page(page, dataset, dataset.samples[:1], PageSettings())
    assert page.read_text() == "my notes"
    with pytest.raises(DataError, match="is a folder"):
        write_page(tmp_path, dataset, dataset.samples[:1], PageSettings())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "toy"]


def test_the_command_writes_a_page_and_its_key(tmp_path: Path, dataset: Dataset, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = run("data", "review", "toy/toy.yaml", "--limit", "8", "--plant", "3", "--rater", "ana")
    assert (code, output) == (
        0,
        f"review-toy-test.html: 11 samples, {len(data_images(tmp_path))} images inside, 0.1 MB\n"
        "key of the 3 planted faults: review-toy-test.key.json; raters must not see it, and --votes takes it as --key\n"
        "next: open it in a browser; then finecops data review toy/toy.yaml --votes FILE FILE --key "
        "review-toy-test.key.json\n",
    )
    key, found = read_key(tmp_path / "review-toy-test.key.json"), data_of(tmp_path / "review-toy-test.html")
    assert key.page == found["page"]
    assert {one.sample_id for one in key.planted} < {row["id"] for row in found["rows"]}
    # Nothing in the page tells them from the others.
    assert len({tuple(row) for row in found["rows"]}) == 1


def data_images(folder: Path) -> list[str]:
    return re.findall('id="fr-picture-', (folder / "review-toy-test.html").read_text())


def test_the_command_compares_raters(tmp_path: Path, dataset: Dataset, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("data", "review", "toy/toy.yaml", "--plant", "2")[0] == 0
    key = read_key(tmp_path / "review-toy-test.key.json")
    planted = [one.sample_id for one in key.planted]

    def file(rater: str, verdicts: str, found: str) -> str:
        own = votes_of(dataset, rater, verdicts, page=key.page)
        own += [vote(dataset, id_, verdict, rater, page=key.page) for id_, verdict in zip(planted, found.split())]
        return str(write_votes(tmp_path / f"{rater}.jsonl", own))

    ana, ben = file("ana", "kkdk" * 6, "drop drop"), file("ben", "kkdd" * 6, "drop keep")
    code, said = run("data", "review", "toy/toy.yaml", "--votes", ana, ben)
    assert code == 1
    assert "--key names the file that was written beside it" in said
    command = ("data", "review", "toy/toy.yaml", "--votes", ana, ben, "--key", "review-toy-test.key.json")
    code, output = run(*command)
    assert code == 0
    lines = [line.split() for line in output.splitlines()]
    assert ["ana", "24", "18", "0", "6", "0"] in lines
    assert any(line[:3] == ["ana", "2", "100.0"] for line in lines)
    assert any(line[:3] == ["ben", "2", "50.0"] for line in lines)
    assert any(line[:4] == ["all", "24", "75.0", "0.50"] for line in lines)
    assert max(map(len, output.splitlines())) <= 100
    found = json.loads(run(*command, "--json")[1])
    assert found["agreement"]["all"]["verdict"]["kappa"] == pytest.approx(0.5)
    assert found["raters"][1]["found"]["share"] == 0.5
    assert "kappa of verdicts,all raters,flip" in run(*command, "--csv")[1].replace("toy,test,", "")


def test_the_command_writes_a_second_round(tmp_path: Path, dataset: Dataset, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    a = str(write_votes(tmp_path / "a.jsonl", votes_of(dataset, "ana", "kkdk" * 6)))
    b = str(write_votes(tmp_path / "b.jsonl", votes_of(dataset, "ben", "kkdd" * 6)))
    command = ("data", "review", "toy/toy.yaml", "--votes", a, b, "--disagreements")
    assert run(*command)[1].startswith("review-toy-test-round2.html: 6 samples, ")
    found = data_of(tmp_path / "review-toy-test-round2.html")
    assert [row["id"] for row in found["rows"]] == [
        s.id for s in samples() if s.negative and s.negative.kind == "image"
    ]
    assert (found["round"], "ben" in json.dumps(found)) == (2, False)
    run(*command, "--show-votes", "--out", "shown.html")
    assert [one["rater"] for one in data_of(tmp_path / "shown.html")["rows"][0]["votes"]] == ["ana", "ben"]
    code, said = run("data", "review", "toy/toy.yaml", "--votes", a, "--disagreements")
    assert (code, said) == (
        1,
        "the raters agree on every sample that they voted on, so there is no second round",
    )


# arguments → exit code and what is said
WRONG = {
    "a file without a use": (("a.jsonl",), 2, "a.jsonl: --votes prints what files of votes say"),
    "no file": (("--votes",), 2, "--votes needs files of votes"),
    "two uses": (("--votes", "--apply", "a.jsonl"), 2, "--apply does not go with --votes"),
    "disagreements alone": (("--disagreements", "a.jsonl"), 2, "--disagreements goes with --votes"),
    "option of another mode": (("--rule", "all"), 2, "--rule does not go with a page; it goes with --apply"),
    "limit of votes": (("--votes", "a.jsonl", "--limit", "2"), 2, "--limit does not go with --votes"),
    "json of a page": (("--json",), 2, "--json does not go with a page"),
    "unknown kind": (("--only", "cats"), 2, "cats"),
    "no name": (("--rater", " "), 2, "--rater is a name"),
    "no folder": (("--apply", "votes.jsonl", "--unreviewed", "keep"), 2, "--apply needs --out FOLDER"),
    "unknown rule": (("--apply", "no.jsonl", "--rule", "some", "--out", "o"), 2, "majority, all, any"),
    "unknown choice": (("--apply", "votes.jsonl", "--unreviewed", "burn"), 2, "keep, drop"),
    "a missing file": (("--votes", "no.jsonl"), 1, "no such file: no.jsonl"),
    "no key": (("--votes", "votes.jsonl", "--key", "votes.jsonl"), 1, "votes.jsonl is no key of a page"),
    "seed alone": (("--seed", "2"), 2, "--seed goes with --plant"),
    "show-votes alone": (("--votes", "votes.jsonl", "--show-votes"), 2, "--show-votes does not go with --votes"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), WRONG.values(), ids=WRONG)
def test_wrong_commands(
    tmp_path: Path, dataset: Dataset, monkeypatch: Any, arguments: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_votes(tmp_path / "votes.jsonl", votes_of(dataset, "ana", "k" * 24))
    found = run("data", "review", "toy/toy.yaml", *arguments)
    assert found[0] == code
    assert said in found[1]
    assert "\n" not in found[1]


@pytest.mark.parametrize("name", ["cops-ref", "refcoco of MDETR", "ref-reasoning"])
def test_any_release_is_reviewed(tmp_path: Path, name: str) -> None:
    """From its published files to a reviewed split that holds the same samples but one."""
    root, split, out = tmp_path / "data", SPLITS.get(name, "test"), tmp_path / "out"
    config = RELEASES[name](root)
    given = str(yaml_of(tmp_path / f"{config.name}.yaml", config.name, root))
    page = tmp_path / "r.html"
    assert run("data", "review", given, "--split", split, "--out", str(page))[0] == 0
    before = load_dataset_split(config, split)
    rows = data_of(page)["rows"]
    assert [row["id"] for row in rows] == [sample.id for sample in before.samples]
    assert all(row["picture"] is not None and row["size"][0] for row in rows)
    gone = before.samples[0]
    votes = [vote(before, s.id, "drop" if s == gone else "keep", page=data_of(page)["page"]) for s in before.samples]
    a = str(write_votes(tmp_path / "a.jsonl", votes))
    assert run("data", "review", given, "--split", split, "--apply", a, "--out", str(out))[0] == 0
    after = load_dataset_split(load_dataset(str(out / f"{config.name}-reviewed.yaml")))
    # A negative goes with its positive.
    expected = [s for s in before.samples if gone.id not in (s.id, s.positive_id)]
    assert [sample.model_copy(update={"dataset": config.name}) for sample in after.samples] == expected
    assert after.problems == ()

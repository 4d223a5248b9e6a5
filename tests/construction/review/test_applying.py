"""The reviewed split: which samples stay, in which words, and what is listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finecops.config.find import load_dataset
from finecops.construction.review.applying import RULES, Rule, decide, review
from finecops.construction.review.planting import PlantedFault, PlantKey, write_key
from finecops.construction.review.votes import Vote, by_sample
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import DataError
from tests.cli.invoke import run
from tests.construction.review.builders import benchmark, vote, votes_of, write_votes


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return benchmark(tmp_path / "toy")


# verdicts → kept by majority, all, any
DECISIONS = {
    "k": (True, True, True),
    "f": (True, True, True),
    "d": (False, False, False),
    "u": (False, False, False),
    "kk": (True, True, True),
    "kd": (False, False, True),
    "ku": (False, False, True),
    "kkd": (True, False, True),
    "kdd": (False, False, True),
    "kfd": (True, False, True),
    "kku": (True, False, True),
    "duu": (False, False, False),
}


@pytest.mark.parametrize(("verdicts", "kept"), DECISIONS.items(), ids=DECISIONS)
def test_rules(dataset: Dataset, verdicts: str, kept: tuple[bool, bool, bool]) -> None:
    names = {"k": "keep", "f": "fix", "d": "drop", "u": "unsure"}
    votes = [vote(dataset, "100", names[one], f"r{i}") for i, one in enumerate(verdicts)]
    assert tuple(decide(votes, rule).dropped is None for rule in RULES) == kept


def test_why_a_sample_is_dropped(dataset: Dataset) -> None:
    def why(*reasons: str | None, rule: Rule = "all") -> str | None:
        votes = [
            vote(dataset, "100", "unsure" if reason is None else "drop", f"r{i}", reason=reason)
            for i, reason in enumerate(reasons)
        ]
        return decide(votes, rule).dropped

    assert why("other", "wrong_english", "wrong_english") == "wrong_english"
    # As many: in the order of the reasons.
    assert why("other", "wrong_box") == "wrong_box"
    assert why(None, "other") == "other"
    assert why(None) == "unsure"


def test_which_words_stand(dataset: Dataset) -> None:
    def text(*texts: str | None) -> tuple[str | None, str | None]:
        votes = [vote(dataset, "100", "fix" if t else "keep", f"r{i}", text=t) for i, t in enumerate(texts)]
        return tuple(decide(votes, "majority"))  # type: ignore[return-value]

    assert text(None) == (None, None)
    assert text("a") == ("a", None)
    assert text(None, "a") == ("a", None)
    assert text(None, None, "a") == (None, None)
    assert text("a", "a", None) == ("a", None)
    assert text("a", "b") == (None, "texts_differ")
    assert text("a", "a", "b") == ("a", None)


def test_negatives_go_with_their_positive_and_images_follow_its_words(dataset: Dataset) -> None:
    # 100 is dropped, 110 fixed; their negatives are kept.
    votes: list[Vote] = votes_of(dataset, "ana", "dkkk" + "fkkk" + "kkkd" * 4)
    found = review(dataset.samples, by_sample(votes), "majority", None)
    assert found.dropped == {
        "100": "wrong_box",
        **dict.fromkeys(("102", "103"), "positive_dropped"),
        **dict.fromkeys(("123", "133", "143", "153"), "wrong_box"),
    }
    assert (found.fixed, found.followed) == (["110"], ["113"])
    words = {sample.id: sample.expression for sample in found.samples}
    assert words["110"] == words["113"] == "the better sentence"
    assert words["112"] == "the red dog number 1"
    assert found.counts == {"wrong_box": 5, "positive_dropped": 2}
    # A rater's own words for the image stay.
    votes = [one for one in votes if one.sample_id != "113"] + [vote(dataset, "113", "fix", text="my own")]
    found = review(dataset.samples, by_sample(votes), "majority", None)
    assert found.followed == []
    assert {s.id: s.expression for s in found.samples}["113"] == "my own"


@pytest.mark.parametrize(
    ("fixed", "text"),
    [("102", "The red car number 0."), ("102", "a striped  boat of size 0"), ("100", "the red boat number 0")],
)
def test_a_negative_in_the_words_of_a_positive_is_none(dataset: Dataset, fixed: str, text: str) -> None:
    done = review(dataset.samples, by_sample([vote(dataset, fixed, "fix", text=text)]), "majority", "keep")
    # The negative image of the same sentence shows something else, and stays.
    assert done.dropped == {"102": "said_of_a_box"}
    assert "102" not in done.fixed
    assert len(done.samples) == len(dataset.samples) - 1


def test_samples_without_a_vote_are_said(dataset: Dataset) -> None:
    last = by_sample(votes_of(dataset, "ana", "kkkk"))
    with pytest.raises(DataError, match="20 of 24 samples have no vote: --unreviewed keep"):
        review(dataset.samples, last, "majority", None)
    assert len(review(dataset.samples, last, "majority", "keep").samples) == 24
    left = review(dataset.samples, last, "majority", "drop")
    assert ([s.id for s in left.samples], left.counts) == (["100", "101", "102", "103"], {"no_vote": 20})
    with pytest.raises(DataError, match="no sample is kept"):
        review(dataset.samples, by_sample(votes_of(dataset, "ana", "d" * 24)), "majority", None)


def test_the_command_makes_a_dataset(tmp_path: Path, dataset: Dataset) -> None:
    given, out = str(tmp_path / "toy" / "toy.yaml"), tmp_path / "out"
    a = write_votes(tmp_path / "a.jsonl", votes_of(dataset, "ana", "dkkk" + "fkkk" + "kkkd" * 4))
    b = write_votes(tmp_path / "b.jsonl", votes_of(dataset, "ben", "dkkk" + "fkkk" + "kkkd" + "k" * 12))
    command = ("data", "review", given, "--apply", str(a), str(b), "--out", str(out))
    code, output = run(*command)
    assert (code, output) == (
        0,
        f"{out}/test_expression_all_coco_format.json: 17 of 24 samples\n"
        "  texts fixed: 1; 1 negative image followed\n"
        "  dropped, wrong box: 5\n"
        "  dropped, positive dropped: 2 (negatives whose positive was dropped)\n"
        f"  listed in {out}/test_dropped.jsonl; how it came about: test_review.json\n"
        f"next: finecops data check {out}/toy-reviewed.yaml\n",
    )
    made = load_dataset_split(load_dataset(str(out / "toy-reviewed.yaml")))
    expected = review(
        dataset.samples, by_sample([*votes_of(dataset, "ana", "dkkk" + "fkkk" + "kkkd" * 4)]), "any", None
    )
    assert [s.model_copy(update={"dataset": "toy"}) for s in made.samples] == expected.samples
    assert run("data", "check", str(out / "toy-reviewed.yaml")) == (0, "test: 17 samples, 7 images: 0 problems\n")
    rows = [json.loads(line) for line in (out / "test_dropped.jsonl").read_text().splitlines()]
    assert [(row["sample_id"], row["why"], len(row["votes"])) for row in rows[:3]] == [
        *(("100", "wrong_box", 2), ("102", "positive_dropped", 2), ("103", "positive_dropped", 2))
    ]
    account = json.loads((out / "test_review.json").read_text())
    assert account["rule"] == "majority"
    assert [one["name"] for one in account["votes"]] == ["a.jsonl", "b.jsonl"]
    assert (account["kept"], account["fixed"], account["raters"]) == (17, ["110"], "ana 24 votes, ben 24 votes")
    # Again: the same. By another rule: another dataset, which needs another folder.
    assert run(*command)[0] == 0
    code, said = run(*command, "--rule", "any")
    assert code == 1
    assert "choose another --out" in said


def test_planted_faults_are_no_samples(tmp_path: Path, dataset: Dataset) -> None:
    planted = (PlantedFault(sample_id="9", fault="wrong_box", of="100"),)
    write_key(tmp_path / "key.json", PlantKey(page="p", dataset="toy", split="test", seed=0, planted=planted))
    votes = [*votes_of(dataset, "ana", "k" * 24), vote(dataset, "9", "keep")]
    a = write_votes(tmp_path / "a.jsonl", votes)
    command = ("data", "review", str(tmp_path / "toy" / "toy.yaml"), "--apply", str(a), "--out", str(tmp_path / "out"))
    assert run(*command)[0] == 1
    code, output = run(*command, "--key", str(tmp_path / "key.json"))
    assert (code, output.splitlines()[0].endswith(": 24 of 24 samples")) == (0, True)
    assert json.loads((tmp_path / "out" / "test_review.json").read_text())["planted_votes"] == 1

"""Files of votes, which come from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finecops.construction.review.votes import by_sample, disagree, read_votes
from finecops.datasets.dataset import Dataset
from finecops.errors import DataError
from tests.construction.review.builders import benchmark, vote, votes_of, write_votes


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return benchmark(tmp_path_factory.mktemp("toy"), pictures=False)


def test_votes_are_read_as_they_were_written(tmp_path: Path, dataset: Dataset) -> None:
    given = [*votes_of(dataset, "ana", "kfdu"), *votes_of(dataset, "bén", "kk")]
    found = read_votes([write_votes(tmp_path / "a.jsonl", given)], dataset)
    assert list(found.samples) == given
    assert found.raters == ["ana", "bén"]


# what is wrong → changes of a sound row, and what the message says
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "verdict": ({"verdict": "burn"}, "verdict"),
    "drop without a reason": ({"verdict": "drop"}, "reason None"),
    "reason of a kept one": ({"reason": "other"}, "verdict is 'keep' and the reason 'other'"),
    "fix without a text": ({"verdict": "fix"}, "there is no text"),
    "empty text": ({"verdict": "fix", "text": ""}, "text"),
    "terminal escape": ({"verdict": "fix", "text": "a\x1b[31mb"}, "control characters"),
    "direction mark": ({"rater": "a\u202eb"}, "characters that are not seen"),
    "line end in a name": ({"rater": "a\nb"}, "control characters"),
    "long text": ({"verdict": "fix", "text": "a" * 10_001}, "text"),
    "round 0": ({"round": 0}, "round"),
    "round as a text": ({"round": "1"}, "round"),
    "unknown key": ({"extra": 1}, "extra"),
    "other dataset": ({"dataset": "other"}, "a vote on 'other', 'test'; this is about toy, test"),
    "other split": ({"split": "val"}, "this is about toy, test"),
    "changed annotations": ({"sha256": "0" * 64}, "have changed since the page was made"),
    "unknown sample": ({"sample_id": "999"}, "sample '999' is not in toy, test. If the page has planted faults"),
}


@pytest.mark.parametrize(("changes", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_row_is_refused_with_its_place(
    tmp_path: Path, dataset: Dataset, changes: dict[str, Any], said: str
) -> None:
    path = write_votes(tmp_path / "a.jsonl", [vote(dataset, "101")])
    with path.open("a") as file:
        file.write(json.dumps({**vote(dataset, "100").model_dump(), **changes}) + "\n")
    with pytest.raises(DataError) as caught:
        read_votes([path], dataset)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert said in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\x80", b"[1]", b"{", b'{"a":1,"a":2}', b"[" * 100_000, b"null"])
def test_what_is_no_row_is_refused(tmp_path: Path, dataset: Dataset, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.jsonl:1: not a vote"):
        read_votes([path], dataset)


def test_no_vote_at_all(tmp_path: Path, dataset: Dataset) -> None:
    for content in ("", "\n\n"):
        (tmp_path / "a.jsonl").write_text(content)
        with pytest.raises(DataError, match="there is no vote in"):
            read_votes([tmp_path / "a.jsonl"], dataset)
    with pytest.raises(DataError, match="no such file"):
        read_votes([tmp_path / "missing.jsonl"], dataset)
    with pytest.raises(DataError, match="is no file"):
        read_votes([tmp_path], dataset)


def test_too_many_raters(tmp_path: Path, dataset: Dataset) -> None:
    many = [vote(dataset, "100", rater=f"r{i}") for i in range(31)]
    with pytest.raises(DataError, match="the votes are of 31 raters; at most 30"):
        read_votes([write_votes(tmp_path / "a.jsonl", many)], dataset)


def test_two_files_of_one_rater(tmp_path: Path, dataset: Dataset) -> None:
    first = write_votes(tmp_path / "a.jsonl", votes_of(dataset, "ana", "kd"))
    more = write_votes(tmp_path / "b.jsonl", votes_of(dataset, "ana", "kdk"))
    assert len(read_votes([first, more], dataset).samples) == 3
    other = write_votes(tmp_path / "c.jsonl", votes_of(dataset, "ana", "kk"))
    with pytest.raises(DataError, match=r"c.jsonl:2: ana votes keep on sample '101', and drop in .*a.jsonl:2"):
        read_votes([first, other], dataset)


def test_a_second_round_stands_in_place_of_the_first(tmp_path: Path, dataset: Dataset) -> None:
    first = [*votes_of(dataset, "ana", "kkk"), *votes_of(dataset, "ben", "kdk")]
    second = votes_of(dataset, "eva", " d", round=2)
    found = read_votes([write_votes(tmp_path / "a.jsonl", [*first, *second])], dataset)
    last = by_sample(found.samples)
    assert [one.rater for one in last["101"]] == ["eva"]
    assert [one.rater for one in last["100"]] == ["ana", "ben"]
    assert (found.last_round, len(found.of_round(1))) == (2, 6)


def test_what_a_disagreement_is(dataset: Dataset) -> None:
    def two(*verdicts: str, **changes: Any) -> bool:
        return disagree([vote(dataset, "100", verdict, str(i), **changes) for i, verdict in enumerate(verdicts)])

    assert not two("keep", "keep")
    assert two("keep", "drop")
    assert two("keep", "fix")
    assert two("unsure")
    assert not two("fix", "fix")
    assert disagree([vote(dataset, "100", "fix", "a", text="one"), vote(dataset, "100", "fix", "b", text="two")])
    # For other reasons the same: it is dropped.
    reasons = ("wrong_box", "other")
    assert not disagree([vote(dataset, "100", "drop", reason, reason=reason) for reason in reasons])

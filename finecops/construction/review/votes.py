"""Votes of raters: the rows that the page writes, and reading them. They come from outside and are not trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from finecops.datasets.dataset import Dataset
from finecops.datasets.fields import MAX_CHARS
from finecops.errors import DataError
from finecops.paths import open_regular
from finecops.records import Record
from finecops.strict_json import parse_record
from finecops.text import MAX_ID_CHARS, clean_line, counted, printable, shortly

Verdict = Literal["keep", "fix", "drop", "unsure"]
Reason = Literal["not_unique", "wrong_box", "wrong_english", "wrong_truth", "unnatural_image", "other"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
REASONS: Final[Mapping[Reason, tuple[str, str]]] = {
    "not_unique": ("not unique: it fits something else too", "fits several things in the image"),
    "wrong_box": ("wrong box", "its positive's box is wrong"),
    "wrong_english": ("wrong English", "wrong English"),
    "wrong_truth": ("not true: it does not fit what is in the box", "not false: it fits something in the image"),
    "unnatural_image": ("the image is unnatural", "the image is unnatural"),
    "other": ("something else", "something else"),
}
"""Why a sample is dropped → what the page says of a positive, and of a negative."""
MAX_RATERS: Final = 30
"""Of all files: every pair of raters is compared."""
MAX_BYTES: Final = 200 * 10**6
"""Of a file of votes."""


def _plain(text: str) -> str:
    # As expressions and ids of datasets are.
    if clean_line(text) != text:
        raise ValueError("it has control characters, or blanks around it")
    return text


def _shown(text: str) -> str:
    if printable(text) != text:
        raise ValueError("it has characters that are not seen")
    return text


Plain = Annotated[str, Field(min_length=1, max_length=MAX_CHARS), AfterValidator(_plain)]
Short = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS), AfterValidator(_plain)]
Rater = Annotated[Short, Field(max_length=80), AfterValidator(_shown)]


class Vote(Record):
    """What a rater says of a sample.

    Raises:
        ValueError: a drop without a reason, a fix without a text, or one of these with another verdict.
    """

    sample_id: Short
    rater: Rater
    verdict: Verdict
    """`keep`: right as it is. `fix`: right with the words of `text`. `drop`: wrong, for `reason`. `unsure`."""
    reason: Reason | None = None
    """With `drop`: `wrong_truth` is a positive that is not true, or a negative that is not false."""
    text: Plain | None = None
    """With `fix`: the whole sentence as it should be."""
    note: Plain | None = None
    changed: Annotated[str, Field(max_length=40)] = ""
    """When, as the rater's browser says (ISO 8601, UTC)."""
    round: Annotated[int, Field(ge=1, le=99)] = 1
    """1: every rater alone. 2 and more: about what the raters of the round before did not agree on."""
    dataset: Short
    split: Short
    sha256: Short
    """Checksum of the split's annotation files (`Dataset.sha256`)."""
    page: Short
    """Fingerprint of the page: which samples, in which words."""

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Vote:
        # In both directions: a reason beside "keep" would be counted among those of drops.
        if (self.verdict == "drop") != (self.reason is not None):
            raise ValueError(f"the verdict is {self.verdict!r} and the reason {self.reason!r}")
        if (self.verdict == "fix") != (self.text is not None):
            raise ValueError(f"the verdict is {self.verdict!r} and there is {'a' if self.text else 'no'} text")
        return self

    @property
    def keeps(self) -> bool:
        """The sample stays, perhaps in other words."""
        return self.verdict in ("keep", "fix")


@dataclass(frozen=True)
class Votes:
    """The votes of some files.

    Attributes:
        samples: those on samples of the dataset, in the order of the files.
        planted: those on planted faults.
    """

    samples: tuple[Vote, ...]
    planted: tuple[Vote, ...]

    @property
    def raters(self) -> list[str]:
        """The raters' names, sorted."""
        return sorted({vote.rater for vote in (*self.samples, *self.planted)})

    @property
    def last_round(self) -> int:
        """The number of the last round."""
        return max((vote.round for vote in self.samples), default=1)

    def of_round(self, number: int) -> list[Vote]:
        """The votes on samples in a round."""
        return [vote for vote in self.samples if vote.round == number]


def read_votes(paths: Sequence[Path], dataset: Dataset, planted: Collection[str] = ()) -> Votes:
    """Read files of votes about a split.

    Args:
        paths: JSON Lines files with a `Vote` a line.
        dataset: the split.
        planted: ids of planted faults, which are no samples of the split.

    Raises:
        DataError: a line is no vote, is about another split or another state of it, or about no sample; a rater votes
            differently on one sample in one round; or there are more than `MAX_RATERS`.
    """
    # A planted fault is no sample of the split; without its key it would look like one that was deleted.
    known, faults = {sample.id for sample in dataset.samples}, set(planted)
    seen: dict[tuple[int, str, str], tuple[Vote, str]] = {}
    for path in paths:
        for place, vote in _rows(path):
            _check_about(vote, dataset, place)
            if vote.sample_id not in known and vote.sample_id not in faults:
                raise DataError(
                    f"{place}: sample {shortly(vote.sample_id)} is not in {dataset.config.name}, {dataset.split}. If "
                    "the page has planted faults, --key names the file that was written beside it"
                )
            # The same file twice, or a later save that has the same votes, is no contradiction.
            key = (vote.round, vote.rater, vote.sample_id)
            before, where = seen.setdefault(key, (vote, place))
            if _said(before) != _said(vote):
                raise DataError(
                    f"{place}: {printable(vote.rater)} votes {vote.verdict} on sample {shortly(vote.sample_id)}, and "
                    f"{before.verdict} in {where}. Leave out the older file; two raters need two names"
                )
    votes = [vote for vote, _ in seen.values()]
    if not votes:
        raise DataError(f"there is no vote in {', '.join(map(str, paths))}")
    raters = {vote.rater for vote in votes}
    if len(raters) > MAX_RATERS:
        raise DataError(f"the votes are of {len(raters)} raters; at most {MAX_RATERS} can be compared")
    return Votes(
        tuple(vote for vote in votes if vote.sample_id not in faults),
        tuple(vote for vote in votes if vote.sample_id in faults),
    )


def _rows(path: Path) -> Iterable[tuple[str, Vote]]:
    """Each vote behind its place."""
    try:
        with open_regular(path) as file:
            # Lines are read one by one, but one line may be the whole file.
            if path.stat().st_size > MAX_BYTES:
                raise DataError(f"{path} has more than {MAX_BYTES // 10**6} MB: it is no file of votes")
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    yield f"{path}:{number}", parse_record(line, Vote, strict=True)
                except ValueError as error:
                    said = shortly(str(error), 200)[1:-1]
                    raise DataError(f"{path}:{number}: not a vote, as the review's page saves them: {said}") from error
    except FileNotFoundError as error:
        raise DataError(f"no such file: {path}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _check_about(vote: Vote, dataset: Dataset, place: str) -> None:
    asked = (dataset.config.name, dataset.split)
    if (vote.dataset, vote.split) != asked:
        raise DataError(
            f"{place}: a vote on {shortly(vote.dataset)}, {shortly(vote.split)}; this is about {asked[0]}, {asked[1]}. "
            "NAME and --split say what the votes are about"
        )
    # The same id may be another sample now.
    if vote.sha256 != dataset.sha256:
        raise DataError(
            f"{place}: the annotation files of {asked[0]}, {asked[1]} have changed since the page was made (checksum "
            f"{dataset.sha256[:12]}…, the vote has {shortly(vote.sha256[:12])}). Votes hold for the files as they were"
        )


def _said(vote: Vote) -> tuple[object, ...]:
    return vote.verdict, vote.reason, vote.text


def by_sample(votes: Iterable[Vote]) -> dict[str, list[Vote]]:
    """Each sample's votes of its last round, by rater.

    A second round is about what the first one left open, so that its votes stand in place of the first ones.
    """
    found: dict[str, list[Vote]] = {}
    for vote in votes:
        found.setdefault(vote.sample_id, []).append(vote)
    # All raters of a sample's last round: one who votes there alone decides alone.
    last = {id_: max(vote.round for vote in of) for id_, of in found.items()}
    return {
        id_: sorted((vote for vote in of if vote.round == last[id_]), key=lambda vote: vote.rater)
        for id_, of in found.items()
    }


def disagree(votes: Sequence[Vote]) -> bool:
    """Whether the raters of a sample want different things: other verdicts, or other texts. One alone, who is unsure,
    leaves it open too."""
    wanted = {(vote.verdict, vote.text) for vote in votes}
    return len(wanted) > 1 or any(vote.verdict == "unsure" for vote in votes)


def rater_counts(votes: Iterable[Vote]) -> str:
    """How many votes each rater has, in words."""
    counts: dict[str, int] = {}
    for vote in votes:
        counts[vote.rater] = counts.get(vote.rater, 0) + 1
    return ", ".join(f"{printable(name)} {counted(number, 'vote')}" for name, number in sorted(counts.items()))

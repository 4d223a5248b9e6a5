"""The reviewed split: what the votes keep, with the texts that they fixed, as a dataset of its own.

A sample is kept by a rule over its votes. What is dropped is listed with its reason and its votes. A negative whose
positive is dropped goes too: it would be a pair with nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from pydantic import JsonValue

from finecops.archives.zip_images import write_atomically
from finecops.construction.conversion import EITHER, Converted, Progress, annotation_file, convert, write_converted_file
from finecops.construction.review.votes import REASONS, Vote
from finecops.datasets.dataset import Dataset
from finecops.errors import DataError
from finecops.records import Record, Sample

Rule = Literal["majority", "all", "any"]
RULES: Final[tuple[Rule, ...]] = get_args(Rule)
"""A sample is kept if more than half of its votes keep it; if all do; if one does. Unsure keeps nothing."""
UNREVIEWED: Final = ("keep", "drop")
_KEEPS: Final[Mapping[Rule, Callable[[int, int], bool]]] = {
    "majority": lambda keeping, votes: 2 * keeping > votes,
    "all": lambda keeping, votes: keeping == votes,
    "any": lambda keeping, votes: keeping > 0,
}
UNSURE: Final = "unsure"
TEXTS_DIFFER: Final = "texts_differ"
POSITIVE_DROPPED: Final = "positive_dropped"
NO_VOTE: Final = "no_vote"
SAID_OF_A_BOX: Final = "said_of_a_box"


class Decision(NamedTuple):
    """What becomes of a sample."""

    text: str | None = None
    """Of a kept one: its new sentence; None: it stays as it is."""
    dropped: str | None = None
    """Why it is dropped: a vote's reason, or one of this module's words; None: it is kept."""


class DroppedRow(Record):
    """A row of the list of dropped samples."""

    sample_id: str
    why: str
    """The reason that most of its drops have; `unsure`: nobody dropped it, and too few kept it; `texts_differ`: its
    fixed texts; `positive_dropped`; `no_vote`; `said_of_a_box`: a fixed text makes it a sentence that a positive of
    its image has, and cannot be false."""
    expression: str
    positive_id: str | None
    votes: list[dict[str, str | None]]
    """Rater, verdict, reason, text and note of each."""


@dataclass(frozen=True)
class Reviewed:
    """A reviewed split.

    Attributes:
        samples: what is kept, in the split's order.
        dropped: id → why.
        fixed: ids of samples with a text that a rater wrote.
        followed: ids of negative images that got the fixed text of their positive.
    """

    samples: list[Sample]
    dropped: dict[str, str]
    fixed: list[str]
    followed: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """Why → how many samples, the most frequent first."""
        return dict(Counter(self.dropped.values()).most_common())


def decide(votes: Sequence[Vote], rule: Rule) -> Decision:
    """What becomes of a sample by the votes of its last round.

    Of several wordings (the old one counts for those who keep it) the one with most votes is taken; of as many, the
    fixed one. Two fixed texts with as many votes leave it open, so that the sample is dropped.
    """
    # Unsure counts among the votes and keeps nothing.
    keeping = [vote for vote in votes if vote.keeps]
    if not _KEEPS[rule](len(keeping), len(votes)):
        reasons = Counter(vote.reason for vote in votes if vote.reason is not None)
        # Of as many, the first in the order of REASONS, whatever the order of the files.
        return Decision(dropped=max(REASONS, key=lambda reason: reasons[reason]) if reasons else UNSURE)
    wordings = Counter(vote.text for vote in keeping)
    most = max(wordings.values())
    best = [text for text, count in wordings.items() if count == most and text is not None]
    if len(best) > 1:
        return Decision(dropped=TEXTS_DIFFER)
    return Decision(text=best[0] if best else None)


def review(
    samples: Sequence[Sample], votes: Mapping[str, Sequence[Vote]], rule: Rule, unreviewed: str | None
) -> Reviewed:
    """Decide on every sample of a split.

    Args:
        samples: of the split.
        votes: those of each sample's last round (`votes.by_sample`).
        rule: when a sample is kept.
        unreviewed: what becomes of samples without a vote; None: there may be none.

    Raises:
        DataError: there are samples without a vote, and nobody said what becomes of them; or nothing is kept.
    """
    # Nobody said that these are right, so somebody must say what becomes of them.
    without = [sample.id for sample in samples if sample.id not in votes]
    if without and unreviewed is None:
        raise DataError(
            f"{len(without)} of {len(samples)} samples have no vote: --unreviewed keep leaves them in, --unreviewed "
            "drop leaves them out"
        )
    untouched = Decision(dropped=None if unreviewed == "keep" else NO_VOTE)
    decisions = {s.id: decide(votes[s.id], rule) if s.id in votes else untouched for s in samples}
    # Votes first, then what follows from them: a dropped negative keeps the reason of its own votes.
    dropped = {id_: decision.dropped for id_, decision in decisions.items() if decision.dropped is not None}
    for sample in samples:
        if sample.positive_id in dropped and sample.id not in dropped:
            dropped[sample.id] = POSITIVE_DROPPED
    kept, fixed, followed = [], [], []
    before = {sample.id: sample.expression for sample in samples if sample.positive}
    for sample in samples:
        if sample.id in dropped:
            continue
        # A rater's own words for a negative image come before those of its positive.
        text = decisions[sample.id].text
        if text is not None:
            fixed.append(sample.id)
        else:
            text = _text_of_positive(sample, before, decisions)
            if text is not None:
                followed.append(sample.id)
        kept.append(sample if text is None else sample.model_copy(update={"expression": text}))
    kept = _without_contradictions(kept, {*fixed, *followed}, dropped)
    left = {sample.id for sample in kept}
    fixed, followed = ([id_ for id_ in ids if id_ in left] for ids in (fixed, followed))
    if not kept:
        raise DataError("no sample is kept: nothing is written")
    return Reviewed(kept, dropped, fixed, followed)


def _without_contradictions(kept: list[Sample], changed: set[str], dropped: dict[str, str]) -> list[Sample]:
    """What is left without negatives that say what a positive of the same image says, in words that a rater wrote."""
    said: dict[tuple[str, str], list[str]] = {}
    for sample in kept:
        if sample.positive:
            said.setdefault((sample.image, _plain(sample.expression)), []).append(sample.id)
    for sample in kept:
        same = said.get((sample.image, _plain(sample.expression)), []) if sample.truth == "absent" else []
        # Where nobody wrote a word, it is the dataset's own fault, and `data check`'s business.
        if same and not changed.isdisjoint((sample.id, *same)):
            dropped[sample.id] = SAID_OF_A_BOX
    return [sample for sample in kept if sample.id not in dropped]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!?")


def _text_of_positive(sample: Sample, before: Mapping[str, str], decisions: Mapping[str, Decision]) -> str | None:
    """A negative image has the sentence of its positive, and keeps having it: other words would give it away."""
    positive = sample.positive_id or ""
    if sample.negative is None or sample.negative.kind != "image" or positive not in before:
        return None
    return decisions[positive].text if sample.expression == before[positive] else None


@dataclass(frozen=True)
class Applied:
    """What was written: the annotation file and images, the YAML file, the list of dropped samples, and the account."""

    converted: Converted
    dataset_file: Path
    dropped_file: Path
    account_file: Path


def write_reviewed(
    dataset: Dataset,
    reviewed: Reviewed,
    votes: Mapping[str, Sequence[Vote]],
    about: Mapping[str, JsonValue],
    out: Path,
    progress: Progress = lambda names: names,
) -> Applied:
    """Write a reviewed split into a folder as `NAME-reviewed`, in FineCops-Ref's COCO style.

    Args:
        dataset: the split that was reviewed.
        reviewed: what is kept.
        votes: those of each sample's last round, for the list of dropped samples.
        about: the rule and what else the account says of how it came about.
        out: the folder.
        progress: a bar over the images.

    Raises:
        DataError: the folder is the dataset's own, or has another file of that name.
    """
    # The new dataset has a name of its own, so that no result on it passes for one on the whole split.
    converted = convert(replace(dataset, samples=reviewed.samples), out, EITHER, progress)
    yaml = write_converted_file(
        dataset,
        out,
        f"{dataset.config.name}-reviewed",
        # Splits that were reviewed before, into the same folder.
        [
            split
            for split in dict.fromkeys((*dataset.config.splits, dataset.split))
            if (out / annotation_file(split)).is_file()
        ],
        f"finecops data review {dataset.config.name} --split {dataset.split} --apply",
    )
    dropped, account = out / f"{dataset.split}_dropped.jsonl", out / f"{dataset.split}_review.json"
    rows = [_dropped_row(s, reviewed.dropped[s.id], votes) for s in dataset.samples if s.id in reviewed.dropped]
    write_atomically(dropped, "".join(row.model_dump_json() + "\n" for row in rows).encode())
    counts = {
        "dataset": dataset.config.name,
        "split": dataset.split,
        "sha256": dataset.sha256,
        **about,
        "samples": len(dataset.samples),
        "kept": len(reviewed.samples),
        "dropped": reviewed.counts,
        "fixed": reviewed.fixed,
        "fixed_with_their_positive": reviewed.followed,
    }
    write_atomically(account, json.dumps(counts, indent=1, ensure_ascii=False).encode() + b"\n")
    return Applied(converted, yaml, dropped, account)


def sources(files: Sequence[Path]) -> list[JsonValue]:
    """Names and checksums of files of votes, for the account."""
    return [{"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for path in files]


def _dropped_row(sample: Sample, why: str, votes: Mapping[str, Sequence[Vote]]) -> DroppedRow:
    said = [
        vote.model_dump(include={"rater", "verdict", "reason", "text", "note"}) for vote in votes.get(sample.id, ())
    ]
    return DroppedRow(
        sample_id=sample.id, why=why, expression=sample.expression, positive_id=sample.positive_id, votes=said
    )

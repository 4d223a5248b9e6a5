"""Score target extraction against a gold list: how many targets are right, per style and in all.

    python scripts/score_extraction.py tests/extraction/gold/dev.jsonl
    python scripts/score_extraction.py tests/extraction/gold/held_out.jsonl --extractor parser
    python scripts/score_extraction.py tests/extraction/gold/dev.jsonl --show   # and the wrong ones

A target is right if it equals the gold one, without a leading determiner and final punctuation, in either letter case.
The wrong ones of a file whose name begins with `held_out` are never shown: a rule written for them would prove nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finecops.config.find import load_extractor
from finecops.errors import FinecopsError
from finecops.models.backends import load_extractor_model
from finecops.records import Sample, Target

_LEADING = re.compile(r"^(?:a|an|the|this|that|these|those)\s+(?=\S)", re.IGNORECASE)


@dataclass(frozen=True)
class Score:
    """What an extractor made of a gold list."""

    right: Counter[str]
    """Style → right targets."""
    total: Counter[str]
    """Style → targets."""
    doubtful: Counter[bool]
    """Whether a doubtful target is right → how many there are."""
    wrong: list[str]
    """One line per wrong target."""

    @property
    def percent(self) -> float:
        """The share of right targets of all styles."""
        return 100 * self.right.total() / max(1, self.total.total())


def plain(phrase: str) -> str:
    """A phrase as it is compared."""
    return _LEADING.sub("", phrase.strip().rstrip(".,;:!?").strip().lower())


def score(path: Path, extractor: str = "rules") -> Score:
    """Extract every target of a gold list and compare.

    Raises:
        FinecopsError: there is no such extractor, or it cannot be loaded.
    """
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    model = load_extractor_model(load_extractor(extractor), "cpu")
    targets = model.extract([_sample(str(i), line["expression"]) for i, line in enumerate(lines)])
    result = Score(Counter(), Counter(), Counter(), [])
    for line, target in zip(lines, targets, strict=True):
        _add(result, line, target)
    return result


def _add(result: Score, line: dict[str, str], target: Target) -> None:
    right = plain(target.phrase) == plain(line["target"])
    result.total[line["style"]] += 1
    result.right[line["style"]] += right
    if target.status == "doubtful":
        result.doubtful[right] += 1
    if not right:
        result.wrong.append(f"[{target.status}] {line['expression']}\n    {target.phrase!r}, not {line['target']!r}")


def _sample(name: str, expression: str) -> Sample:
    return Sample(
        id=name,
        dataset="gold",
        split="gold",
        image="none",
        width=1,
        height=1,
        expression=expression,
        truth="unknown",
        box=None,
        level=None,
    )


def as_text(result: Score) -> str:
    """One line per style, one for all, and one for the targets that the extractor doubts."""
    names = [*sorted(result.total), "all"]
    right = {**result.right, "all": result.right.total()}
    total = {**result.total, "all": result.total.total()}
    rows = [f"{name:14} {right[name]:4} / {total[name]:<4} {100 * right[name] / total[name]:5.1f}%" for name in names]
    return "\n".join([*rows, f"{'doubtful':14} {result.doubtful[True]:4} / {result.doubtful.total():<4}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the score of an extractor on a gold list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="JSON Lines with style, expression and target.")
    parser.add_argument("--extractor", default="rules", help="Name or YAML file of the extractor.")
    parser.add_argument("--show", action="store_true", help="Print the wrong ones too.")
    chosen = parser.parse_args(arguments)
    if chosen.show and chosen.file.resolve().name.startswith("held_out"):
        parser.error("the wrong ones of a held-out list are not shown: it is there to be scored only")
    try:
        result = score(chosen.file, chosen.extractor)
    except FinecopsError as error:
        print(error, file=sys.stderr)
        return 1
    print(as_text(result))
    if chosen.show:
        print("\n".join(["", *result.wrong]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

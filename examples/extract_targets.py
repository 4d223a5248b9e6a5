"""Extract the targets of sentences, without images.

    python examples/extract_targets.py "the red car to the left of the tree" "a big striped dog"

`finecops sfa extract FILE --json` does the same for a file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from finecops.config.find import load_extractor
from finecops.models.backends import load_extractor_model
from finecops.records import Sample


def as_sample(number: int, sentence: str) -> Sample:
    """A sample without an image: extractors look at the expression alone."""
    return Sample(
        id=str(number),
        dataset="sentences",
        split="all",
        image="",
        width=1,
        height=1,
        expression=sentence,
        truth="unknown",
        box=None,
        level=None,
    )


def main(sentences: Sequence[str]) -> None:
    """Print the phrase of each sentence and its character offsets."""
    extractor = load_extractor_model(load_extractor("rules"), "cpu")
    samples = [as_sample(number, sentence) for number, sentence in enumerate(sentences)]
    for sample, target in zip(samples, extractor.extract(samples), strict=True):
        print(f"{target.phrase!r} at {target.span} in {sample.expression!r} ({target.status})")


if __name__ == "__main__":
    main(sys.argv[1:])

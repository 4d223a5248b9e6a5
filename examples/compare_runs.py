"""Compare two runs sample by sample: differences of precision@1 with intervals and p values.

    finecops infer specialist --limit 60 --run example-plain
    finecops infer specialist --limit 60 --run example-focus --focus
    python examples/compare_runs.py outputs/example-plain outputs/example-focus

The bootstrap draws whole images, so that expressions on one image stay together.
"""

from __future__ import annotations

import sys
from pathlib import Path

from finecops.evaluation.comparison import compare
from finecops.evaluation.settings import CompareSettings


def main(first: str, second: str) -> None:
    """Print the second run minus the first, per method and level."""
    found = compare(CompareSettings(runs=(Path(first), Path(second)), cluster="image"))
    print(found.title)
    for row in found.rows:
        level = "all levels" if row.level is None else f"level {row.level}"
        interval = f"{row.ci_low:+.2f} to {row.ci_high:+.2f}"
        print(f"{row.method}, {level}: {row.difference:+.2f} points ({interval}), p {row.p_value:.3f}, n {row.n}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

"""Print the table of aims of the small benchmark: each claim of the paper, the aim, the figure and its interval.

    python scripts/mini_aims.py RUN… [--as text|markdown|latex|csv|json] [--iou 0.5] [--cluster positive|image]

The runs are those of `scripts/mini_tables.sh` on one test split, or any others: answers are found by what they are (the
method, None, the adapter's card), not by names. No model runs. A claim whose answers are not there is `not measured`.
The exit code is 0 whether aims are met or not, 1 if the runs cannot be read, 2 if the command is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import get_args

from finecops.errors import FinecopsError
from finecops.evaluation.claims import measure_claims
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.metrics.values import Cluster
from finecops.report.claims import claims_document
from finecops.report.writers import WRITERS
from finecops.runs.folder import run_folder


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print.

    Raises:
        SystemExit: a run cannot be read.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a name below outputs/, or a folder")
    parser.add_argument("--as", dest="writer", choices=tuple(WRITERS), default="text")
    parser.add_argument("--iou", type=float, default=IOU_THRESHOLD, help="a box is right above it")
    parser.add_argument("--cluster", choices=get_args(Cluster), default="positive", help="what is drawn together")
    asked = parser.parse_args(arguments)
    try:
        found = measure_claims([run_folder(name) for name in asked.runs], asked.iou, asked.cluster)
    except FinecopsError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    print(WRITERS[asked.writer](claims_document(found)))


if __name__ == "__main__":
    main()

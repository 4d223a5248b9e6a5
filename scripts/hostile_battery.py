"""Run the battery of hostile inputs (tests/hostile) and print how many were tried and held per class of input.

    python scripts/hostile_battery.py                # the table, and every case that was not held
    python scripts/hostile_battery.py images         # some classes only

Exit code 1 if a case was not held. Each case runs in a process of its own, with limits on memory and time.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> int:
    """Run and print."""
    from tests.hostile.battery import all_cases, run_cases, table

    cases = all_cases()
    groups = list(dict.fromkeys(case.group for case in cases))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", choices=[[], *groups], help="Classes of input; all without one.")
    chosen = parser.parse_args().groups or groups
    outcomes = run_cases(case for case in cases if case.group in chosen)
    lost = [outcome for outcome in outcomes if not outcome.held]
    for outcome in lost:
        print(f"NOT HELD {outcome.group}: {outcome.name}: {outcome.saw[:200]!a}")
    print(table(outcomes))
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())

"""Every case of the tables is held. Each class runs in a process of its own, whose cases have limits."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from tests.hostile import pickles, replies
from tests.hostile.battery import Case, Outcome, all_cases, chosen, run_case, table

GROUPS = list(dict.fromkeys(case.group for case in all_cases()))


QUICK = ("annotations, JSON", "pickles", "npy files")
STEP = 3
"""Of the quick groups, each third case is part of the default tests."""


def held(expected: int, *arguments: str) -> None:
    """Run the battery; every case is held, and there are as many as expected."""
    command = [sys.executable, "-m", "tests.hostile.battery", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    outcomes = [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
    assert len(outcomes) == expected
    lost = [f"{outcome.name}: {outcome.saw!a}" for outcome in outcomes if not outcome.held]
    assert not lost, "\n".join([*lost, table(outcomes)])


def test_some_cases_of_the_quick_groups_are_held() -> None:
    held(sum(len(chosen([group], STEP)) for group in QUICK), "--step", str(STEP), *QUICK)


@pytest.mark.hostile
@pytest.mark.parametrize("group", GROUPS)
def test_every_case_is_held(group: str) -> None:
    held(len(chosen([group])), group)


@pytest.mark.hostile
def test_a_million_fuzzed_texts() -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    assert replies._fuzz(seed, 10**6) == "1000000 texts"


@pytest.mark.hostile
def test_pickles_with_changed_bytes() -> None:
    """Every forged and real pickle, again and again with some bytes changed: read, or refused, and no crash."""
    import pickle

    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chosen = random.Random(seed)
    sources = [
        *pickles.FORGED.values(),
        *(pickle.dumps(t, p) for t in pickles.real_things().values() for p in range(6)),
    ]

    def battered(folder: object, content: bytes) -> str:
        from finecops.errors import DataError
        from finecops.safe_pickle import loads_plain

        for _ in range(200):
            changed = bytearray(content)
            for _ in range(chosen.randrange(1, 5)):
                changed[chosen.randrange(len(changed))] = chosen.randrange(256)
            try:
                loads_plain(bytes(changed), "x")
            except DataError:
                continue
        return "read or refused"

    for content in sources:
        if len(content) < 100_000:
            case = Case("pickles", "changed", lambda folder, content=content: battered(folder, content), "^read or")
            outcome = run_case(case)
            assert outcome.held, f"seed {seed}, pickle {content[:200]!r}: {outcome.saw}"
            chosen.random()

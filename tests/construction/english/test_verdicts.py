"""The committed verdicts on our sentences, and the document that states them."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
VERDICTS = PROJECT / "docs" / "english_verdicts.tsv"


def test_the_document_has_what_the_verdicts_say() -> None:
    command = [sys.executable, str(PROJECT / "scripts" / "judge_english.py"), "count", str(VERDICTS)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed in (PROJECT / "docs" / "build_english.md").read_text(encoding="utf-8")


def test_the_last_sheet_reaches_its_goal() -> None:
    with VERDICTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    last = [row for row in rows if row["seed"] == rows[-1]["seed"]]
    ours = [row for row in last if row["source"] == "ours"]
    assert (len(ours), len(last) - len(ours)) == (300, 100)
    assert all(bool(row["sentence"]) == (row["source"] == "ours") for row in rows)
    for name in ("first", "second"):
        assert sum(not row[name] for row in ours) >= 0.97 * len(ours)

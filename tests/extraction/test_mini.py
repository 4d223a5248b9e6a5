"""Every target of finecops-mini stays what it is: the rules may learn new sentences, not forget these."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from finecops.extraction.rules import extract_target

MINI = Path(__file__).resolve().parents[2] / "data" / "finecops-mini"

# Of the rules before they learnt the other benchmarks' sentences; all of these targets are the templates' own subjects.
EXPRESSIONS = 12_176
CHECKSUM = "47fe05dc0bc46e06483aa1ad85d076b3c812ff4992da3079c3a4e75eb0287e1a"


def test_every_target_of_the_mini_benchmark_stays() -> None:
    expressions = sorted(
        {
            image["caption"]
            for path in MINI.glob("*_coco_format.json")
            for image in json.loads(path.read_text(encoding="utf-8"))["images"]
        }
    )
    digest = hashlib.sha256()
    for expression in expressions:
        start, end = extract_target(expression)
        digest.update(f"{expression}\t{start}\t{end}\n".encode())
    assert (len(expressions), digest.hexdigest()) == (EXPRESSIONS, CHECKSUM)

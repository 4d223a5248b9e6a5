"""Every target of finecops-mini stays what it is: the rules may learn new sentences, not forget these."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from finecops.extraction.rules import extract_target

MINI = Path(__file__).resolve().parents[2] / "data" / "finecops-mini"

# Of the splits that are in the repository; all of these targets are the templates' own subjects.
EXPRESSIONS = 3_665
CHECKSUM = "8f0704f31e89d20b560fec4ce1f99e8e2c1029074c9c9abcf4b1725e64ab9516"


def test_every_target_of_the_mini_benchmark_stays() -> None:
    expressions = sorted(
        {
            image["caption"]
            for path in MINI.glob("*_coco_format.json")
            if not path.name.startswith("train")
            for image in json.loads(path.read_text(encoding="utf-8"))["images"]
        }
    )
    digest = hashlib.sha256()
    for expression in expressions:
        start, end = extract_target(expression)
        digest.update(f"{expression}\t{start}\t{end}\n".encode())
    assert (len(expressions), digest.hexdigest()) == (EXPRESSIONS, CHECKSUM)

"""Convert a benchmark that an earlier version of finecops built to FineCops-Ref's published words and vanilla layout.

    python scripts/convert_benchmark.py data/mine

Types of negatives get the published words (`order` for `swap_object`, …); vanilla files become an object keyed by id,
with an empty `spatial` and the attributes of each object. Ids, counts, texts, boxes and pictures stay. A file that has
the published form already is left alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from finecops.benchmark_words import type_published
from finecops.construction.formats import write_json
from finecops.datasets.vanilla import vanilla_layout


def main() -> None:
    """Convert the files of a folder and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    files = [*sorted(folder.glob("*_coco_format.json")), *sorted((folder / "vanilla").glob("*.json"))]
    if not files:
        raise SystemExit(f"no *_coco_format.json and no vanilla/*.json in {folder}")
    for path in files:
        content = json.loads(path.read_text(encoding="utf-8"))
        converted = published(content)
        if converted != content:
            write_json(path, converted)
        print(f"{path}: {'converted' if converted != content else 'has the published form'}")


def published(content: Any) -> Any:
    """The content of a file in the published form."""
    if isinstance(content, list):
        return {str(row["id"]): published_row(row) for row in content}
    if vanilla_layout(content) is not None:
        return content
    return content | {"annotations": [published_words(annotation) for annotation in content["annotations"]]}


def published_row(row: dict[str, Any]) -> dict[str, Any]:
    """A vanilla row, its keys in their order."""
    # Every second part of the tuple is an object: its name and the list of its attributes.
    attributes = [node[1] for node in row["tuple"][::2]]
    return published_words(row) | {"spatial": "", "attribute": attributes}


def published_words(row: dict[str, Any]) -> dict[str, Any]:
    """A row or annotation with the published word for its type, if it is a negative."""
    return row | {"negative_type": type_published(row["negative_type"])} if "negative_type" in row else row


if __name__ == "__main__":
    main()

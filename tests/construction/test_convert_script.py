"""scripts/convert_benchmark.py: the files that finecops wrote before become the published ones, byte by byte."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from finecops.benchmark_words import type_inside

PROJECT = Path(__file__).resolve().parents[2]
MINI = PROJECT / "data" / "finecops-mini"


def convert(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["convert_benchmark.py", str(folder)])
        runpy.run_path(str(PROJECT / "scripts" / "convert_benchmark.py"), run_name="__main__")


def before(content: Any) -> Any:
    """The content as finecops wrote it up to 0.2: its own words, and a list of rows with true and false."""
    own = {"spatial": True, "attribute": False}
    rows = content["annotations"] if "annotations" in content else content.values()
    for row in rows:
        if "negative_type" in row:
            row["negative_type"] = type_inside(row["negative_type"])
    return content if "annotations" in content else [row | own for row in rows]


def test_old_files_become_the_published_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco = {tmp_path / path.name: path for path in MINI.glob("val_*_coco_format.json")}
    # Such a benchmark had its vanilla files in a folder.
    names = ("val_expression_all.json", "val_expression_pos.json")
    files = coco | {tmp_path / "vanilla" / name: MINI / name for name in names}
    assert len(files) == 4
    (tmp_path / "vanilla").mkdir()
    for old, path in files.items():
        old.write_text(json.dumps(before(json.loads(path.read_text()))))
    convert(tmp_path)
    for new, path in files.items():
        # Positives in COCO format have no word to convert: such a file keeps its bytes.
        if path.name != "val_expression_pos_coco_format.json":
            assert new.read_bytes() == path.read_bytes(), path.name
    assert capsys.readouterr().out.count(": converted") == 3
    convert(tmp_path)
    assert capsys.readouterr().out.count(": has the published form") == 4


def test_a_folder_without_a_benchmark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"no \*_coco_format\.json and no"):
        convert(tmp_path)

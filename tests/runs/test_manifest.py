"""`run.json`: read back as it was written, and refused with a sentence where it cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import RunError
from finecops.runs.manifest import (
    Answering,
    DatasetEntry,
    Manifest,
    Share,
    StageEntry,
    first_difference,
    read_manifest,
    write_manifest,
)


def test_first_difference_names_the_setting() -> None:
    assert first_difference({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}) == "a.c was 2, is 3"
    assert first_difference({"a": 1}, {"a": 1, "z": 5}) == "z was None, is 5"
    assert first_difference({"a": [1]}, {"a": [1]}) is None


def manifest() -> Manifest:
    data = DatasetEntry(name="toy", split="test", files=("a.json",), sha256="0", limit=0, samples=2)
    entry = StageEntry(
        role="answers",
        label="SFA",
        share=Share(router_level=2),
        answering=Answering(method="sfa"),
        settings={"a": None, "b": [1, 2]},
        fingerprint="f",
        state="done",
    )
    return Manifest(dataset=data, prompts_sha256="1", environment={"python": "3"}, stages={"sfa": entry})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest())
    assert read_manifest(tmp_path) == manifest()
    assert json.loads((tmp_path / "run.json").read_text())["version"] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no run.json"),
        ("{", "is not JSON"),
        ("[]", "has version None"),
        ({"finecops": "0.1.0", "stages": {}}, "has version 1; this finecops reads version 2"),
        ({"version": 3}, "has version 3"),
        ({"version": 2}, "dataset: Field required"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, content: Any, message: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(RunError, match=message):
        read_manifest(tmp_path)


def test_stages_are_found_by_role_and_method() -> None:
    assert manifest().stage_of("answers") == "sfa"
    assert manifest().stage_of("answers", "sfa") == "sfa"
    assert manifest().stage_of("answers", "crs") is None
    assert manifest().stage_of("routes") is None


def test_a_run_that_is_not_there_gets_the_nearest_names(tmp_path: Path) -> None:
    (tmp_path / "mini-300").mkdir()
    (tmp_path / "mini-300" / "run.json").write_text("{}")
    with pytest.raises(RunError, match=r"mini-30/ is no run: there is no such folder\. Did you mean 'mini-300'\?"):
        read_manifest(tmp_path / "mini-30")
    (tmp_path / "other").mkdir()
    with pytest.raises(RunError, match=r"other/ is no run: it has no run\.json\. `finecops sfa run` makes one"):
        read_manifest(tmp_path / "other")

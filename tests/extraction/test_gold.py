"""How many targets of the gold lists each extractor must have right. No line of the held-out list is shown."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from finecops.models.parser_extractors import lacks_parser

GOLD = Path(__file__).parent / "gold"
_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "score_extraction.py"
_spec = importlib.util.spec_from_file_location("score_extraction", _SCRIPT)
assert _spec is not None
assert _spec.loader is not None
score_extraction = importlib.util.module_from_spec(_spec)
sys.modules["score_extraction"] = score_extraction
_spec.loader.exec_module(score_extraction)

needs_parser = pytest.mark.skipif(lacks_parser() is not None, reason=f"spaCy is missing: {lacks_parser()}")


# The floors of the held-out list are what was measured, less two points.
@pytest.mark.parametrize(("name", "floor"), [("dev", 95.0), ("held_out", 94.0)])
@pytest.mark.parametrize("extractor", ["rules", pytest.param("combined", marks=needs_parser)])
def test_targets_are_right(name: str, floor: float, extractor: str) -> None:
    # A number alone: a failing test would print the lines of the list with anything else.
    percent = score_extraction.score(GOLD / f"{name}.jsonl", extractor).percent
    assert percent >= floor


@needs_parser
@pytest.mark.parametrize(("name", "floor"), [("dev", 83.0), ("held_out", 86.0)])
def test_the_parser_alone_has_fewer_right(name: str, floor: float) -> None:
    percent = score_extraction.score(GOLD / f"{name}.jsonl", "parser").percent
    assert percent >= floor


def test_what_is_wrong_in_a_held_out_list_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {"style": "refcoco", "expression": "a secret on the left", "target": "nothing of it"}
    for name in ("held_out.jsonl", "dev.jsonl"):
        (tmp_path / name).write_text(json.dumps(line) + "\n")
    assert score_extraction.main([str(tmp_path / "dev.jsonl"), "--show"]) == 0
    assert "'secret', not 'nothing of it'" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        score_extraction.main([str(tmp_path / "held_out.jsonl"), "--show"])
    assert score_extraction.main([str(tmp_path / "held_out.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "0 / 1" in out
    assert "secret" not in out


@pytest.mark.parametrize(
    ("phrase", "plain"),
    [("The Red Car.", "red car"), ("those", "those"), ("a", "a"), ("an  apple !", "apple"), ("one", "one")],
)
def test_plain(phrase: str, plain: str) -> None:
    assert score_extraction.plain(phrase) == plain


def test_an_unknown_extractor_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert score_extraction.main([str(GOLD / "dev.jsonl"), "--extractor", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err

"""What commands print in a terminal of 80 columns, and in a pipe."""

from __future__ import annotations

import pytest

from finecops.report import text as text_module
from tests.cli.invoke import run

SENTENCES = "\n".join(
    f"the {'small ' * i}red car that is to the left of the large blue house and behind a kite" for i in range(1, 9)
)
CASES = [
    (("models", "list"), None),
    (("models", "list", "--kind", "extractor"), None),
    (("sfa", "extract", "-"), SENTENCES),
]


@pytest.mark.parametrize(("command", "stdin"), CASES, ids=lambda case: " ".join(case) if case else "")
@pytest.mark.parametrize("width", [60, 80])
def test_no_line_is_longer_than_the_terminal(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], stdin: str | None, width: int
) -> None:
    monkeypatch.setattr(text_module, "terminal_width", lambda: width)
    code, shown = run(*command, stdin=stdin)
    assert code == 0
    lines = shown.splitlines()
    assert len(lines) > 3
    # The title of `sfa extract` is prose, which a terminal wraps.
    assert [line for line in lines[1:] if len(line) > width] == []


def test_a_pipe_gets_whole_lines_and_a_terminal_whole_names() -> None:
    code, shown = run("models", "list", "--kind", "mllm")
    assert code == 0
    rows = [line for line in shown.splitlines() if line.startswith("  ")]
    # Heading, rule, and a line for each model.
    assert shown.startswith(f"{len(rows) - 2} models\n")
    assert max(map(len, rows)) > 80


def test_a_name_that_is_to_be_copied_is_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "terminal_width", lambda: 80)
    shown = run("models", "list")[1]
    for name in ("mini-qwen2vl-crs-none", "internvl2.5-8b-server"):
        assert f"  {name}  " in shown

"""What a user sees of long work: a bar in a terminal, now and then a line elsewhere."""

from __future__ import annotations

import io
import logging
import re

import pytest

from finecops import progress as module
from finecops.progress import progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def work(count: int) -> None:
    """Count to `count`, one after the other."""
    with progress(what="mllm (2 of 4)", unit="sample", total=count, initial=0) as bar:
        for _ in range(count):
            bar.set_postfix_str("3 failed", refresh=False)
            bar.update()


def test_short_work_says_nothing_in_a_pipe(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.INFO):
        work(5)
        assert list(progress([1, 2], what="images", unit="image")) == [1, 2]
    assert caplog.text == ""
    assert capfd.readouterr().err == ""


def test_long_work_says_a_line_now_and_then_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    now = iter(range(0, 10_000, 10))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(module, "PAUSE", 30.0)
    # tqdm's own pause is over at once, so that it asks for every step.
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(now)))
    with caplog.at_level(logging.INFO):
        work(20)
    lines = [record.getMessage() for record in caplog.records]
    assert 2 <= len(lines) < 20
    for line in lines:
        assert re.fullmatch(r"mllm \(2 of 4\): +\d+% \d+/20 \[.*(s/sample|sample/s), 3 failed\]", line), line
    assert "\r" not in capfd.readouterr().err


def test_a_bar_in_a_terminal_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(module.sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "80")
    work(5)
    shown = stream.getvalue().split("\r")
    assert any("5/5" in line and "3 failed" in line for line in shown)
    assert max(map(len, shown)) <= 80

"""The end of the program: its last line and its exit code."""

from __future__ import annotations

import signal

import pytest
import typer

from finecops.cli import app as cli


def test_ctrl_c_ends_with_a_line_that_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    toy = typer.Typer()
    toy.command()(stopped)
    monkeypatch.setattr(cli, "app", toy)
    monkeypatch.setattr("sys.argv", ["finecops"])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as end:
            cli.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert end.value.code == 130
    assert capsys.readouterr().err.strip() == cli.STOPPED

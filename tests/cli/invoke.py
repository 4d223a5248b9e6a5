"""The command line in this process."""

from __future__ import annotations

from typer.testing import CliRunner

from finecops.cli import app as cli
from finecops.errors import FinecopsError, UsageError

_runner = CliRunner()


def run(*arguments: str, stdin: str | bytes | None = None) -> tuple[int, str]:
    """Exit code and output as `main` gives them."""
    result = _runner.invoke(cli.app, list(arguments), input=stdin)
    if isinstance(result.exception, FinecopsError):
        return (2 if isinstance(result.exception, UsageError) else 1), str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output

"""The `finecops` program."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, NoReturn

import typer

from finecops.cli.advise import advise_command
from finecops.cli.bench import bench_app
from finecops.cli.compare import compare_command
from finecops.cli.crs import crs_app
from finecops.cli.crs_tables import crs_tables_command
from finecops.cli.data import data_app
from finecops.cli.demo import demo_command
from finecops.cli.eval import eval_command
from finecops.cli.export import export_app
from finecops.cli.figures import figures_command
from finecops.cli.gains import gains_command
from finecops.cli.ground import ground_command
from finecops.cli.importing import import_app
from finecops.cli.infer import infer_app
from finecops.cli.merge import merge_command
from finecops.cli.models import doctor_command, models_app
from finecops.cli.panels import App
from finecops.cli.report import report_command
from finecops.cli.routers import routers_command
from finecops.cli.score import score_command
from finecops.cli.sfa import sfa_app
from finecops.cli.show import show_command
from finecops.cli.sweep import sweep_command
from finecops.errors import FinecopsError, UsageError
from finecops.models.hub_access import RetriesOnce
from finecops.models.redaction import RedactingFilter, redact
from finecops.text import printable
from finecops.version import __version__

HELP = """Referring expression comprehension (REC): find the one box that a sentence describes.

Start with a picture of your own: `finecops ground photo.jpg "the red car"`. Or with the benchmark and the small models
that are included: `finecops sfa run --limit 60`.

Exit codes: 0 done; 1 refused, faults found, or too many samples failed; 2 wrong usage; 130 and 143 stopped by a signal.
"""

HEADINGS = {
    "Your pictures": ("ground", "demo"),
    "Run": ("sfa", "crs", "infer", "merge"),
    "Numbers": ("eval", "score", "compare", "sweep", "advise", "gains"),
    "Look": ("report", "show", "figures"),
    "Data and models": ("data", "models", "export", "import"),
    "This machine": ("doctor", "bench"),
}
"""The headings of `finecops --help`, and the order of the commands under them."""

app = App(
    name="finecops",
    help=HELP,
    headings=HEADINGS,
    pretty_exceptions_enable=False,
)
app.add_typer(sfa_app, name="sfa")
app.add_typer(crs_app, name="crs")
app.add_typer(infer_app, name="infer")
app.add_typer(data_app, name="data")
app.add_typer(models_app, name="models")
app.add_typer(export_app, name="export")
app.add_typer(import_app, name="import")
app.add_typer(bench_app, name="bench")
crs_app.command("tables")(crs_tables_command)
sfa_app.command("routers")(routers_command)
app.command("ground")(ground_command)
app.command("demo")(demo_command)
app.command("eval")(eval_command)
app.command("score")(score_command)
app.command("compare")(compare_command)
app.command("sweep")(sweep_command)
app.command("figures")(figures_command)
app.command("show")(show_command)
app.command("advise")(advise_command)
app.command("gains")(gains_command)
app.command("report")(report_command)
app.command("merge")(merge_command)
app.command("doctor")(doctor_command)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"finecops {__version__}")
        raise typer.Exit


# One object each: adding it twice to a handler adds it once.
_REDACTING = RedactingFilter()
_RETRIES_ONCE = RetriesOnce()


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more, with the cause of each failure.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.WARNING,
        format="%(message)s" if not verbose else "%(asctime)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("finecops").setLevel(logging.DEBUG if verbose else logging.INFO)
    # On the handlers: a filter of a logger does not see what its children log.
    for handler in logging.getLogger().handlers:
        handler.addFilter(_REDACTING)
        handler.addFilter(_plain_record)
        if not verbose:
            handler.addFilter(_RETRIES_ONCE)
    # These libraries log every request and image at INFO.
    for noisy in ("PIL", "httpx", "httpx2", "httpcore", "httpcore2", "openai", "filelock", "urllib3", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


log = logging.getLogger(__name__)

STOPPED = "stopped; finished rows are kept, and the same command continues from there"


class _Terminated(BaseException):
    """SIGTERM as an exception, so that files are closed and locks are released."""

    came = False
    """Whether the signal came: a library may have turned the exception into one of its own."""


def _terminate(signum: int, frame: object) -> None:
    _Terminated.came = True
    raise _Terminated


@contextmanager
def _only(first: list[str]) -> Iterator[None]:
    """Meanwhile the program has the command that is called alone: Typer makes the options of all of them, which takes
    longer than many a command."""
    commands, groups = app.registered_commands, app.registered_groups
    if first and first[0] in {command.name for command in commands} | {group.name for group in groups}:
        app.registered_commands = [command for command in commands if command.name == first[0]]
        app.registered_groups = [group for group in groups if group.name == first[0]]
    try:
        yield
    finally:
        app.registered_commands, app.registered_groups = commands, groups


def main() -> None:
    """Run the program.

    Exit codes: 0 done; 1 a `FinecopsError`, printed as one red line; 2 wrong usage; 130 and 143 stopped by a signal.
    """
    # The default action of SIGTERM ends the process without closing files.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with _only(sys.argv[1:2]):
            app()
    except FinecopsError as error:
        if _Terminated.came:
            _fail(STOPPED, 128 + signal.SIGTERM)
        _fail(str(error), 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        # The reader of a pipe has gone (`| head`): nothing is wrong, and nothing more can be printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        # A disk that is full, a folder that may not be read: the user's to repair, not a bug to be traced.
        log.debug("the cause", exc_info=error)
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        _fail(STOPPED, 128 + signal.SIGINT)
    except SystemExit as end:
        # Typer turns Ctrl-C into an exit without a word. A command that has a word of its own raises its own exit.
        if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
            _fail(STOPPED, 128 + signal.SIGINT)
        raise
    except BaseException:
        if _Terminated.came:
            _fail(STOPPED, 128 + signal.SIGTERM)
        raise


def _plain(message: str) -> str:
    """A message as a terminal may get it: without keys and escape sequences, which a server may have put there."""
    return "\n".join(map(printable, redact(message).splitlines()))


def _plain_record(record: logging.LogRecord) -> bool:
    # A filter is called outside of the handler's own guard: a wrong format shall not end the program.
    with suppress(TypeError, ValueError):
        record.msg, record.args = _plain(record.getMessage()), None
    return True


def _fail(message: str, code: int) -> NoReturn:
    typer.secho(_plain(message), fg=typer.colors.RED, err=True)
    raise SystemExit(code) from None

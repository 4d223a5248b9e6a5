"""What can go wrong in a way that a user can fix.

The command line turns a `FinecopsError` into one red line and exit code 1, a `UsageError` into exit code 2; anything
else is a bug and shows its traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class FinecopsError(Exception):
    """Base of every error that says what is wrong and what to do about it."""


class DataError(FinecopsError):
    """A dataset, an annotation or an image is missing or broken."""


class ConfigError(FinecopsError):
    """A setting is unknown, missing or does not fit another one."""


class UsageError(ConfigError):
    """A command was typed wrongly: an unknown choice, or options that do not go together."""


class RunError(FinecopsError):
    """A run folder cannot be continued or read: other settings, another process, a missing stage."""


class StopRunError(FinecopsError):
    """A run that goes wrong from its first rows on is stopped instead of finished."""


class ModelError(FinecopsError):
    """A model cannot be loaded or reached, or does not fit the task."""


class GoneError(ModelError):
    """What every sample needs is gone for good. No sample fails by that: the run ends, and what is done is kept."""


class TextLengthError(ModelError):
    """An expression has more tokens than the model takes."""


class FailuresError(RunError):
    """Too many samples of a stage failed, or too many in a row."""


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its kind if it says nothing."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


@contextmanager
def panics_as_errors() -> Iterator[None]:
    """A panic of a library in Rust (tokenizers, safetensors) as a `ModelError`.

    It is no `Exception`, as is Ctrl-C, so nothing else catches it. Its class cannot be imported.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise ModelError(f"a library in Rust gave up: {' '.join(str(error).split())[:300]}") from error

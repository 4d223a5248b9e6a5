"""Reading a YAML file that may come from anywhere: within limits, and every fault as a `ConfigError`."""

from __future__ import annotations

from pathlib import Path

import yaml

from finecops.errors import ConfigError, first_line

_MOST_BYTES = 1_000_000
"""The longest file. The longest configuration of this repository has 2,000 bytes."""
_MOST_VALUES = 100_000
"""Values of a file, each alias counted with all that it stands for."""


def read_settings(path: Path) -> dict[str, object]:
    """The settings of a YAML file.

    Raises:
        ConfigError: it cannot be read, is too large, is not YAML, or is not a mapping from names to values.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path} has more than {_MOST_BYTES:,} bytes: it is no configuration")
    try:
        raw = yaml.safe_load(content)
    except RecursionError:
        raise ConfigError(f"{path} is not YAML that can be read: it is nested too deep") from None
    # PyYAML raises other errors too: for a date with month 99, a number of 5,000 digits, a list as a key.
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise ConfigError(f"{path} is not YAML: {_said(error)}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path} is not a mapping of settings")
    if not all(isinstance(key, str) for key in raw):
        raise ConfigError(f"{path} is not a mapping of settings: a setting's name is not text")
    # Aliases share values in memory. Whoever walks through them, or prints them, meets each one again.
    if _count_values(raw, {}, set()) > _MOST_VALUES:
        raise ConfigError(f"{path} stands for more than {_MOST_VALUES:,} values: it is no configuration")
    return raw


def _said(error: Exception) -> str:
    """Where the fault is, on one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or first_line(error)}"
    return first_line(error)


def _count_values(value: object, known: dict[int, int], open_ids: set[int]) -> int:
    """How many values there are if every alias is written out; a value that holds itself counts as too many."""
    if not isinstance(value, dict | list | set | tuple):
        return 1
    if id(value) in open_ids:
        return _MOST_VALUES + 1
    if id(value) not in known:
        open_ids.add(id(value))
        members = [*value, *value.values()] if isinstance(value, dict) else list(value)
        known[id(value)] = 1 + sum(_count_values(member, known, open_ids) for member in members)
        open_ids.discard(id(value))
    return known[id(value)]

"""Names inside a configuration file: plain, or refused.

Files are named after the name of a configuration, and a preset or a dataset names other configurations. Such a file may
come from a download. So a name may hold letters, digits and `._+-`; the files of a dataset stay below its folder. A
model's `weights`, `adapter` and `command` may be any path: whoever gives the file lets its model be loaded, and its
program be run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.fields import is_plain, plain_fault
from finecops.config.schema import Config, PresetConfig
from finecops.errors import ConfigError


def check_names(config: Config, path: Path) -> None:
    """Check the names in a configuration that was read from the file `path`.

    Raises:
        ConfigError: a name is not plain, or a dataset's file leads out of its folder.
    """
    for field, name in _names(config):
        # A preset may give a model other weights, as the command line does.
        if not is_plain(name.partition("@")[0] if isinstance(config, PresetConfig) else name):
            raise ConfigError(f"{path}: {field}: {plain_fault(name)}")
    if isinstance(config, DatasetConfig):
        files = (name for files in config.splits.values() for name in files)
        for inside in (*config.image_folders, *config.hub_files, *files):
            if not _stays_below(inside):
                raise ConfigError(f"{path}: {inside[:80]!r} leads out of the dataset's folder")


def _names(config: Config) -> Iterator[tuple[str, str]]:
    if isinstance(config, PresetConfig):
        roles = ("extractor", "router", "specialist", "mllm", "selector", "selector_none")
        yield from ((role, name) for role in roles if (name := getattr(config, role)) is not None)
    elif isinstance(config, DatasetConfig):
        yield "preset", config.preset
        yield from (("splits", split) for split in config.splits)


def _stays_below(name: str) -> bool:
    """Whether a relative path leads nowhere but down, on any system."""
    ways = (PurePosixPath(name), PureWindowsPath(name))
    return "\0" not in name and not any(way.is_absolute() or way.drive or ".." in way.parts for way in ways)

"""Which settings change a model's answers, and a fingerprint of its weights. Both go into `run.json`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from finecops.config.box_pattern import in_resized_pixels
from finecops.config.find import resolve
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.config.serve_args import args_that_change_answers
from finecops.errors import ConfigError

_HASHED_WHOLE_BYTES = 200_000_000
"""Larger weights are described by names and sizes: a checksum of tens of gigabytes would delay every start."""
_SETTLED_SECONDS = 3
"""Times of files are no finer than two seconds on some file systems."""


def weights_fingerprint(weights: str) -> str:
    """A text that differs between two sets of local weights: a checksum, or names and sizes of large files.

    It is `"hub"` for weights that are not in a local folder: their id and revision are settings already.

    Raises:
        ConfigError: a file cannot be read.
    """
    folder = resolve(weights)
    try:
        return _fingerprint(folder)
    except OSError as error:
        raise ConfigError(f"{weights} cannot be read: {error.strerror or error}") from error


def _fingerprint(folder: Path) -> str:
    if folder.is_file():
        return _checksum([folder])
    if not folder.is_dir():
        return "hub"
    # Sorted: the order in which a folder lists its files differs between file systems.
    files = sorted(path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin"))
    if sum(path.stat().st_size for path in files) <= _HASHED_WHOLE_BYTES:
        return _checksum(files)
    return ", ".join(f"{path.name} {path.stat().st_size}" for path in files)


class _FileState(NamedTuple):
    """What says whether a file was touched, once its times are some seconds old."""

    path: Path
    inode: int
    size: int
    written: int
    changed: int


def _state(path: Path) -> _FileState:
    found = path.stat()
    return _FileState(path.resolve(), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _checksum(files: Sequence[Path]) -> str:
    states = tuple(map(_state, files))
    settled = time.time_ns() - _SETTLED_SECONDS * 10**9
    # Times in whole ticks: a file may be written twice in one of them.
    if any(max(state.written, state.changed) > settled for state in states):
        return _read_checksum(states)
    return _kept_checksum(states)


def _read_checksum(files: Sequence[_FileState]) -> str:
    return hashlib.sha256(b"".join(file.path.read_bytes() for file in files)).hexdigest()


# Every stage of a run asks for it.
_kept_checksum = lru_cache(maxsize=16)(_read_checksum)


# These settings change the speed, the documentation or the connection, never an answer. A run may continue after a
# change of them.
_NO_EFFECT_ON_ANSWERS = {
    "batch_size",
    "licence",
    "seen",
    "domain",
    "proved",
    "paper_row",
    "base_url",
    "servers",
    "serve",
    "gpus_per_server",
    "serve_args",
    "api_key_env",
    "concurrency",
    "start_seconds",
    "timeout_seconds",
    "device_map",
    "trust_remote_code",
    "allow_pickle",
}


def _unused(config: SpecialistConfig | MllmConfig) -> set[str]:
    """How an image is resized, as far as nothing asks for it."""
    if not isinstance(config, MllmConfig) or config.visual_tokens is not None or in_resized_pixels(config.box_format):
        return set()
    # A server resizes by itself.
    return {"resize_factor", "min_pixels"} if config.backend == "openai" else {"resize_factor"}


def model_settings(config: SpecialistConfig | MllmConfig) -> dict[str, JsonValue]:
    """The settings that change a model's answers, with a fingerprint of its weights."""
    settings: dict[str, JsonValue] = config.model_dump(
        mode="json", exclude=_NO_EFFECT_ON_ANSWERS | _unused(config), exclude_none=True
    )
    if isinstance(config, MllmConfig) and config.adapter is not None:
        settings["adapter_fingerprint"] = weights_fingerprint(config.adapter)
    # Where the user's own servers are asked too: it is better to know than not how they should have been started.
    args = args_that_change_answers(config.serve_args) if isinstance(config, MllmConfig) else []
    if args and config.backend == "openai":
        settings["serve_args"] = list(args)
    return settings | {"weights_fingerprint": weights_fingerprint(config.weights)}

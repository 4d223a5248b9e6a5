"""Checksums of a finished file in blocks of rows: a file that was cut or edited is kept up to where it broke."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from finecops.paths import open_regular
from finecops.records import Record

_BLOCKS = 100
_FEWEST_ROWS = 16


class FileChecksums(Record):
    """SHA-256 of a file, and of each block of `rows_per_block` of its lines."""

    sha256: str
    rows_per_block: int
    blocks: tuple[str, ...]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_rows(rows: Iterable[Record]) -> str:
    """SHA-256 of the file that holds these rows and no others."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.model_dump_json().encode() + b"\n")
    return digest.hexdigest()


def checksums_of(path: Path, rows: int) -> FileChecksums:
    """The checksums of a file of so many rows; about a hundred blocks."""
    per_block = max(_FEWEST_ROWS, -(-rows // _BLOCKS))
    whole = hashlib.sha256()
    blocks = []
    for block in _blocks(path, per_block):
        whole.update(block)
        blocks.append(hashlib.sha256(block).hexdigest())
    return FileChecksums(sha256=whole.hexdigest(), rows_per_block=per_block, blocks=tuple(blocks))


def sound_rows(path: Path, checksums: FileChecksums) -> int | None:
    """How many rows at the file's begin are as they were written; None: all of them, and nothing was added."""
    sound = 0
    found = _blocks(path, checksums.rows_per_block)
    for expected in checksums.blocks:
        block = next(found, b"")
        if hashlib.sha256(block).hexdigest() != expected:
            return sound
        sound += block.count(b"\n")
    return None if next(found, None) is None else sound


def _blocks(path: Path, rows: int) -> Iterator[bytes]:
    lines: list[bytes] = []
    with open_regular(path) as file:
        for line in file:
            lines.append(line)
            if len(lines) == rows:
                yield b"".join(lines)
                lines = []
    if lines:
        yield b"".join(lines)

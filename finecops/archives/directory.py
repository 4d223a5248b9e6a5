"""The directory of a zip file (also ZIP64), and one member without the others."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import NamedTuple

from finecops.archives.source import Source, SourceFile
from finecops.errors import DataError
from finecops.text import printable, shortly

MAX_MEMBER_BYTES = 200_000_000
"""The largest member that is unpacked. The largest image of GQA has less than a million bytes."""

_HEADER = struct.Struct("<4s5H3I2H")
"""The header of a member: signature, five fields, three sums, and the lengths of its name and its extra field."""
_SIGNATURE = b"PK\x03\x04"
_MOST_HEADER = _HEADER.size + 2 * 0xFFFF
_ENCRYPTED = 1
"""The flag of an encrypted member."""
_UTF8 = 0x800
"""The flag of a name in UTF-8; else it is in code page 437."""


class Member(NamedTuple):
    """A file in a zip file."""

    name: str
    offset: int
    """Where its header begins."""
    end: int
    """Where the next member's header or the directory begins."""
    packed: int
    """Its bytes in the zip file."""
    size: int
    """Its bytes unpacked."""
    crc: int
    """CRC-32 of them."""
    method: int
    """How it is packed: 0 not at all, 8 deflate; -1 encrypted."""


def read_directory(source: Source) -> list[Member]:
    """All files of a zip file, without folders, in the order of their offsets.

    Raises:
        DataError: it is no zip file, or a truncated one.
    """
    try:
        with zipfile.ZipFile(SourceFile(source)) as archive:
            infos = sorted((i for i in archive.infolist() if not i.is_dir()), key=lambda info: info.header_offset)
            ends = [*(info.header_offset for info in infos[1:]), archive.start_dir]
        # zipfile counts from the end: without its first bytes, a file has members before its start.
        if infos and infos[0].header_offset < 0:
            raise zipfile.BadZipFile("its start is missing")
        if any(max(i.header_offset, i.compress_size, i.file_size) >= 2**63 for i in infos):
            raise zipfile.BadZipFile("it states a size that no file has")
    # zipfile raises others for strange directories: struct.error, UnicodeDecodeError, NotImplementedError.
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError) as error:
        raise DataError(f"{source.name} is not a zip file, or is incomplete: {printable(str(error))}") from error
    return [
        Member(
            name=info.filename,
            offset=info.header_offset,
            end=end,
            packed=info.compress_size,
            size=info.file_size,
            crc=info.CRC,
            method=-1 if info.flag_bits & _ENCRYPTED else info.compress_type,
        )
        for info, end in zip(infos, ends, strict=True)
    ]


def unpack_member(source: Source, member: Member) -> bytes:
    """The content of a member. Its size is checked before it is unpacked, and its checksum after.

    Raises:
        DataError: it is too large, damaged, encrypted, or packed in another way.
    """
    where = f"{shortly(member.name, 200)} in {source.name}"
    if max(member.size, member.packed) > MAX_MEMBER_BYTES:
        raise DataError(f"{where} has {max(member.size, member.packed):,} bytes; the limit is {MAX_MEMBER_BYTES:,}")
    if member.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        how = "is encrypted" if member.method == -1 else f"is packed by method {member.method}"
        raise DataError(f"{where} {how}, which is not supported")
    length = min(member.end - member.offset, _MOST_HEADER + member.packed)
    if length < _HEADER.size:
        raise DataError(f"{where} is damaged: there is no room for it")
    record = source.read_at(member.offset, length)
    content = _content(record, member)
    if content is None or zlib.crc32(content) != member.crc:
        raise DataError(f"{where} is damaged")
    return content


def _content(record: bytes, member: Member) -> bytes | None:
    """A member's bytes out of its header and data; None: it is damaged."""
    signature, _, flags, *_, name_length, extra_length = _HEADER.unpack_from(record)
    start = _HEADER.size + name_length + extra_length
    packed = record[start : start + member.packed]
    name = record[_HEADER.size : _HEADER.size + name_length].decode("utf-8" if flags & _UTF8 else "cp437", "replace")
    # zipfile writes names of Windows with "/", and cuts them at a null byte.
    if signature != _SIGNATURE or len(packed) < member.packed or name.split("\0")[0] != member.name:
        return None
    if member.method == zipfile.ZIP_STORED:
        return packed if member.size == member.packed else None
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than there may be: a longer content is seen and never held.
        content = unpacker.decompress(packed, member.size + 1)
    except zlib.error:
        return None
    return content if len(content) == member.size else None

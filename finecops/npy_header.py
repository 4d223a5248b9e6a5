"""The header of a `.npy` file, read by one expression: nothing in it is evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MAGIC = b"\x93NUMPY"
_LONGEST = 10_000
"""Headers of plain arrays have about a hundred bytes."""
# As NumPy writes it, keys in this order. `L`: Python 2's long numbers.
_HEADER = re.compile(
    rb"\{'descr': '(?P<dtype>[^']{1,20})', 'fortran_order': (?P<order>True|False), "
    rb"'shape': \((?P<shape>(?:[0-9]{1,18}L?(?:, ?|(?=\))))*)\),? ?\}[ \n]*"
)


@dataclass(frozen=True)
class Header:
    """What a header says."""

    dtype: str
    """The dtype's name; "O" for objects."""
    fortran: bool
    """Whether the last side varies slowest."""
    shape: tuple[int, ...]
    end: int
    """Where the content begins."""


def read_header(content: bytes) -> Header:
    """Read the header of a `.npy` file.

    Raises:
        ValueError: the content does not begin with one, or the array has fields.
    """
    version = tuple(content[6:8])
    if content[:6] != _MAGIC or version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError("it does not begin like one")
    begin = 10 if version == (1, 0) else 12
    length = int.from_bytes(content[8:begin], "little")
    if length > min(_LONGEST, len(content) - begin):
        raise ValueError("its header is cut off or too long")
    text = content[begin : begin + length]
    found = _HEADER.fullmatch(text)
    if found is None:
        what = (
            "a structure, which is not read" if b"'descr': [" in text or b"'descr': (" in text else "no header of NumPy"
        )
        raise ValueError(f"its header is {what}")
    shape = tuple(int(side.strip().rstrip(b"L")) for side in found["shape"].split(b",") if side.strip())
    dtype = found["dtype"].decode("latin1")
    name = "O" if dtype in ("|O", "O", "|O8", "|O4", "O8") else dtype
    return Header(name, found["order"] == b"True", shape, begin + length)

"""Looking at a pickle's opcodes before it is run, for what costs memory or time that the file does not pay for.

An opcode may announce 2^60 bytes, or put something at place 2^30 of the memo: the unpickler makes room first and
notices the end of the file afterwards. Names are not looked at here; `safe_pickle` decides about them.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Opcodes without an argument. Left out, since no array needs them: INST and OBJ, which call; NEWOBJ and NEWOBJ_EX;
# persistent names; the extension registry; buffers outside of the file.
_BARE = rb"[(.012NRabd}el\])stu\x85-\x89\x8f\x90\x91\x93\x94]"
_HIGHEST_PROTOCOL = 5
_COUNTED = {
    ord("U"): 1,
    ord("C"): 1,
    0x8C: 1,
    ord("T"): 4,
    ord("X"): 4,
    ord("B"): 4,
    0x8D: 8,
    0x8E: 8,
    0x96: 8,
}
"""Opcodes of texts and bytes → how many bytes their length has."""
_FRAME = 0x95


def check_opcodes(content: bytes) -> None:
    """Refuse a pickle that is cut, uses an opcode no plain data need, or announces more than it holds.

    Raises:
        ValueError: it does; the message says what.
    """
    run, at, size = _run_pattern(len(content).bit_length()), 0, len(content)
    while True:
        # Nearly all opcodes are skipped by the expression, at its speed; those with a text are counted here.
        found = run.match(content, at)
        at = found.end() if found else at
        if found and content[at - 1 : at] == b"." and found["stop"]:
            return
        if at >= size:
            raise ValueError("it is cut off")
        code = content[at]
        width = 8 if code == _FRAME else _COUNTED.get(code)
        if width is None:
            raise ValueError(f"opcode {content[at : at + 1]!r} at byte {at}, which no plain data need")
        count = int.from_bytes(content[at + 1 : at + 1 + width], "little")
        at += 1 + width
        if count > size - at:
            raise ValueError(f"{count} bytes announced at byte {at}, and {max(size - at, 0)} are there")
        at += 0 if code == _FRAME else count


@lru_cache(maxsize=64)
def _run_pattern(bits: int) -> re.Pattern[bytes]:
    """As many opcodes as possible that cost no more than they take in the file.

    Args:
        bits: the bit length of the file's size. A place in the memo may have no more: there are not more objects.
    """
    # The place's bytes, lowest first: whole bytes of any value, one partly used, zeros.
    whole, rest = divmod(bits, 8)
    places = [rb"[\x00-\xff]"] * whole + [b"[\\x00-\\x%02x]" % (2**rest - 1)] + [rb"\x00"] * 4
    digits = b"[0-9]{1,%d}" % len(str(2**bits))
    single = [
        _BARE.replace(b".", b""),
        rb"[Khq].",
        b"\\x80[\\x00-\\x%02x]" % _HIGHEST_PROTOCOL,
        rb"M..",
        rb"[Jj]....",
        rb"G.{8}",
        b"r" + b"".join(places[:4]),
        # Whole numbers of up to 16 bytes, and their digits. Longer ones take time that grows with their square.
        rb"\x8a(?:" + b"|".join(b"\\x%02x.{%d}" % (n, n) for n in range(17)) + rb")",
        # Short texts and bytes, as most are; the others are counted by `check_opcodes`.
        rb"[\x8cCU](?:" + b"|".join(b"\\x%02x.{%d}" % (n, n) for n in range(49)) + rb")",
        rb"[IFL][^\n]{1,40}\n",
        rb"[SV][^\n]*+\n",
        b"g" + digits + rb"\n",
        b"p" + digits + rb"\n",
        rb"c[^\n]{1,200}\n[^\n]{1,200}\n",
    ]
    # Possessive: no opcode is read in a second way, so the time is linear.
    return re.compile(rb"(?:" + b"|".join(single) + rb")*+(?P<stop>\.)?", re.DOTALL)

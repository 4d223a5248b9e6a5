"""Forged pickles and `.npy` files: each ends in an error; and real ones, which must still be read."""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from finecops.safe_pickle import load_object_array, loads_plain
from tests.hostile.battery import Case

TRUE, FALSE, NONE = b"\x88", b"\x89", b"N"


def glob(module: str, name: str) -> bytes:
    """Opcodes for a name of a module."""
    return f"c{module}\n{name}\n".encode()


def num(value: int) -> bytes:
    """Opcodes for a number."""
    return b"I%d\n" % value


def text(value: str) -> bytes:
    """Opcodes for a text."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def data(value: bytes) -> bytes:
    """Opcodes for bytes."""
    return b"B" + struct.pack("<I", len(value)) + value


def tup(*parts: bytes) -> bytes:
    """Opcodes for a tuple."""
    return b"(" + b"".join(parts) + b"t"


def call(function: bytes, *arguments: bytes) -> bytes:
    """Opcodes for a call."""
    return function + tup(*arguments) + b"R"


def build(thing: bytes, *state: bytes) -> bytes:
    """Opcodes that give a state to something."""
    return thing + tup(*state) + b"b"


NDARRAY, DTYPE = glob("numpy", "ndarray"), glob("numpy", "dtype")
MAKE, SCALAR = (glob("numpy.core.multiarray", name) for name in ("_reconstruct", "scalar"))
FROM_BUFFER = glob("numpy._core.numeric", "_frombuffer")
EMPTY = call(MAKE, NDARRAY, tup(num(0)), data(b"b"))


def dtype(spec: str, *state: bytes) -> bytes:
    """Opcodes for a dtype, with a state where one is given."""
    made = call(DTYPE, text(spec), FALSE, TRUE)
    return build(made, *state) if state else made


def plain_state(order: str = "<", size: int = -1, alignment: int = -1, flags: int = 0) -> tuple[bytes, ...]:
    """The state of a dtype without fields."""
    return num(3), text(order), NONE, NONE, NONE, num(size), num(alignment), num(flags)


F8 = dtype("f8", *plain_state())
OBJECT = dtype("O8", *plain_state("|", flags=63))


def array(shape: bytes, kind: bytes = F8, content: bytes = data(bytes(16)), order: bytes = FALSE) -> bytes:
    """Opcodes for an array."""
    return build(EMPTY, num(1), shape, kind, order, content)


def with_fields(fields: bytes, size: int = 8, flags: int = 0) -> bytes:
    """Opcodes for a dtype with fields."""
    return dtype(f"V{size}", num(3), text("|"), NONE, tup(text("a")), fields, num(size), num(1), num(flags))


def field(kind: bytes, offset: int = 0) -> bytes:
    """Opcodes for the fields `{"a": (kind, offset)}`."""
    return b"}" + text("a") + tup(kind, num(offset)) + b"s"


def laughs(depth: int, width: int = 10, kind: bytes = b"]") -> bytes:
    """A list of lists of lists, of which each stands `width` times in the next: `width ** depth` elements."""
    out = b"](" + num(1) * width + b"e" + b"q\x00"
    for level in range(1, depth):
        out += b"](" + (b"h" + bytes([level - 1])) * width + b"e" + b"q" + bytes([level])
    return out


POINTERS = b"\x41" * 8 * 2
TWO = tup(num(2))
LONG_DIGITS = b"9" * 100_000

FORGED: dict[str, bytes] = {
    # Bytes of the file as object pointers.
    "object dtype over bytes": array(TWO, OBJECT, data(POINTERS)),
    "object dtype without state over bytes": array(TWO, dtype("O8"), data(POINTERS)),
    "field of objects, flags say none": array(TWO, with_fields(field(OBJECT)), data(POINTERS)),
    "field of objects, flags say so": array(TWO, with_fields(field(OBJECT), flags=63), data(POINTERS)),
    "field of objects beyond the item": array(TWO, with_fields(field(OBJECT, 64)), data(POINTERS)),
    "field of floats beyond the item": array(TWO, with_fields(field(F8, 10**6)), data(POINTERS)),
    "field at a negative offset": array(TWO, with_fields(field(F8, -(10**6))), data(POINTERS)),
    "subarray of objects": array(
        TWO, dtype("V8", num(3), text("|"), tup(OBJECT, tup(num(1))), NONE, NONE, num(8), num(1), num(0)), data(POINTERS)
    ),
    "float dtype with an object's flags": array(TWO, dtype("f8", *plain_state(flags=63)), data(POINTERS)),
    "object dtype with a float's flags": array(TWO, dtype("O8", *plain_state("|", flags=0)), data(POINTERS)),
    "void dtype with a name only": array(TWO, dtype("V8", num(3), text("|"), NONE, tup(text("a")), NONE, *plain_state()[5:])),
    "item size 10^6": array(TWO, dtype("V8", *plain_state("|", size=10**6, alignment=1)), data(POINTERS)),
    "item size 0": array(tup(num(10**12)), dtype("V8", *plain_state("|", size=0, alignment=1)), data(b"")),
    "item size -8": array(TWO, dtype("S8", *plain_state("|", size=-8, alignment=1)), data(POINTERS)),
    "texts of 10^9 characters": array(TWO, dtype("U1000000000"), data(POINTERS)),
    "S8 with a state of 10^6": array(TWO, dtype("S8", *plain_state("|", size=10**6, alignment=1)), data(POINTERS)),
    "dtype state that is a text": array(TWO, build(dtype("f8"), text("x"))),
    "dtype state of version 9": array(TWO, dtype("f8", num(9), *plain_state()[1:])),
    "dtype state that is short": array(TWO, dtype("f8", num(3), text("<"))),
    "dtype state twice": array(TWO, build(F8, *plain_state("|", size=8, flags=63))),
    "dtype with metadata": array(TWO, dtype("f8", num(4), *plain_state()[1:], b"}" + text("a") + OBJECT + b"s")),
    "date dtype": array(TWO, dtype("M8[ns]"), data(POINTERS)),
    "structured dtype as text": array(TWO, dtype("O,O"), data(POINTERS)),
    "dtype as a list of fields": array(TWO, call(DTYPE, b"](" + tup(text("a"), text("O")) + b"e"), data(POINTERS)),
    "dtype as a dictionary": array(TWO, call(DTYPE, b"}" + text("names") + b"](" + text("a") + b"es"), data(POINTERS)),
    "dtype of a dtype": array(TWO, call(DTYPE, OBJECT), data(POINTERS)),
    "dtype without a kind": call(DTYPE),
    "scalar of objects": call(SCALAR, OBJECT, data(POINTERS[:8])),
    "scalar of objects, object given": call(SCALAR, OBJECT, text("x")),
    "scalar that is short": call(SCALAR, F8, data(b"123")),
    "scalar with fields of objects": call(SCALAR, with_fields(field(OBJECT)), data(POINTERS[:8])),
    "buffer of objects": call(FROM_BUFFER, data(POINTERS), OBJECT, TWO, text("C")),
    "buffer with fields of objects": call(FROM_BUFFER, data(POINTERS), with_fields(field(OBJECT)), TWO, text("C")),
    "buffer of another size": call(FROM_BUFFER, data(POINTERS), F8, tup(num(3)), text("C")),
    "buffer of no known order": call(FROM_BUFFER, data(POINTERS), F8, TWO, text("Z")),
    "buffer that is a number": call(FROM_BUFFER, num(10**9), F8, TWO, text("C")),
    "ndarray called with a buffer of objects": call(NDARRAY, TWO, OBJECT, data(POINTERS)),
    "ndarray called with strides": call(NDARRAY, TWO, F8, data(POINTERS), num(0), tup(num(-(10**6)))),
    "ndarray by NEWOBJ": NDARRAY + tup(TWO, OBJECT, data(POINTERS)) + b"\x81",
    "ndarray by NEWOBJ_EX": NDARRAY + tup(TWO) + b"}" + b"\x92",
    "ndarray by OBJ": b"(" + NDARRAY + TWO + b"o",
    "ndarray by INST": b"(" + TWO + b"inumpy\nndarray\n",
    "dtype by NEWOBJ": DTYPE + tup(text("O")) + b"\x81",
    "scalar class by NEWOBJ": glob("numpy", "void") + tup(num(10**10)) + b"\x81",
    # Shapes and sizes.
    "shape of 10^12": array(tup(num(10**12))),
    "shape of 10^12 by reconstruct": call(MAKE, NDARRAY, tup(num(10**12)), data(b"d")),
    "shape of 10^9 by reconstruct": call(MAKE, NDARRAY, tup(num(10**9)), data(b"d")),
    "shape whose product overflows": array(tup(num(2**32), num(2**32))),
    "shape whose product wraps to 2": array(tup(num(2**63), num(2), num(1))),
    "shape with 0 and 10^15": array(tup(num(0), num(10**15)), content=data(b"")),
    "negative shape": array(tup(num(-2))),
    "two negative sides": array(tup(num(-1), num(-2))),
    "shape of floats": array(tup(b"F2.0\n")),
    "shape of texts": array(tup(text("2"))),
    "shape that is a number": array(num(2)),
    "shape that is True": array(tup(TRUE), content=data(bytes(8))),
    "shape with 1000 sides": array(tup(*[num(1)] * 1000), content=data(bytes(8))),
    "too few bytes": array(tup(num(3))),
    "too many bytes": array(tup(num(1))),
    "bytes that are a list": array(TWO, F8, b"]"),
    "bytes that are a shared list": array(TWO, OBJECT, laughs(9)),
    "order that is a text": array(TWO, order=text("x")),
    "order that is 10^9": array(TWO, order=num(10**9)),
    "state of three": build(EMPTY, num(1), TWO, F8),
    "state that is a dictionary": EMPTY + b"}" + b"b",
    "state with a slot state": EMPTY + tup(NONE, b"}" + text("shape") + tup(num(10**6)) + b"s") + b"b",
    "state of version 0": build(EMPTY, num(0), TWO, F8, FALSE, data(POINTERS)),
    "state twice": build(array(TWO), num(1), tup(num(10**6)), F8, FALSE, data(POINTERS)),
    "array without state": EMPTY,
    "reconstruct of a subclass": call(MAKE, glob("numpy", "matrix"), tup(num(0)), data(b"b")),
    "reconstruct of memmap": call(MAKE, glob("numpy", "memmap"), tup(num(0)), data(b"b")),
    "reconstruct of a text": call(MAKE, text("x"), tup(num(0)), data(b"b")),
    "reconstruct of dtype": call(MAKE, DTYPE, tup(num(0)), data(b"b")),
    "reconstruct of itself": call(MAKE, MAKE, tup(num(0)), data(b"b")),
    "object array over other objects": array(TWO, OBJECT, b"](" + text("a") + b"e"),
    "object array that holds itself": b"](" + array(tup(num(1)), OBJECT, b"]q\x00(" + b"h\x00" + b"e") + b"e",
    # States of what is handed out.
    "state of a builder": MAKE + b"}" + text("__defaults__") + tup(num(1)) + b"s" + b"b",
    "slot state of a builder": MAKE + tup(NONE, b"}" + text("__class__") + num(1) + b"s") + b"b",
    "state of a set": b"\x8f" + b"}" + text("x") + num(1) + b"s" + b"b",
    "state of an ordered dictionary": call(glob("collections", "OrderedDict")) + b"}" + text("items") + num(1) + b"sb",
    "a builder as data": b"](" + MAKE + b"e",
    "a key that is a list": b"}" + b"]" + num(1) + b"s",
    "a key that is an array": b"}" + array(TWO) + num(1) + b"s",
    "a key that is a builder": b"}" + MAKE + num(1) + b"s",
    # Memory without content.
    "bytearray of 10^10": call(glob("builtins", "bytearray"), num(10**10)),
    "bytearray of 10^9": call(glob("builtins", "bytearray"), num(10**9)),
    "bytearray of a shared list": call(glob("builtins", "bytearray"), laughs(2)),
    "bytearrays of shared bytes": b"](" + data(bytes(10**6)) + b"q\x00"
    + (glob("builtins", "bytearray") + b"q\x01(h\x00tR") + b"h\x01(h\x00tR" * 2000 + b"e",
    "sets of a shared list": b"](" + b"](" + b"".join(b"J" + struct.pack("<i", i) for i in range(20_000)) + b"eq\x00"
    + glob("builtins", "frozenset") + b"q\x01(h\x00tR" + b"h\x01(h\x00tR" * 1000 + b"e",
    "encodings of a shared text": b"](" + text("x" * 10**6) + b"q\x00"
    + glob("_codecs", "encode") + b"q\x01(h\x00" + text("latin1") + b"q\x02tR" + b"h\x01(h\x00h\x02tR" * 2000 + b"e",
    "arrays of shared bytes": b"](" + data(bytes(10**6)) + b"q\x00" + dtype("f4") + b"q\x01" + FROM_BUFFER + b"q\x02"
    + (b"h\x02(h\x00h\x01" + tup(num(250_000)) + text("F") + b"tR") * 2000 + b"e",
    "texts of shared bytes": b"](" + data(bytes(10**6)) + b"q\x00" + dtype("S1000000") + b"q\x01" + SCALAR + b"q\x02"
    + b"h\x02(h\x00h\x01tR" * 2000 + b"h\x02(h\x01h\x00tR" * 2000 + b"e",
    "a memo of 2^30": b"]" + b"r" + struct.pack("<I", 2**30),
    "a memo of 2^26": b"]" + b"r" + struct.pack("<I", 2**26),
    "a memo of 10^9 as text": b"]" + b"p1000000000\n",
    "a bytearray of 2^33 announced": b"\x96" + struct.pack("<Q", 2**33),
    "a bytearray of 2^29 announced": b"\x96" + struct.pack("<Q", 2**29),
    "bytes of 2^33 announced": b"\x8e" + struct.pack("<Q", 2**33),
    "a text of 2^62 announced": b"\x8d" + struct.pack("<Q", 2**62),
    "a frame of 2^60 announced": b"\x95" + struct.pack("<Q", 2**60),
    "a number of 2^31 bytes announced": b"\x8b" + struct.pack("<i", 2**31 - 1),
    "a number of negative length": b"\x8b" + struct.pack("<i", -5),
    "a number of 10^6 bytes": b"\x8b" + struct.pack("<i", 10**6) + b"\x7f" * 10**6,
    "a number of 10^5 digits": b"I" + LONG_DIGITS + b"\n",
    "a long number of 10^5 digits": b"L" + LONG_DIGITS + b"L\n",
    "a float of 10^5 digits and letters": b"F" + LONG_DIGITS + b"x\n",
    "shared lists, 10^9 elements": laughs(9),
    "shared lists, 10^30 elements": laughs(30),
    "shared texts, 10^9 characters": b"](" + text("x" * 10**5) + b"q\x00" + b"h\x00" * 100_000 + b"e",
    "shared arrays, 10^9 numbers": b"](" + array(tup(num(10**5)), F8, data(bytes(8 * 10**5))) + b"q\x00" + b"h\x00" * 10**5 + b"e",
    "lists 10^5 deep": b"]" * 100_000 + b"a" * 99_999,
    "tuples 10^5 deep": b")" + b"\x85" * 100_000,
    "dictionaries 10^5 deep": b"}" + b"N}" * 50_000 + b"s" * 50_000,
    "a list in itself": b"]q\x00h\x00a",
    "a dictionary in itself": b"}q\x00" + text("a") + b"h\x00s",
    # Names and opcodes.
    "os.system": call(glob("os", "system"), text("touch flag")),
    "os.system by STACK_GLOBAL": text("os") + text("system") + b"\x93" + tup(text("touch flag")) + b"R",
    "os.system by INST": b"(" + text("touch flag") + b"ios\nsystem\n",
    "os.system by OBJ": b"(" + glob("os", "system") + text("touch flag") + b"o",
    "getattr": call(glob("builtins", "getattr"), NDARRAY, text("tofile")),
    "a dotted name": text("numpy") + text("ndarray.tofile") + b"\x93",
    "a dotted name of a builder": text("numpy.core.multiarray") + text("_reconstruct.__globals__") + b"\x93",
    "a name of our own": glob("finecops.safe_pickle", "loads_plain"),
    "numpy's loader": call(glob("numpy", "load"), text("x")),
    "numpy's fromfile": call(glob("numpy", "fromfile"), text("/etc/passwd")),
    "numpy's distutils": glob("numpy.distutils.exec_command", "exec_command"),
    "a codec that packs": call(glob("_codecs", "encode"), data(bytes(100)), text("zlib_codec")),
    "a codec that looks up": call(glob("_codecs", "encode"), text("x"), text("../../evil")),
    "an extension": b"\x82\x01",
    "a persistent name": b"Pname\n",
    "a persistent object": text("x") + b"Q",
    "a buffer outside": b"\x97",
    "protocol 99": b"\x80\x63N",
    "a number for a name": num(1) + num(2) + b"\x93",
    "a stack that is empty": b"0",
    "a memo that is empty": b"h\x05",
    "marks without end": b"(" * 100_000,
    "no opcode": b"\xff",
}  # fmt: skip


def _pickle_case(name: str, content: bytes) -> Case:
    def run(folder: Path) -> str:
        import os

        os.chdir(folder)
        found = loads_plain(content + b".", "x", encoding="latin1")
        assert not Path("flag").exists()
        # A structure that is held may still explode in what is done with it.
        return f"read {np.asarray(found, dtype=object).shape}"

    return Case("pickles", name, run)


def _npy(
    header: str | bytes, content: bytes = bytes(16), version: bytes = b"\x01\x00", length: int | None = None
) -> bytes:
    head = header.encode() if isinstance(header, str) else header
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(head) if length is None else length)
    return b"\x93NUMPY" + version + size + head + content


def _head(descr: str = "'<f8'", shape: str = "(2,)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


OBJECTS = "'|O'"
NPY: dict[str, bytes] = {
    "empty": b"",
    "magic alone": b"\x93NUMPY",
    "version 9": _npy(_head(), version=b"\x09\x00"),
    "shape of 10^12": _npy(_head(shape="(1000000000000,)")),
    "shape of 10^9": _npy(_head(shape="(1000000000,)")),
    "shape that overflows": _npy(_head(shape="(4294967296, 4294967296)")),
    "negative shape": _npy(_head(shape="(-2,)")),
    "shape of texts": _npy(_head(shape="('2',)")),
    "shape that is True": _npy(_head(shape="(True,)"), bytes(8)),
    "too few bytes": _npy(_head(shape="(3,)")),
    "structure with objects": _npy(_head("[('a', '|O')]")),
    "structure in a structure with objects": _npy(_head("[('a', [('b', '|O')])]")),
    "subarray of objects": _npy(_head("('|O', (2,))")),
    "structure as text": _npy(_head("'O,O'")),
    "items of 10^9": _npy(_head("'|V1000000000'")),
    "items of nothing": _npy(_head("'|V0'", "(1000000000000,)"), b""),
    "header of 4 GB announced": _npy(_head(), version=b"\x02\x00", length=2**32 - 1),
    "header of 65535 announced": _npy(_head(), length=65535),
    "header 10^5 deep": _npy("(" * 60_000),
    "header 5000 deep": _npy("{'descr': " + "[" * 3000 + "]" * 3000 + ", 'fortran_order': False, 'shape': (2,), }"),
    "header that calls": _npy("__import__('os').system('touch flag')"),
    "header with a key twice": _npy("{'descr': '<f8', 'descr': '|O', 'fortran_order': False, 'shape': (2,), }"),
    "header that is not ASCII": _npy(b"\xff\xfe" * 30),
    "order that is a number": _npy(_head(order="7")),
    "objects: no pickle": _npy(_head(OBJECTS)),
    "objects: a list of shared lists": _npy(_head(OBJECTS), laughs(9) + b"."),
    "objects: a shape that is not the pickle's": _npy(_head(OBJECTS, "(3,)"), array(TWO, OBJECT, b"](NNe") + b"."),
    "objects: bytes as pointers": _npy(_head(OBJECTS), array(TWO, OBJECT, data(POINTERS)) + b"."),
    "objects: a text": _npy(_head(OBJECTS, "(100000,)"), text("x" * 10**5) + b"."),
    "objects: an array of numbers": _npy(_head(OBJECTS), array(TWO) + b"."),
}


def _npy_case(name: str, content: bytes) -> Case:
    def run(folder: Path) -> str:
        (folder / "x.npy").write_bytes(content)
        return f"read {load_object_array(folder / 'x.npy').shape}"

    return Case("npy files", name, run)


def entry(kind: Any = np.float32) -> dict[str, Any]:
    """An entry as mmdet writes it."""
    return {"img_id": np.int64(3), "bboxes": np.arange(8, dtype=kind).reshape(2, 4), "scores": np.ones(2, dtype=kind)}


def real_things() -> dict[str, Any]:
    """Plain data of every kind that real files hold."""
    objects = np.empty(2, dtype=object)
    objects[:] = [{"a": np.float32(3)}, None]
    kinds = ("?", "i1", "u2", "i4", "i8", "f2", "f4", "f8", "c8", ">f8", ">i4", "S5", "U3")
    return {
        **{f"array of {kind}": np.ones((2, 3)).astype(kind) for kind in kinds},
        "column order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "no element": np.zeros((0, 4), dtype=np.float32),
        "no side": np.array(2.5),
        "a view": np.arange(12.0)[::2],
        "objects": objects,
        "no objects": np.empty(0, dtype=object),
        "objects that are lists": _object_array([[1, 2], [3, 4]]),
        "scalars": [np.float32(0.5), np.int64(7), np.bool_(True), np.float64(1e-9)],
        "entries": [entry(kind) for kind in (np.float32, np.float64, np.int64)],
        "containers": [
            OrderedDict(a=1),
            (1, None, "x"),
            {2, 3},
            frozenset({4}),
            b"bytes",
            bytearray(b"x"),
            1 + 2j,
            2**40,
        ],
        "refs": [{"ann_id": 1, "sentences": [{"raw": "das Stück", "tokens": ["a", "b"], "sent_id": 0}], "split": "val"}]
        * 2,
    }


def same(a: Any, b: Any) -> bool:
    """Whether two things are equal, arrays in them too."""
    if isinstance(b, np.ndarray):
        kinds = (a.dtype.kind, a.dtype.itemsize, a.shape) == (b.dtype.kind, b.dtype.itemsize, b.shape)
        return kinds and all(same(x, y) for x, y in zip(a.ravel().tolist(), b.ravel().tolist()))
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in b)
    if isinstance(b, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return bool(a == b) and type(a) is (dict if isinstance(b, OrderedDict) else type(b))


def _real_case(name: str, protocol: int) -> Case:
    def run(folder: Path) -> str:
        thing = real_things()[name]
        found = loads_plain(pickle.dumps(thing, protocol), "x")
        return "the same" if same(found, thing) else f"other: {found!r}"

    return Case("real files", f"{name}, protocol {protocol}", run, "^the same$")


def _saved_case(name: str, make: Callable[[], Any]) -> Case:
    def run(folder: Path) -> str:
        np.save(folder / "x.npy", make(), allow_pickle=True)
        found = load_object_array(folder / "x.npy")
        return "the same" if same(found, make()) else f"other: {found!r}"

    return Case("real files", f"saved: {name}", run, "^the same$")


def _object_array(things: list[Any]) -> Any:
    made = np.empty(len(things), dtype=object)
    for i, thing in enumerate(things):
        made[i] = thing
    return made


SAVED: dict[str, Callable[[], Any]] = {
    "entries": lambda: _object_array([entry(kind) for kind in (np.float32, np.float64, np.int64)]),
    "lists": lambda: _object_array([{"img_id": "1", "bboxes": [[1, 2, 3, 4]], "scores": [0.5]}, {}]),
    "floats": lambda: np.arange(6.0).reshape(2, 3),
    "column order": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "two sides of objects": lambda: _object_array([1, "a", None, 2.5]).reshape(2, 2),
    "column order of objects": lambda: np.asfortranarray(_object_array([1, "a", None, 2.5]).reshape(2, 2)),
    "nothing": lambda: np.zeros((0, 4)),
    "lists of one length": lambda: _object_array([[1, 2], [3, 4]]),
}
PYTHON_2 = b"(lp0\n(dp1\nS'raw'\np2\nS'St\\xfcck'\np3\nsS'ann_id'\np4\nI5\nsS'long'\nL7L\nsVu\np5\nF0.5\nsa."
CASES = [
    *(_pickle_case(name, content) for name, content in FORGED.items()),
    *(_npy_case(name, content) for name, content in NPY.items()),
    *(_real_case(name, protocol) for name in real_things() for protocol in range(6)),
    *(_saved_case(name, make) for name, make in SAVED.items()),
    Case("real files", "Python 2", lambda folder: str(loads_plain(PYTHON_2, "x", encoding="latin1")), "Stück.*0.5"),
]

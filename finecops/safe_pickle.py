"""Pickles that hold nothing but NumPy arrays, scalars and plain containers. Everything else is refused unread.

A pickle is a program; `find_class` is how it reaches for functions. Only the few that rebuild arrays are handed
out, so a hostile file gets an error and executes nothing.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np

from finecops.errors import DataError

_ARRAY_BUILDERS: Final = {
    (f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")
} | {(f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")}
_ALLOWED: Final = (
    _ARRAY_BUILDERS
    | {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
        ("collections", "OrderedDict"),
    }
    | {
        # Protocols up to 2 use Python 2's name of the module.
        (module, name)
        for module in ("builtins", "__builtin__")
        for name in ("set", "frozenset", "complex", "bytearray")
    }
)


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            # Old names of NumPy's inner modules lead to today's; its own redirection warns.
            return super().find_class(module.replace("numpy.core.", "numpy._core."), name)
        if module == "numpy.dtypes" and name.endswith("DType"):
            return super().find_class(module, name)
        if module.partition(".")[0] == "torch":
            raise pickle.UnpicklingError("it holds torch tensors; save NumPy arrays (`tensor.cpu().numpy()`)")
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is none of NumPy's arrays and scalars")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside of itself")


def loads_plain(content: bytes, where: str, encoding: str = "ASCII") -> Any:
    """Read a pickle of plain data.

    Args:
        content: the pickle.
        where: what to call it in an error.
        encoding: how to read byte strings of Python 2 ("latin1" for its arrays, "bytes" to leave them).

    Raises:
        DataError: it holds anything else than plain data, or is broken.
    """
    try:
        return _PlainUnpickler(io.BytesIO(content), encoding=encoding).load()
    except Exception as error:
        # Any exception at all can come out of a broken or hostile pickle; none of its code has run.
        raise DataError(f"{where} was not read: {error or type(error).__name__}") from error


def load_object_array(path: Path) -> Any:
    """Read a `.npy` file of any kind, object arrays too, without executing anything in it.

    Raises:
        DataError: it is no `.npy` file, or its pickle holds more than plain data.
    """
    content = path.read_bytes()
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} is no .npy file: {error}") from error
    if not dtype.hasobject:
        return np.load(io.BytesIO(content), allow_pickle=False)
    found = loads_plain(content[file.tell() :], str(path))
    return np.asarray(found, dtype=object).reshape(shape)

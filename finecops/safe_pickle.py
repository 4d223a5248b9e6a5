"""Reading pickles of NumPy arrays, scalars and plain containers; every other pickle is refused.

A pickle is a program. It asks `find_class` for the functions that it calls. Here it gets only the few that build
arrays, so a hostile file ends in an error and nothing of it is executed.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np

from finecops.errors import DataError

# NumPy renamed its inner modules ("core" became "_core"); files of both times exist.
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
        # Protocols up to 2 use the name that the module had in Python 2.
        (module, name)
        for module in ("builtins", "__builtin__")
        for name in ("set", "frozenset", "complex", "bytearray")
    }
)


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows no other functions than those of `_ALLOWED`."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            # Today's name of the module: NumPy redirects the old one too, but with a warning.
            return super().find_class(module.replace("numpy.core.", "numpy._core."), name)
        # Dtypes are classes without a constructor that does anything.
        if module == "numpy.dtypes" and name.endswith("DType"):
            return super().find_class(module, name)
        if module.partition(".")[0] == "torch":
            raise pickle.UnpicklingError("it holds torch tensors; save NumPy arrays (`tensor.cpu().numpy()`)")
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is none of NumPy's arrays and scalars")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to objects outside the file")


def loads_plain(content: bytes, where: str, encoding: str = "ASCII") -> Any:
    """Read a pickle of plain data.

    Args:
        content: the pickle.
        where: the name of the pickle for errors.
        encoding: how byte strings of Python 2 are decoded ("latin1" for its arrays; "bytes" keeps them as bytes).

    Raises:
        DataError: the pickle is broken, or holds more than plain data.
    """
    try:
        return _PlainUnpickler(io.BytesIO(content), encoding=encoding).load()
    except Exception as error:
        # A broken or hostile pickle can raise any exception; none of its code has run.
        raise DataError(f"{where} was not read: {error or type(error).__name__}") from error


def load_object_array(path: Path) -> Any:
    """Read a `.npy` file, also one with an array of objects, without executing anything in it.

    Raises:
        DataError: the file is not a `.npy` file, or its pickle holds more than plain data.
    """
    content = path.read_bytes()
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} is not a .npy file: {error}") from error
    if not dtype.hasobject:
        return np.load(io.BytesIO(content), allow_pickle=False)
    # Behind the header an array of objects is one pickle, of the flat array.
    found = loads_plain(content[file.tell() :], str(path))
    return np.asarray(found, dtype=object).reshape(shape)

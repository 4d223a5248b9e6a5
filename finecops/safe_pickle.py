"""Reading pickles of NumPy arrays, scalars and plain containers; every other pickle is refused.

A pickle is a program. It asks `find_class` for the functions that it calls. Here it gets only builders of this module,
none of NumPy's own: arrays are made from their bytes, dtypes from their name alone. The opcodes are looked at before
the program runs (`pickle_opcodes`), and what it made is looked at before anyone else does.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from finecops.collector import resting_collector
from finecops.errors import DataError
from finecops.npy_header import read_header
from finecops.pickle_opcodes import check_opcodes
from finecops.plain_arrays import Budget, PlainArray, PlainDtype, as_dtype, as_scalar

_SHORT = 64
"""Keys of up to so many characters are not counted: a dictionary pays for its places."""
_DEEPEST = 50
"""How deep containers may lie in each other. Real files have five levels."""
_LATIN: Final = ("latin1", "latin-1", "iso-8859-1")
_LEAVES: Final = frozenset({int, float, complex, bool, type(None)})
_TEXTS: Final = frozenset({str, bytes, bytearray})


class _Builder:
    """A function that a pickle may call. It has no attribute that a pickle could change, and cannot be data."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.name, self.call = name, call

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError(f"it gives {self.name} a state of its own")


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows no other functions than its own builders."""

    def __init__(self, content: bytes, encoding: str, budget: Budget) -> None:
        super().__init__(io.BytesIO(content), encoding=encoding)
        self.builders = _builders(budget)

    def find_class(self, module: str, name: str) -> Any:
        # NumPy renamed its inner modules ("core" became "_core"); protocols up to 2 have Python 2's name of builtins.
        known = module.replace("numpy._core.", "numpy.core.").replace("__builtin__", "builtins")
        builder = self.builders.get((known, name))
        if builder is not None:
            return builder
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
        DataError: the pickle is broken, holds more than plain data, or would grow far beyond its own size.
    """
    try:
        check_opcodes(content)
        budget = Budget(len(content))
        with resting_collector():
            return _finished(_PlainUnpickler(content, encoding, budget).load(), budget, 0)
    except Exception as error:
        # A broken or hostile pickle can raise any exception; none of its code has run.
        raise DataError(f"{where} was not read: {error or type(error).__name__}") from error


def load_object_array(path: Path) -> Any:
    """Read a `.npy` file, also one with an array of objects, without executing anything in it.

    Raises:
        DataError: the file is not a `.npy` file, has fields, or its pickle holds more than plain data.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    content = path.read_bytes()
    try:
        header = read_header(content)
        if header.dtype != "O":
            return PlainArray.of_bytes(
                header.shape, as_dtype(header.dtype), content[header.end :], header.fortran
            ).value
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} is not a .npy file: {error}") from error
    # Behind the header an array of objects is one pickle, of the array itself.
    found = loads_plain(content[header.end :], str(path))
    if not isinstance(found, np.ndarray) or found.dtype != object or found.shape != header.shape:
        raise DataError(f"{path} was not read: its pickle is not the array of its header")
    return found


def _builders(budget: Budget) -> dict[tuple[str, str], _Builder]:
    """What a pickle may ask for. Whatever copies its argument pays for it: a file can name one argument often."""

    def reconstruct(kind: Any, shape: Any, code: Any) -> PlainArray:
        if kind is not ndarray:
            raise ValueError("an array of another class than numpy.ndarray")
        return PlainArray(budget)

    def scalar(dtype: Any, content: Any = b"") -> Any:
        return as_scalar(dtype, content, budget)

    def from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> PlainArray:
        if order not in ("C", "F"):
            raise ValueError(f"an array in the order {order!r}")
        made = PlainArray(budget)
        made.fill(shape, dtype, content, order == "F")
        return made

    def encode(text: Any, encoding: Any) -> bytes:
        # How protocols up to 2 write bytes.
        if type(text) is not str or encoding not in _LATIN:
            raise ValueError("bytes that are no text in latin1")
        return text.encode(budget.paid(encoding, len(text)))

    def copied(kind: Callable[[Any], Any], *of: type) -> Callable[..., Any]:
        def copy(*arguments: Any) -> Any:
            if not arguments:
                return kind(())
            if len(arguments) == 1 and type(arguments[0]) in of:
                return kind(budget.paid(arguments[0], 8 * len(arguments[0])))
            if kind is bytearray and len(arguments) == 2:
                return bytearray(encode(*arguments))
            raise ValueError(f"a {kind.__name__} of something else than data")

        return copy

    ndarray = _Builder("numpy.ndarray", _never)
    made: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "dtype"): lambda *arguments: PlainDtype(*arguments),
        ("numpy.core.multiarray", "_reconstruct"): reconstruct,
        ("numpy.core.multiarray", "scalar"): scalar,
        ("numpy.core.numeric", "_frombuffer"): from_buffer,
        ("_codecs", "encode"): encode,
        # A plain dictionary keeps its order too, and has no attributes that a pickle could set.
        ("collections", "OrderedDict"): copied(dict, list),
        ("builtins", "set"): copied(set, list),
        ("builtins", "frozenset"): copied(frozenset, list),
        ("builtins", "bytearray"): copied(bytearray, bytes),
        ("builtins", "bytes"): copied(bytes, bytes, bytearray),
        ("builtins", "complex"): _complex,
    }
    known = {place: _Builder(".".join(place), call) for place, call in made.items()}
    return known | {("numpy", "ndarray"): ndarray}


def _never(*arguments: Any) -> Any:
    raise pickle.UnpicklingError("it calls numpy.ndarray itself")


def _complex(real: Any, imaginary: Any) -> complex:
    if type(real) is not float or type(imaginary) is not float:
        raise ValueError("a complex number of something else than two numbers")
    return complex(real, imaginary)


def _finished(thing: Any, budget: Budget, depth: int) -> Any:
    """What was unpickled, with arrays in the place of their builders.

    Shared parts are counted as often as they stand somewhere: who copies the data would copy them as often.
    """
    kind = type(thing)
    if kind in _LEAVES:
        return thing
    if kind in _TEXTS:
        budget.spend(len(thing) // 4)
        return thing
    if depth > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} containers in each other")
    if kind is dict:
        budget.spend(len(thing) + 1)
        for key, value in thing.items():
            if type(key) is not str or len(key) > _SHORT:
                _check_key(key, budget)
            if type(value) is PlainArray:
                thing[key] = _finished_array(value, budget, depth + 1)
            elif type(value) not in _LEAVES:
                thing[key] = _finished(value, budget, depth + 1)
        return thing
    if kind is list:
        budget.spend(len(thing) + 1)
        for i, item in enumerate(thing):
            if type(item) not in _LEAVES:
                thing[i] = _finished(item, budget, depth + 1)
        return thing
    if kind is tuple:
        budget.spend(len(thing) + 1)
        return tuple([_finished(item, budget, depth + 1) for item in thing])
    if kind is PlainArray:
        return _finished_array(thing, budget, depth)
    if kind is set or kind is frozenset:
        budget.spend(len(thing) + 1)
        for item in thing:
            _check_key(item, budget)
        return thing
    if kind is PlainDtype:
        return thing.value
    if isinstance(thing, np.generic):
        return thing
    raise ValueError(f"{getattr(thing, 'name', kind.__name__)} as data")


def _finished_array(made: PlainArray, budget: Budget, depth: int) -> Any:
    array = made.value
    budget.spend((array.nbytes >> 2) + 1)
    if array.dtype.hasobject:
        # In place: an array that stands in two places stays one array.
        flat = array.reshape(-1)
        for i, item in enumerate(flat.tolist()):
            flat[i] = _finished(item, budget, depth + 1)
    return array


def _check_key(key: Any, budget: Budget) -> None:
    if type(key) in _TEXTS:
        budget.spend(len(key) // 4)
    elif type(key) is tuple:
        _finished(key, budget, _DEEPEST - 2)
    elif type(key) not in _LEAVES and not isinstance(key, np.generic):
        raise ValueError(f"a key that is a {type(key).__name__}")

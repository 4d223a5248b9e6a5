"""Arrays, scalars and dtypes of files that are not trusted: made from bytes and a dtype's name, never from state.

A dtype with a state of its own can make NumPy read a file's bytes as pointers to objects.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

_KINDS = re.compile(r"[|<>=]?([biufcSUO])([0-9]{1,9})|[|]?(O|\?)")
_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16), "O": (4, 8)}
_MOST_SIDES, _LONGEST_SIDE = 16, 2**31
_GROWTH, _ALLOWANCE = 16, 100_000
"""A file may grow to so many times its size, and by so much in any case."""

T = TypeVar("T")


class Budget:
    """How much may still be made of a file: a multiple of its size."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = _GROWTH * size + _ALLOWANCE

    def spend(self, amount: int) -> None:
        """Take some of it.

        Raises:
            ValueError: there is not as much left.
        """
        self.left -= amount
        if self.left < 0:
            raise ValueError(f"it would grow to more than {_GROWTH} times its size")

    def paid(self, thing: T, amount: int) -> T:
        """The thing, once its price is taken."""
        self.spend(amount)
        return thing


class PlainDtype:
    """A dtype under construction: its name, and the byte order that a pickle gives as its state."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("value",)

    def __init__(self, name: Any = None, align: Any = False, copy: Any = False) -> None:
        self.value = as_dtype(name)

    def __setstate__(self, state: Any) -> None:
        """Take the byte order, and refuse everything else that differs from the name's own dtype."""
        own = self.value.__reduce__()[2]
        given = tuple(state) if type(state) is tuple else ()
        # (version, byte order, subarray, names, fields, item size, alignment, flags), since NumPy 1.
        if len(given) != 8 or given[0] != 3 or type(given[1]) is not str or given[2:] != tuple(own)[2:]:
            raise ValueError("a dtype with a state of its own")
        if given[1] not in ("<", ">", "|", "="):
            raise ValueError(f"a dtype with the byte order {given[1]!r}")
        if given[1] in "<>" and self.value.kind != "O":
            self.value = self.value.newbyteorder(cast(Literal["<", ">"], given[1]))


class PlainArray:
    """An array under construction: it has a value once its bytes, or its objects, were given."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("_value", "budget")

    def __init__(self, budget: Budget) -> None:
        self._value: NDArray[Any] | None = None
        self.budget = budget

    @classmethod
    def of_bytes(cls, shape: tuple[int, ...], dtype: np.dtype[Any], content: bytes, fortran: bool) -> PlainArray:
        """An array of bytes that are there already."""
        made = cls(Budget(len(content)))
        made.fill(shape, dtype, content, fortran)
        return made

    @property
    def value(self) -> NDArray[Any]:
        """The array.

        Raises:
            ValueError: it has no content.
        """
        if self._value is None:
            raise ValueError("an array without content")
        return self._value

    def __setstate__(self, state: Any) -> None:
        """Take the state of a pickled array: (version, shape, dtype, column order, bytes or list)."""
        if type(state) is not tuple or len(state) != 5 or state[0] != 1 or type(state[3]) not in (bool, int):
            raise ValueError("an array with a state of its own")
        _, shape, dtype, order, content = state
        if order is not False and order not in (0, 1):
            raise ValueError("an array in no known order")
        self.fill(shape, dtype, content, bool(order))

    def fill(self, shape: Any, dtype: Any, content: Any, fortran: bool) -> None:
        """Give the array its content.

        Raises:
            ValueError: shape, dtype and content do not fit each other, or it has content already.
        """
        if self._value is not None:
            raise ValueError("an array with two contents")
        kind = _value_of(dtype)
        count = _count(shape)
        if kind.hasobject:
            self._value = self._of_objects(shape, count, content)
            return
        # Python 2's bytes are a text in latin1.
        raw = content.encode("latin1") if type(content) is str else content
        if type(raw) not in (bytes, bytearray) or len(raw) != count * kind.itemsize or not kind.itemsize:
            raise ValueError(f"an array {list(shape)} of {kind} with other bytes than that")
        # Bytes are looked at where they are. Only what is copied is paid for here, the rest where it stands.
        if type(raw) is not bytes or not kind.isnative:
            self.budget.spend(len(raw))
        flat = np.frombuffer(raw if type(raw) is bytes else bytes(raw), kind)
        if not kind.isnative:
            flat = flat.astype(kind.newbyteorder("="))
        self._value = flat if len(shape) == 1 else flat.reshape(shape, order="F" if fortran else "C")

    def _of_objects(self, shape: tuple[int, ...], count: int, content: Any) -> NDArray[Any]:
        if type(content) is not list or len(content) != count:
            raise ValueError("an array of objects without a list of them")
        self.budget.spend(8 * count)
        flat = np.empty(count, dtype=object)
        # One by one: NumPy would take lists of one length for another side. The list is in row order, always.
        for i, item in enumerate(content):
            flat[i] = item
        return flat.reshape(shape)


def as_dtype(name: Any) -> np.dtype[Any]:
    """A dtype of its name alone.

    Raises:
        ValueError: the name is not that of a plain kind.
    """
    text = name.decode("latin1") if type(name) is bytes else name
    found = _KINDS.fullmatch(text) if type(text) is str else None
    if found is None:
        raise ValueError(f"the dtype {str(name)[:60]!r}: only plain numbers, texts and objects are read")
    kind, size = found[1], int(found[2] or 0)
    if kind in _SIZES and size not in _SIZES[kind]:
        raise ValueError(f"the dtype {text!r}, which has no such size")
    return np.dtype(text if found[3] is None else text[-1]) if kind != "O" else np.dtype("O")


def as_scalar(dtype: Any, content: Any, budget: Budget) -> Any:
    """A number or text of NumPy from its bytes.

    Raises:
        ValueError: the bytes are not those of one, or it is an object.
    """
    dtype = _value_of(dtype)
    raw = content.encode("latin1") if type(content) is str else content
    if dtype.hasobject or type(raw) is not bytes or not raw or len(raw) != dtype.itemsize:
        raise ValueError(f"a scalar of {dtype} with other bytes than that")
    return np.frombuffer(budget.paid(raw, 4 * len(raw)), dtype)[0]


def _value_of(dtype: Any) -> np.dtype[Any]:
    if type(dtype) is PlainDtype:
        return dtype.value
    if isinstance(dtype, np.dtype) and dtype.names is None and dtype.subdtype is None:
        return dtype
    raise ValueError("a dtype that is none")


def _count(shape: Any) -> int:
    """How many elements a shape has.

    Raises:
        ValueError: it is none.
    """
    if type(shape) is not tuple or len(shape) > _MOST_SIDES:
        raise ValueError(f"the shape {str(shape)[:60]}")
    count = 1
    for side in shape:
        if type(side) is not int or not 0 <= side < _LONGEST_SIDE:
            raise ValueError(f"the shape {str(shape)[:60]}")
        count *= side
    return count

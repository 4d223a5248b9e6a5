"""Hostile and broken pickles: nothing in them runs, and the message says why they were refused."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.errors import DataError
from finecops.safe_pickle import load_object_array, loads_plain


class Call:
    """Unpickling this calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def array_of(thing: Any, path: Path) -> Path:
    array = np.empty(1, dtype=object)
    array[0] = thing
    np.save(path, array, allow_pickle=True)
    return path


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize(
    "call",
    [
        lambda flag: Call(os.system, f"touch {flag}"),
        lambda flag: Call(os.mkdir, str(flag)),
        lambda flag: Call(eval, f"open({str(flag)!r}, 'w')"),
        lambda flag: Call(exec, f"open({str(flag)!r}, 'w')"),
        lambda flag: Call(getattr, "x", "upper"),
        lambda flag: Call(np.load, str(flag)),
        lambda flag: Call(np.lib.format.open_memmap, str(flag), "w+", "u1", (3,)),
        lambda flag: Call(pickle.loads, pickle.dumps(1)),
    ],
)
def test_a_hostile_pickle_does_nothing(call: Any, protocol: int, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with pytest.raises(DataError, match="none of NumPy's arrays and scalars"):
        loads_plain(pickle.dumps({"img_id": call(flag)}, protocol), "the file")
    assert not flag.exists()


def test_a_hostile_npy_does_nothing(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    path = array_of({"img_id": 1, "bboxes": Call(os.system, f"touch {flag}")}, tmp_path / "x.npy")
    with pytest.raises(DataError, match=r"x\.npy was not read: it asks for"):
        load_object_array(path)
    assert not flag.exists()


def test_torch_tensors_get_a_remedy(tmp_path: Path) -> None:
    import torch

    with pytest.raises(DataError, match=r"tensor\.cpu\(\)\.numpy\(\)"):
        load_object_array(array_of(torch.zeros(2), tmp_path / "x.npy"))


@pytest.mark.parametrize("protocol", range(2, 6))
def test_plain_data_comes_through(protocol: int) -> None:
    thing = {
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
        "scalar": np.float64(0.5),
        "nested": [OrderedDict(a=1), (1, None, "x"), {2, 3}, b"bytes"],
        "objects": np.array([{"a": np.int64(3)}, None], dtype=object),
    }
    found = loads_plain(pickle.dumps(thing, protocol), "x")
    assert np.array_equal(found["array"], thing["array"])  # type: ignore[arg-type]
    assert found["scalar"] == 0.5
    assert found["nested"] == thing["nested"]
    assert found["objects"][0] == {"a": 3}


def test_python_2_arrays_need_latin1() -> None:
    # What Python 2 wrote for {"a": "x"}: a byte string.
    assert loads_plain(b"(dp0\nS'a'\np1\nS'x'\np2\ns.", "x", encoding="latin1") == {"a": "x"}


@pytest.mark.parametrize("cut", [1, 10, 80, -1, -10])
def test_a_cut_file_is_refused(cut: int, tmp_path: Path) -> None:
    path = array_of({"a": np.zeros(3)}, tmp_path / "x.npy")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"x\.npy"):
        load_object_array(path)


def test_a_bomb_is_refused() -> None:
    huge = b"cnumpy\nndarray\n(I0\ntb."
    with pytest.raises(DataError):
        loads_plain(b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I99999999999999\ntS'b'\ntR.", "x")
    with pytest.raises(DataError):
        loads_plain(huge, "x")

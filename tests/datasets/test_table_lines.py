"""Lines made from columns are the bytes of the records."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from finecops.datasets import table_lines
from finecops.datasets.table import SampleTable
from finecops.datasets.table_lines import lines_of, sha256_of_samples
from finecops.records import Negative, Sample
from finecops.runs.checksums import sha256_of_rows
from tests.conftest import make_negative, make_sample
from tests.datasets.test_table import SAMPLES

WRITTEN = [sample for name, sample in SAMPLES.items() if name != "half a character"]
ODD: dict[str, dict[str, Any]] = {
    "a quotation mark": {"expression": 'the "red" car'},
    "a backslash": {"expression": "a\\b"},
    "a control character": {"expression": "a\x07b"},
    "DEL": {"expression": "a\x7fb"},
    "a per cent": {"expression": "100 % %s %(x)d", "dataset": "a%sb"},
    "small numbers": {"box": (0.0, 1e-5, 1e-4, 1.0)},
    "very small numbers": {"box": (-0.0, 1e-300, 0.00012345678901234567, 1.0)},
    "large numbers": {"box": (0.0, 0.0, 1e15, 1e16)},
    "whole numbers": {"box": (1, 2, 30, 40)},
    "words of the template": {"expression": "@id@ @image@", "split": "@id@"},
    "numbers of the template": {"split": "111111", "width": 222_222},
}


def in_lines(samples: list[Sample]) -> bytes:
    return b"".join(sample.model_dump_json().encode() + b"\n" for sample in samples)


@pytest.mark.parametrize("chunk", [1, 2, 2048])
def test_the_lines_of_a_table_are_those_of_its_samples(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_lines, "_CHUNK", chunk)
    samples = [make_sample(str(i), box=(i / 3, 0.1 * i, i + 1e3, i**2 + 1.0)) for i in range(1, 9)]
    samples += [make_negative(f"n{i}", str(i)) for i in range(1, 9)] + WRITTEN
    assert b"".join(lines_of(SampleTable.of(samples))) == in_lines(samples)
    assert b"".join(lines_of(samples)) == in_lines(samples)


@pytest.mark.parametrize("name", ODD)
def test_what_is_not_plain_is_written_by_the_record(name: str) -> None:
    samples = [make_sample("1", **ODD[name]), make_sample("2", box=None, negative=Negative(type='a"b'))]
    assert b"".join(lines_of(SampleTable.of(samples))) == in_lines(samples)


def test_a_table_keeps_its_checksum() -> None:
    table, seen = SampleTable.of(WRITTEN), list[bytes]()
    wanted = hashlib.sha256(in_lines(WRITTEN)).hexdigest()
    assert sha256_of_samples(table, seen.append) == sha256_of_rows(WRITTEN) == wanted
    assert b"".join(seen) == in_lines(WRITTEN)
    assert sha256_of_samples(table) == sha256_of_samples(WRITTEN) == wanted

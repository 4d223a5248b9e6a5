"""Rows of ids: what a dictionary says, for ids in any order, also where checksums are equal."""

from __future__ import annotations

import random

import pytest

from finecops.datasets import id_rows
from finecops.datasets.id_rows import IdRows, are_unique, rows_of_ids
from finecops.datasets.text_column import Texts

IDS = [str(i) for i in range(300)] + ["ключ", "a b"]
SHUFFLED = random.Random(0).sample(IDS, len(IDS))
WANTED = {
    "in order": IDS,
    "shuffled": SHUFFLED,
    "some": IDS[5:40] + IDS[100:],
    "others too": ["x", *IDS[:7], "", "300", *IDS[7:]],
    "twice": [*IDS, *IDS],
    "none": [],
}


@pytest.fixture(params=["dictionary", "checksums", "equal checksums"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How they are looked up, in small parts."""
    monkeypatch.setattr(id_rows, "_CHUNK", 16)
    if request.param != "dictionary":
        monkeypatch.setattr(id_rows, "LARGE", 0)
    if request.param == "equal checksums":
        monkeypatch.setattr(id_rows, "hash", lambda text: len(text), raising=False)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", WANTED)
@pytest.mark.parametrize("ids", [IDS, Texts.of(SHUFFLED), [*IDS, ""]], ids=["list", "texts", "an empty one"])
def test_rows_are_those_of_a_dictionary(ids: list[str], name: str) -> None:
    row_of = {id_: row for row, id_ in enumerate(ids) if id_}
    assert rows_of_ids(WANTED[name], ids).tolist() == [row_of.get(id_, -1) for id_ in WANTED[name]]
    found = IdRows(ids)
    assert [found.rows_of([id_]).tolist() for id_ in WANTED[name]] == [[row_of.get(id_, -1)] for id_ in WANTED[name]]


@pytest.mark.usefixtures("way")
def test_an_id_that_stands_twice_is_found() -> None:
    assert are_unique(IDS)
    assert are_unique(Texts.of(SHUFFLED))
    assert not are_unique([*SHUFFLED, "7"])
    assert are_unique([])

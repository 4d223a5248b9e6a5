"""The table of samples is what a list of them is, in a small part of the memory."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.table import SampleTable, TableBuilder
from finecops.records import Negative, Sample
from tests.conftest import coco_file, make_negative, make_sample

SAMPLES: dict[str, Sample] = {
    "a positive": make_sample("1"),
    "a box with fractions": make_sample("2", box=(0.1, 1 / 3, 33.333333333333336, 99.99)),
    "no level": make_sample("3", level=None, tuple_type="0_hop"),
    "a negative": make_negative("4", "1"),
    "a negative without a positive": make_sample("5", box=None, negative=Negative(kind="image", type="flip", level=2)),
    "a negative of which nothing is known": make_sample("6", box=None, negative=Negative()),
    "a negative whose positive has an empty id": make_sample("7", box=None, negative=Negative(positive_id="")),
    "absent, and no negative": make_sample("8", box=None),
    "unknown": make_sample("9", box=None, truth="unknown"),
    "other alphabets": make_sample("ключ", expression="左边的狗 🐕 à côté", image="Bilder/größe.png"),
    "half a character": make_sample("10", expression="a \ud800 b"),
    "an empty text": make_sample("11", expression=""),
    "a large image": make_sample("12", width=100_000, height=99_999, box=(0.0, 0.0, 100_000.0, 1e-9)),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_comes_out_as_it_went_in(name: str) -> None:
    (found,) = SampleTable.of([SAMPLES[name]])
    assert found == SAMPLES[name]
    assert found.model_dump_json(exclude={"expression"}) == SAMPLES[name].model_dump_json(exclude={"expression"})


def test_a_table_is_a_sequence() -> None:
    samples = list(SAMPLES.values())
    table = SampleTable.of(samples)
    assert list(table) == samples
    assert [table[i] for i in range(-len(samples), len(samples))] == samples * 2
    for part in (slice(2, 5), slice(None), slice(-3, None), slice(None, None, -2), slice(5, 2)):
        assert table[part] == samples[part]
    assert SAMPLES["unknown"] in table
    assert table.index(samples[4]) == 4
    assert len(table) == len(samples)
    with pytest.raises(IndexError):
        table[len(samples)]
    assert SampleTable.of(table) is table
    assert pickle.loads(pickle.dumps(table)) == table
    assert table != SampleTable.of(samples[1:])


def test_an_empty_table() -> None:
    table = SampleTable.of([])
    assert (len(table), list(table), table[:]) == (0, [], [])


def test_a_table_of_more_rows_than_are_read_at_once() -> None:
    samples = [make_sample(str(i), level=i % 3 + 1, expression="x" * (i % 7)) for i in range(2500)]
    assert list(SampleTable.of(samples)) == samples


def test_a_sample_of_typical_length_takes_less_than_a_quarter_of_a_kilobyte() -> None:
    """The aim is 0.4 KB a sample at a million of them; the rest is for what the allocator keeps."""
    words = "the small wooden chair to the left of the man who is wearing a dark jacket"
    path = "images/COCO_train2014_000000380440.jpg"
    samples = [make_sample(str(10**7 + i), expression=words, image=path) for i in range(300)]
    samples += [make_negative(str(2 * 10**7 + i), str(10**7 + i)) for i in range(300)]
    assert SampleTable.of(samples).nbytes / len(samples) < 256


def test_the_builder_gives_back_what_it_has_so_far() -> None:
    builder = TableBuilder()
    for i, sample in enumerate(SAMPLES.values()):
        builder.add(sample)
        assert len(builder) == i + 1
        assert [builder[j] for j in range(len(builder))] == list(SAMPLES.values())[: i + 1]


def test_a_loaded_split_is_a_table(toy_dataset: Callable[[list[dict[str, Any]]], DatasetConfig]) -> None:
    config = toy_dataset([{"id": 900, "image_id": 900}])
    dataset = load_dataset_split(config)
    assert isinstance(dataset.samples, SampleTable)
    # The same entry again in a second file, then another with its id, then one twice in that file.
    third = [{"id": 900, "image_id": 900}, {"id": 900, "image_id": 900}]
    files = [
        config.root / "test.json",
        coco_file(config.root / "other.json", [{"id": 900, "image_id": 900, "caption": "the blue car"}]),
        coco_file(config.root / "new.json", [{"id": 901, "image_id": 901}]),
    ]
    loaded = load_dataset_split(config, annotations=files)
    assert [s.id for s in loaded.samples] == ["900", "901"]
    assert ["other.json: entry 900" in str(p) for p in loaded.problems] == [True]
    twice = load_dataset_split(config, annotations=[*files[:1], coco_file(config.root / "third.json", third)])
    # Two annotations of an image are a problem of their own.
    assert len(twice.problems) == 2


def test_a_choice_from_a_table_is_that_from_a_list() -> None:
    samples = [make_sample(f"p{i}", level=i % 3 + 1) for i in range(40)]
    samples += [make_negative(f"n{i}", f"p{i % 40}", ("flip", "swap_object")[i % 2], i % 2 + 1) for i in range(50)]
    samples += [make_sample(f"u{i}", truth="unknown", box=None) for i in range(10)]
    for limit in (0, 1, 7, 60, 95, 1000):
        assert choose_samples(SampleTable.of(samples), limit) == choose_samples(samples, limit)

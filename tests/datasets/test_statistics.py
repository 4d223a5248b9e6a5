"""Statistics of datasets, counted by hand on a few samples."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.named import named_splits
from finecops.datasets.statistics import SIDE_BINS, WORD_BINS, statistics_of, words_of
from finecops.datasets.table import SampleTable
from finecops.errors import ConfigError, DataError
from finecops.evaluation.paper import paper_counts
from finecops.records import Negative, Sample
from finecops.report.charts.statistics import statistics_charts
from finecops.report.statistics import statistics_document, statistics_tables
from finecops.report.writers import WRITERS
from tests.cli.invoke import run
from tests.conftest import coco_file, make_negative, make_sample

MakeDataset = Callable[[list[dict[str, Any]]], DatasetConfig]
SAMPLES: Sequence[Sample] = [
    make_sample("1", expression="The red car.", tuple_type="0_hop", image="a.png", box=(0, 0, 10, 10)),
    make_sample("2", expression="the RED car", level=2, tuple_type="1_hop", image="a.png", box=(0, 0, 50, 50)),
    make_sample("3", expression="a man's t-shirt, left of it", level=2, image="b.png", box=(0, 0, 100, 100)),
    make_sample("4", expression="dog", level=None, image="c.png", box=(0, 0, 40, 40)),
    make_negative("5", "1", "replace_object", 1),
    make_negative("6", "1", "replace_object", 1),
    make_negative("7", "2", "swap_attribute", 2),
    make_negative("8", "2", "flip", 2, kind="image"),
    make_sample("9", box=None, negative=Negative(type="made up")),
    make_sample("10", box=None),
    make_sample("11", box=None, truth="unknown"),
]


def test_the_splits_that_are_here_are_found_by_patterns_of_names_too(tmp_path: Path) -> None:
    text = f"name: own\nroot: {tmp_path}\nformat: parquet\nimage_folders: ['.']\npreset: mini\nget: '-'\n"
    text += "splits: {test: ['test-*.parquet'], val: [val.parquet], train: [train.parquet]}\n"
    (tmp_path / "own.yaml").write_text(text)
    name = str(tmp_path / "own.yaml")
    assert [split.split for split in named_splits(name)] == ["test"]
    for file in ("test-1.parquet", "train.parquet"):
        (tmp_path / file).touch()
    assert [split.split for split in named_splits(name)] == ["test", "train"]
    assert [split.split for split in named_splits(f"{name}:val")] == ["val"]


def test_a_split_named_with_a_dataset_on_the_hub_is_the_one_that_is_read() -> None:
    assert [split.split for split in named_splits("hf:lmms-lab/RefCOCO:testA")] == ["testA"]


@pytest.mark.parametrize("make", [list, SampleTable.of])
def test_numbers(make: Callable[[Sequence[Sample]], Sequence[Sample]]) -> None:
    found = statistics_of(make(SAMPLES), "toy", "test", left_out=3)
    assert (found.samples, found.left_out, found.unknown) == (11, 3, 1)
    assert (found.positives, found.negative_expressions, found.negative_images, found.other_negatives) == (4, 3, 1, 2)
    assert list(found.levels.items()) == [(1, 1), (2, 2), (None, 1)]
    assert found.tuple_types == {"0_hop": 1, "1_hop": 1}
    assert list(found.negatives.items()) == [
        (("text", "replace_object", 1), 2),
        (("text", "swap_attribute", 2), 1),
        (("image", "flip", 2), 1),
        ((None, "made up", None), 1),
        ((None, None, None), 1),
    ]
    # Of the other seven, each is "the red car".
    assert found.words.mean == pytest.approx((3 * 9 + 6 + 1) / 11)
    assert (found.words.p10, found.words.median, found.words.largest) == (3, 3, 6)
    assert found.words_of_positives == pytest.approx(13 / 4)
    assert found.words_of_negatives == 3
    assert dict(zip(WORD_BINS, found.word_counts, strict=True)) == {**dict.fromkeys(WORD_BINS, 0), 1: 10, 4: 1}
    # the red car a man's t-shirt left of it dog
    assert found.vocabulary == 10
    assert found.expressions == 4
    # a, b, c, and one for each of the seven negatives and unknown samples
    assert found.images == 10
    assert (found.per_image.mean, found.per_image.largest) == (1.1, 2)
    assert (found.sides.median, found.sides.largest) == (45, 100)
    assert (found.small, found.medium, found.large) == (1, 2, 1)
    sides = dict(zip(SIDE_BINS, found.side_counts, strict=True))
    assert {low: n for low, n in sides.items() if n} == {0: 1, 32: 1, 48: 1, 96: 1}
    assert found.image_shares.largest == 100


def test_a_split_without_positives_has_no_sizes() -> None:
    found = statistics_of([make_negative("1", "0")], "toy", "test")
    assert (found.sides.median, found.words_of_positives, found.levels) == (None, None, {})
    titles = [table.title for table in statistics_tables([found])]
    assert titles == ["Samples", "Negatives by type and level", *TITLES_OF_ALL]


TITLES_OF_ALL = ["Expressions", "Expressions by number of words, %", "Images"]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", []),
        ("  ...  ", []),
        ("Woman w/ umbrella", ["woman", "w", "umbrella"]),
        ("2nd guy from left – blue_shirt", ["2nd", "guy", "from", "left", "blue", "shirt"]),
        ("l'homme à gauche", ["l'homme", "à", "gauche"]),
        ("the man’s hat", ["the", "man’s", "hat"]),
        ("--x-- 'y'", ["x", "y"]),
    ],
)
def test_words(expression: str, words: list[str]) -> None:
    assert words_of(expression) == words


def test_what_no_split_has_is_no_table() -> None:
    found = statistics_of([make_sample("1", level=None)], "toy", "test")
    assert [table.title for table in statistics_tables([found])] == ["Samples", *TITLES_OF_ALL, "Targets of positives"]
    assert [column.title for column in statistics_tables([found])[0].columns] == [
        *("", "rows", "positive", "neg. text", "neg. img"),
    ]


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        ([("a", "test")], ["a"]),
        ([("a", "test"), ("a", "val")], ["test", "val"]),
        ([("a", "test"), ("b", "test")], ["a", "b"]),
        ([("a", "test"), ("a", "val"), ("b", "test")], ["a:test", "a:val", "b:test"]),
    ],
)
def test_columns_have_short_names(names: list[tuple[str, str]], titles: list[str]) -> None:
    splits = [statistics_of([make_sample()], *name) for name in names]
    tables = statistics_tables(splits)
    assert [column.title for column in tables[1].columns[1:]] == titles
    assert [row[0] for row in tables[0].rows] == [":".join(name) for name in names]


@pytest.mark.parametrize(
    ("dataset", "split", "table", "counts"),
    [
        ("finecops-ref", "test", "II", (9605, 9814, 8507)),
        ("finecops-ref", "train", "II", (163792, 80451, None)),
        ("finecops-ref", "val", "II", (18455, 9029, None)),
        ("ref-adv", "test", "I", (9602, 3704, None)),
        ("ref_reasoning", "test", "I", (34609, None, None)),
        ("cops-ref", "test", "I", (12586, None, 37758)),
        ("refcocog", "test", "I", (9602, None, None)),
    ],
)
def test_the_papers_counts(dataset: str, split: str, table: str, counts: tuple[int | None, ...]) -> None:
    found = paper_counts(dataset, split)
    assert found is not None
    assert (found.table, (found.positive, found.negative_expression, found.negative_image)) == (table, counts)


@pytest.mark.parametrize(("dataset", "split"), [("finecops-mini", "test"), ("ref-adv", "val"), ("finecops-ref", "x")])
def test_the_paper_counts_no_others(dataset: str, split: str) -> None:
    assert paper_counts(dataset, split) is None


def test_the_papers_figures_stand_beside_ours_with_their_notes() -> None:
    splits = [statistics_of(SAMPLES, "finecops-ref", split) for split in ("train", "test")]
    (table, *_) = statistics_tables(splits)
    assert [column.title for column in table.columns] == [
        *("", "rows", "positive", "paper", "neg. text", "paper", "neg. img", "paper", "neg. ?", "unknown"),
    ]
    assert table.rows == (
        ("finecops-ref:train", 11, 4, 163792, 3, 80451, 1, None, 2, 1),
        ("finecops-ref:test", 11, 4, 9605, 3, 9814, 1, 8507, 2, 1),
    )
    assert any("sums of all rows" in note for note in table.notes)
    (table, *_) = statistics_tables([statistics_of(SAMPLES, "ref-adv", "test")])
    assert any("each of them has a target" in note for note in table.notes)
    assert not any("sums of all rows" in note for note in table.notes)


@pytest.mark.parametrize("writer", WRITERS)
def test_every_output_has_the_numbers(writer: str) -> None:
    text = WRITERS[writer](statistics_document([statistics_of(SAMPLES, "finecops-ref", "test")]))
    assert "9814" in text
    assert "swap" in text
    if writer == "json":
        (split,) = json.loads(text)["splits"]
        assert split["levels"] == [{"level": 1, "n": 1}, {"level": 2, "n": 2}, {"level": None, "n": 1}]
        assert split["paper"]["positive"] == 9605
    if writer == "csv":
        assert "finecops-ref,test,negatives,text swap_attribute L2,1," in text
        assert "finecops-ref,test,positives,,9605,paper" in text


def test_tables_of_two_datasets_are_read_at_80_columns() -> None:
    many = [sample for sample in SAMPLES if sample.positive or (sample.negative and sample.negative.kind)] * 5000
    splits = [
        statistics_of(many, name, split) for name, split in (("finecops-ref", "train"), ("finecops-mini", "test"))
    ]
    for line in WRITERS["text"](statistics_document(splits)).splitlines():
        assert len(line) <= 80 or line.endswith(".")


def test_statistics_are_charts() -> None:
    splits = [statistics_of(SAMPLES, "toy", split) for split in ("test", "val")]
    drawn = statistics_charts([*splits, statistics_of([make_sample(level=None)], "other", "test")])
    samples, negatives, words, sides = drawn.charts
    assert samples.x.names[:3] == ("level 1", "level 2", "positives")
    assert [point.y for point in negatives.series[0].points[:2]] == [2, 1]
    assert [len(chart.series) for chart in (words, sides)] == [3, 3]
    assert sum(point.y or 0.0 for point in words.series[0].points) == pytest.approx(100)
    assert [series.name for series in words.series] == ["toy:test (n = 11)", "toy:val (n = 11)", "other:test (n = 1)"]
    alone = statistics_charts([statistics_of([make_sample(level=None)], "other", "test")])
    assert [str(one) for one in alone.missing] == ["Negatives by type: no split has any"]


def test_names_are_datasets_splits_and_files(tmp_path: Path) -> None:
    # The splits for training are there where somebody built them.
    mini = [str(s) for s in named_splits("finecops-mini") if not s.split.startswith("train")]
    assert mini == [f"finecops-mini:{split}" for split in ("test", "val", "test_long", "test_short")]
    assert [str(s) for s in named_splits("finecops-mini:val")] == ["finecops-mini:val"]
    file = coco_file(tmp_path / "own.json", [{}])
    (own,) = named_splits(str(file))
    assert (str(own), len(own.load().samples)) == (str(file), 1)
    # A path may have a colon: what is behind it is no split.
    config = tmp_path / "x:y" / "own.yaml"
    config.parent.mkdir()
    settings = f"name: own\nroot: {tmp_path}\nimage_folders: ['.']\nsplits: {{test: [own.json]}}\n"
    config.write_text(f"{settings}preset: mini\nget: '-'\n")
    assert [str(s) for s in named_splits(str(config))] == ["own:test"]
    assert [str(s) for s in named_splits(f"{config}:test")] == ["own:test"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        (
            "finecops-mini:dev",
            DataError,
            "no split 'dev'; there are: test, val, test_long, test_short, train, train_plain",
        ),
        ("nowhere.json", DataError, "no such file: nowhere.json"),
        ("finecops-maxi", ConfigError, "did you mean 'finecops-mini'"),
        ("finecops-maxi:test", ConfigError, "unknown dataset 'finecops-maxi'"),
    ],
)
def test_a_wrong_name_is_an_error(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        list(named_splits(name))


def test_the_command_counts_what_was_left_out(toy_dataset: MakeDataset, tmp_path: Path) -> None:
    config = toy_dataset([{}, {"level": 9}, {"caption": "a dog"}])
    code, text = run("data", "stats", str(config.root / "test.json"), "finecops-mini:val")
    assert code == 0
    assert "left out" in text
    (row,) = [line.split() for line in text.splitlines() if line.split()[:1] == ["test:file"]]
    assert row == ["test:file", "2", "2", "0", "0", "1"]
    code, text = run("data", "stats", "finecops-ref")
    assert (code, "figshare" in text) == (1, True)
    code, text = run("data", "stats", "finecops-mini:val", "--figure", str(tmp_path / "a.txt"))
    assert (code, "a figure is written as" in text) == (2, True)
    code, text = run("data", "stats", "finecops-mini:val", "--figure", str(tmp_path / "a.svg"))
    assert (code, (tmp_path / "a.svg").read_text()[:5]) == (0, "<?xml")

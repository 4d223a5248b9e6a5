"""Statistics of datasets as tables: splits beside each other, and beside the paper's Tables I and II."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Final

from pydantic import JsonValue

from finecops.datasets.statistics import MEDIUM, SIDE_BINS, SMALL, WORD_BINS, SplitStatistics
from finecops.evaluation.paper import PaperCounts, paper_counts
from finecops.report.document import Cell, Column, Document, Table

VERSION: Final = 1
LEADING: Final = ("dataset", "split", "statistic", "of", "value", "source")
Splits = Sequence[SplitStatistics]
_COUNTS = (
    ("positive", "positives", "positive"),
    ("neg. text", "negative_expressions", "negative_expression"),
    ("neg. img", "negative_images", "negative_image"),
)
"""Title of a column, field of the statistics, field of the paper's counts."""
_SUMS = (
    "The paper's positives of train and val are sums of all rows of the published files, negatives included (83,341 + "
    "80,451 and 9,426 + 9,029)."
)
_NOTES = {
    "ref-adv": "Ref-Adv: the paper counts its 3,704 adversarial expressions as negatives; each of them has a target, "
    "so here they are positives. The paper's 9,602 positives are RefCOCOg's test set.",
    "refcoco": "RefCOCO: the paper's test set (10,752 expressions) is testA and testB together.",
    "refcoco+": "RefCOCO+: the paper's test set (10,615 expressions) is testA and testB together.",
}


def statistics_document(splits: Splits) -> Document:
    """Statistics for every writer."""
    rows = [row for split in splits for row in _tidy(split)]
    data: dict[str, JsonValue] = {
        "version": VERSION,
        "bins": {"words": list(WORD_BINS), "sides": list(SIDE_BINS)},
        "splits": [_as_json(split) for split in splits],
    }
    return Document(statistics_tables(splits), data=data, rows=rows, leading=LEADING)


def statistics_tables(splits: Splits) -> list[Table]:
    """The tables; of what no split has (levels, types, negatives) there is none."""
    tables = (
        _counts(splits),
        *_kinds(splits),
        _expressions(splits),
        _lengths(splits),
        _images(splits),
        _targets(splits),
    )
    return [table for table in tables if table.rows]


def titles_of(splits: Splits) -> list[str]:
    """What each split is called where all are columns: no longer than it must be.

    A split's name if there is one dataset, else the dataset's name if there is one split of each, else both.
    """
    names = [split.dataset for split in splits]
    if len(set(names)) == 1 and len(names) > 1:
        return [split.split for split in splits]
    if len(set(names)) == len(names):
        return names
    return [f"{split.dataset}:{split.split}" for split in splits]


def _counts(splits: Splits) -> Table:
    """A row per split, as in Table II, with the paper's figures where it has any."""
    papers = [paper_counts(split.dataset, split.split) for split in splits]
    header, cells = [Column("", side="left"), Column("rows")], [[split.samples] for split in splits]
    body: list[list[Cell]] = [list(row) for row in cells]
    for title, field, of_paper in _COUNTS:
        header.append(Column(title))
        for row, split in zip(body, splits):
            row.append(getattr(split, field))
        if any(paper is not None and getattr(paper, of_paper) is not None for paper in papers):
            header.append(Column("paper"))
            for row, paper in zip(body, papers):
                row.append(None if paper is None else getattr(paper, of_paper))
    for title, field in (("neg. ?", "other_negatives"), ("unknown", "unknown"), ("left out", "left_out")):
        if any(getattr(split, field) for split in splits):
            header.append(Column(title))
            for row, split in zip(body, splits):
                row.append(getattr(split, field))
    # Rows have room for the whole name.
    names = [f"{split.dataset}:{split.split}" for split in splits]
    rows = tuple((name, *row) for name, row in zip(names, body))
    return Table("Samples", tuple(header), rows, notes=tuple(_notes(splits, papers)))


def _notes(splits: Splits, papers: Sequence[PaperCounts | None]) -> Iterator[str]:
    tables = dict.fromkeys(paper.table for paper in papers if paper is not None)
    if tables:
        yield f"Paper: TPAMI 2025, Table {' and '.join(sorted(tables))}."
    if any(paper is not None and split.split in ("train", "val") for split, paper in zip(splits, papers)):
        yield _SUMS
    for name in dict.fromkeys(split.dataset.casefold().replace("_", "-") for split in splits):
        if name in _NOTES:
            yield _NOTES[name]
    if any(split.other_negatives for split in splits):
        yield "neg. ?: the target is absent, and the benchmark does not say if expression or image was changed."
    if any(split.left_out for split in splits):
        yield "left out: entries that are no valid samples; `finecops data check` lists them."


def _kinds(splits: Splits) -> Iterator[Table]:
    """Levels and tuple types of positives, and negatives by kind, type and level."""
    levels = {level: _level(level) for split in splits for level in split.levels}
    if set(levels) != {None}:
        ordered = sorted(levels, key=lambda level: (level is None, level or 0))
        counts: list[tuple[str, Counted]] = [(levels[key], _count("levels", key)) for key in ordered]
        yield _table("Positives by level", splits, counts)
    types = dict.fromkeys(type_ for split in splits for type_ in split.tuple_types)
    yield _table("Positives by tuple type", splits, [(type_, _count("tuple_types", type_)) for type_ in types])
    negatives = dict.fromkeys(key for split in splits for key in split.negatives)
    named = [key for key in negatives if key != (None, None, None)]
    yield _table("Negatives by type and level", splits, [(_negative(*key), _count("negatives", key)) for key in named])


Counted = Callable[[SplitStatistics], Cell]


def _count(field: str, key: object) -> Counted:
    return lambda split: getattr(split, field).get(key, 0) or None


def _level(level: int | None) -> str:
    return "no level" if level is None else f"level {level}"


def _negative(kind: str | None, type_: str | None, level: int | None) -> str:
    return " ".join([kind or "?", type_ or "?", *([f"L{level}"] if level is not None else [])])


def _expressions(splits: Splits) -> Table:
    return _table(
        "Expressions",
        splits,
        [
            ("different expressions", lambda s: s.expressions),
            ("vocabulary, words", lambda s: s.vocabulary),
            ("words, mean", lambda s: s.words.mean),
            ("  of positives", lambda s: s.words_of_positives),
            ("  of negative expressions", lambda s: s.words_of_negatives),
            ("words, 10th percentile", lambda s: s.words.p10),
            ("words, median", lambda s: s.words.median),
            ("words, 90th percentile", lambda s: s.words.p90),
            ("words, most", lambda s: s.words.largest),
        ],
        ".1f",
    )


def bin_names(bins: Sequence[int]) -> list[str]:
    """What each bin is called: `1-3`, or `31+` for the last."""
    return [*(f"{low}-{high - 1}" for low, high in pairwise(bins)), f"{bins[-1]}+"]


def _lengths(splits: Splits) -> Table:
    def share(index: int) -> Counted:
        return lambda split: 100 * split.word_counts[index] / split.samples

    rows = [(name, share(i)) for i, name in enumerate(bin_names(WORD_BINS))]
    used = [row for row in rows if any(row[1](split) for split in splits)]
    return _table("Expressions by number of words, %", splits, used, ".1f")


def _images(splits: Splits) -> Table:
    return _table(
        "Images",
        splits,
        [
            ("images", lambda s: s.images),
            ("expressions per image, mean", lambda s: s.per_image.mean),
            ("expressions per image, median", lambda s: s.per_image.median),
            ("expressions per image, most", lambda s: s.per_image.largest),
        ],
        ".1f",
    )


def _targets(splits: Splits) -> Table:
    def share(field: str) -> Counted:
        return lambda split: 100 * getattr(split, field) / split.positives if split.positives else None

    rows: list[tuple[str, Counted]] = [
        ("side (√area), median, px", lambda s: s.sides.median),
        ("side, 10th percentile, px", lambda s: s.sides.p10),
        ("side, 90th percentile, px", lambda s: s.sides.p90),
        (f"small (side < {SMALL}), %", share("small")),
        (f"medium (side < {MEDIUM}), %", share("medium")),
        ("large, %", share("large")),
        ("share of the image, median, %", lambda s: s.image_shares.median),
    ]
    return _table("Targets of positives", splits, rows if any(split.positives for split in splits) else [], ".1f")


def _table(title: str, splits: Splits, rows: Sequence[tuple[str, Counted]], format_: str = ".2f") -> Table:
    """A table with a column per split."""
    header = (Column("", side="left"), *(Column(name, format_) for name in titles_of(splits)))
    return Table(title, header, tuple((name, *(counted(split) for split in splits)) for name, counted in rows))


def _as_json(split: SplitStatistics) -> JsonValue:
    found: dict[str, JsonValue] = asdict(split)
    # A key of JSON is a text, and two of these are not.
    found["levels"] = [{"level": level, "n": n} for level, n in split.levels.items()]
    found["negatives"] = [
        {"kind": kind, "type": type_, "level": level, "n": n} for (kind, type_, level), n in split.negatives.items()
    ]
    paper = paper_counts(split.dataset, split.split)
    return found | {"paper": None if paper is None else paper.model_dump(mode="json")}


def _tidy(split: SplitStatistics) -> Iterator[dict[str, JsonValue]]:
    """One flat row per number; `of` says what it is of, where a statistic has several."""
    named: dict[str, JsonValue] = {"dataset": split.dataset, "split": split.split}
    for field, value in asdict(split).items():
        if isinstance(value, int | float):
            yield named | {"statistic": field, "of": "", "value": value}
        elif isinstance(value, Mapping):
            for key, number in value.items():
                of = _level(key) if field == "levels" else _negative(*key) if field == "negatives" else str(key)
                yield named | {"statistic": field, "of": of, "value": number}
        elif isinstance(value, tuple):
            for of, number in zip(bin_names(WORD_BINS if field == "word_counts" else SIDE_BINS), value):
                yield named | {"statistic": field, "of": of, "value": number}
    paper = paper_counts(split.dataset, split.split)
    for _, field, of_paper in _COUNTS if paper is not None else ():
        number = getattr(paper, of_paper)
        if number is not None:
            yield named | {"statistic": field, "of": "", "value": number, "source": "paper"}

"""Which widths columns get, and which stand beside each other."""

from __future__ import annotations

import pytest

from finecops.report.fitting import MARGIN, Layout, balanced, fit, wrap


def longest(layout: Layout) -> int:
    return max(MARGIN + sum(layout.widths[i] for i in block) + layout.gap * (len(block) - 1) for block in layout.blocks)


def numbers(label: int, *headings: str) -> list[list[str]]:
    return [["", *headings], ["m" * label, *("100.00" for _ in headings)]]


def test_what_fits_stays_as_it_is() -> None:
    cells = numbers(10, "router L1", "All")
    assert fit(cells, most=80) == fit(cells) == Layout((10, 9, 6), ((0, 1, 2),))


@pytest.mark.parametrize(
    ("cells", "most", "wanted"),
    [
        # Headings on two lines, which is enough.
        (numbers(10, "router level 1"), 26, Layout((10, 7), ((0, 1),))),
        # And one blank between the columns.
        (numbers(10, "router L1", "router L2", "router L3"), 33, Layout((10, 6, 6, 6), ((0, 1, 2, 3),), 1)),
        # The rows' names on two lines.
        ([["", "All"], ["one " * 10, "100.00"]], 40, Layout((30, 6), ((0, 1),))),
        # No name is narrower than it can be read: two blocks instead.
        (numbers(20, *"abcd"), 46, Layout((20, 6, 6, 6, 6), ((0, 1, 2), (0, 3, 4)))),
    ],
)
def test_the_least_that_makes_a_table_fit(cells: list[list[str]], most: int, wanted: Layout) -> None:
    assert fit(cells, most=most) == wanted
    assert longest(wanted) <= most


def test_blocks_are_even() -> None:
    # Greedy blocks would be 4, 4 and 1.
    assert balanced([10] * 9, 40) == [range(3), range(3, 6), range(6, 9)]
    # As few as can be come before as even as can be.
    assert balanced([10, 10, 10, 40], 40) == [range(3), range(3, 4)]
    # What is too wide alone is a block alone.
    assert balanced([50, 10, 10], 40) == [range(1), range(1, 3)]
    assert balanced([], 40) == []


def test_long_names_of_rows_leave_room_for_the_numbers() -> None:
    cells = numbers(70, *(f"a{i}" for i in range(12)))
    layout = fit(cells, most=80)
    assert layout.widths[0] == 26, "a third of the line, as that makes fewer blocks than a half"
    assert [len(block) - 1 for block in layout.blocks] == [6, 6]
    assert longest(layout) <= 80


def test_the_column_of_texts_that_costs_least_is_narrowed() -> None:
    rows = [["downloads at first use", "MIT"]] * 20 + [["ready", "a licence with conditions in many words"]]
    cells = [["model", "here", "licence"], *(["a-model", *row] for row in rows)]
    layout = fit(cells, [1, 2], 50)
    assert layout.widths[:2] == (7, 22), "twenty rows keep one line each"
    assert longest(layout) <= 50


@pytest.mark.parametrize("most", [5, 20, 40, 60, 80, 120])
@pytest.mark.parametrize("texts", [(), (1, 3)])
def test_no_line_is_too_long_and_no_letter_is_lost(most: int, texts: tuple[int, ...]) -> None:
    cells = [
        ["", "a heading", "95% interval", "what it lacks", "n"],
        ["SFA, a long name of a run", "x" * 90, "-10.00 to +20.00", "one line of words " * 5, "40"],
        ["SFA, a long name of a ran", "", "–", "ready", "7"],
    ]
    layout = fit(cells, texts, most)
    assert longest(layout) <= max(most, 7)
    assert sorted({i for block in layout.blocks for i in block}) == [0, 1, 2, 3, 4]
    for row in cells:
        for i, cell in enumerate(row):
            lines = wrap(cell, layout.widths[i], hanging=i == 0)
            assert max(map(len, lines)) <= layout.widths[i]
            assert "".join(lines).replace(" ", "") == cell.replace(" ", "")
    # Names that differ in one letter are two names still.
    assert wrap(cells[1][0], layout.widths[0]) != wrap(cells[2][0], layout.widths[0])

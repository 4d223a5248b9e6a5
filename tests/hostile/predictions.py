"""Hostile prediction files: each row keeps to its own sample, and what is no answer is unparsed or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from finecops.exchange.formats import FileFormat
from finecops.exchange.read import read_answers
from finecops.metrics.answers import OUTCOMES, Answers
from tests.conftest import make_sample
from tests.hostile.battery import Case

NAN, INF, HUGE = float("nan"), float("inf"), 10**400
LONG = "9" * 100_000
SAMPLES = [make_sample(str(i), width=1000, height=500) for i in range(1, 4)]


def seen(answers: Answers) -> str:
    """Every row in a line: id, outcome, boxes and scores."""
    rows = []
    for i, id_ in enumerate(answers.ids):
        part = slice(answers.start[i], answers.start[i + 1])
        rows.append(
            f"{id_} {OUTCOMES[answers.outcome[i]]} {answers.boxes[part].tolist()} {answers.scores[part].tolist()}"
        )
    # What counts as an answer is finite and of a picture's size.
    box_rows = np.repeat(answers.outcome <= 1, np.diff(answers.start))
    assert (np.abs(answers.boxes[box_rows]) < 1e9).all()
    assert not np.isinf(answers.scores[box_rows]).any()
    assert (np.isnan(answers.presence) | np.isfinite(answers.presence)).all()
    return " | ".join(rows) + f"; problems {'; '.join(answers.problems)}"


def _case(name: str, how: FileFormat, content: Callable[[], str | bytes], pattern: str, npy: bool = False) -> Case:
    def run(folder: Path) -> str:
        import sys

        sys.set_int_max_str_digits(0)
        raw = content()
        sys.set_int_max_str_digits(4300)
        path = folder / ("x.npy" if npy else "x.json")
        path.write_bytes(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
        return seen(read_answers(path, how, SAMPLES))

    return Case(f"predictions, {how.name}", name, run, pattern)


COCO, TEXT = FileFormat("coco-results"), FileFormat("refexp-text", "norm1000_list", "scores")
LETTERS, OWN, NPY = FileFormat("crs-letters"), FileFormat("finecops"), FileFormat("mmdet-npy")
GOOD_COCO = {"image_id": 2, "category_id": 1, "bbox": [5, 5, 10, 10], "score": 0.5}
ODD_NUMBERS: tuple[Any, ...] = (True, "0.9", [0.1, 0.2], [], {}, [[0.9]])
NOT_FINITE: tuple[Any, ...] = (NAN, INF, -INF, HUGE)
ODD_IDS: tuple[Any, ...] = (
    None,
    True,
    [],
    [1],
    {},
    {"a": 1},
    1.5,
    NAN,
    10**4200,
    "",
    "x" * 10**5,
    "a\x00b",
    "\x1b[31m",
)


def _coco(name: str, pattern: str, *entries: Any) -> Case:
    return _case(name, COCO, lambda: json.dumps([*entries, GOOD_COCO]), pattern)


REFUSED = r"^DataError.*(entry|x\.json:)"
# The row is unparsed, and the row behind it has its own box and score.
UNPARSED = r"^1 unparsed .*\| 2 box \[\[5.0, 5.0, 15.0, 15.0\]\] \[0.5\]; problems .*(entry|line) 1"
COCO_CASES = [
    *(_coco(f"score {value!r}", REFUSED, GOOD_COCO | {"image_id": 1, "score": value}) for value in ODD_NUMBERS),
    *(_coco(f"score {str(value)[:9]}", UNPARSED, GOOD_COCO | {"image_id": 1, "score": value}) for value in NOT_FINITE),
    _coco("two lists of scores, uneven", REFUSED,
          GOOD_COCO | {"image_id": 1, "score": [0.1, 0.2]}, GOOD_COCO | {"image_id": 1, "score": []}),
    *(_coco(f"bbox of {str(value)[:9]}", UNPARSED, GOOD_COCO | {"image_id": 1, "bbox": [1, 1, value, 2]})
      for value in (*NOT_FINITE, 1e308, -5)),
    *(_coco(f"bbox with {value!r}", REFUSED, GOOD_COCO | {"image_id": 1, "bbox": [1, 1, value, 2]}) for value in ODD_NUMBERS),
    *(_coco(f"bbox {str(value)[:20]}", REFUSED, GOOD_COCO | {"image_id": 1, "bbox": value})
      for value in (None, "x", 5, {}, [], [1, 2, 3], [1, 2, 3, 4, 5], [[1, 2, 3, 4]])),
    *(_coco(f"image_id {str(value)[:12]!r}", "^DataError", GOOD_COCO | {"image_id": value}) for value in ODD_IDS),
    *(_coco(f"an entry that is {value!r}", REFUSED, value) for value in (None, 5, "x", [], {}, True)),
    _case("a key twice", COCO, lambda: '[{"image_id": 1, "image_id": 2, "bbox": [1, 1, 2, 2], "score": 0.5}]', "^DataError.*twice"),
    _case("lists 10^5 deep", COCO, lambda: "[" * 10**5, "^DataError"),
    _case("a box 10^5 deep", COCO, lambda: '[{"image_id": 1, "bbox": ' + "[" * 10**5 + "]" * 10**5 + "}]", "^DataError"),
    _case("a number of 10^5 digits", COCO, lambda: '[{"image_id": 1, "bbox": [1, 2, 3, ' + LONG + "]}]", "^DataError|^1 unparsed"),
    _case("a surrogate in an id", COCO, lambda: '[{"image_id": "\\ud800", "bbox": [1, 1, 2, 2]}]', "^DataError"),
]  # fmt: skip

GOOD_TEXT = {"image_id": 2, "text": "[5, 10, 15, 30]", "scores": [0.5]}
TEXT_2 = r"2 box \[\[5.0, 5.0, 15.0, 15.0\]\] \[0.5\]"


def _lines(name: str, how: FileFormat, pattern: str, *rows: Any) -> Case:
    def content() -> str:
        return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)

    return _case(name, how, content, pattern)


BROKEN_LINES: dict[str, tuple[str, ...]] = {
    "two objects on a line": ('{"image_id": 1, "text": "none"}{"image_id": 3, "text": "none"}',),
    "two objects with a comma": ('{"image_id": 1, "text": "none"},{"image_id": 3, "text": "none"}',),
    "one object over two lines": ('{"image_id": 1,', '"text": "none"}'),
    "one object over two lines at a bracket": ('{"image_id": 1, "text": "none", "x": [{}', '{}]}'),
    "two on a line and one over two": (
        '{"image_id": 1, "text": "none"},{"image_id": 3, "text": "none"}', '{"image_id": 4, "text": "none", "x": [{}', '{}]}',
    ),
    "one over two and two on a line": (
        '{"image_id": 4, "text": "none", "x": "', '"}', '{"image_id": 1, "text": "none"},{"image_id": 3, "text": "none"}',
    ),
    "a comma behind": ('{"image_id": 1, "text": "none"},',),
    "a bracket that closes the list": ('{"image_id": 1, "text": "none"}],[{"image_id": 3, "text": "none"}',),
    "a key twice": ('{"image_id": 1, "image_id": 3, "text": "none"}',),
    "10^5 deep": ('{"image_id": 1, "text": "none", "x": ' + "[" * 10**5 + "]" * 10**5 + "}",),
    "a number of 10^5 digits": ('{"image_id": 1, "text": "none", "x": ' + LONG + "}",),
    "no object": ("5",),
    "null": ("null",),
    "a text": ('"x"',),
    "a byte that is no text": ("\udcff",),
}  # fmt: skip
TEXT_CASES = [
    *(_lines(name, TEXT, r"^DataError.*x\.json:\d", GOOD_TEXT, *rows, GOOD_TEXT | {"image_id": 3}) for name, rows in BROKEN_LINES.items()),
    *(_lines(f"image_id {str(value)[:12]!r}", TEXT, "^DataError", GOOD_TEXT | {"image_id": value}, GOOD_TEXT) for value in ODD_IDS),
    *(_lines(f"text {str(value)[:12]!r}", TEXT, r"^DataError.*x\.json:1", GOOD_TEXT | {"image_id": 1, "text": value}, GOOD_TEXT)
      for value in (None, 5, True, [], {}, [None], [[]])),
    *(_lines(f"scores {str(value)[:12]}", TEXT, rf"^1 (box .*\[nan\]|unparsed .*) \| {TEXT_2}; problems .*line 1",
             GOOD_TEXT | {"image_id": 1, "scores": value}, GOOD_TEXT)
      for value in (*NOT_FINITE, [NAN], [INF], [HUGE], [True], ["0.9"], [None], [[0.9]], [], {}, [0.1, 0.2], "x", True)),
    *(_lines(f"box {text[:20]}", TEXT, rf"^1 unparsed .*\| {TEXT_2}; problems .*line 1", GOOD_TEXT | {"image_id": 1, "text": text}, GOOD_TEXT)
      for text in ("[1, 1, 1e999, 2]", f"[1, 1, {LONG}, 2]", "[NaN, 1, 2, 3]", "[1, 1, -Infinity, 2]", "[900, 1, 2, 3]", "\x00", "[[[[")),
    _lines("a surrogate in the text", TEXT, rf"^1 unparsed .*\| {TEXT_2}", GOOD_TEXT | {"image_id": 1, "text": "a \ud800 b"}, GOOD_TEXT),
    _lines("a text of 10^7 characters", TEXT, rf"^1 .*\| {TEXT_2}", GOOD_TEXT | {"image_id": 1, "text": "[1, " * 2_500_000}, GOOD_TEXT),
]  # fmt: skip

GOOD_LETTERS = {
    "image_id": 2,
    "answer": "A",
    "gt": {"A": [5, 5, 15, 15], "B": "None"},
    "answer_prob_norm": -0.6931471805599453,
}
LETTERS_2 = r"2 box \[\[5.0, 5.0, 15.0, 15.0\]\] \[0.5\]"
LETTER_CASES = [
    *(_lines(name, LETTERS, r"^DataError.*x\.json:\d", *(row.replace('"text": "none"', '"answer": "B", "gt": {"B": "None"}') for row in rows), GOOD_LETTERS)
      for name, rows in BROKEN_LINES.items()),
    *(_lines(f"image_id {str(value)[:12]!r}", LETTERS, "^DataError", GOOD_LETTERS | {"image_id": value}, GOOD_LETTERS) for value in ODD_IDS),
    # No answer is no rejection, though the text of null is "None".
    *(_lines(f"answer {str(value)[:12]!r}", LETTERS, rf"^DataError.*x\.json:1|^1 unparsed .*\| {LETTERS_2}; problems .*line 1",
             GOOD_LETTERS | {"image_id": 1, "answer": value}, GOOD_LETTERS)
      for value in (None, 5, True, [], {}, {"A": 1}, [None], 10**4200, "", "\ud800", "C", "A and B")),
    *(_lines(f"gt {str(value)[:20]!r}", LETTERS, r"^DataError.*x\.json:1", GOOD_LETTERS | {"image_id": 1, "gt": value}, GOOD_LETTERS)
      for value in (None, 5, [], {}, "A", {"A": None}, {"A": "x"}, {"A": [1]}, {"A": [True] * 4}, {"A": ["1"] * 4}, {"A": [[1]] * 4})),
    *(_lines(f"gt with {str(value)[:9]}", LETTERS, rf"^1 unparsed .*\| {LETTERS_2}; problems .*line 1",
             GOOD_LETTERS | {"image_id": 1, "gt": {"A": [1, 1, value, 2], "B": "None"}}, GOOD_LETTERS) for value in (NAN, INF, HUGE, 1e308, -5)),
    *(_lines(f"{key} {str(value)[:9]}", LETTERS, rf"^DataError.*x\.json:1|^1 unparsed .*\| {LETTERS_2}; problems .*line 1",
             GOOD_LETTERS | {"image_id": 1, key: value}, GOOD_LETTERS)
      for key in ("answer_prob_norm", "none_prob_norm") for value in (NAN, INF, HUGE, 5, True, "x", [], {})),
    _lines("a probability of 10^-400 digits", LETTERS, rf"^1 box .*\[0.0\] \| {LETTERS_2}", GOOD_LETTERS | {"image_id": 1, "answer_prob_norm": -HUGE}, GOOD_LETTERS),
]  # fmt: skip

GOOD_OWN = {"sample_id": "2", "status": "box", "boxes": [[5, 5, 15, 15]], "scores": [0.5], "source": "x"}


def _own(name: str, pattern: str, **changes: Any) -> Case:
    return _lines(name, OWN, pattern, GOOD_OWN | {"sample_id": "1"} | changes, GOOD_OWN)


BAD_OWN = rf"^DataError.*x\.json:1|^1 unparsed .*\| {LETTERS_2}; problems .*line 1"
OWN_CASES = [
    *(_lines(name, OWN, r"^DataError.*x\.json:\d", *(row.replace('"image_id": ', '"source": "x", "status": "reject", "sample_id": "') for row in rows), GOOD_OWN)
      for name, rows in BROKEN_LINES.items()),
    *(_own(f"scores {str(value)[:12]}", BAD_OWN, scores=value)
      for value in ([NAN], [INF], [HUGE], [True], ["0.5"], [None], 0.5, [], [0.1, 0.2], {})),
    *(_own(f"boxes {str(value)[:30]}", BAD_OWN, boxes=value)
      for value in ([[1, 1, NAN, 2]], [[1, 1, INF, 2]], [[1, 1, HUGE, 2]], [[1, 1, 1e308, 2]], [[1, 1, True, 2]], [["1"] * 4], [[1]], None, {}, [[9, 9, 1, 1]])),
    *(_own(f"{key} {value!r}", BAD_OWN, **{key: value})
      for key, value in (("status", "won"), ("status", None), ("sample_id", None), ("sample_id", 5), ("sample_id", []), ("presence", NAN),
                         ("presence", INF), ("presence", True), ("mass", INF), ("extra", 1), ("reply", 5), ("letters", "AB"))),
    # The best of all answers to a negative, if it counted as one.
    _own("a box without boxes", r"^DataError.*x\.json:1: .*there is no box", boxes=[], scores=[]),
    *(_lines(f"a key twice, {name}", OWN, r"^DataError.*x\.json:2: .*'status' stands twice", GOOD_OWN,
             json.dumps(GOOD_OWN | {"sample_id": "1", "reply": 'a \\"b": c'})[:-1] + more + "}")
      for name, more in {"as they come": ', "status": "reject"', "a blank more": ', "status" : "reject"', "a tab": ', "status"\t:"reject"',
                         "with an escape": ', "st\\u0061tus":"reject"'}.items()),
    _lines("a surrogate in the reply", OWN, rf"^DataError.*x\.json:1|^1 .*\| {LETTERS_2}", json.dumps(GOOD_OWN | {"sample_id": "1", "reply": "\ud800"}), GOOD_OWN),
]  # fmt: skip


def _npy(name: str, pattern: str, bad: Callable[[], Any]) -> Case:
    def content() -> bytes:
        import io

        entries = np.empty(2, dtype=object)
        entries[0] = bad()
        entries[1] = {"img_id": 2, "bboxes": np.array([[5.0, 5, 15, 15]]), "scores": np.array([0.5])}
        file = io.BytesIO()
        np.save(file, entries, allow_pickle=True)
        return file.getvalue()

    return _case(name, NPY, content, pattern, npy=True)


def _detection(**changes: Any) -> dict[str, Any]:
    return {"img_id": 1, "bboxes": np.array([[1.0, 1, 2, 2]]), "scores": np.array([0.9])} | changes


NPY_CASES = [
    *(_npy(f"img_id {str(value)[:9]!r}", "^DataError", lambda value=value: _detection(img_id=value)) for value in ODD_IDS),
    *(_npy(f"bboxes {name}", "^DataError.*entry 1", lambda value=value: _detection(bboxes=value))
      for name, value in {
          "a text": "x", "none": None, "a dictionary": {}, "texts": [["1"] * 4], "one long text": ["x" * 10**6, *["y"] * 3], "uneven": [[1], [2, 3]],
          "objects": np.array([[{}] * 4], dtype=object), "complex": np.ones((1, 4)) * 1j, "booleans": np.ones((1, 4), dtype=bool),
          "three sides": np.ones((1, 1, 4)), "two by two": np.ones((2, 2)), "bytes": np.array([[b"1"] * 4]), "flat of 8": np.ones(8),
      }.items()),
    *(_npy(f"scores {name}", "^DataError.*entry 1", lambda value=value: _detection(scores=value))
      for name, value in {
          "a text": "x", "none": None, "two": np.ones(2), "a column": np.ones((1, 1)), "texts": np.array(["1"]), "booleans": np.array([True]),
          "objects": np.array([None]), "complex": np.array([1j]), "nested": [[0.9]],
      }.items()),
    *(_npy(f"score {value}", rf"^1 unparsed .*\| {LETTERS_2}; problems .*entry 1", lambda value=value: _detection(scores=np.array([value])))
      for value in (NAN, INF, -INF)),
    *(_npy(f"box with {value}", rf"^1 unparsed .*\| {LETTERS_2}; problems .*entry 1", lambda value=value: _detection(bboxes=np.array([[1, 1, value, 2]])))
      for value in (NAN, INF, 1e308, -5.0)),
    *(_npy(f"an entry that is {value!r}", "^DataError.*entry 1", lambda value=value: value) for value in (None, 5, "x", [], {}, np.ones(4))),
    _npy("lists", rf"^1 box .*\| {LETTERS_2}", lambda: _detection(bboxes=[[1, 1, 2, 2]], scores=[0.9])),
    _npy("no box", rf"^1 unparsed .*\| {LETTERS_2}; problems .*entry 1", lambda: _detection(bboxes=np.zeros((0, 4)), scores=np.zeros(0))),
    _npy("no box, in lists", rf"^1 unparsed .*\| {LETTERS_2}; problems .*entry 1", lambda: _detection(bboxes=[], scores=[])),
]  # fmt: skip
CASES = [*COCO_CASES, *TEXT_CASES, *LETTER_CASES, *OWN_CASES, *NPY_CASES]

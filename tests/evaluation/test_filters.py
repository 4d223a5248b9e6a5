"""Which samples are looked at: each condition alone, and together."""

from __future__ import annotations

from typing import Any

import pytest

from finecops.errors import RunError, UsageError
from finecops.evaluation.cases import Cases, file_method
from finecops.evaluation.filters import CaseFilter, check_filter, matches, matching, why_none
from finecops.metrics.answers import answers_of_predictions
from finecops.records import Prediction
from tests.builders_runs import RIGHT, WRONG
from tests.conftest import make_negative, make_prediction, make_sample


def _box(id_: str, right: bool) -> Prediction:
    return make_prediction(id_, [RIGHT if right else WRONG], (0.9,))


SAMPLES = [
    make_sample("a", level=1, tuple_type="0_hop"),
    make_sample("b", level=3, tuple_type="1_hop"),
    make_sample("c", level=3),
    make_negative("n", "b", "replace_relation").model_copy(update={"level": 3}),
    make_negative("m", "a", "swap_object", kind="image"),
    make_sample("u", truth="unknown", box=None, level=None),
]
# a: both right; b: one alone; c: one failed, one unparsed; n: rejected by one; m: missing in one.
ONE = [
    _box("a", True),
    _box("b", True),
    make_prediction("c", status="failed"),
    make_prediction("n"),
    _box("m", False),
    _box("u", True),
]
TWO = [_box("a", True), _box("b", False), make_prediction("c", status="unparsed"), _box("n", False), _box("u", True)]
CASES = Cases(SAMPLES, [file_method(name, answers_of_predictions(rows)) for name, rows in (("one", ONE), ("two", TWO))])

CONDITIONS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing asked": ({}, "abcnmu"),
    "ids": ({"ids": frozenset("bu")}, "bu"),
    "wrong by any": ({"wrong": True}, "bcnm"),
    "wrong by one": ({"wrong": True, "looked_at": frozenset(["one"])}, "cm"),
    "right": ({"right": ("one",)}, "abn"),
    "right by both": ({"right": ("one", "two")}, "a"),
    "one wrong and the other right": ({"wrong": True, "looked_at": frozenset(["two"]), "right": ("one",)}, "bn"),
    "disagree": ({"disagree": True}, "bn"),
    "failed or missing": ({"failed": True}, "cm"),
    "failed by two": ({"failed": True, "looked_at": frozenset(["two"])}, "m"),
    "unparsed": ({"unparsed": True}, "c"),
    "failed or unparsed": ({"failed": True, "unparsed": True}, "cm"),
    "failed or unparsed by two": ({"failed": True, "unparsed": True, "looked_at": frozenset(["two"])}, "cm"),
    "level": ({"levels": frozenset([3])}, "bcn"),
    "a whole type": ({"types": ("replace_relation",)}, "n"),
    "a word of a type": ({"types": ("relation",)}, "n"),
    "a published word": ({"types": ("order",)}, "m"),
    "a tuple type": ({"types": ("0_hop", "1_hop")}, "ab"),
    "kinds": ({"kinds": ("text", "image")}, "nm"),
    "positives": ({"kinds": ("positive",)}, "abc"),
    "negatives": ({"kinds": ("negative",)}, "nm"),
    "all joined": ({"wrong": True, "levels": frozenset([3]), "kinds": ("positive",)}, "bc"),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions(name: str) -> None:
    asked, ids = CONDITIONS[name]
    found = [case.sample.id for case in matching(CASES, CaseFilter(**asked))]
    assert found == list(ids)
    assert [case.sample.id for case in CASES if matches(case, CaseFilter(**asked))] == found


def test_nothing_found_says_what_each_condition_finds() -> None:
    wanted = CaseFilter(wrong=True, levels=frozenset([1]), kinds=("positive",))
    assert not matching(CASES, wanted)
    assert why_none(CASES, wanted) == (
        "none of 6 samples meets all conditions; each alone: --wrong 4, --level 2, --kind 3"
    )


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"ids": frozenset(["x"])}, RunError, "no sample has the id 'x'"),
        (
            {"kinds": ("texts",)},
            UsageError,
            r"unknown kind 'texts' \(did you mean 'text'\?\); there are: positive, negative, text, image",
        ),
        ({"levels": frozenset([2])}, UsageError, "no sample has level 2; there are: 1, 3"),
        (
            {"types": ("flip",)},
            UsageError,
            "no sample has the type 'flip'; there are: replace_relation, swap_object, 0_hop, 1_hop",
        ),
    ],
)
def test_what_no_sample_is_is_refused(asked: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_filter(CaseFilter(**asked), CASES)

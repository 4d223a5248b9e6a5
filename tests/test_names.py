"""Names that are not known get the three nearest ones of their kind."""

from __future__ import annotations

import pytest

from finecops.config.find import names
from finecops.names import meant, nearest, no_such, unknown_name


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("refcoc", names("datasets"), ["refcoco", "grefcoco", "refcoco+"]),
        ("REFCOCO", names("datasets"), ["refcoco", "grefcoco", "refcoco+"]),
        ("xx", names("datasets"), []),
        ("", ["a", "b"], []),
        ("b" * 5000, ["a", "b"], []),
    ],
)
def test_the_nearest_three(name: str, known: list[str], found: list[str]) -> None:
    assert nearest(name, known) == found


def test_a_long_list_is_shown_only_where_nothing_is_near() -> None:
    known = [f"model-{number}" for number in range(40)]
    near = unknown_name("model", "model-7x", known, lists="finecops models list")
    assert near == (
        "unknown model 'model-7x' (did you mean 'model-7', 'model-17' or 'model-27'?); "
        "`finecops models list` lists all 40"
    )
    assert unknown_name("model", "zzz", known, lists="finecops models list").endswith(", ".join(known))
    # Without a command that lists them, all are shown.
    assert unknown_name("model", "model-7x", known).endswith(", ".join(known))
    assert unknown_name("model", "model-7x", []) == "unknown model 'model-7x'; there are: none"
    assert no_such("it is gone", "a", ["b"], hint="look below") == "it is gone (look below); there are: b"


def test_one_or_two_names_are_near() -> None:
    assert meant("tast", ["test", "val"]) == "did you mean 'test'?"
    assert meant("tes", ["test", "tess", "val"]) == "did you mean 'tess' or 'test'?"

"""Which samples stand on a page, and which of its rows are wrong on purpose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finecops.boxes import iou_xyxy
from finecops.construction.review.choice import review_samples
from finecops.construction.review.planting import (
    FAULTS,
    PlantedFault,
    PlantKey,
    key_path,
    mixed,
    plant,
    read_key,
    write_key,
)
from finecops.errors import DataError, UsageError
from tests.conftest import make_sample
from tests.construction.review.builders import samples

SPLIT = samples(12)
BY_ID = {sample.id: sample for sample in SPLIT}


def test_every_kind_of_fault_is_wrong() -> None:
    made = plant(SPLIT, SPLIT, 16, seed=0)
    assert {fault: sum(one.fault.fault == fault for one in made) for fault in FAULTS} == dict.fromkeys(FAULTS, 4)
    for one in made:
        shown, base = one.sample, BY_ID[one.fault.of]
        if one.fault.fault == "wrong_box":
            assert (shown.expression, shown.image) == (base.expression, base.image)
            assert iou_xyxy(np.array(shown.box), np.array(base.box)) <= 0.3
        elif one.fault.fault == "wrong_sentence":
            assert (shown.box, shown.image) == (base.box, base.image)
            assert shown.expression not in {s.expression for s in SPLIT if s.image == base.image}
        elif one.fault.fault == "negative_as_positive":
            assert (base.truth, shown.truth, shown.negative) == ("absent", "box", None)
            assert (shown.expression, shown.box) == (base.expression, BY_ID[base.positive_id or ""].box)
        else:
            assert (shown.truth, shown.box, shown.negative) == ("absent", None, base.negative)
            # True of the image that is shown.
            assert shown.expression in {s.expression for s in SPLIT if s.positive and s.image == shown.image}


def test_ids_are_new_and_look_like_the_others() -> None:
    made = plant(SPLIT, SPLIT, 16, seed=0)
    ids = [one.sample.id for one in made]
    assert len({*ids, *BY_ID}) == 16 + len(SPLIT)
    assert all(id_.isdigit() and len(id_) == 3 for id_ in ids)
    named = [s.model_copy(update={"id": f"val-{s.id}", "negative": None}) for s in SPLIT if s.positive]
    assert all(one.sample.id.startswith("val-") for one in plant(named, named, 6, seed=0))


def test_ids_with_digits_that_are_no_numbers() -> None:
    # "²" is a digit to Python and no number.
    odd = [s.model_copy(update={"id": f"{s.id}²", "negative": None}) for s in SPLIT if s.positive]
    alone = [odd[0].model_copy(update={"id": "²"}), *odd[1:]]
    assert len(plant(alone, alone, 2, seed=0)) == 2


def test_the_seed_says_all() -> None:
    assert plant(SPLIT, SPLIT, 8, seed=1) == plant(SPLIT, SPLIT, 8, seed=1)
    assert plant(SPLIT, SPLIT, 8, seed=1) != plant(SPLIT, SPLIT, 8, seed=2)
    made = plant(SPLIT, SPLIT, 8, seed=1)
    page = mixed(SPLIT, made, seed=1)
    assert {sample.id for sample in page} > BY_ID.keys()
    assert [sample.id for sample in page if sample.id in BY_ID] != list(BY_ID)
    assert {sample.id for sample in page} - BY_ID.keys() == {one.sample.id for one in made}
    assert page == mixed(SPLIT, made, seed=1)
    assert page != mixed(SPLIT, made, seed=2)


def test_nobody_sees_a_sample_twice_if_it_can_be_helped() -> None:
    page = SPLIT[:8]
    made = plant(page, SPLIT, 8, seed=0)
    assert not {one.fault.of for one in made} & {sample.id for sample in page}


def test_faults_look_like_what_is_on_the_page() -> None:
    positives = [sample for sample in SPLIT if sample.positive]
    negatives = [sample for sample in SPLIT if sample.absent]
    assert all(one.sample.positive for one in plant(positives, SPLIT, 9, seed=0))
    assert all(one.sample.absent for one in plant(negatives, SPLIT, 5, seed=0))


def test_too_many_faults() -> None:
    with pytest.raises(DataError, match="only 2 of 9 faults can be made from this split: give --plant 2"):
        plant(SPLIT[:2], SPLIT[:2], 9, seed=0)
    with pytest.raises(DataError, match="only 0 of 1"):
        # Of one image whose box fills it.
        plant(whole := [make_sample(box=(0.0, 0.0, 100.0, 100.0))], whole, 1, seed=0)


def test_the_key_is_kept(tmp_path: Path) -> None:
    key = PlantKey(
        page="p",
        dataset="toy",
        split="test",
        seed=0,
        planted=(PlantedFault(sample_id="9", fault="wrong_box", of="100"),),
    )
    path = key_path(tmp_path / "review.html")
    assert path.name == "review.key.json"
    write_key(path, key)
    write_key(path, key)
    assert read_key(path) == key
    with pytest.raises(DataError, match="is there already, of another page"):
        write_key(path, key.model_copy(update={"seed": 1}))
    for content in (b"", b"[]", b'{"page": "p"}', b"\xff"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is no key of a page"):
            read_key(path)


def test_which_samples_are_chosen() -> None:
    def ids(only: str | None = None, level: int | None = None, limit: int = 0) -> list[str]:
        return [sample.id for sample in review_samples(SPLIT, only, level, limit)]

    assert ids() == list(BY_ID)
    assert ids("positives") == [s.id for s in SPLIT if s.positive]
    assert ids("negatives") == [s.id for s in SPLIT if s.absent]
    assert ids("negative-images") == [s.id for s in SPLIT if s.negative and s.negative.kind == "image"] == ids("flip")
    assert ids("negative-expressions") == ids("replace_object")
    assert ids("flip", 2) == [s.id for s in SPLIT if s.level == 2 and s.negative and s.negative.type == "flip"]
    assert len(ids(limit=10)) == 10
    with pytest.raises(UsageError, match=r"negative-images.*flip"):
        ids("cats")
    with pytest.raises(DataError, match="the split has no positives of level 9"):
        ids("positives", 9)

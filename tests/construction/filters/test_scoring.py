"""Scores in rows: one value per candidate, and a reason where a model fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops.construction.filters.scorers import Scorers
from finecops.construction.filters.scoring import score_edit, score_texts
from finecops.construction.samples import EditRow
from finecops.records import Xyxy

IMAGE = Image.new("RGB", (100, 60), (10, 10, 10))
TWO = [(10, 10, 20, 20), (70, 30, 90, 50)]


def approx(value: float) -> Any:
    return pytest.approx(value, abs=1e-4)


def brightness(image: Image.Image) -> float:
    return round(float(np.asarray(image).mean()), 3)


class Brightness:
    """For texts, features and synthetic images: how bright an image is."""

    threshold = 0.5

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def similarities(self, images: Any, texts: Any, boxes: Any = None) -> Any:
        if boxes is not None:
            return self._features(images, texts, boxes)
        self.sizes += [image.size for image in images]
        return [[brightness(image) + len(text) for text in texts] for image in images]

    def _features(
        self, original: Image.Image, edited: Sequence[Image.Image], boxes: Sequence[Xyxy]
    ) -> list[tuple[float, float]]:
        return [(brightness(one) - brightness(original), float(len(boxes))) for one in edited]

    def probabilities(self, images: Sequence[Image.Image]) -> list[float]:
        return [brightness(image) / 255 for image in images]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A folder with two candidates of 100 x 60 pixels: the first is white where the first box is."""
    for name, box in (("0", TWO[0]), ("2", TWO[1])):
        edited = IMAGE.copy()
        edited.paste((255, 255, 255), box)
        edited.save(tmp_path / f"{name}.png")
    return tmp_path


def row(**changes: Any) -> EditRow:
    made = EditRow(
        id=4,
        positive_id=0,
        image_id="neg_4",
        type="swap_object",
        level=1,
        status="kept",
        changed=[0, 1],
        boxes=TWO,
        prompts=["a cup", "a plate"],
        before=["a hat", "a bus"],
        candidates=["0.png", "", "2.png"],
        seeds=[0, 1, 2],
    )
    return made.model_copy(update=changes)


def test_all_scores_of_an_edit(build: Path) -> None:
    scorer = Brightness()
    found = score_edit(row(), ("the cup", "the new cup"), IMAGE, build, Scorers(scorer, scorer, scorer))
    dark, white = 10 / 255, 245 / 255
    assert found.reason is None
    assert set(found.scores) == {
        "text_positive",
        "text_negative",
        "edit_margin",
        "similarity",
        "similarity_box",
        "synthetic",
        "synthetic_original",
        "synthetic_crop",
        "synthetic_original_crop",
    }
    assert (found.scores["text_positive"], found.scores["text_negative"]) == (17, 21)
    # The new words are as long as the old ones in the first box, and two letters longer in the second.
    assert found.scores["edit_margin"] == [0, None, 0]
    assert found.scores["similarity_box"] == [2, None, 2]
    whole, crop = found.scores["synthetic"], found.scores["synthetic_crop"]
    # 100 and 400 white pixels of 6,000; around the boxes, of 36 x 36 and 56 x 56.
    assert whole == [approx(dark + white * 100 / 6000), None, approx(dark + white * 400 / 6000)]
    assert crop == [approx(dark + white * 100 / 36**2), None, approx(dark + white * 400 / 56**2)]
    assert found.scores["synthetic_original"] == found.scores["synthetic_original_crop"] == dark
    assert set(scorer.sizes) == {(100, 60), (36, 36), (56, 56)}


def test_only_what_there_are_models_for(build: Path) -> None:
    scorer = Brightness()
    texts = ("the cup", "the new cup")
    assert score_edit(row(), texts, IMAGE, build, Scorers()).scores == {}
    assert set(score_edit(row(), texts, IMAGE, build, Scorers(text=scorer)).scores) == {
        "text_positive",
        "text_negative",
        "edit_margin",
    }
    assert set(score_edit(row(), None, IMAGE, build, Scorers(text=scorer)).scores) == {"edit_margin"}
    drawn = score_edit(row(boxes=[], prompts=[], before=[]), texts, IMAGE, build, Scorers(scorer, None, scorer))
    assert set(drawn.scores) == {"text_positive", "text_negative", "synthetic", "synthetic_original"}


def test_flips_and_failures_are_not_scored(build: Path) -> None:
    scorers = Scorers(Brightness(), Brightness(), Brightness())
    assert score_edit(row(type="flip"), ("a", "b"), IMAGE, build, scorers).scores == {}
    assert score_edit(row(status="failed", candidates=[]), ("a", "b"), IMAGE, build, scorers).scores == {}


def test_a_model_that_fails_leaves_the_others_scores(build: Path) -> None:
    class Broken(Brightness):
        def similarities(self, images: Any, texts: Any, boxes: Any = None) -> Any:
            raise RuntimeError("out of memory\ntraceback")

    class NoNumber(Brightness):
        def probabilities(self, images: Sequence[Image.Image]) -> list[float]:
            return [float("nan")] * len(images)

    found = score_edit(row(), ("a", "b"), IMAGE, build, Scorers(Broken(), Brightness(), NoNumber()))
    assert set(found.scores) == {"similarity", "similarity_box"}
    assert found.reason is not None
    assert found.reason.startswith("out of memory; the score synthetic_original is no number")
    text = score_texts(3, "a", "b", IMAGE, Broken())
    assert (text.id, text.scores, text.reason) == (3, {}, "out of memory")


def test_a_candidate_that_is_gone_or_lies_elsewhere_is_a_reason(build: Path) -> None:
    (build / "0.png").unlink()
    found = score_edit(row(), None, IMAGE, build, Scorers(features=Brightness()))
    assert found.scores == {}
    assert str(found.reason).startswith("a candidate cannot be read: 0.png of the build is missing")
    outside = score_edit(row(candidates=["../x.png"]), None, IMAGE, build, Scorers(features=Brightness()))
    assert "leads out" in str(outside.reason)


def test_the_scores_of_an_expression() -> None:
    found = score_texts(3, "the cup", "the new cup", IMAGE, Brightness())
    assert (found.id, found.scores) == (3, {"text_positive": 17, "text_negative": 21})

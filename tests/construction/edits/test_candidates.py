"""Candidates: files by seed, made once, with a reason where one cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops.construction.edits.candidates import CandidateOptions, checked_candidate, make_candidates
from finecops.construction.edits.editor import Drawn, ImageEditor
from finecops.construction.edits.mask import MaskOptions, grown_box
from finecops.construction.graph import SceneGraph
from finecops.construction.samples import EditRow
from finecops.errors import DataError, ModelError
from finecops.records import Xyxy
from tests.construction.edits.test_mask import noise

IMAGE = noise((60, 45))
GRAPH = {"width": 60, "height": 45, "objects": {"1": {"name": "cup", "x": 5, "y": 5, "w": 20, "h": 20}}}
FEW = CandidateOptions(count=3, seed=7)


@dataclass
class Painter:
    """An editor that repaints the whole image in one colour by seed; it fails for some seeds."""

    fails: frozenset[int] = frozenset()
    settings: Mapping[str, object] = field(default_factory=dict)
    calls: list[tuple[Xyxy, str, int]] = field(default_factory=list)
    name = "painter"

    @property
    def state(self) -> Mapping[str, object]:
        return self.settings

    def __call__(self, image: Image.Image, xyxy: Xyxy, prompt: str, seed: int) -> Image.Image:
        self.calls.append((xyxy, prompt, seed))
        if seed in self.fails:
            raise ModelError(f"no memory for {seed}\nand more")
        return Image.new("RGB", image.size, (seed, len(prompt), 0))


def row(**changes: Any) -> EditRow:
    """A planned edit of two boxes."""
    planned = EditRow(
        id=5,
        positive_id=2,
        image_id="neg_5",
        type="swap_attribute",
        level=1,
        status="kept",
        changed=[0, 1],
        boxes=[(5, 5, 25, 25), (40, 10, 55, 30)],
        prompts=["a red cup", "a plate"],
        graph=GRAPH,
    )
    return planned.model_copy(update=changes)


def pixels(path: Path) -> Any:
    return np.asarray(Image.open(path)).astype(int)


def test_a_file_for_each_seed_and_nothing_outside_of_the_masks_changes(tmp_path: Path) -> None:
    painter: ImageEditor = Painter()
    made = make_candidates(row(), IMAGE, painter, tmp_path, FEW)
    assert made.candidates == ["candidates/neg_5/7.png", "candidates/neg_5/8.png", "candidates/neg_5/9.png"]
    assert (made.status, made.reason, made.seeds, made.editor) == ("kept", None, [7, 8, 9], "painter")
    outside = np.ones((45, 60), dtype=bool)
    for box in made.boxes:
        left, top, right, bottom = grown_box(box, (60, 45), MaskOptions())
        outside[top:bottom, left:right] = False
    for seed, file in zip(made.seeds, made.candidates, strict=True):
        found = pixels(tmp_path / file)
        assert (found[outside] == np.asarray(IMAGE)[outside]).all()
        assert (found[5:25, 5:25] == [seed, 9, 0]).all()
        assert (found[10:30, 40:55] == [seed, 7, 0]).all()
    assert [path.name for path in sorted((tmp_path / "candidates/neg_5").iterdir())] == ["7.png", "8.png", "9.png"]


def test_a_failed_candidate_is_an_empty_text_with_a_reason(tmp_path: Path) -> None:
    made = make_candidates(row(), IMAGE, Painter(frozenset({8})), tmp_path, FEW)
    assert made.candidates == ["candidates/neg_5/7.png", "", "candidates/neg_5/9.png"]
    assert (made.status, made.reason) == ("kept", "1 of 3 candidates failed: no memory for 8")
    assert [len(checksum) for checksum in made.checksums] == [64, 0, 64]
    none = make_candidates(row(), IMAGE, Painter(frozenset({7, 8, 9})), tmp_path / "x", FEW)
    assert (none.status, none.candidates) == ("failed", [])
    assert none.reason == "3 of 3 candidates failed: no memory for 7"


def test_another_picture_is_no_candidate(tmp_path: Path) -> None:
    made = make_candidates(row(), IMAGE, Painter(frozenset({8})), tmp_path, FEW)
    assert checked_candidate(made, 0, tmp_path) == tmp_path / made.candidates[0]
    assert checked_candidate(made, 1, tmp_path) is checked_candidate(made, 5, tmp_path) is None
    # The photograph in its place: the expression would fit it.
    IMAGE.save(tmp_path / made.candidates[2])
    with pytest.raises(DataError, match=r"9\.png of the build was changed since it was made"):
        checked_candidate(made, 2, tmp_path)
    (tmp_path / made.candidates[2]).unlink()
    with pytest.raises(DataError, match=r"9\.png of the build is missing"):
        checked_candidate(made, 2, tmp_path)


def test_an_editor_that_changes_nothing_made_no_negative(tmp_path: Path) -> None:
    class Lazy(Painter):
        def __call__(self, image: Image.Image, xyxy: Xyxy, prompt: str, seed: int) -> Image.Image:
            return image

    made = make_candidates(row(), IMAGE, Lazy(), tmp_path, FEW)
    assert (made.status, made.reason) == ("failed", "3 of 3 candidates failed: the editor changed nothing (a red cup)")


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    first = make_candidates(row(), IMAGE, Painter(frozenset({8})), tmp_path, FEW)
    file = tmp_path / first.candidates[0]
    before = file.read_bytes()
    painter = Painter()
    again = make_candidates(row(), IMAGE, painter, tmp_path, FEW)
    assert {seed for _, _, seed in painter.calls} == {8}
    assert file.read_bytes() == before
    # As if it had never been stopped.
    unbroken = make_candidates(row(), IMAGE, Painter(), tmp_path / "other", FEW)
    assert again == unbroken
    for name in again.candidates:
        assert (tmp_path / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


@pytest.mark.parametrize(
    "change",
    ["prompt", "box", "editor", "mask", "image", "torn", "foreign"],
)
def test_a_file_made_with_other_settings_is_made_again(tmp_path: Path, change: str) -> None:
    one = CandidateOptions(count=1, seed=7)
    file = tmp_path / make_candidates(row(), IMAGE, Painter(), tmp_path, one).candidates[0]
    painter, planned, image, options = Painter(), row(), IMAGE, one
    if change == "prompt":
        planned = row(prompts=["a blue cup", "a plate"])
    elif change == "box":
        planned = row(boxes=[(5, 5, 24, 25), (40, 10, 55, 30)])
    elif change == "editor":
        painter = Painter(settings={"steps": 4})
    elif change == "mask":
        options = CandidateOptions(count=1, seed=7, mask=MaskOptions(feather=0))
    elif change == "image":
        image = noise((60, 45), 9)
    elif change == "torn":
        file.write_bytes(file.read_bytes()[:200])
    else:
        Image.new("RGB", (60, 45)).save(file)
    make_candidates(planned, image, painter, tmp_path, options)
    assert len(painter.calls) == 2


def test_a_flip_needs_no_editor(tmp_path: Path) -> None:
    made = make_candidates(row(type="flip", boxes=[], prompts=[]), IMAGE, None, tmp_path, FEW)
    assert (made.candidates, made.editor, made.seeds) == (["candidates/neg_5/7.png"], "flip", [7])
    assert (pixels(tmp_path / made.candidates[0]) == np.asarray(IMAGE)[:, ::-1]).all()
    none = make_candidates(row(), IMAGE, None, tmp_path, FEW)
    assert (none.status, none.reason) == ("failed", "no editor was given")


def test_a_drawn_world_draws_the_edited_graph(tmp_path: Path) -> None:
    def draw(graph: SceneGraph, seed: int) -> Image.Image:
        return Image.new("RGB", (graph.width, graph.height), (seed, len(graph.objects), 0))

    made = make_candidates(row(boxes=[], prompts=[]), IMAGE, Drawn(draw), tmp_path, FEW)
    assert (made.editor, len(made.candidates)) == ("drawn", 3)
    assert (pixels(tmp_path / made.candidates[1]) == [8, 1, 0]).all()
    broken = make_candidates(row(graph={"width": 3}), IMAGE, Drawn(draw), tmp_path / "x", FEW)
    assert broken.status == "failed"
    assert "the edited graph cannot be read" in str(broken.reason)


def test_a_dropped_edit_stays_as_it_is(tmp_path: Path) -> None:
    dropped = row(status="dropped", reason="nothing to change")
    assert make_candidates(dropped, IMAGE, Painter(), tmp_path, FEW) == dropped
    assert not list(tmp_path.iterdir())


def test_an_id_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="leads out"):
        make_candidates(row(image_id="../../x"), IMAGE, Painter(), tmp_path, FEW)


def test_nothing_of_the_photographs_file_comes_along(tmp_path: Path) -> None:
    image = IMAGE.copy()
    image.info.update(exif=b"Exif\0\0secret", comment="where it was taken")
    made = make_candidates(row(type="flip", boxes=[], prompts=[]), image, None, tmp_path, FEW)
    assert set(Image.open(tmp_path / made.candidates[0]).info) == {"finecops-edit"}

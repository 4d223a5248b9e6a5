"""Blind guesses by hand, and where their boxes come from."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from finecops.construction.bias.box_sources import boxes_of_candidates, boxes_of_targets, find_boxes
from finecops.construction.bias.guesses import Asked, ImageBoxes, blind_guesses
from finecops.errors import DataError
from finecops.records import Candidates, Sample

SMALL, CENTRE, LARGE = (0, 0, 10, 10), (40, 40, 60, 60), (60, 50, 100, 100)


def sample(id_: str, image: str, box: tuple[float, ...] = SMALL, level: int | None = 1) -> Sample:
    return Sample(
        id=id_,
        dataset="d",
        split="s",
        image=image,
        width=100,
        height=100,
        expression="e",
        truth="box",
        box=box,  # type: ignore[arg-type]
        level=level,
    )


def asked_for(targets: list[tuple[float, ...]], names: tuple[str, ...] | None = ("cup", "cat", "cat")) -> Asked:
    """An image each, with the same three boxes."""
    boxes = ImageBoxes(np.array([SMALL, CENTRE, LARGE], dtype=float), names)
    samples = [sample(str(i), f"{i}.jpg", target, level=1 + i % 2) for i, target in enumerate(targets)]
    return Asked.of(samples, {one.id: boxes for one in samples})


def values(asked: Asked) -> dict[str, float]:
    return {guess.name: guess.value for guess in blind_guesses(asked, replicates=10)}


def test_guesses_by_hand() -> None:
    found = values(asked_for([LARGE] * 10 + [CENTRE] * 6 + [SMALL] * 4))
    assert found["any box"] == pytest.approx(100 / 3)
    assert found["largest box"] == 50
    assert found["most central box"] == 30
    # Cats are asked for most often: the largest of them.
    assert found["most frequent name"] == 50
    assert found["likeliest place and size"] == 50


def test_what_is_learned_is_learned_on_other_images() -> None:
    """Each image's target has a name of its own, which no other image teaches."""
    samples = [sample(str(i), f"{i}.jpg") for i in range(10)]
    xyxy = np.array([SMALL, LARGE], dtype=float)
    asked = Asked.of(samples, {s.id: ImageBoxes(xyxy, (f"thing {s.id}", "cat")) for s in samples})
    # Nobody asked for a cat or for this thing: the largest of equally frequent names.
    assert values(asked)["most frequent name"] == 0
    assert values(asked_for([SMALL] * 10))["most frequent name"] == 100


def test_a_fixed_box_needs_no_boxes_but_those_of_other_targets() -> None:
    assert values(asked_for([CENTRE] * 10))["fixed box in the centre"] == 100
    assert values(asked_for([LARGE] * 10))["fixed box in the centre"] == 0


def test_levels_and_intervals() -> None:
    guess = next(g for g in blind_guesses(asked_for([LARGE, SMALL] * 10)) if g.name == "largest box")
    assert guess.levels == {1: 100, 2: 0}
    assert guess.interval is not None
    assert guess.interval.low < 50 < guess.interval.high
    assert guess.samples == 20


def test_without_names_and_without_other_images() -> None:
    assert "most frequent name" not in values(asked_for([LARGE] * 10, names=None))
    assert list(values(asked_for([LARGE]))) == ["any box", "largest box", "most central box"]
    assert values(asked_for([])) == {}


def test_boxes_of_targets_are_those_of_the_image() -> None:
    samples = [sample("1", "a"), sample("2", "a", LARGE), sample("3", "a"), sample("4", "b")]
    found = boxes_of_targets(samples)
    assert {id_: len(boxes.xyxy) for id_, boxes in found.boxes.items()} == {"1": 2, "2": 2, "3": 2, "4": 1}
    assert "too good" in found.said


def test_boxes_of_candidates(tmp_path: Path) -> None:
    row = Candidates(sample_id="1", status="proposed", boxes=(LARGE, LARGE, SMALL), scores=(0.9, 0.8, 0.7), kept=(0, 2))
    (tmp_path / "candidates.jsonl").write_text(f"{row.model_dump_json()}\n")
    found = boxes_of_candidates(tmp_path / "candidates.jsonl", [sample("1", "a"), sample("2", "a")])
    assert found.boxes["1"].xyxy.tolist() == [list(map(float, LARGE)), list(map(float, SMALL))]
    assert "2" not in found.boxes


def graph(*names: str) -> dict[str, Any]:
    objects = {str(i): {"name": name, "x": 1, "y": 2, "w": 3, "h": 4} for i, name in enumerate(names)}
    return {"width": 100, "height": 100, "objects": objects}


@pytest.fixture
def split(tmp_path: Path) -> Callable[..., Any]:
    """What of a data set is looked at, with scene graphs in its folder."""
    (tmp_path / "scene_graphs").mkdir()
    graphs = {"a": graph("cat", "dog"), "c": {"width": 1}, "other": graph("cow")}
    with gzip.open(tmp_path / "scene_graphs/test.json.gz", "wt") as file:
        json.dump(graphs, file)

    def make(name: str, *images: str) -> Any:
        samples = [sample(str(i), image) for i, image in enumerate(images)]
        return SimpleNamespace(samples=samples, root=tmp_path, split=name, config=SimpleNamespace(name="toy"))

    return make


def test_scene_graphs_in_the_folder_are_found(split: Callable[..., Any]) -> None:
    found = find_boxes(split("test", "images/a.jpg", "b.jpg", "c.jpg"))
    assert found.boxes["0"].names == ("cat", "dog")
    assert found.boxes["0"].xyxy.tolist() == [[1, 2, 4, 6]] * 2
    assert list(found.boxes) == ["0"]
    assert len(found.problems) == 1
    assert "test.json.gz" in found.said
    # Another split has none.
    assert "targets" in find_boxes(split("val", "a.jpg")).said


def test_scene_graphs_of_other_images_are_refused(split: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="no box for any positive of toy:test"):
        find_boxes(split("test", "x.jpg"))

"""Where a run's images are when its samples are looked at later."""

from __future__ import annotations

from pathlib import Path

import pytest

from finecops.errors import DataError
from finecops.runs.folder import images_of_run
from finecops.runs.manifest import DatasetEntry, ImagesEntry, Manifest


def manifest(name: str, images: ImagesEntry | None) -> Manifest:
    about = DatasetEntry(name=name, split="test", files=(), sha256="0", limit=0, samples=1)
    return Manifest(dataset=about, prompts_sha256="0", environment={}, images=images)


def test_places_in_their_order(tmp_path: Path) -> None:
    for folder in ("root/images", "place", "given"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.png").touch()
    entry = ImagesEntry(root=str(tmp_path / "root"), folders=("images",))
    elsewhere = entry.model_copy(update={"place": str(tmp_path / "place")})
    gone = ImagesEntry(root=str(tmp_path / "not here"), folders=("images",))
    cases = {
        "the dataset's folder": (entry, None, "root/images/a.png"),
        "the user's folder of that time": (elsewhere, None, "place/a.png"),
        "a folder that is named now": (elsewhere, "given", "given/a.png"),
        "the dataset's folder is gone": (gone, "given", "given/a.png"),
    }
    for name, (images, given, wanted) in cases.items():
        found = images_of_run(manifest("toy", images), tmp_path / given if given else None)
        assert found is not None, name
        assert found.path_of("images/a.png") == tmp_path / wanted, name


def test_a_dataset_that_is_not_here_has_no_images() -> None:
    assert images_of_run(manifest("nowhere", None)) is None
    # An older run on a dataset that finecops has.
    assert images_of_run(manifest("finecops-mini", None)) is not None


def test_a_place_that_is_neither_folder_nor_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        images_of_run(manifest("toy", None), tmp_path / "x")

"""Images that the user keeps elsewhere: in a folder or a zip file, named once and remembered."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from finecops.archives.zip_images import is_zipped
from finecops.config.dataset_schema import DatasetConfig
from finecops.config.image_places import remember_place, remembered_place
from finecops.datasets.check import check_split
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.image_place import image_place, place_key
from finecops.errors import ConfigError, DataError
from finecops.images import read_image
from tests.cli.invoke import run
from tests.conftest import coco_file


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def config(tmp_path: Path) -> DatasetConfig:
    """Three positives and a negative image, which is below the dataset's root."""
    root = tmp_path / "toy"
    names = ("1.png", "2.png", "3.png", "neg_1.png")
    coco_file(root / "test.json", [{"file_name": name} for name in names])
    (root / "negative_images").mkdir()
    Image.new("RGB", (100, 80), "red").save(root / "negative_images" / "neg_1.png")
    return DatasetConfig(
        name="toy",
        root=root,
        image_folders=("images", "negative_images"),
        splits={"test": ("test.json",)},
        preset="mini",
        get="-",
    )


def folder_of_images(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        Image.new("RGB", (100, 80), (number, 0, 0)).save(folder / f"{number}.png")
    return folder


def zip_of_images(path: Path) -> Path:
    images = folder_of_images(path.parent / "packed")
    with zipfile.ZipFile(path, "w") as archive:
        for image in images.iterdir():
            archive.write(image, f"images/{image.name}")
    return path


def colours(dataset: Dataset) -> list[tuple[int, ...]]:
    return [read_image(dataset.image_path(sample)).getpixel((0, 0)) for sample in dataset.samples]  # type: ignore[misc]


ALL = [(1, 0, 0), (2, 0, 0), (3, 0, 0), (255, 0, 0)]


@pytest.mark.parametrize("inner", ["gqa", "gqa/images"])
def test_a_folder_is_found_and_remembered(tmp_path: Path, config: DatasetConfig, inner: str) -> None:
    # Given is the folder of the images, or the one that holds it as the dataset calls it.
    folder_of_images(tmp_path / inner)
    assert colours(load_dataset_split(config, images=tmp_path / "gqa")) == ALL
    assert remembered_place(place_key(config)) == tmp_path / "gqa"
    assert colours(load_dataset_split(config)) == ALL


def test_all_of_a_dataset_may_be_elsewhere(tmp_path: Path, config: DatasetConfig) -> None:
    folder_of_images(tmp_path / "all" / "images")
    (config.root / "negative_images").rename(tmp_path / "all" / "negative_images")
    assert colours(load_dataset_split(config, images=tmp_path / "all")) == ALL


@pytest.mark.parametrize("where", ["elsewhere.zip", "toy/images.zip"])
def test_a_zip_file_is_read_without_unpacking_it(tmp_path: Path, config: DatasetConfig, where: str) -> None:
    path = zip_of_images(tmp_path / where)
    dataset = load_dataset_split(config, images=path if where == "elsewhere.zip" else None)
    assert [is_zipped(dataset.image_path(s)) for s in dataset.samples] == [True, True, True, False]
    assert not list((tmp_path / "home").rglob("*.png"))
    read_image(dataset.image_path(dataset.samples[1]))
    assert [p.name for p in (tmp_path / "home").rglob("*.png")] == ["2.png"]
    assert colours(dataset) == ALL
    assert check_split(config, "test").problems == []


def test_what_is_not_there_is_named_where_the_user_looks(tmp_path: Path, config: DatasetConfig) -> None:
    folder = folder_of_images(tmp_path / "gqa")
    (folder / "2.png").unlink()
    Image.new("RGB", (50, 40)).save(folder / "3.png")
    problems = [str(p) for p in check_split(config, "test", place=folder).problems]
    assert problems == [
        f"{folder}/2.png: entry 2: the image is missing",
        f"{folder}/3.png: entry 3: the image is 50x40, its entry says 100x80",
    ]


def test_a_damaged_member_is_a_problem_of_its_entry(tmp_path: Path, config: DatasetConfig) -> None:
    path = zip_of_images(tmp_path / "gqa.zip")
    content = path.read_bytes()
    at = content.index(b"images/2.png") + 40
    path.write_bytes(content[:at] + b"????" + content[at + 4 :])
    (problem,) = check_split(config, "test", place=path).problems
    assert problem.entry == "2"
    assert f"'images/2.png' in {path} is damaged" in problem.message


def test_a_remembered_place_comes_after_the_datasets_own_folders(tmp_path: Path, config: DatasetConfig) -> None:
    # Another copy of the dataset, with other pictures under the same names, was named once.
    load_dataset_split(config, images=folder_of_images(tmp_path / "gqa"))
    (config.root / "images").mkdir()
    Image.new("RGB", (100, 80), (9, 0, 0)).save(config.root / "images" / "2.png")
    assert colours(load_dataset_split(config)) == [ALL[0], (9, 0, 0), *ALL[2:]]
    # Named for this run it comes first.
    assert colours(load_dataset_split(config, images=tmp_path / "gqa")) == ALL


def test_a_remembered_place_that_is_gone_is_said(
    tmp_path: Path, config: DatasetConfig, caplog: pytest.LogCaptureFixture
) -> None:
    folder = folder_of_images(tmp_path / "gqa")
    load_dataset_split(config, images=folder)
    folder.rename(config.root / "images")
    # The images are in the dataset's own folder now: all is well, and the line says what is not.
    assert colours(load_dataset_split(config)) == ALL
    assert f"the images of toy were in {folder}, which is not there now" in caplog.text


def test_places_of_several_datasets_are_kept_apart(tmp_path: Path, own_home: Path) -> None:
    remember_place("a", tmp_path)
    remember_place("b", tmp_path / "x.zip")
    remember_place("a", tmp_path / "y")
    assert json.loads((own_home / "images.json").read_text()) == {"a": f"{tmp_path}/y", "b": f"{tmp_path}/x.zip"}
    remember_place("a", None)
    assert remembered_place("a") is None
    assert remembered_place("b") == tmp_path / "x.zip"


@pytest.mark.parametrize("content", ["{", "[]", '{"toy": 3}', '{"toy": "a\\u0000b"}', '{"toy": "a", "toy": "b"}'])
def test_a_broken_memory_is_said(own_home: Path, content: str) -> None:
    own_home.mkdir()
    (own_home / "images.json").write_text(content)
    with pytest.raises(ConfigError, match=r"images\.json .*Delete it"):
        remembered_place("toy")


def test_a_home_that_cannot_be_written_stops_nothing(
    tmp_path: Path, config: DatasetConfig, own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_home.write_text("a file where the folder would be")
    assert colours(load_dataset_split(config, images=folder_of_images(tmp_path / "gqa"))) == ALL
    assert "--images is not remembered" in caplog.text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist; a folder of images or a zip file is meant"),
        (lambda path: path.write_bytes(b"GIF89a"), "is not a zip file, or is incomplete"),
        (lambda path: path.symlink_to("/dev/null"), "neither a folder nor a zip file"),
    ],
)
def test_a_wrong_place_is_refused_and_not_remembered(
    tmp_path: Path, config: DatasetConfig, make: object, message: str
) -> None:
    make(tmp_path / "gqa")  # type: ignore[operator]
    with pytest.raises(DataError, match=message):
        image_place(config, tmp_path / "gqa")
    assert remembered_place("toy") is None


def test_a_place_without_any_of_the_images_is_refused_and_not_remembered(
    tmp_path: Path, config: DatasetConfig, own_home: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="none of the first 4 images of toy is there"):
        load_dataset_split(config, images=tmp_path / "empty")
    assert not own_home.exists()


def test_datasets_of_one_name_in_two_folders_have_places_of_their_own(tmp_path: Path, config: DatasetConfig) -> None:
    load_dataset_split(config, images=folder_of_images(tmp_path / "gqa"))
    other = config.model_copy(update={"root": tmp_path / "other"})
    assert place_key(other) != place_key(config)
    assert image_place(other) is None


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, config: DatasetConfig) -> None:
    folder = folder_of_images(tmp_path / "gqa")
    (folder / "1.png").unlink()
    (folder / "1.png").symlink_to("/etc/passwd")
    dataset = load_dataset_split(config, images=folder)
    with pytest.raises(DataError, match="a link that leads out of"):
        dataset.image_path(dataset.samples[0])


def test_the_commands_take_remember_and_list_the_place(tmp_path: Path) -> None:
    folder = Path("data/finecops-mini/images").absolute()
    assert run("data", "check", "--split", "val", "--images", str(folder))[0] == 0
    assert f"images: {folder}" in run("data", "list")[1]
    code, output = run("data", "check", "--images", str(folder), "--no-images")
    assert (code, "give one of them" in output) == (2, True)

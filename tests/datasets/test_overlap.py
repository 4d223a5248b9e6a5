"""What two datasets share: images under other names, other sizes and other compression; expressions; samples."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops.archives.zip_images import ZipImages
from finecops.datasets import image_hashes
from finecops.datasets.image_hashes import distances, hash_images, nearest, picture_hash
from finecops.datasets.overlap import Overlap, image_key, overlap_of, read_coco_of, read_side
from finecops.errors import DataError
from finecops.report.overlap import overlap_document
from finecops.report.writers import WRITERS
from tests.cli.invoke import run
from tests.conftest import coco_file


@pytest.mark.parametrize(
    ("image", "key"),
    [
        ("COCO_train2014_000000000009.jpg", "coco 9"),
        ("train2014/COCO_val2014_000000000009.jpg", "coco 9"),
        ("000000000009.jpg", "coco 9"),
        ("COCO_train2014_000000380440_491042.jpg", "coco 380440"),
        ("2370799.jpg", "2370799"),
        ("images/2370799.png", "2370799"),
        ("neg_2370799.jpg", "neg_2370799"),
        ("n161313.jpg", "n161313"),
        ("00000000009.jpg", "00000000009"),
        ("61512.jpg", "coco 9"),
    ],
)
def test_an_image_has_one_key_whatever_it_is_called(image: str, key: str) -> None:
    assert image_key(image, {"61512": "9"}) == key


def test_the_map_of_visual_genome(tmp_path: Path) -> None:
    path = tmp_path / "image_data.json"
    entry = {"width": 800, "height": 600, "url": "https://x/1.jpg", "flickr_id": None}
    path.write_text(json.dumps([{"image_id": 1, "coco_id": None, **entry}, {"id": 61512, "coco_id": 9, **entry}]))
    assert read_coco_of(path) == {"61512": "9"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ('{"images": []}', "a list is meant"),
        ('[{"image_id": 1}]', "entry 1 has no image_id or no coco_id"),
        ('[{"image_id": 1, "coco_id": 1}, 5]', "entry 2 has no image_id"),
        ('[{"image_id": 1, "coco_id": 1.5}]', "coco_id is 1.5; a whole number is meant"),
        ('[{"image_id": 1, "image_id": 2, "coco_id": 1}]', "stands twice"),
    ],
)
def test_another_file_is_no_map(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "image_data.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_coco_of(path)


def picture(seed: int, side: int = 160) -> Image.Image:
    """A picture of large shapes, another one for each seed."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )


def test_copies_look_the_same_and_other_pictures_do_not(tmp_path: Path) -> None:
    hashes = []
    for seed in range(20):
        full = picture(seed)
        full.save(tmp_path / "a.png")
        full.save(tmp_path / "b.jpg", quality=60)
        full.resize((100, 70)).save(tmp_path / "c.png")
        # Pillow decodes a large JPEG to a part of its size.
        full.resize((1600, 1600), Image.Resampling.BICUBIC).save(tmp_path / "d.jpg")
        found = [picture_hash(tmp_path / name) for name in ("a.png", "b.jpg", "c.png", "d.jpg")]
        original, *copies = np.array(found, dtype=np.uint64)
        assert max(int(distances(np.array([original]), np.array([copy]))[0]) for copy in copies) <= 4
        hashes.append(original)
    mirrored = tmp_path / "mirrored.png"
    picture(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored)
    others = np.array([*hashes[1:], picture_hash(mirrored)], dtype=np.uint64)
    assert nearest(np.array(hashes[:1]), others)[0][0] > 8


def test_a_picture_of_one_colour_has_no_hash(tmp_path: Path) -> None:
    Image.new("RGB", (50, 40), "red").save(tmp_path / "red.png")
    assert picture_hash(tmp_path / "red.png") is None


@pytest.mark.parametrize("at_once", [1, 7, 1 << 22])
def test_the_nearest_of_all_pairs(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(image_hashes, "_PAIRS_AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 2**63, n, dtype=np.uint64) for n in (30, 20))
    b[7] = a[3] ^ np.uint64(0b101)
    found, which = nearest(a, b)
    by_hand = [[(int(x) ^ int(y)).bit_count() for y in b] for x in a]
    assert found.tolist() == [min(row) for row in by_hand]
    assert which.tolist() == [row.index(min(row)) for row in by_hand]
    assert (found[3], which[3]) == (2, 7)
    assert nearest(a[:2], b[:0])[0].tolist() == [65, 65]


def test_bits_are_counted_without_numpys_function(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = (np.random.default_rng(i).integers(0, 2**63, 50, dtype=np.uint64) for i in range(2))
    expected = distances(a, b).tolist()
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert distances(a, b).tolist() == expected


def test_hashes_are_kept_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {name: tmp_path / name for name in ("a.png", "flat.png", "broken.png", "missing.png")}
    picture(1).save(paths["a.png"])
    Image.new("RGB", (9, 9)).save(paths["flat.png"])
    paths["broken.png"].write_bytes(b"no picture")
    cache = tmp_path / "hashes" / "c.json"
    first = hash_images(paths, cache, "toy")
    assert (first.images, first.flat, first.missing, list(first.broken)) == (
        *(["a.png"], ["flat.png"], ["missing.png"], ["broken.png"]),
    )
    asked: list[str] = []
    real = image_hashes.picture_hash
    monkeypatch.setattr(image_hashes, "picture_hash", lambda path: asked.append(path.name) or real(path))
    assert hash_images(paths, cache, "toy").hashes.tolist() == first.hashes.tolist()
    assert asked == ["broken.png"]
    picture(2).save(paths["a.png"])
    assert hash_images(paths, cache, "toy").hashes.tolist() != first.hashes.tolist()
    assert sorted(asked) == ["a.png", "broken.png", "broken.png"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"version": 0, "images": {}}', '{"version": 1, "images": {"a.png": ["1", "no number"]}}', "5"],
)
def test_a_broken_cache_is_made_again(tmp_path: Path, content: str) -> None:
    picture(1).save(tmp_path / "a.png")
    cache = tmp_path / "c.json"
    cache.write_text(content)
    found = hash_images({"a.png": tmp_path / "a.png"}, cache, "toy")
    assert json.loads(cache.read_text())["images"]["a.png"][1] == f"{int(found.hashes[0]):016x}"


def test_what_was_hashed_is_kept_when_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {f"{i}.png": tmp_path / f"{i}.png" for i in range(3)}
    for i, path in enumerate(paths.values()):
        picture(i).save(path)
    real = image_hashes.picture_hash

    def stopped(path: Path) -> int | None:
        if path.name == "2.png":
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(image_hashes, "picture_hash", stopped)
    with pytest.raises(KeyboardInterrupt):
        hash_images(paths, tmp_path / "c.json", "toy")
    assert sorted(json.loads((tmp_path / "c.json").read_text())["images"]) == ["0.png", "1.png"]


TRAIN: list[dict[str, Any]] = [
    {"file_name": "COCO_train2014_000000000009.jpg", "caption": "The red car."},
    {"file_name": "COCO_train2014_000000000009.jpg", "caption": "the blue car"},
    {"file_name": "COCO_train2014_000000000025.jpg", "caption": "a dog"},
    {"file_name": "COCO_train2014_000000000030.jpg", "caption": "a tree, left"},
    {"file_name": "gone.jpg", "caption": "a hat"},
]
TEST: list[dict[str, Any]] = [
    {"file_name": "000000000009.jpg", "caption": "the RED car"},
    {"file_name": "000000000009.jpg", "caption": "a wheel"},
    {"file_name": "61512.jpg", "caption": "A dog!"},
    {"file_name": "other_name.jpg", "caption": "a tree left"},
    {"file_name": "new.jpg", "caption": "the blue car"},
    {"file_name": "new.jpg", "level": 9},
]


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """A training set and a test set that share three pictures: by COCO's names, by a map, by looks alone."""
    pictures = {
        "train": {"COCO_train2014_000000000009": 0, "COCO_train2014_000000000025": 1, "COCO_train2014_000000000030": 2},
        "test": {"000000000009": 0, "61512": 1, "other_name": 2, "new": 3},
    }
    for (name, seeds), entries in zip(pictures.items(), (TRAIN, TEST), strict=True):
        (tmp_path / name / "images").mkdir(parents=True)
        for stem, seed in seeds.items():
            picture(seed, 160 if name == "train" else 120).save(tmp_path / name / "images" / f"{stem}.jpg")
        named = [{"id": i, "image_id": i, **entry} for i, entry in enumerate(entries, start=1)]
        coco_file(tmp_path / name / "set.json", named)
    (tmp_path / "image_data.json").write_text(json.dumps([{"image_id": 61512, "coco_id": 25}]))
    return {name: str(tmp_path / name / "set.json") for name in pictures} | {"map": str(tmp_path / "image_data.json")}


def shares_of(found: Overlap) -> dict[str, tuple[int, int, int, int]]:
    return {share.what: (share.a, share.a_in_b, share.b, share.b_in_a) for share in found.shares}


def test_a_test_set_in_the_training_data_is_found(folders: dict[str, str]) -> None:
    coco_of = read_coco_of(Path(folders["map"]))
    found = overlap_of(read_side(folders["train"], coco_of), read_side(folders["test"], coco_of))
    assert shares_of(found) == {
        "images by id": (4, 2, 4, 2),
        "images by looks": (3, 3, 4, 3),
        "images by id or looks": (4, 3, 4, 3),
        "different expressions": (5, 4, 5, 4),
        "samples on shared images": (5, 4, 5, 4),
        "samples with their expression": (5, 3, 5, 3),
    }
    assert found.samples == (("1", "1"), ("3", "3"), ("4", "4"))
    assert [(Path(pair.a).stem[-2:], Path(pair.b).stem, pair.by) for pair in found.images] == [
        ("09", "000000000009", "id"),
        ("25", "61512", "id"),
        ("09", "000000000009", "looks"),
        ("25", "61512", "looks"),
        ("30", "other_name", "looks"),
    ]
    assert all(pair.distance is not None and pair.distance <= 4 for pair in found.images)
    assert any("1 of 4 image files are missing; the first: images/gone.jpg" in note for note in found.notes)
    assert any("1 entries were left out" in note for note in found.notes)


def test_without_pictures_and_map_only_names_and_words_are_compared(folders: dict[str, str]) -> None:
    found = overlap_of(read_side(folders["train"]), read_side(folders["test"]), pictures=False)
    shares = shares_of(found)
    assert shares["images by id"] == (4, 1, 4, 1)
    assert shares["samples with their expression"] == (5, 1, 5, 1)
    assert "images by looks" not in shares


def test_other_pictures_under_one_name_are_noticed(folders: dict[str, str]) -> None:
    picture(7).save(Path(folders["test"]).parent / "images" / "000000000009.jpg")
    found = overlap_of(read_side(folders["train"]), read_side(folders["test"]))
    assert any(note.startswith("1 images with the same id look different") for note in found.notes)


def test_nothing_shared(folders: dict[str, str]) -> None:
    found = overlap_of(read_side(folders["test"]), read_side("finecops-mini:val"), pictures=False)
    assert "No sample of B is on an image of A" in WRITERS["text"](overlap_document(found, listed=True))


def test_a_side_that_has_no_image_here_is_compared_by_names(folders: dict[str, str], tmp_path: Path) -> None:
    alone = coco_file(tmp_path / "alone" / "set.json", [{"file_name": "000000000025.jpg", "caption": "a dog"}])
    found = overlap_of(read_side(folders["train"]), read_side(str(alone)))
    assert shares_of(found)["images by looks"] == (3, 0, 0, 0)
    assert shares_of(found)["images by id or looks"] == (4, 1, 1, 1)
    assert any("1 of 1 image files are missing" in note for note in found.notes)


def test_the_command(folders: dict[str, str], tmp_path: Path) -> None:
    sides = ("data", "overlap", folders["train"], folders["test"])
    cache = ("--cache", str(tmp_path / "cache.json"))
    code, text = run(*sides, "--coco-vg", folders["map"], *cache)
    assert (code, (tmp_path / "cache.json").is_file()) == (0, True)
    assert "Of B's 5 samples, 4 are on an image of A, 3 of them with the same expression." in text
    assert "other_name" not in text
    assert "other_name" in run(*sides, "--list", *cache)[1]
    data = json.loads(run(*sides, "--list", "--json", *cache)[1])
    assert data["shares"][0] == {"what": "images by id", "a": 4, "a_in_b": 1, "b": 4, "b_in_a": 1}
    assert data["samples"] == [["1", "1"], ["3", "3"], ["4", "4"]]
    assert run(*sides, "--no-images", "--distance", "3")[0] == 2
    assert run(*sides, "--coco-vg", str(tmp_path / "nowhere.json"))[0] == 1


@pytest.mark.parametrize("writer", WRITERS)
def test_every_output_has_the_shares(folders: dict[str, str], writer: str) -> None:
    found = overlap_of(read_side(folders["train"]), read_side(folders["test"]), pictures=False)
    text = WRITERS[writer](overlap_document(found, listed=True))
    assert "different expressions" in text
    assert "000000000009" in text.replace("\\_", "_")


def test_images_in_a_zip_file_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    picture = Image.effect_noise((64, 64), 80).convert("RGB")
    picture.save(tmp_path / "1.png")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "1.png", "images/1.png")
    found = hash_images({"1": ZipImages(tmp_path / "x.zip").image_path("images/1.png")}, None, "x")  # type: ignore[dict-item]
    assert not found.missing

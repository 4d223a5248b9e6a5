"""Masks, and the promise that no pixel outside of one changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from finecops.construction.edits.crop import crop_around
from finecops.construction.edits.mask import MaskOptions, grown_box, mask_image, mask_of, paste_back
from finecops.errors import DataError
from finecops.images import read_image
from finecops.records import Xyxy

HARD = MaskOptions(grow=0, min_grow=0, feather=0)


def noise(wh: tuple[int, int], seed: int = 0, grey: bool = False) -> Image.Image:
    rng = np.random.default_rng(seed)
    shape = (wh[1], wh[0], 1 if grey else 3)
    return Image.fromarray(np.broadcast_to(rng.integers(0, 256, shape, dtype=np.uint8), (wh[1], wh[0], 3)).copy())


def covered(xyxy: Xyxy, wh: tuple[int, int], options: MaskOptions) -> NDArray[np.float64]:
    """How much of each pixel of the image a mask covers."""
    mask, found = mask_of(xyxy, wh, options), np.zeros(wh[::-1])
    left, top, right, bottom = mask.box
    found[top:bottom, left:right] = mask.opacity
    return found


@pytest.mark.parametrize(
    ("xyxy", "options", "expected"),
    [
        ((10, 10, 30, 20), HARD, (10, 10, 30, 20)),
        ((10.2, 10.9, 29.1, 19.5), HARD, (10, 10, 30, 20)),  # Whole pixels that hold the box.
        ((10, 10, 30, 20), MaskOptions(grow=0.1, min_grow=0), (8, 8, 32, 22)),  # Of the longer side.
        ((10, 10, 30, 20), MaskOptions(grow=0, min_grow=3), (7, 7, 33, 23)),
        ((1, 2, 99, 49), MaskOptions(grow=0, min_grow=4), (0, 0, 100, 50)),  # It ends at the border.
        ((-5, -5, 10, 10), HARD, (0, 0, 10, 10)),  # One row in two thousand of the release reaches out.
    ],
)
def test_the_box_of_a_mask(xyxy, options, expected) -> None:  # type: ignore[no-untyped-def]
    assert grown_box(xyxy, (100, 50), options) == expected


@pytest.mark.parametrize("xyxy", [(100, 0, 120, 10), (0, -9, 10, 0), (5, 5, 5, 9), (9, 9, 5, 12)])
def test_a_box_without_a_pixel_is_an_error(xyxy: tuple[float, float, float, float]) -> None:
    with pytest.raises(DataError, match="is not in the image of 100x50 pixels"):
        grown_box(xyxy, (100, 50), HARD)


def test_a_feathered_mask_fades_inside_its_edge_and_leaves_the_box_whole() -> None:
    shares = covered((20, 20, 40, 30), (100, 50), MaskOptions(grow=0, min_grow=3, feather=3))
    assert shares.shape == (50, 100)
    assert (shares[20:30, 20:40] == 1).all()
    assert shares[25, 16:21].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert shares[25, 39:44].tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert (shares > 0).sum() == 26 * 16


def test_the_feather_never_eats_the_box() -> None:
    shares = covered((20, 20, 40, 30), (100, 50), MaskOptions(grow=0, min_grow=0, feather=9))
    assert set(np.unique(shares)) == {0, 1}


def test_a_mask_does_not_fade_into_the_border() -> None:
    shares = covered((0, 0, 20, 50), (100, 50), MaskOptions(grow=0, min_grow=3, feather=3))
    assert (shares[:, :20] == 1).all()
    assert shares[0, 20:24].tolist() == [0.75, 0.5, 0.25, 0]


def test_an_ellipse_stays_inside_its_rectangle() -> None:
    whole = covered((20, 20, 40, 30), (100, 50), HARD)
    oval = covered((20, 20, 40, 30), (100, 50), MaskOptions(grow=0, min_grow=0, feather=0, shape="ellipse"))
    assert (oval <= whole).all()
    assert oval[25, 30] == 1
    assert oval[20, 20] == 0


@pytest.mark.parametrize("wh", [(64, 48), (101, 75), (33, 17)])  # Multiples of 8, and not.
@pytest.mark.parametrize("place", ["middle", "corner", "whole width"])
@pytest.mark.parametrize("shape", ["rectangle", "ellipse"])
def test_no_pixel_outside_of_the_mask_changes(wh: tuple[int, int], place: str, shape: str) -> None:
    w, h = wh
    xyxy = {"middle": (w / 3, h / 3, w / 2, h / 2), "corner": (0, 0, 9, 8), "whole width": (0, 4, w, 9)}[place]
    options = MaskOptions(shape=shape)  # type: ignore[arg-type]
    image, other = noise(wh), noise(wh, 1)
    found = np.asarray(paste_back(image, other, mask_of(xyxy, wh, options)))
    left, top, right, bottom = grown_box(xyxy, wh, options)
    outside = np.ones((h, w), dtype=bool)
    outside[top:bottom, left:right] = False
    assert (found[outside] == np.asarray(image)[outside]).all()
    assert (found != np.asarray(image)).any()


def test_a_grey_photograph_stays_grey() -> None:
    image = noise((40, 30), grey=True)
    found = np.asarray(paste_back(image, noise((40, 30), 1), mask_of((5, 5, 20, 20), (40, 30), HARD)))
    assert (found[..., 0] == found[..., 1]).all()
    assert (found[..., 1] == found[..., 2]).all()
    assert (found != np.asarray(image)).any()


@pytest.mark.parametrize("kind", ["L", "RGBA", "EXIF", "P"])
def test_pixels_stay_as_finecops_reads_the_file(tmp_path: Path, kind: str) -> None:
    """Grey, transparent, rotated and indexed files: what counts is the picture that models get."""
    raw, path = noise((40, 30)), tmp_path / "photo.png"
    if kind == "EXIF":
        exif = Image.Exif()
        exif[0x0112] = 6
        raw.save(path, exif=exif)
    else:
        image = raw.convert(kind)
        if kind == "RGBA":
            image.putalpha(Image.linear_gradient("L").resize((40, 30)))
        image.save(path)
    read = read_image(path)
    assert read.size == ((30, 40) if kind == "EXIF" else (40, 30))
    found = paste_back(read, noise(read.size, 1), mask_of((5, 5, 20, 20), read.size, HARD))
    found.save(tmp_path / "edited.png")
    again, before = np.asarray(read_image(tmp_path / "edited.png")).copy(), np.asarray(read).copy()
    assert (again[5:20, 5:20] != before[5:20, 5:20]).any()
    again[5:20, 5:20] = before[5:20, 5:20] = 0
    assert (again == before).all()


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(DataError, match="returned 8x8 pixels for 40x30"):
        paste_back(noise((40, 30)), noise((8, 8)), mask_of((5, 5, 20, 20), (40, 30), HARD))


@pytest.mark.parametrize(
    ("mask", "context", "region"),
    [
        ((40, 40, 60, 50), 1.0, (20, 15, 80, 75)),  # 3 x 20 wide and high, around the middle.
        ((0, 0, 20, 10), 1.0, (0, 0, 60, 60)),  # At the border: moved, not cut.
        ((80, 90, 100, 100), 1.0, (40, 40, 100, 100)),
        ((10, 10, 90, 20), 1.0, (0, 0, 100, 100)),  # Not more than there is.
        ((40, 40, 60, 50), 0.0, (40, 35, 60, 55)),
        ((40, 40, 60, 50), None, (0, 0, 100, 100)),
    ],
)
def test_the_part_that_an_editor_sees(mask, context, region) -> None:  # type: ignore[no-untyped-def]
    crop = crop_around(mask, (100, 100), context, 64, 16)
    assert crop.region == region
    assert crop.wh == (64, 64)


def test_the_part_keeps_its_shape_and_gets_the_sides_of_the_editor() -> None:
    crop = crop_around((10, 10, 30, 20), (500, 375), None, 512, 8)
    assert crop.wh == (592, 440)
    assert crop_around((0, 0, 400, 2), (4000, 3), None, 16, 16).wh == (592, 16)


def test_what_the_editor_sees_and_where_it_comes_back() -> None:
    image = noise((100, 60))
    crop = crop_around((40, 20, 60, 40), (100, 60), 0.5, 40, 8)
    part, area = crop.shown(image, (40, 20, 60, 40))
    assert part.size == area.size == (40, 40)
    assert np.asarray(area)[10:30, 10:30].min() == 255
    assert np.asarray(area).sum() == 20 * 20 * 255
    white = crop.put_back(image, Image.new("RGB", (40, 40), "white"))
    assert np.asarray(white)[10:50, 30:70].min() == 255
    assert (np.asarray(white)[:, :30] == np.asarray(image)[:, :30]).all()


def test_a_hidden_object_cannot_be_seen() -> None:
    image = Image.new("RGB", (100, 60), (10, 20, 30))
    image.paste((255, 0, 0), (40, 20, 60, 40))
    part, _ = crop_around((40, 20, 60, 40), (100, 60), 0.5, 40, 8).shown(image, (40, 20, 60, 40), hide=True)
    assert part.getcolors() == [(1600, (10, 20, 30))]
    whole, _ = crop_around((0, 0, 100, 60), (100, 60), None, 40, 8).shown(image, (0, 0, 100, 60), hide=True)
    assert len(whole.getcolors() or ()) == 1


def test_the_mask_of_a_pipeline_is_white_where_it_repaints() -> None:
    mask = mask_image((2, 1, 4, 3), (6, 4))
    assert mask.mode == "L"
    assert np.argwhere(np.asarray(mask) == 255).tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]

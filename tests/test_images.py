"""Image files in every mode, and files that are broken, too large or hostile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from finecops import images
from finecops.errors import DataError
from finecops.images import MAX_PIXELS, read_image, read_picture
from finecops.runs.ahead import decoded_ahead
from finecops.runs.batches import make_batches
from finecops.runs.specification import ImageGroup
from finecops.stages.mllm import MllmStage
from finecops.stages.specialist import SpecialistStage
from tests.conftest import make_sample


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.linspace(0, 65535, 40 * 20).reshape(20, 40).astype(np.uint16))


def see_through() -> Image.Image:
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 20, 20))
    return image


@pytest.mark.parametrize(
    ("name", "make", "left", "right", "sent_as_it_is"),
    [
        ("plain.png", lambda: Image.new("RGB", (40, 20), "red"), (255, 0, 0), (255, 0, 0), True),
        ("grey.png", lambda: Image.new("L", (40, 20), 128), (128,) * 3, (128,) * 3, True),
        ("cmyk.jpg", lambda: Image.new("CMYK", (40, 20), (0, 0, 0, 0)), (255,) * 3, (255,) * 3, False),
        ("sixteen.png", sixteen_bits, (0,) * 3, None, False),
        ("through.png", see_through, (255, 0, 0), (255,) * 3, False),
        ("palette.gif", lambda: Image.new("P", (40, 20)), None, None, False),
        ("bits.png", lambda: Image.new("1", (40, 20), 1), (255,) * 3, (255,) * 3, False),
    ],
)
def test_every_mode_is_read_as_rgb(
    tmp_path: Path, name: str, make: Callable[[], Image.Image], left: Any, right: Any, sent_as_it_is: bool
) -> None:
    make().save(tmp_path / name)
    picture = read_picture(tmp_path / name)
    image = picture.pixels
    assert (image.mode, image.size) == ("RGB", (40, 20))
    assert left is None or image.getpixel((0, 0)) == pytest.approx(left, abs=2)
    assert right is None or image.getpixel((39, 0)) == pytest.approx(right, abs=2)
    assert (picture.original is not None) == sent_as_it_is


@pytest.mark.parametrize(("mode", "colours"), [("RGBA", 4), ("LA", 2)])
def test_strips_on_white_are_the_whole_on_white(tmp_path: Path, mode: str, colours: int) -> None:
    content = np.random.default_rng(0).integers(0, 256, (600, 30, colours), dtype=np.uint8)
    made = Image.fromarray(content, mode)
    made.save(tmp_path / "a.png")
    whole = Image.alpha_composite(Image.new("RGBA", made.size, "white"), made.convert("RGBA")).convert("RGB")
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / "a.png")), np.asarray(whole))


def test_sixteen_bits_keep_their_shades(tmp_path: Path) -> None:
    sixteen_bits().save(tmp_path / "a.png")
    shades = np.asarray(read_image(tmp_path / "a.png"))[:, :, 0]
    assert len(np.unique(shades)) > 200
    assert shades[10, 0] == pytest.approx(128, abs=4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.png", None, "is missing"),
        ("text.png", b"not an image", "cannot be read"),
        ("empty.png", b"", "cannot be read"),
        ("cut.png", "cut", "cannot be read"),
        ("float.tiff", "float", "floating-point"),
        ("huge.png", "huge", "the limit is"),
    ],
)
def test_an_unreadable_file_is_an_error_with_its_reason(tmp_path: Path, name: str, content: Any, message: str) -> None:
    path = tmp_path / name
    if content == "cut":
        Image.effect_noise((200, 200), 50).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif content == "float":
        Image.new("F", (4, 4)).save(path)
    elif content == "huge":
        # The size is refused from the header; the pixels are never decoded.
        Image.new("1", (20_000, MAX_PIXELS // 20_000 + 1)).save(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_image(path)


@pytest.mark.parametrize("size", [(1, 60), (60, 1), (1, 1), (3000, 20)])
def test_boxes_stay_inside_images_of_extreme_shapes(
    tmp_path: Path, size: tuple[int, int], mini_specialist: Any, mini_mllm: Any
) -> None:
    path = tmp_path / "odd.png"
    Image.new("RGB", size, "grey").save(path)
    group = ImageGroup(path, (make_sample("a", width=size[0], height=size[1], expression="the red car"),))
    for stage in (
        SpecialistStage(mini_specialist, mini_specialist.config, None),
        MllmStage(mini_mllm, mini_mllm.config, None, "mean_prob"),
    ):
        try:
            (row,) = stage([group])
        except ValueError as error:
            if "aspect ratio" not in str(error):
                raise
            continue  # the runner turns this error into a failed row
        for x1, y1, x2, y2 in row.boxes:
            assert 0 <= x1 <= x2 <= size[0]
            assert 0 <= y1 <= y2 <= size[1]


@pytest.mark.parametrize("content", [None, b"not an image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_missing_or_broken_image_is_an_error_with_its_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.png"):
        read_image(path)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").size == (20, 40)


def test_of_images_beyond_the_cache_the_last_ones_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that several stages work on is decoded once, and a model knows its images again as the same objects."""
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path in paths:
        Image.new("RGB", (10, 10)).save(path)
    for name, value in (("_cache", {}), ("_recent", {}), ("_recent_bytes", 0), ("CACHE_BYTES", 0)):
        monkeypatch.setattr(images, name, value)
    monkeypatch.setattr(images, "RECENT_BYTES", 2 * 300)
    first, second, third = (read_image(path) for path in paths)
    assert read_image(paths[2]) is third
    assert read_image(paths[1]) is second
    assert read_image(paths[0]) is not first


def test_images_that_fit_into_the_cache_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path in paths:
        Image.new("RGB", (10, 10)).save(path)
    decoded: list[Path] = []
    decode = images._decode
    monkeypatch.setattr(images, "_decode", lambda path: (decoded.append(path), decode(path))[1])
    monkeypatch.setattr(images, "_cache", {})
    monkeypatch.setattr(images, "_cached_bytes", 0)
    monkeypatch.setattr(images, "CACHE_BYTES", 2 * 300)
    monkeypatch.setattr(images, "RECENT_BYTES", 0)
    for _ in range(2):
        for path in paths:
            read_image(path)
    assert decoded == [*paths, paths[2]]
    Image.new("RGB", (10, 10), "red").save(paths[0])
    assert read_image(paths[0]).getpixel((0, 0)) == (255, 0, 0)  # a changed file is read again


def test_images_are_decoded_ahead_of_their_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [make_sample(str(i), image=f"{i}.png") for i in range(6)]
    for sample in samples[:5]:
        Image.new("RGB", (10, 10)).save(tmp_path / sample.image)
    (tmp_path / "3.png").write_bytes(b"no picture")
    monkeypatch.setattr(images, "_cache", {})
    decoded: list[tuple[str, str]] = []
    decode = images._decode

    def noted(path: Path) -> images.Picture:
        decoded.append((path.name, threading.current_thread().name.split("_")[0]))
        return decode(path)

    monkeypatch.setattr(images, "_decode", noted)
    batches = decoded_ahead(make_batches(samples, lambda sample: tmp_path / sample.image, batch_size=2))
    next(batches)
    # Those of the first batch are nobody's business here, and the last image of all is not there.
    assert next(batches)[0].samples[0].id == "2"
    assert decoded[:1] == [("2.png", "decode")]
    assert read_image(tmp_path / "2.png").size == (10, 10)
    with pytest.raises(DataError, match=r"3\.png cannot be read"):
        read_image(tmp_path / "3.png")
    assert [batch[0].samples[0].id for batch in batches] == ["4"]
    assert [name for name, who in decoded if who != "decode"] == ["3.png"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_any_fault_of_an_image_waits_for_its_own_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(2):
        Image.new("RGB", (10, 10)).save(tmp_path / f"{i}.png")
    monkeypatch.setattr(images, "_cache", {})
    decode = images._decode

    def breaks(path: Path) -> images.Picture:
        if path.name == "0.png":
            raise RuntimeError("a bug of a decoder")
        return decode(path)

    monkeypatch.setattr(images, "_decode", breaks)
    images.read_ahead([tmp_path / "0.png", tmp_path / "1.png"])
    assert [path.name for path, _, _ in images._cache] == ["1.png"]
    with pytest.raises(RuntimeError, match="a bug"):
        read_image(tmp_path / "0.png")


def test_no_more_is_decoded_ahead_than_memory_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(3):
        Image.new("RGB", (10, 10)).save(tmp_path / f"{i}.png")
    monkeypatch.setattr(images, "_cache", {})
    monkeypatch.setattr(images, "AHEAD_BYTES", 2 * 300)
    images.read_ahead([tmp_path / f"{i}.png" for i in range(3)])
    assert [path.name for path, _, _ in images._cache] == ["0.png", "1.png"]

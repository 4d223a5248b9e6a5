"""The URLs of images: linked, copied, inside the page; and what is missing."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

from finecops.datasets.image_place import ImageFolders, ImagePlace
from finecops.report.page.images import NAMELESS, NOWHERE, PageImages, copying, inline, linking
from tests.conftest import make_sample


def draw(path: Path, colour: str = "red", size: tuple[int, int] = (1000, 500), **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)
    return path


def samples(*names: str) -> list[object]:
    return [make_sample(str(number), image=name) for number, name in enumerate(names)]


def test_links_are_relative_and_lead_to_the_file(tmp_path: Path) -> None:
    # Characters that end an attribute, a path or a URL.
    names = ["a b#1?.png", "x'\"<y>&.jpg", "javascript:z.webp", "d/%2e.png"]
    for name in names:
        draw(tmp_path / "data" / name)
    report = tmp_path / "out" / "report"
    images = PageImages([ImageFolders(tmp_path / "data", ())], linking(report, copying(report)))
    for sample in samples(*names):
        url = images.url(sample)
        assert url is not None
        assert url.startswith("../../data/")
        assert not set(url) & set(" #?'\"<>&:")
        assert (report / unquote(url)).resolve() == tmp_path / "data" / sample.image
    assert images.missing == {}


def test_what_browsers_do_not_show_and_what_is_in_a_zip_file_is_copied(tmp_path: Path) -> None:
    draw(tmp_path / "data/a.tif")
    # A name says nothing of the format.
    draw(tmp_path / "data/b.jpg", format="BMP")
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.write(draw(tmp_path / "c.png", "blue"), "c.png")
    report = tmp_path / "report"
    folders = ImageFolders(tmp_path / "data", (), ImagePlace(tmp_path / "images.zip"))
    images = PageImages([folders], linking(report, copying(report)))
    for sample in samples("a.tif", "b.jpg", "c.png"):
        url = images.url(sample)
        assert url is not None
        with Image.open(report / url) as copy:
            assert (copy.format, copy.size) == ("WEBP", (800, 400))


def test_copies_are_upright_small_and_once_per_content(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera lay on its side.
    draw(tmp_path / "data/a.jpg", exif=exif)
    (tmp_path / "data/b.jpg").write_bytes((tmp_path / "data/a.jpg").read_bytes())
    draw(tmp_path / "data/small.png", size=(30, 20))
    report = tmp_path / "report"
    images = PageImages([ImageFolders(tmp_path / "data", ())], copying(report))
    images.prepare(samples("a.jpg", "b.jpg", "small.png"))
    first, second, small = (images.url(sample) or "" for sample in samples("a.jpg", "b.jpg", "small.png"))
    assert first == second
    assert len(list((report / "report_data/images").iterdir())) == 2
    with Image.open(report / first) as upright, Image.open(report / small) as as_it_is:
        assert (upright.size, as_it_is.size) == ((400, 800), (30, 20))
    # The next report takes them over.
    (report / first).write_bytes(b"from before")
    again = PageImages([ImageFolders(tmp_path / "data", ())], copying(tmp_path / "new", before=report))
    assert (tmp_path / "new" / (again.url(make_sample(image="a.jpg")) or "")).read_bytes() == b"from before"


def test_an_image_inside_the_page(tmp_path: Path) -> None:
    url = inline(draw(tmp_path / "a.png"))
    head, _, data = url.partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (480, 240)


def test_missing_images_have_a_reason(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "folder.png").mkdir()
    for make in (linking(tmp_path / "out", copying(tmp_path / "out")), copying(tmp_path / "out"), inline):
        images = PageImages([ImageFolders(tmp_path, ())], make)
        names = ("gone.png", "broken.png", "folder.png", "../secret.png")
        assert [images.url(sample) for sample in samples(*names)] == [None] * 4
        assert list(images.missing) == list(names)
        assert "is missing" in images.missing["gone.png"]
        assert "cannot be read" in images.missing["broken.png"]
        # The folders of this machine are not in a page.
        assert str(tmp_path) not in "".join(images.missing.values()).replace("'../secret.png'", "")
    assert PageImages([ImageFolders(tmp_path, ())], inline).problem(make_sample(image="")) == NAMELESS
    nowhere = PageImages([], inline)
    assert nowhere.problem(make_sample()) == NOWHERE


def test_a_size_that_a_run_does_not_know_is_the_images(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    draw(tmp_path / "a.jpg", exif=exif)
    # Its first bytes are those of a PNG, so it is linked: only the browser sees that it is broken.
    (tmp_path / "b.png").write_bytes(draw(tmp_path / "c.png").read_bytes()[:60])
    for make in (linking(tmp_path / "out", copying(tmp_path / "out")), inline):
        images = PageImages([ImageFolders(tmp_path, ())], make)
        unknown = [sample.model_copy(update={"width": 0, "height": 0}) for sample in samples("a.jpg", "b.png", "gone")]
        assert [(s.width, s.height) for s in map(images.sized, unknown)] == [(500, 1000), (0, 0), (0, 0)]
        known = make_sample(image="a.jpg")
        assert images.sized(known) is known

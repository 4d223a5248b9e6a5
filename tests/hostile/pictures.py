"""Hostile image files and names: only pictures are opened, none that is too large, and none outside its folder."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from finecops.datasets.dataset import load_dataset_split
from finecops.images import read_picture
from tests.hostile.annotations import config_of, one
from tests.hostile.battery import Case

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 20\n%%EndComments\n(flag) (w) file\n%%EOF\n"


def saved(format_: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: object) -> bytes:
    """A picture as a file's bytes."""
    file = io.BytesIO()
    Image.new(mode, size).save(file, format_, **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(size: tuple[int, int] = (40, 20), *before: bytes, pixels: bytes | None = None) -> bytes:
    """A PNG file with chunks before the pixels."""
    rows = zlib.compress(b"\0" * (size[1] * (size[0] + 1)) if pixels is None else pixels)
    head = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(before) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


BOMB = zlib.compress(bytes(50 * 2**20), 9)


def _gif_frames() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("P", (400, 400), i) for i in range(60)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def _bmp(width: int, height: int) -> bytes:
    return (
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 1, 1, 0, 0)
    )


def _tiff(entries: list[tuple[int, int, int, int]]) -> bytes:
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)


def _exif(content: bytes) -> bytes:
    return saved("JPEG", exif=b"Exif\0\0" + content)


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    **{f"a good {name}": (lambda name=name: saved(name), r"^\(40, 20\)$") for name in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")},
    "the first of sixty frames": (_gif_frames, r"^\(400, 400\)$"),
    # Formats that nobody needs: a decoder each that could be attacked, and one that starts a program.
    "EPS": (lambda: EPS, "^DataError"),
    **{f"a {name}": (lambda name=name: saved(name), "^DataError") for name in ("PPM", "TGA", "ICO", "PCX", "SGI", "JPEG2000", "DDS", "PDF", "ICNS", "AVIF", "QOI", "EPS", "IM", "MSP", "SPIDER", "DIB")
       if name not in ("MSP", "SPIDER", "AVIF")},
    "a FITS": (lambda: b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800), "^DataError"),
    "an SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>', "^DataError"),
    # Too large.
    "a PNG of 10^10 pixels": (lambda: png((10**5, 10**5), pixels=b"\0"), "^DataError.*limit"),
    "a PNG of 2^31 by 2^31": (lambda: png((2**31 - 1, 2**31 - 1), pixels=b"\0"), "^DataError"),
    "a BMP of 10^9 by 10^9": (lambda: _bmp(10**9, 10**9), "^DataError"),
    "a BMP of negative width": (lambda: _bmp(-40, 20), "^DataError"),
    "a BMP of negative height": (lambda: _bmp(40, -(2**31)), "^DataError"),
    "a GIF of 65535 by 65535": (lambda: b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x02\0;", "^DataError.*limit"),
    "a TIFF of 10^9 by 10^9": (lambda: _tiff([(256, 4, 1, 10**9), (257, 4, 1, 10**9), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (278, 4, 1, 10**9), (279, 4, 1, 8)]), "^DataError"),
    "a TIFF with a tag of 2^32 values": (lambda: _tiff([(256, 4, 2**32 - 1, 8), (257, 4, 1, 20)]), "^DataError"),
    "a TIFF whose pages are a circle": (lambda: b"II*\0" + struct.pack("<IH", 8, 0) + struct.pack("<I", 8), "^DataError"),
    "a WebP of 16383 by 16383": (lambda: b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + b"\xfe\x3f\0\xfe\x3f\0", "^DataError"),
    # Bombs in what stands beside the pixels.
    "a text of 50 MB": (lambda: png((40, 20), chunk(b"zTXt", b"a\0\0" + BOMB)), "^DataError|^.40, 20"),
    "a hundred texts of 900 kB": (lambda: png((40, 20), *[chunk(b"zTXt", b"a%d\0\0" % i + zlib.compress(bytes(900_000))) for i in range(300)]), "^DataError"),
    "an international text of 50 MB": (lambda: png((40, 20), chunk(b"iTXt", b"a\0\x01\0\0\0" + BOMB)), "^DataError|^.40, 20"),
    "a colour profile of 50 MB": (lambda: png((40, 20), chunk(b"iCCP", b"a\0\0" + BOMB)), "^DataError|^.40, 20"),
    "pixels of 50 MB": (lambda: png((40, 20), pixels=bytes(50 * 2**20)), "^DataError|^.40, 20"),
    "EXIF with a circle": (lambda: _exif(b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x8769, 4, 1, 8) + bytes(4)), "^DataError|^.40, 20"),
    "EXIF with 2^32 values": (lambda: _exif(b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x0112, 3, 2**32 - 1, 8) + bytes(4)), "^DataError|^.40, 20"),
    "EXIF with an odd orientation": (lambda: _exif(b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x0112, 2, 4, 0x41414141) + bytes(4)), "^DataError|^.40, 20"),
    "EXIF that is cut": (lambda: _exif(b"II*\0" + struct.pack("<I", 2**31)), "^DataError|^.40, 20"),
    "EXIF with letters for the offset": (lambda: _exif(b"II*\0" + b"\xff" * 40), "^DataError|^.40, 20"),
    # Broken.
    "nothing": (lambda: b"", "^DataError"),
    "a PNG without pixels": (lambda: png()[:33], "^DataError"),
    "a PNG with a wrong checksum": (lambda: png().replace(b"IHDR", b"IHDr"), "^DataError"),
    "a PNG of no size": (lambda: png((0, 0), pixels=b""), "^DataError"),
    "a JPEG that is cut": (lambda: saved("JPEG", (400, 400))[:700], "^DataError"),
    "a JPEG of other bytes": (lambda: saved("JPEG")[:300] + os.urandom(300), "^DataError|^.40, 20"),
    "a WebP that is cut": (lambda: saved("WEBP", (400, 400))[:60], "^DataError"),
    "a TIFF that is cut": (lambda: saved("TIFF")[:40], "^DataError"),
    "a GIF without a frame": (lambda: b"GIF89a" + struct.pack("<HHBBB", 40, 20, 0, 0, 0) + b";", "^DataError"),
}  # fmt: skip


def _file_case(name: str, content: Callable[[], bytes], pattern: str) -> Case:
    def run(folder: Path) -> str:
        (folder / "x.png").write_bytes(content())
        return str(read_picture(folder / "x.png").size)

    return Case("images", name, run, pattern)


def _special_case(name: str, make: Callable[[Path], object]) -> Case:
    def run(folder: Path) -> str:
        make(folder / "x.png")
        return str(read_picture(folder / "x.png").size)

    return Case("images", name, run)


def _size_case(name: str, expected: tuple[int, int], pattern: str) -> Case:
    def run(folder: Path) -> str:
        (folder / "x.png").write_bytes(saved("PNG"))
        read_picture(folder / "x.png")
        return str(read_picture(folder / "x.png", expected).size)

    return Case("images", f"a size of {name}", run, pattern)


def _layout(folder: Path, make: Callable[[Path, Path], object], name: str = "b.png") -> str:
    """Read the picture of a sample from `data/images`, with a picture `outside` it; `make` arranges both."""
    import json

    data, outside = folder / "data", folder / "outside"
    data.mkdir()
    outside.mkdir()
    (outside / "b.png").write_bytes(saved("PNG", (100, 80)))
    make(data, outside)
    (data / "test.json").write_text(json.dumps(one(file_name=name)))
    dataset = load_dataset_split(config_of(data))
    sample = next((sample for sample in dataset.samples if sample.id == "1"), None)
    return str(read_picture(dataset.image_path(sample)).size) if sample else f"DataError: {dataset.problems}"


def _link_case(name: str, make: Callable[[Path, Path], object], pattern: str) -> Case:
    return Case("image paths", name, lambda folder: _layout(folder, make), pattern)


def _hub(data: Path, outside: Path) -> None:
    """The Hub's cache: the snapshot's files are links to blobs beside it."""
    hub = outside / "hub" / "datasets--a--b"
    (hub / "blobs").mkdir(parents=True)
    (hub / "snapshots" / "1234" / "images").mkdir(parents=True)
    (hub / "blobs" / "abc").write_bytes(saved("PNG", (100, 80)))
    (hub / "snapshots" / "1234" / "images" / "b.png").symlink_to("../../../blobs/abc")
    (data / "images").symlink_to(hub / "snapshots" / "1234" / "images")


def _folder(data: Path) -> Path:
    (data / "images").mkdir()
    return data / "images"


def _safe(name: str) -> Case:
    def run(folder: Path) -> str:
        from finecops.paths import safe_path

        (folder / "root").mkdir()
        return f"path {safe_path(folder / 'root', name)}"

    return Case("image paths", f"safe_path of {name[:20]!r}", run)


CASES = [
    *(_file_case(name, content, pattern) for name, (content, pattern) in FILES.items()),
    _special_case("a queue", os.mkfifo),
    _special_case("a folder", Path.mkdir),
    _special_case("a device", lambda path: path.symlink_to("/dev/zero")),
    _special_case("a link to itself", lambda path: path.symlink_to(path)),
    _special_case("a link to nothing", lambda path: path.symlink_to("/nowhere")),
    _special_case("a terminal", lambda path: path.symlink_to("/dev/tty")),
    _size_case("what the annotation says", (40, 20), r"^\(40, 20\)$"),
    _size_case("another", (80, 40), "^DataError.*40x20.*80x40"),
    _size_case("the other way round", (20, 40), "^DataError.*40x20.*20x40"),
    _link_case("a file", lambda data, outside: (_folder(data) / "b.png").write_bytes(saved("PNG", (100, 80))), r"^\(100, 80\)$"),
    _link_case("the folder is a link", lambda data, outside: (data / "images").symlink_to(outside), r"^\(100, 80\)$"),
    _link_case("the Hub's cache", _hub, r"^\(100, 80\)$"),
    _link_case("a link within the folder", lambda data, outside: (
        (_folder(data) / "c.png").write_bytes(saved("PNG", (100, 80))), (data / "images" / "b.png").symlink_to("c.png")), r"^\(100, 80\)$"),
    _link_case("a link out of the folder", lambda data, outside: (_folder(data) / "b.png").symlink_to(outside / "b.png"), "^DataError"),
    _link_case("a relative link out of the folder", lambda data, outside: (_folder(data) / "b.png").symlink_to("../../outside/b.png"), "^DataError"),
    _link_case("a link to a link out", lambda data, outside: (
        (_folder(data) / "c.png").symlink_to(outside / "b.png"), (data / "images" / "b.png").symlink_to("c.png")), "^DataError"),
    _link_case("blobs that are none of the Hub's", lambda data, outside: (
        (outside / "blobs").mkdir(), (outside / "blobs" / "b").write_bytes(saved("PNG", (100, 80))),
        (_folder(data) / "b.png").symlink_to(outside / "blobs" / "b")), "^DataError"),
    _link_case("links in a circle", lambda data, outside: (
        (_folder(data) / "c.png").symlink_to("b.png"), (data / "images" / "b.png").symlink_to("c.png")), "^DataError"),
    Case("image paths", "a link to a folder outside", lambda folder: _layout(
        folder, lambda data, outside: (_folder(data) / "sub").symlink_to(outside), "sub/b.png"), "^DataError"),
    *map(_safe, ("", ".", "..", "/etc/passwd", "../x", "a/../../x", "a\\b", "..\\x", "C:\\x", "C:x", "a\0b", "a\nb", "\x1b", "\ud800", "a" * 300, "a/" * 3000, "~/x/../..", "//x")),
]  # fmt: skip

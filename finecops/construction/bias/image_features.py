"""Features of a whole image that need no weights: size, file, colours, and the noise that editing leaves."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finecops.errors import DataError
from finecops.images import FORMATS, decode_image
from finecops.metrics.answers import Floats

BINS: Final = 8
"""Of each colour's histogram."""
CROP: Final = 512
"""Noise is measured in the middle square of at most so many pixels a side."""
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_BLOCK: Final = 8
"""JPEG compresses squares of so many pixels; their borders stay visible."""


def image_features(path: Path) -> Floats:
    """Features of an image, `[53]`.

    Width, height and their ratio; bytes per pixel, format, and mean of the JPEG quantisation tables; means and
    deviations of the colours and their histograms; strength, tails and colours' agreement of what is left when each
    pixel's neighbourhood is subtracted; how much stronger edges are on the borders of JPEG's squares.

    Raises:
        DataError: the image cannot be read.
    """
    pixels = np.asarray(decode_image(path), dtype=np.float32)
    return np.concatenate([_size(pixels), _file(path, pixels), _colours(pixels), _noise(_middle(pixels))])


def _size(pixels: NDArray[np.float32]) -> Floats:
    height, width = pixels.shape[:2]
    return np.array([width, height, width / height], dtype=np.float64)


def _file(path: Path, pixels: NDArray[np.float32]) -> Floats:
    size = path.stat().st_size / (pixels.shape[0] * pixels.shape[1])
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as image:
            format_, tables = image.format, getattr(image, "quantization", None) or {}
            step = float(np.mean([np.mean(table) for table in tables.values()])) if tables else 0.0
    except Exception as error:
        # Pillow raises exceptions of any kind for broken files.
        raise DataError(f"image {path} cannot be read: {error or type(error).__name__}") from error
    return np.array([size, step, *(format_ == name for name in _FORMATS)], dtype=np.float64)


def _colours(pixels: NDArray[np.float32]) -> Floats:
    flat = pixels.reshape(-1, 3)
    histograms = [np.histogram(flat[:, c], BINS, (0, 256))[0] / len(flat) for c in range(3)]
    return np.concatenate([flat.mean(axis=0), flat.std(axis=0), *histograms]).astype(np.float64)


def _noise(pixels: NDArray[np.float32]) -> Floats:
    """Of what is left of each pixel without its four neighbours' mean."""
    if min(pixels.shape[:2]) < 3:
        return np.zeros(15)
    inner = pixels[1:-1, 1:-1]
    around = (pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:]) / 4
    left = (inner - around).reshape(-1, 3)
    strength, size = left.std(axis=0), np.abs(left)
    tails = [np.percentile(size, p, axis=0) for p in (50, 95)]
    # Real sensors' noise in the three colours is alike in part; a decoder's or a generator's is alike in another part.
    red, green, blue = (left[:, c] - left[:, c].mean() for c in range(3))
    norm = np.maximum(len(left) * np.outer(strength, strength), 1e-9)
    alike = [(red @ green) / norm[0, 1], (red @ blue) / norm[0, 2], (green @ blue) / norm[1, 2]]
    flat = (size.max(axis=1) == 0).mean()
    return np.array([*strength, *np.concatenate(tails), *alike, flat, *_blocks(pixels.mean(axis=2))])


def _blocks(grey: NDArray[np.float32]) -> list[float]:
    """Mean step between neighbours on the borders of JPEG's squares, less that elsewhere: across and down."""
    found = []
    for steps in (np.abs(np.diff(grey, axis=1)).mean(axis=0), np.abs(np.diff(grey, axis=0)).mean(axis=1)):
        border = np.arange(len(steps)) % _BLOCK == _BLOCK - 1
        found.append(float(steps[border].mean() - steps[~border].mean()) if border.any() else 0.0)
    return found


def _middle(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The middle square; it begins where a square of JPEG does."""
    top, start = (max(0, (side - CROP) // 2) // _BLOCK * _BLOCK for side in pixels.shape[:2])
    return pixels[top : top + CROP, start : start + CROP]

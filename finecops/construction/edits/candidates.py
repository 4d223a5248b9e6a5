"""The candidates of an edit: one image file per seed, made once (paper, III-B: ten of each).

A file carries a fingerprint of all that its pixels depend on. After a kill, files with the right one are kept; one that
was made with other settings is made again. Files are PNG: JPEG would change every pixel of the image again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from finecops.construction.edits.editor import Drawn, ImageEditor
from finecops.construction.edits.mask import MaskOptions, mask_of, paste_back
from finecops.construction.graph import parse_scene_graph
from finecops.construction.samples import EditRow
from finecops.datasets.fields import FieldError
from finecops.errors import DataError, FinecopsError, first_line
from finecops.paths import safe_path
from finecops.runs.checksums import sha256_of
from finecops.text import counted

CANDIDATES: Final = 10
"""Of each edit, as in the paper."""
FLIP: Final = "flip"
"""The editor's name in rows of flipped images, and the type of the edit."""
_KEY: Final = "finecops-edit"
"""The text chunk with the fingerprint."""
_UNCHANGED: Final = "the editor changed nothing"


@dataclass(frozen=True)
class CandidateOptions:
    """How candidates are made.

    Attributes:
        count: how many.
        seed: that of the first; the others follow.
        mask: how the mask is made of the box. That of the editor and of the plan's regions should be the same.
        folder: where they lie, below the build folder.
    """

    count: int = CANDIDATES
    seed: int = 0
    mask: MaskOptions = field(default_factory=MaskOptions)
    folder: str = "candidates"


def make_candidates(
    row: EditRow, image: Image.Image, editor: ImageEditor | Drawn | None, build: Path, options: CandidateOptions
) -> EditRow:
    """The row of an edit with its candidates, whose files are there afterwards.

    A flip needs no editor, and has one candidate: every seed gives the same.

    Args:
        row: a planned edit (`finecops.construction.edits.plan.ImageEdit.row`).
        image: the unedited image, RGB, of the size that the graph states. A drawn world does not look at it.
        editor: makes the pixels.
        build: the build folder.
        options: how many, and where.

    Returns:
        The row; failed where no candidate could be made. The reason says how many failed, and why the first did.

    Raises:
        DataError: the id of the image is no plain name.
        OSError: a file cannot be written.
    """
    if row.status != "kept":
        return row
    flip = row.type == FLIP and not isinstance(editor, Drawn)
    if not flip and editor is None:
        return row.model_copy(update={"status": "failed", "reason": "no editor was given"})
    name = FLIP if flip or editor is None else editor.name
    seeds = [options.seed + i for i in range(1 if flip else options.count)]
    base = _base_fingerprint(row, image, None if flip else editor, options.mask)
    files, checksums, reasons = [], [], []
    for seed in seeds:
        file = f"{options.folder}/{row.image_id}/{seed}.png"
        path = safe_path(build, file)
        fingerprint = hashlib.sha256(f"{base}/{seed}".encode()).hexdigest()
        try:
            if not _is_made(path, fingerprint):
                _write(path, _candidate(row, image, None if flip else editor, seed, options.mask), fingerprint)
            checksums.append(sha256_of(path))
            files.append(file)
        except FinecopsError as error:
            files.append("")
            checksums.append("")
            reasons.append(first_line(error))
    reason = None
    if reasons:
        reason = f"{len(reasons)} of {counted(len(seeds), 'candidate')} failed: {reasons[0]}"
    failed = len(reasons) == len(seeds)
    made = {} if failed else {"candidates": files, "checksums": checksums}
    update = {**made, "seeds": seeds, "editor": name, "reason": reason}
    return row.model_copy(update=update | {"status": "failed" if failed else "kept"})


def checked_candidate(row: EditRow, number: int, build: Path) -> Path | None:
    """The file of a candidate; None: it failed.

    Raises:
        DataError: it is missing, or was changed since it was made: another picture would pass for the negative.
    """
    name = row.candidates[number] if number < len(row.candidates) else ""
    if not name:
        return None
    path = safe_path(build, name)
    if not path.is_file():
        raise DataError(f"{name} of the build is missing: --again edits makes the negative images anew")
    # Rows of before have none.
    if row.checksums and sha256_of(path) != row.checksums[number]:
        raise DataError(
            f"{name} of the build was changed since it was made: --again edits makes the negative images anew"
        )
    return path


def _candidate(
    row: EditRow, image: Image.Image, editor: ImageEditor | Drawn | None, seed: int, mask: MaskOptions
) -> Image.Image:
    if isinstance(editor, Drawn):
        try:
            graph = parse_scene_graph(row.image_id, row.graph)
        except FieldError as error:
            raise DataError(f"the edited graph cannot be read: {error}") from error
        return editor.draw(graph, seed)
    if editor is None:
        return ImageOps.mirror(image)
    return repaint(image, row.boxes, row.prompts, editor, seed, mask)


def repaint(
    image: Image.Image,
    boxes: Sequence[tuple[float, float, float, float]],
    prompts: Sequence[str],
    editor: ImageEditor,
    seed: int,
    mask: MaskOptions,
) -> Image.Image:
    """An image with some boxes repainted, one after the other; every pixel outside of the masks is as it was.

    Args:
        image: RGB.
        boxes: xyxy in pixels.
        prompts: what to paint in each box.
        editor: paints.
        seed: of all that is random.
        mask: how masks are made of boxes.

    Raises:
        ModelError: the editor fails.
        DataError: a box is not in the image, or the editor changed nothing in it.
    """
    for xyxy, prompt in zip(boxes, prompts, strict=True):
        edited = paste_back(image, editor(image, xyxy, prompt, seed), mask_of(xyxy, image.size, mask))
        # An image that is as it was would pass for a negative, and the expression fits it.
        if np.array_equal(np.asarray(edited), np.asarray(image.convert("RGB"))):
            raise DataError(f"{_UNCHANGED} ({prompt})")
        image = edited
    return image


def _base_fingerprint(row: EditRow, image: Image.Image, editor: ImageEditor | Drawn | None, mask: MaskOptions) -> str:
    """Of all that the candidates of an edit have in common."""
    if isinstance(editor, Drawn):
        about: object = [editor.name, row.graph]
    else:
        pixels = hashlib.sha256(image.tobytes()).hexdigest()
        state = FLIP if editor is None else dict(editor.state)
        about = [image.mode, image.size, pixels, state, row.boxes, row.prompts, asdict(mask)]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _is_made(path: Path, fingerprint: str) -> bool:
    """Whether a candidate is there, whole, and made with the same settings."""
    if not path.is_file():
        return False
    try:
        with Image.open(path, formats=("PNG",)) as image:
            image.load()
            return isinstance(image, PngImagePlugin.PngImageFile) and image.text.get(_KEY) == fingerprint
    # Whatever is wrong with a file, it is made again.
    except Exception:
        return False


def _write(path: Path, image: Image.Image, fingerprint: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = PngImagePlugin.PngInfo()
    texts.add_text(_KEY, fingerprint)
    # A fresh image: nothing of the photograph's file (EXIF, a colour profile, texts) comes along.
    plain = Image.fromarray(np.asarray(image.convert("RGB")))
    partial = path.with_name(f".{path.name}.partial")
    plain.save(partial, format="PNG", pnginfo=texts)
    os.replace(partial, path)

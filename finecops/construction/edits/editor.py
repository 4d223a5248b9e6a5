"""Image editors: one call that repaints a box."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from finecops.config.find import load_editor
from finecops.construction.graph import SceneGraph
from finecops.records import Xyxy


class ImageEditor(Protocol):
    """Repaints a box of an image so that it shows what a text says.

    What it returns outside of the mask does not count: the mask alone is pasted back (`mask.py`).
    """

    @property
    def name(self) -> str:
        """For rows: which editor it was."""
        ...

    @property
    def state(self) -> Mapping[str, object]:
        """All that its result depends on, beside what it is called with: weights, settings. As JSON."""
        ...

    def __call__(self, image: Image.Image, xyxy: Xyxy, prompt: str, seed: int) -> Image.Image:
        """An image of the same size.

        Args:
            image: RGB.
            xyxy: the box to repaint, in pixels, inside the image.
            prompt: what shall be in the box ("a red cup").
            seed: of all that is random; the same seed gives the same image.

        Raises:
            ModelError, DataError: this one cannot be made, and why.
        """
        ...


Draw = Callable[[SceneGraph, int], Image.Image]
"""Of a world that is drawn: the picture of a graph; the second argument is the seed."""


@dataclass(frozen=True)
class Drawn:
    """The editor of a drawn world: it draws the edited graph anew."""

    draw: Draw
    name: str = "drawn"


def open_editor(name: str, device: str = "auto") -> ImageEditor:
    """An editor by its name in `configs/editors/`, or the path of a YAML file; `name@weights` gives it other weights.

    Args:
        name: the editor.
        device: as torch names it; `auto` takes the best one.

    Raises:
        ConfigError: there is no such file, or a setting in it is wrong.
        ModelError: diffusers is not installed, or the weights cannot be loaded.
    """
    from finecops.construction.edits.diffusers_editor import DiffusersEditor

    return DiffusersEditor(load_editor(name), device)

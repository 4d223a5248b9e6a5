"""Image editors: one call that repaints a box."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from PIL import Image
from pydantic import JsonValue

from finecops.config.building import EditorConfig, weights_advice
from finecops.config.find import load_editor, resolve_weights
from finecops.config.fingerprint import weights_fingerprint
from finecops.construction.edits.mask import MaskOptions
from finecops.construction.graph import SceneGraph
from finecops.errors import ModelError
from finecops.install import install_line
from finecops.models.hub_access import need_hub
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


def editor_state(config: EditorConfig) -> dict[str, JsonValue]:
    """The settings that change the pixels, and a fingerprint of local weights; nothing is loaded.

    Raises:
        ConfigError: there is no such folder, or a file of the weights cannot be read.
    """
    found: dict[str, JsonValue] = config.model_dump(mode="json", exclude={"licence", "size", "proved", "offload"})
    folder = Path(resolve_weights(config.weights))
    # A pipeline has a folder for each of its parts.
    parts = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return found | {"fingerprint": {part.name: weights_fingerprint(str(part)) for part in parts}}


PIPELINE_INDEX: Final = "model_index.json"
"""A pipeline's list of its parts."""


def check_editor(config: EditorConfig) -> None:
    """Check what would surely stop an editor: before other work is done, and in a moment. Nothing is imported.

    Raises:
        ConfigError: there is no such folder.
        ModelError: diffusers is not installed, or the weights are neither here nor can be fetched.
    """
    if importlib.util.find_spec("diffusers") is None:
        raise ModelError(f"editor {config.name} needs diffusers: {install_line('edit')}")
    where = resolve_weights(config.weights)
    if not Path(where).is_dir():
        need_hub(config.name, config.weights, where, config.revision, PIPELINE_INDEX, weights_advice(config.name))
    elif not (Path(where) / PIPELINE_INDEX).is_file():
        raise ModelError(f"{config.name}: {where} has no {PIPELINE_INDEX}: it is no pipeline of diffusers")


def open_editor(name: str, device: str = "auto", mask: MaskOptions | None = None) -> ImageEditor:
    """An editor by its name in `configs/editors/`, or the path of a YAML file; `name@weights` gives it other weights.

    Args:
        name: the editor.
        device: as torch names it; `auto` takes the best one.
        mask: how masks are made of boxes, as for the candidates; None: as usual.

    Raises:
        ConfigError: there is no such file, or a setting in it is wrong.
        ModelError: diffusers is not installed, or the weights cannot be loaded.
    """
    from finecops.construction.edits.diffusers_editor import DiffusersEditor

    return DiffusersEditor(load_editor(name), device, mask)

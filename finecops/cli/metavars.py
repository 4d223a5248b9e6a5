"""The words behind options in help: what is to be given, instead of the name of a type."""

from __future__ import annotations

from typing import Final

_NAMED = (
    "as_ box_format by candidates cluster compat confidence dataset doubtful engine extractor fast format kind like "
    "mllm order paper_row preset router score show slow specialist split style trainer"
)
_FILES = "annotations cache coco_vg data figure image predictions scene_graphs script val_annotations val_predictions"

OF_PARAMETERS: Final = {
    **dict.fromkeys(_NAMED.split(), "NAME"),
    **dict.fromkeys(_FILES.split(), "FILE"),
    **dict.fromkeys(("export_coco", "folder", "image_root"), "FOLDER"),
    **dict.fromkeys(("run", "reference", "val"), "RUN"),
    "adapter": "FOLDER_OR_ID",
    "against": "FILE_OR_NAME",
    "api_model": "NAME",
    "base_url": "URL",
    "boxes": "NAME",
    "metrics": "NAMES",
    "only": "NAME",
    "servers": "URL,URL",
    "weights": "FOLDER_OR_ID",
}
"""By the name of a command's parameter. What an option declares itself (`metavar`) comes first."""


def metavar(name: str, typed: str) -> str:
    """The word for a parameter whose help has a type's name in angle brackets.

    >>> metavar("dataset", "<str>"), metavar("topk", "<int range>"), metavar("positives", "<int,int,int>...")
    ('NAME', 'N', 'N N N')
    """
    if "int" in typed:
        return " ".join(["N"] * (typed.count(",") + 1))
    if "float" in typed:
        return "X"
    if name in OF_PARAMETERS:
        return OF_PARAMETERS[name]
    return "PATH" if "path" in typed.lower() else "TEXT" if "str" in typed else typed

"""Hostile checkpoints: folders of the mini models with code, pickles or templates that nobody wants."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from finecops.config.find import resolve

CODE_CLASSES = {
    "config.json": {
        "AutoConfig": "evil.Config",
        "AutoModel": "evil.Model",
        "AutoModelForCausalLM": "evil.Model",
        "AutoModelForImageTextToText": "evil.Model",
        "AutoModelForZeroShotObjectDetection": "evil.Model",
    },
    "tokenizer_config.json": {"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]},
    "processor_config.json": {"AutoProcessor": "evil.Processor"},
    "preprocessor_config.json": {"AutoProcessor": "evil.Processor", "AutoImageProcessor": "evil.Images"},
    "video_preprocessor_config.json": {"AutoVideoProcessor": "evil.Videos"},
}
"""File of a checkpoint → the `auto_map` that makes transformers import the checkpoint's own module."""


def evil_code(marker: Path) -> str:
    """A module that writes a file when it is imported."""
    return f"open({str(marker)!r}, 'a').write('imported')\nConfig = Model = Tokenizer = Processor = Images = object\n"


def copied(name: str, folder: Path) -> Path:
    """A copy of a checkpoint of this repository."""
    shutil.copytree(resolve(f"checkpoints/{name}"), folder)
    return folder


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file, which may not be there yet."""
    found = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(found | changes))


def code_folders(name: str, below: Path, marker: Path, kinds: Sequence[str]) -> Iterator[Path]:
    """Copies of a checkpoint with code behind each of its files, for a `known` and an `unknown` kind of model."""
    for file, auto_map in CODE_CLASSES.items():
        for kind in kinds:
            folder = copied(name, below / f"{name}-{file.split('_')[0]}-{kind}")
            (folder / "evil.py").write_text(evil_code(marker))
            (folder / "custom_generate").mkdir()
            (folder / "custom_generate" / "generate.py").write_text(evil_code(marker))
            edit(folder / file, auto_map=auto_map)
            if kind == "unknown":
                edit(folder / "config.json", model_type="evil")
                edit(folder / "tokenizer_config.json", tokenizer_class="EvilTokenizer")
                edit(folder / "processor_config.json", processor_class="EvilProcessor")
            yield folder


class Gadget:
    """Writes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> Any:
        return eval, (f"open({self.marker!r}, 'a').write('unpickled')",)


def pickled(folder: Path, safe: str, file: str, content: object) -> Path:
    """The folder with pickled weights in place of safetensors."""
    (folder / safe).unlink()
    if isinstance(content, Gadget):
        (folder / file).write_bytes(pickle.dumps(content))
    else:
        import torch

        torch.save(content, folder / file)
    return folder

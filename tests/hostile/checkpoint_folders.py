"""Hostile checkpoints: folders of the mini models with code, pickles or templates that nobody wants."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from finecops.config.find import load_mllm, load_specialist, resolve
from finecops.config.schema import ExtractorConfig
from finecops.errors import FinecopsError
from finecops.models.backends import load_extractor_model, load_mllm_model, load_specialist_model

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


def load_each(cases: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Load each folder as a kind of model: the kind, the folder, and `loaded` or the error."""
    for kind, folder in cases:
        try:
            _load(kind, folder)
            yield kind, folder, "loaded"
        except FinecopsError as error:
            yield kind, folder, str(error)


def _load(kind: str, folder: str) -> object:
    if kind == "grounding-dino":
        return load_specialist_model(load_specialist(f"mini-gdino@{folder}"), "cpu")
    if kind == "category-detector":
        return load_specialist_model(load_specialist(f"owlv2@{folder}"), "cpu")
    if kind == "mllm":
        return load_mllm_model(load_mllm(f"mini-qwen2vl@{folder}"), "cpu")
    if kind == "adapter":
        return load_mllm_model(load_mllm("mini-qwen2vl").model_copy(update={"adapter": folder}), "cpu")
    return load_extractor_model(ExtractorConfig(name="t", kind="extractor", backend="llm", model=folder), "cpu")


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

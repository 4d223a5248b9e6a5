"""Tuning rows in files: our own JSONL, and those of LLaMA-Factory (sharegpt) and ms-swift."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final, TypedDict

from finecops.archives.zip_images import unpack_if_zipped
from finecops.config.schema import MllmConfig
from finecops.datasets.dataset import Dataset
from finecops.errors import DataError
from finecops.records import Sample
from finecops.runs.jsonl import append_rows, read_rows, write_json_atomically
from finecops.tuning.data import TunePlan, TuneRow

TRAINERS: Final = ("finecops", "llama-factory", "ms-swift")
NAME: Final = "finecops_crs"
"""The name of the data in LLaMA-Factory."""
BBOX: Final = "<bbox>"
"""ms-swift's placeholder for a box in the text."""
_MARKED_BOX = re.compile(r"<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)<\|box_end\|>")


class TuneAbout(TypedDict, total=False):
    """What tuning data is made of; kept beside the data and in the adapter's card."""

    dataset: str
    split: str

    sha256: str
    """Checksum of the dataset's annotation files."""

    model: str
    """The MLLM whose box text the options show."""

    plan: dict[str, object]
    """The fields of the `TunePlan`."""

    image_root: str


class _Message(TypedDict):
    role: str
    content: str


class _Objects(TypedDict):
    ref: list[str]
    bbox: list[list[float]]


class _Exchange(TypedDict):
    messages: list[_Message]
    images: list[str]


class _SwiftExchange(_Exchange):
    objects: _Objects


def about_data(plan: TunePlan, dataset: Dataset, config: MllmConfig, image_root: Path) -> TuneAbout:
    """Describe tuning data."""
    return {
        "dataset": dataset.config.name,
        "split": dataset.split,
        "sha256": dataset.sha256,
        "model": config.name,
        "plan": asdict(plan),
        "image_root": str(image_root),
    }


def with_image_files(rows: Sequence[TuneRow], dataset: Dataset, samples: Iterable[Sample]) -> list[TuneRow]:
    """The rows, each with the path of its image where that is not below the dataset's folder.

    An image in a zip file is unpacked: other trainers read files. One that cannot be is left to the check of the rows.
    """
    if dataset.place is None:
        return list(rows)
    paths = {sample.image: dataset.image_path(sample).absolute() for sample in samples}
    for image in {row.image for row in rows}:
        with suppress(DataError):
            unpack_if_zipped(paths[image])
    return [row.model_copy(update={"image": str(paths[row.image])}) for row in rows]


def write_rows(path: Path, rows: Sequence[TuneRow], about: TuneAbout) -> Path:
    """Write our own rows, and `<name>.about.json` beside them; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The rows first: data without its description is not read by mistake (`read_tune_file`).
    with path.open("w", encoding="utf-8") as file:
        append_rows(file, rows)
    write_json_atomically(path.with_suffix(".about.json"), about)
    return path


def read_tune_file(path: Path) -> tuple[list[TuneRow], TuneAbout]:
    """Rows that `write_rows` wrote, and what they are made of.

    Raises:
        DataError: the file does not exist, or it was written for another trainer.
    """
    if not path.is_file():
        raise DataError(f"no tuning data {path}; `finecops crs tune-data --out {path}` makes it")
    about = path.with_suffix(".about.json")
    if not about.is_file():
        raise DataError(
            f"{path} is not our own tuning data: {about.name} is missing beside it (--trainer finecops writes both)"
        )
    return list(read_rows(path, TuneRow)), json.loads(about.read_text(encoding="utf-8"))


def write_llama_factory(folder: Path, rows: Sequence[TuneRow], image_root: Path, config: MllmConfig) -> Path:
    """Write `finecops_crs.json` in sharegpt form, its entry in `dataset_info.json`, and a training file `train.yaml`.

    Entries of other datasets in an existing `dataset_info.json` are kept. Returns the path of `finecops_crs.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = [_exchange(row.prompt, row.answer, image_root / row.image) for row in rows]
    path = folder / f"{NAME}.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    info_path = folder / "dataset_info.json"
    info = json.loads(info_path.read_text(encoding="utf-8")) if info_path.exists() else {}
    # The tags are those of the messages above, not LLaMA-Factory's defaults ("from", "value").
    info[NAME] = {
        "file_name": path.name,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    }
    info_path.write_text(json.dumps(info, indent=2), encoding="utf-8")
    (folder / "train.yaml").write_text(_llama_factory_yaml(folder, config), encoding="utf-8")
    return path


def _exchange(prompt: str, answer: str, image: Path) -> _Exchange:
    return {
        "messages": [
            {"role": "user", "content": f"<image>{prompt}"},
            {"role": "assistant", "content": answer},
        ],
        # Absolute: the trainers run in folders of their own.
        "images": [str(image.resolve())],
    }


def write_ms_swift(path: Path, rows: Sequence[TuneRow], image_root: Path) -> Path:
    """Write JSONL of `messages`, `images` and `objects`; returns the path.

    ms-swift has a box text of its own for the Qwen-VL family: thousandths between markers. A box that is written so
    becomes `<bbox>` in the text, and pixels of the image in `objects.bbox`, in the order of the text; ms-swift then
    writes the same text again. Any other box text stays as it is: ms-swift would write another one than the model is
    asked with later.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            found = [*_MARKED_BOX.finditer(row.prompt), *_MARKED_BOX.finditer(row.answer)]
            # Four decimals of a pixel: enough for ms-swift to round to the same thousandth.
            sides = (row.width, row.height) * 2
            boxes = [[round(int(n) / 1000 * side, 4) for n, side in zip(m.groups(), sides)] for m in found]
            prompt, answer = (_MARKED_BOX.sub(BBOX, text) for text in (row.prompt, row.answer))
            exchange = _exchange(prompt, answer, image_root / row.image)
            entry: _SwiftExchange = {**exchange, "objects": {"ref": [], "bbox": boxes}}
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
    return path


def _llama_factory_yaml(folder: Path, config: MllmConfig) -> str:
    """A training file that runs as it is: LoRA on the language part, one epoch; the rest is LLaMA-Factory's."""
    # Image limits of the model's YAML, so that training and use see images of the same size.
    least, most = config.pixel_bounds
    pixels = "" if most is None else f"image_max_pixels: {most}\n"
    pixels += "" if least is None else f"image_min_pixels: {least}\n"
    return (
        "# llamafactory-cli train train.yaml\n"
        f"model_name_or_path: {config.weights}\n"
        "template: qwen2_vl\n"
        f"{pixels}"
        "stage: sft\ndo_train: true\nfinetuning_type: lora\nlora_rank: 8\nlora_target: all\n"
        "freeze_vision_tower: true\nfreeze_multi_modal_projector: true\n"
        f"dataset_dir: {folder.resolve()}\ndataset: {NAME}\ncutoff_len: 4096\n"
        "per_device_train_batch_size: 1\ngradient_accumulation_steps: 8\nlearning_rate: 1.0e-4\n"
        "num_train_epochs: 1.0\nlr_scheduler_type: cosine\nwarmup_ratio: 0.1\nbf16: true\n"
        f"output_dir: saves/{config.name}-crs\nlogging_steps: 10\nsave_steps: 500\nplot_loss: true\n"
    )

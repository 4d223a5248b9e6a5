"""`vlmevalkit`: a dataset as a TSV file with images in base64, which VLMEvalKit reads from the folder of $LMUData.

Its columns are those of VLMEvalKit (`index`, `image`, `question`, `answer`) and `record`, the sample as JSON, which
comes back with the model's answers in its prediction file. It is one text, since pandas makes numbers of ids and
nothing of the word "null". An image that several samples have stands in the file once: the others name the index of the
first.
"""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tqdm import tqdm

from finecops.datasets.dataset import Dataset
from finecops.datasets.parquet.write import check_images, sample_fields
from finecops.errors import DataError
from finecops.exchange.exporting.folder import ExportFolder
from finecops.exchange.exporting.lmms_eval import check_prompt, task_name
from finecops.prompts import QWEN3VL_REC
from finecops.records import Sample

COLUMNS: Final = ("index", "image", "question", "answer", "record")
_SHORTEST_IMAGE: Final = 65
"""VLMEvalKit takes a shorter text in `image` for the index of another row."""


@dataclass(frozen=True)
class WrittenTables:
    """What was written."""

    samples: dict[str, int]
    """Name of the dataset in VLMEvalKit → how many."""


def export_vlmevalkit(splits: Sequence[Dataset], out: Path, prompt: str = QWEN3VL_REC) -> WrittenTables:
    """Write a TSV file for each split, named as VLMEvalKit is to call it.

    Args:
        splits: of one dataset.
        out: the folder: `LMUData=OUT python run.py --data NAME --model …`.
        prompt: what the models are asked, with `{expression}` in it.

    Raises:
        UsageError: the prompt has no `{expression}`.
        DataError: an image is missing or broken, or the folder holds something else.
    """
    check_prompt(prompt)
    for dataset in splits:
        _refuse_kept_images(out / "images" / task_name(dataset.config.name, dataset.split))
        check_images(dataset)
    folder = ExportFolder(out, "vlmevalkit")
    samples = {}
    for dataset in splits:
        name = task_name(dataset.config.name, dataset.split)
        with folder.new(f"{name}.tsv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(COLUMNS)
            first_with: dict[str, int] = {}
            for index, sample in enumerate(tqdm(dataset.samples, desc=name, unit="row", disable=None)):
                first = first_with.setdefault(sample.image, index)
                image = str(first) if first < index else _encoded(dataset.image_path(sample))
                writer.writerow(_row(sample, index, image, prompt))
        samples[name] = len(dataset.samples)
    about = {dataset.split: {"sha256": dataset.sha256, "samples": len(dataset.samples)} for dataset in splits}
    folder.finish({"dataset": splits[0].config.name, "splits": about, "prompt": prompt})
    return WrittenTables(samples)


def _refuse_kept_images(folder: Path) -> None:
    """VLMEvalKit takes an image that it unpacked before for that of the row with the same index."""
    if folder.exists():
        raise DataError(
            f"{folder}/ has images that VLMEvalKit unpacked from an earlier export, and would show to models instead "
            "of these: delete it, or choose another --out"
        )


def _encoded(path: Path) -> str:
    text = base64.b64encode(path.read_bytes()).decode("ascii")
    if len(text) < _SHORTEST_IMAGE:
        raise DataError(f"{path} is too short for an image")
    return text


def _row(sample: Sample, index: int, image: str, prompt: str) -> list[str]:
    # What pandas takes for nothing ("null", "None") would be no answer.
    answer = sample.truth if sample.box is None else json.dumps(list(sample.box))
    record = json.dumps(sample_fields(sample), ensure_ascii=False)
    return [str(index), image, prompt.replace("{expression}", sample.expression), answer, record]

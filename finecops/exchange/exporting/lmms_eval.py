"""`lmms-eval`: a dataset as parquet files with a task for each split, which lmms-eval finds with --include_path."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal

import yaml

from finecops.datasets.dataset import Dataset
from finecops.datasets.parquet.write import check_images, export_parquet
from finecops.errors import UsageError
from finecops.exchange.exporting.folder import ExportFolder
from finecops.prompts import QWEN3VL_REC

TASKS: Final = "tasks"
Numbers = Literal["pixels", "norm1", "norm1000"]
NUMBERS: Final = ("pixels", "norm1", "norm1000")
"""What the numbers of a box are in a model's reply."""


@dataclass(frozen=True)
class WrittenTasks:
    """What was written."""

    samples: dict[str, int]
    """Task → how many."""
    folder: Path
    """Of the tasks."""


def export_lmms_eval(
    splits: Sequence[Dataset], out: Path, licence: str, numbers: str, prompt: str = QWEN3VL_REC
) -> WrittenTasks:
    """Write `data/*.parquet`, `README.md`, and `tasks/` with a YAML file for each split, `utils.py` and `task.json`.

    Args:
        splits: of one dataset.
        out: the folder. The tasks name it: if it is moved, `dataset_path` in them has to be changed.
        licence: for the card.
        numbers: what the numbers of a box are in the replies of the models that will be asked: one of `NUMBERS`.
        prompt: what they are asked, with `{expression}` in it.

    Raises:
        UsageError: the numbers are unknown, or the prompt has no `{expression}`.
        DataError: an image is missing, or the folder holds something else.
    """
    check_numbers(numbers)
    check_prompt(prompt)
    for dataset in splits:
        check_images(dataset)
    folder = ExportFolder(out, "lmms-eval")
    folder.new("data")
    folder.new("README.md")
    written = export_parquet(splits, licence, out, checked=True)
    tasks = folder.new(TASKS)
    tasks.mkdir()
    source = resources.files("finecops.exchange.exporting").joinpath("lmms_eval_task.py").read_text(encoding="utf-8")
    (tasks / "utils.py").write_text(source, encoding="utf-8")
    settings = {"boxes": numbers, "prompt": prompt}
    (tasks / "task.json").write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    samples = {}
    for dataset in splits:
        name = task_name(dataset.config.name, dataset.split)
        (tasks / f"{name}.yaml").write_text(_task(name, dataset.split, out), encoding="utf-8")
        samples[name] = written.samples[dataset.split]
    about = {dataset.split: {"sha256": dataset.sha256, "samples": len(dataset.samples)} for dataset in splits}
    folder.finish({"dataset": splits[0].config.name, "splits": about, **settings})
    return WrittenTasks(samples, tasks)


def check_numbers(numbers: str) -> None:
    """Refuse what is no meaning of numbers.

    Raises:
        UsageError: there is no such one.
    """
    if numbers not in NUMBERS:
        raise UsageError(f"--boxes {numbers}: what numbers mean in a reply; there are: {', '.join(NUMBERS)}")


def check_prompt(prompt: str) -> None:
    """Refuse a prompt without a place for the sentence.

    Raises:
        UsageError: it has none.
    """
    if "{expression}" not in prompt:
        raise UsageError("--prompt has no {expression}: the sentence of each sample stands there")


def task_name(dataset: str, split: str) -> str:
    """The name of a task: letters, digits and underlines.

    >>> task_name("finecops-mini", "test")
    'finecops_mini_test'
    """
    name = re.sub(r"[^a-z0-9]+", "_", f"{dataset}_{split}".lower()).strip("_")
    return name if name.startswith("finecops") else f"finecops_{name}"


def _task(name: str, split: str, out: Path) -> str:
    settings = {
        "task": name,
        "dataset_path": str(out.resolve()),
        "test_split": split,
        "output_type": "generate_until",
        "generation_kwargs": {"max_new_tokens": 512, "temperature": 0, "do_sample": False},
        "metadata": {"version": 1.0},
    }
    # YAML's own writer knows no `!function`, by which lmms-eval finds functions beside the file.
    functions = [f"{key}: !function utils.{key}" for key in ("doc_to_visual", "doc_to_text", "doc_to_target")]
    functions += ["process_results: !function utils.process_results", "metric_list:"]
    for metric, better in (("precision_at_1", "true"), ("rejected_negatives", "true"), ("unparsed", "false")):
        functions += [
            f"  - metric: finecops_{metric}",
            f"    aggregation: !function utils.{metric}",
            f"    higher_is_better: {better}",
        ]
    return yaml.safe_dump(settings, sort_keys=False, allow_unicode=True) + "\n".join(functions) + "\n"

"""`finecops export`: what leaves for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli.batch_files import export_command as openai_batch_command
from finecops.cli.export_runs import Out, coco_command, fiftyone_command
from finecops.cli.panels import App

if TYPE_CHECKING:
    from finecops.datasets.dataset import Dataset

DatasetName = Annotated[
    str, typer.Argument(metavar="DATASET", help="A dataset: a name, a YAML file, a folder of parquet files or hf:ID.")
]
Splits = Annotated[list[str] | None, typer.Option(help="A split. Repeat it for several. Default: all that are here.")]
Licence = Annotated[
    str | None, typer.Option(help="The licence for the card. Default: that of the dataset's YAML file.")
]
Prompt = Annotated[
    str | None, typer.Option(help="What the models are asked, with {expression} in it. Default: Qwen3-VL's prompt.")
]

export_app = App(help="Write data in the formats of other tools.")


@export_app.callback()
def _group() -> None:
    """Write data in the formats of other tools."""


export_app.command("coco")(coco_command)
export_app.command("fiftyone")(fiftyone_command)
export_app.command("openai-batch")(openai_batch_command)


@export_app.command("hub")
def hub_command(
    name: DatasetName,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write to.")],
    split: Splits = None,
    licence: Licence = None,
) -> None:
    """Write a dataset as a folder for the Hub.

    It has parquet files with embedded images, and a dataset card. `--dataset FOLDER` reads it again.
    """
    from finecops.datasets.parquet.write import export_parquet
    from finecops.text import counted

    datasets, licence = _datasets(name, split, licence, asks_licence=True)
    written = export_parquet(datasets, licence, out)
    for dataset in datasets:
        lost = len(dataset.problems)
        left_out = f"; {counted(lost, 'entry', 'entries')} of the source left out" if lost else ""
        typer.echo(f"{dataset.split}: {counted(written.samples[dataset.split], 'sample')}{left_out}")
    typer.secho(f"wrote {counted(len(written.files), 'file')} and README.md to {out}/", err=True)
    typer.secho(f"next: finecops sfa run --dataset {out}", err=True)


@export_app.command("lmms-eval")
def lmms_eval_command(
    name: DatasetName,
    out: Out,
    boxes: Annotated[
        str, typer.Option(help="What the numbers of a box are in the models' replies: pixels, norm1 or norm1000.")
    ],
    split: Splits = None,
    licence: Licence = None,
    prompt: Prompt = None,
) -> None:
    """Write a dataset with tasks for lmms-eval.

    Parquet files with images, and a task for each split. Its log has every sample's record: `finecops import
    lmms-eval` makes a run of it.
    """
    from finecops.exchange.exporting.lmms_eval import check_numbers, check_prompt, export_lmms_eval
    from finecops.prompts import QWEN3VL_REC
    from finecops.text import counted

    # Before a large dataset is read.
    check_numbers(boxes)
    check_prompt(prompt or QWEN3VL_REC)
    datasets, licence = _datasets(name, split, licence, asks_licence=True)
    written = export_lmms_eval(datasets, out, licence, boxes, prompt or QWEN3VL_REC)
    for task, samples in written.samples.items():
        typer.echo(f"{task}: {counted(samples, 'sample')}")
    tasks = ",".join(written.samples)
    typer.secho(
        f"next: lmms-eval --model … --include_path {written.folder} --tasks {tasks} --log_samples --output_path …",
        err=True,
    )


@export_app.command("vlmevalkit")
def vlmevalkit_command(name: DatasetName, out: Out, split: Splits = None, prompt: Prompt = None) -> None:
    """Write a dataset as TSV files for VLMEvalKit.

    Images are in them, and every sample's record, which comes back in VLMEvalKit's prediction file: `finecops import
    vlmevalkit` makes a run of that.
    """
    from finecops.exchange.exporting.lmms_eval import check_prompt
    from finecops.exchange.exporting.vlmevalkit import export_vlmevalkit
    from finecops.prompts import QWEN3VL_REC
    from finecops.text import counted

    check_prompt(prompt or QWEN3VL_REC)
    datasets, _ = _datasets(name, split, None, asks_licence=False)
    written = export_vlmevalkit(datasets, out, prompt or QWEN3VL_REC)
    for table, samples in written.samples.items():
        typer.echo(f"{out}/{table}.tsv: {counted(samples, 'sample')}")
    typer.secho(f"next: LMUData={out} python run.py --data {' '.join(written.samples)} --model …", err=True)


def _datasets(name: str, split: list[str] | None, licence: str | None, asks_licence: bool) -> tuple[list[Dataset], str]:
    """The splits, and the licence for the card, if it needs one."""
    from finecops.config.find import load_dataset
    from finecops.datasets.dataset import load_dataset_split
    from finecops.datasets.places import chosen_splits

    config = load_dataset(name)
    if asks_licence:
        licence = licence or config.licence or _asked_licence(config.name)
    return [load_dataset_split(config, each) for each in chosen_splits(config, split or ())], licence or ""


def _asked_licence(name: str) -> str:
    from finecops.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"the settings of {name} state no licence; give --licence NAME (cc-by-4.0, …) for the card")
    answer: str = typer.prompt(f"The settings of {name} state no licence. Licence for the card (cc-by-4.0, …)")
    return answer

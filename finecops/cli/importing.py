"""`finecops import`: prediction files of other programs, and answers of batches, become a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.batch_files import import_command as openai_batch_command
from finecops.cli.panels import App
from finecops.errors import UsageError

import_app = App(help="Make a run from prediction files or answers of elsewhere.")

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Prediction files of one benchmark, a model each.")]
Out = Annotated[
    Path | None, typer.Option(help="The run's folder, which must be new. Default: outputs/imported-BENCHMARK-SPLIT.")
]
Name = Annotated[str | None, typer.Option(help="The benchmark's name. Default: what the files say.")]
Label = Annotated[
    str | None, typer.Option(help="The model's name in tables; with one file. Default: what the file says.")
]
BoxFormat = Annotated[
    str | None, typer.Option(help="How the model writes boxes, e.g. json_bbox2d_rel1000. It is never guessed.")
]


@import_app.callback()
def _group() -> None:
    """Make a run from prediction files or answers of elsewhere.

    Published files carry the truth: no images and no weights are needed. Answers of a batch belong to their run.
    """


import_app.command("openai-batch")(openai_batch_command)


@import_app.command("ref-adv")
def ref_adv_command(files: Files, out: Out = None, name: Name = None, label: Label = None) -> None:
    """Predictions of Ref-Adv-s (dddraxxx/Ref-Adv).

    Files outputs/qwen/RUN_predictions.jsonl. A file is a method. Answers without a box stay unparsed.
    """
    _import("ref-adv", files, out, name, label)


@import_app.command("forum")
def forum_command(files: Files, out: Out = None, name: Name = None, label: Label = None) -> None:
    """Predictions of FORUM (Neurogica/FORUM).

    Files predictions/BENCHMARK/MODEL.jsonl. A file is a method (greedy), or two (greedy and zoom). Answers without a
    box stay unparsed.
    """
    _import("forum", files, out, name, label)


@import_app.command("lmms-eval")
def lmms_eval_command(
    files: Files, box_format: BoxFormat = None, out: Out = None, name: Name = None, label: Label = None
) -> None:
    """Sample logs of lmms-eval (--log_samples).

    Files MODEL/DATE_samples_TASK.jsonl. Tasks: those of `finecops export lmms-eval`, refcoco_grounding and
    refcoco_bbox_rec. A file is a method.
    """
    _import("lmms-eval", files, out, name, label, box_format)


@import_app.command("vlmevalkit")
def vlmevalkit_command(
    files: Files, box_format: BoxFormat = None, out: Out = None, name: Name = None, label: Label = None
) -> None:
    """Prediction files of VLMEvalKit.

    Files MODEL_DATASET.xlsx, .tsv, .csv or .json. Datasets: those of `finecops export vlmevalkit`, RefCOCO and
    GroundingME. A file is a method.
    """
    _import("vlmevalkit", files, out, name, label, box_format)


def _import(
    format_: str,
    files: list[Path],
    out: Path | None,
    name: str | None,
    label: str | None,
    box_format: str | None = None,
) -> None:
    from finecops.exchange.importing.formats import IMPORTS, import_files
    from finecops.exchange.importing.published import ImportOptions
    from finecops.replies.formats import BOX_FORMATS
    from finecops.text import counted

    if label is not None and len(files) > 1:
        raise UsageError("--label names one model; import the files one by one, or leave it out")
    if box_format is not None and box_format not in BOX_FORMATS:
        raise UsageError(f"unknown --box-format {box_format!r}; there are: {', '.join(BOX_FORMATS)}")
    if box_format is None and IMPORTS[format_].has_replies:
        raise UsageError(
            "these files have replies: --box-format must say how the model writes boxes; there are: "
            + ", ".join(BOX_FORMATS)
        )
    made = import_files(format_, files, out, ImportOptions(name, box_format, label))
    typer.echo(f"{made.folder}/: {made.dataset[0]} {made.dataset[1]}, {counted(made.samples, 'sample')}")
    for stage, counts in made.methods.items():
        typer.echo(f"  {stage}: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    for note in made.notes:
        typer.secho(note, fg=typer.colors.YELLOW, err=True)
    typer.secho(f"next: finecops eval {made.folder}", err=True)

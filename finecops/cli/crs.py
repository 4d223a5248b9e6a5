"""`finecops crs`: Candidate Region Selection, whole or stage by stage, and tuning for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finecops.cli.options import (
    DATA,
    DEFAULT_DATASET,
    MACHINE,
    SELECTION,
    Choices,
    command,
    open_choices,
    selecting_of,
    selector_of,
)

if TYPE_CHECKING:
    from finecops.strategies.crs import CrsPipeline
    from finecops.strategies.sfa import SfaPipeline
    from finecops.tuning.data import TuneData, TunePlan

crs_app = typer.Typer(
    help="Candidate Region Selection: the specialist proposes boxes, the MLLM picks one by its letter.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_PROPOSE = ("specialist", "extractor", "focus", "nms_iou")


@command(crs_app, "run", (*DATA, *SELECTION, *_PROPOSE, "both", "device", "batch_size"), focus=False)
def run_command(choices: Choices) -> None:
    """Propose candidates, let the MLLM choose, and print the table.

    With --both the specialist and the MLLM answer every sample alone too, to be compared.
    """
    from finecops.cli.printing import print_runs

    pipeline, alone = _pipelines(choices)
    pipeline.select()
    if choices.both:
        alone.specialist(routed=False)
        alone.mllm(routed=False)
    print_runs([pipeline.run.folder], ("p1", "r1", "auroc", "reject"))


@command(crs_app, "candidates", (*DATA, *_PROPOSE, *MACHINE), focus=False)
def candidates_command(choices: Choices) -> None:
    """Propose boxes for every sample and keep them before and after NMS; writes candidates.jsonl."""
    from finecops.metrics.candidates import candidate_recall

    pipeline = _pipeline(choices)
    found = candidate_recall(pipeline.run.samples, pipeline.candidates())
    shares = "  ".join(f"@{k} {found[k]:.2f}" for k in ("1", "3", "5", "8", "10", "25", "all") if found[k] is not None)
    typer.echo(f"Candidate recall on {found['n']} positives, %: {shares}")


@command(crs_app, "select", (*DATA, *SELECTION, *_PROPOSE, "orders", *MACHINE), focus=False)
def select_command(choices: Choices) -> None:
    """Let the MLLM pick a candidate by its letter, in one forward pass per question; writes crs-top….jsonl.

    With --orders N every question is asked again in N seeded orders: what hangs on the order alone is printed, and
    the answer by the mean over the orders is written beside.
    """
    pipeline = _pipeline(choices)
    typer.echo(str(pipeline.run.file(pipeline.select())))
    if choices.orders:
        report, path = pipeline.order_test(choices.orders)
        _print_orders(report)
        typer.echo(str(path))


@crs_app.command("tune-data")
def tune_data_command(
    out: Annotated[Path, typer.Option("--out", "-o", help="File (finecops, ms-swift) or folder (llama-factory).")],
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="A dataset's name or YAML file.")] = DEFAULT_DATASET,
    split: Annotated[str, typer.Option(help="The split to learn from.")] = "train",
    annotations: Annotated[
        list[Path] | None, typer.Option(help="Annotation file in place of the split's own; several times for several.")
    ] = None,
    run: Annotated[str | None, typer.Option("--run", "-r", help="The run that holds or gets the candidates.")] = None,
    preset: Annotated[str | None, typer.Option(help="Models; the dataset's own if not given.")] = None,
    mllm: Annotated[str | None, typer.Option(help="The MLLM to be tuned: its box text is what options show.")] = None,
    specialist: Annotated[str | None, typer.Option(help="Who proposes, instead of the preset's.")] = None,
    positives: Annotated[int, typer.Option(min=1, help="How many positives (paper: 10,000).")] = 10_000,
    negatives: Annotated[int, typer.Option(min=0, help="How many negatives (paper, with None: 2,500).")] = 0,
    topk: Annotated[int, typer.Option("--topk", "-k", min=1, max=25, help="How many candidates are options.")] = 5,
    fewest: Annotated[
        int | None, typer.Option(help="Any number of candidates from this to k in a question; k if not given.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help='Offer "None"; with negatives it always is.')] = False,
    style: Annotated[str, typer.Option(help="'crs', or the paper's 'baseline' of Table VIII.")] = "crs",
    warm_up: Annotated[
        float, typer.Option("--warm-up", min=0, help="Rows that teach reading options, per row of the rest; see docs.")
    ] = 0.0,
    trainer: Annotated[str, typer.Option(help="finecops, llama-factory or ms-swift.")] = "finecops",
    against: Annotated[
        list[Path] | None, typer.Option(help="Annotation file that must share no sample and no image; several times.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the draw and of the options' orders.")] = 0,
    device: Annotated[str | None, typer.Option(help="Where the specialist runs.")] = None,
) -> None:
    """Make tuning data: questions whose answer is a letter, from samples whose truth is among the candidates.

    Every line that was written is read back and checked: its letter leads to a box that is right, letters are spread
    evenly, images can be read, nothing comes twice, and nothing is from a test set (--against).
    """
    from finecops.config.find import load_dataset, load_mllm
    from finecops.errors import ConfigError
    from finecops.tuning.data import TunePlan, make_tune_data
    from finecops.tuning.exports import TRAINERS

    if style not in ("crs", "baseline"):
        raise ConfigError(f"unknown style {style!r}; there are: crs, baseline")
    if trainer not in TRAINERS:
        raise ConfigError(f"unknown trainer {trainer!r}; there are: {', '.join(TRAINERS)}")
    choices = Choices(
        dataset=dataset,
        split=split,
        annotations=annotations,
        run=run,
        preset=preset,
        specialist=specialist,
        device=device,
        focus=False,
    )
    pipeline = _pipeline(choices)
    from finecops.config.find import load_preset

    config = load_mllm(mllm or load_preset(preset or load_dataset(dataset).preset).mllm)
    plan = TunePlan(positives, negatives, topk, fewest, none, style, warm_up, seed)  # type: ignore[arg-type]
    data = make_tune_data(config, pipeline.run.samples, pipeline.candidates(), plan)
    _write(data, plan, trainer, out, pipeline, config, against or [])


@crs_app.command("tune")
def tune_command(
    data: Annotated[Path, typer.Argument(help="What `finecops crs tune-data` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The adapter's folder.")],
    mllm: Annotated[str, typer.Option(help="The model to tune.")] = "mini-qwen2vl",
    image_root: Annotated[
        Path | None, typer.Option(help="The folder the images are below, if it is not where it was.")
    ] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the rows.")] = 1.0,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Rows per step.")] = 16,
    per_device: Annotated[int, typer.Option(min=1, help="Rows at a time on each device.")] = 2,
    learning_rate: Annotated[float, typer.Option("--learning-rate", "--lr", help="At its highest.")] = 1e-4,
    rank: Annotated[int, typer.Option(min=1, help="LoRA's rank.")] = 16,
    alpha: Annotated[int, typer.Option(min=1, help="LoRA's alpha.")] = 32,
    dropout: Annotated[float, typer.Option(min=0, max=1, help="LoRA's dropout.")] = 0.0,
    checkpointing: Annotated[
        bool, typer.Option("--checkpointing/--no-checkpointing", help="Less memory for a third more time.")
    ] = True,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Learn rows as they stand in the file: warm-up rows come first.")
    ] = False,
    save_steps: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the weights' start and the rows' order.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda; the best there is if not given.")] = None,
) -> None:
    """Tune a LoRA adapter on the MLLM's language part. Stop it when you like: the same command goes on.

    Several GPUs: `accelerate launch -m finecops crs tune …`.
    """
    from finecops.config.find import load_mllm
    from finecops.models.backends import default_device
    from finecops.tuning.exports import read_tune_file
    from finecops.tuning.train import Tuning, tune

    rows, about = read_tune_file(data)
    tuning = Tuning(
        epochs=epochs,
        batch_size=batch_size,
        per_device=per_device,
        learning_rate=learning_rate,
        rank=rank,
        alpha=alpha,
        dropout=dropout,
        gradient_checkpointing=checkpointing,
        in_order=in_order,
        save_steps=save_steps,
        seed=seed,
    )
    root = image_root or Path(about["image_root"])
    tune(load_mllm(mllm), rows, root, out, tuning, device or default_device(), about)
    typer.echo(f"{out}/  (use it: --adapter {out})")


def _pipeline(choices: Choices) -> CrsPipeline:
    return _pipelines(choices)[0]


def _pipelines(choices: Choices) -> tuple[CrsPipeline, SfaPipeline]:
    """CRS, and the pathways alone in the same run folder, with the plain MLLM."""
    from finecops.stages.candidates import NMS_IOU
    from finecops.strategies.crs import CrsPipeline, CrsSettings
    from finecops.strategies.sfa import SfaPipeline

    run, settings = open_choices(choices, "crs")
    alone = SfaPipeline(run, settings)
    crs = CrsSettings(
        specialist=settings.specialist,
        mllm=selector_of(choices, settings.preset),
        selecting=selecting_of(choices),
        nms_iou=choices.nms_iou if choices.nms_iou is not None else NMS_IOU,
        focus=settings.focus,
        device=settings.device,
        batch_size=settings.batch_size,
        upstream=settings.upstream,
    )
    return CrsPipeline(run, crs, alone.extract), alone


def _write(
    data: TuneData, plan: TunePlan, trainer: str, out: Path, pipeline: CrsPipeline, config: Any, against: list[Path]
) -> None:
    from finecops.tuning import exports as export
    from finecops.tuning.lint import lint

    root = pipeline.run.dataset.root
    about = export.about_data(plan, pipeline.run.dataset, config, root)
    if trainer == "llama-factory":
        path = export.write_llama_factory(out, data.rows, root, config)
    elif trainer == "ms-swift":
        path = export.write_ms_swift(out, data.rows, root)
    else:
        path = export.write_rows(out, data.rows, about)
    left_out = ", ".join(f"{n} {reason}" for reason, n in data.unused.items() if n)
    again = f"; samples come up to {data.repeats} times, their options in other orders" if data.repeats > 1 else ""
    typer.echo(f"{path}: {len(data.rows)} rows{again}" + (f" (left out: {left_out})" if left_out else ""))
    report = lint(path, trainer, data.rows, config, root, against)
    for line in report.lines():
        typer.echo(line)
    report.raise_if_bad()


def _print_orders(report: Any) -> None:
    from finecops.report.text import text_table

    if not report.n:
        typer.echo("no question could be asked in several orders")
        return
    rows = [
        [letter, f"{report.chosen[letter]:.2f}", f"{report.even[letter]:.2f}", f"{report.prior[letter]:+.2f}"]
        for letter in report.chosen
    ]
    typer.echo(text_table("Letters, %", ["", "chosen", "by lot", "prior"], rows))
    typer.echo(
        f"Of {report.n} questions {report.unstable:.2f}% have other answers in other orders; two orders differ in "
        f"{report.flip_rate:.2f}% of the pairs"
    )

"""`finecops crs tune-data` and `finecops crs tune`: tuning data for CRS, and a LoRA adapter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finecops.cli import engine_options as e
from finecops.cli import options as o
from finecops.cli.thread_option import Threads
from finecops.errors import UsageError
from finecops.text import counted

if TYPE_CHECKING:
    from finecops.strategies.parts import Parts
    from finecops.tuning.data import TunePlan

_OF_QUESTIONS = {"topk": 5, "fewest": None, "none": False, "warm_up": 0.0}
"""Options of questions with letters, with their defaults."""


def tune_data_command(
    out: Annotated[Path, typer.Option("--out", "-o", help="A file (finecops, ms-swift) or a folder (llama-factory).")],
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: Annotated[str, typer.Option(help="The split that samples are drawn from.")] = "train",
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: Annotated[str | None, typer.Option("--run", "-r", help="A run with candidates of all samples.")] = None,
    preset: o.Preset = None,
    mllm: Annotated[str | None, typer.Option(help="The MLLM to tune. Options have its box format.")] = None,
    specialist: Annotated[str | None, typer.Option(help="Specialist, instead of the preset's.")] = None,
    visual_tokens: o.VisualTokens = None,
    positives: Annotated[int, typer.Option(min=1, help="Number of positives (paper: 10,000).")] = 10_000,
    negatives: Annotated[int, typer.Option(min=0, help="Number of negatives (paper, with None: 2,500).")] = 0,
    topk: o.TopK = 5,
    fewest: Annotated[int | None, typer.Option(help="Candidates per question: from this to --topk, drawn.")] = None,
    none: Annotated[bool, typer.Option("--none", help='Offer "None"; with negatives it always is.')] = False,
    style: Annotated[str, typer.Option(help="'crs' asks for letters; 'baseline' is that of Table VIII.")] = "crs",
    warm_up: Annotated[float, typer.Option(min=0, help="Exercises per question, to learn options.")] = 0.0,
    trainer: Annotated[str, typer.Option(help="For which trainer: finecops, llama-factory or ms-swift.")] = "finecops",
    against: Annotated[
        list[Path] | None,
        typer.Option(help="Refuse samples and images of this annotation file. Repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the samples and of the order of options.")] = 0,
    device: o.Device = None,
    threads: Threads = None,
    batch_size: o.BatchSize = None,
    engine: e.Engine = "local",
    workers: e.Workers = None,
    gpus_per_worker: e.GpusPerWorker = None,
    address: e.Address = None,
    max_failed: o.MaxFailed = 0.05,
    retry_failed: o.RetryFailed = False,
    keep_failed: o.KeepFailed = False,
    upstream: o.Upstream = True,
    watch: o.Watch = True,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Make tuning data for CRS: questions whose answer is a letter.

    Questions are made from samples whose truth is among the candidates, which are detected on a seeded draw of images,
    as many as are needed. Every written line is then checked: its letter names a right box, letters are spread evenly,
    images can be read, no line is there twice, and none is from a test set (--against). Exit code 1: there is a fault.
    """
    given = locals()
    from finecops.strategies.options import Options, require_known
    from finecops.strategies.parts import Parts
    from finecops.tuning.data import TunePlan
    from finecops.tuning.exports import TRAINERS

    require_known("style", style, ("crs", "baseline"))
    require_known("trainer", trainer, TRAINERS)
    # Refused here, before a detector runs for minutes. Then two records share the options.
    _refuse_useless(given)
    asked = {name: given[name] for name in Options.model_fields if name in given and name not in ("topk", "none")}
    plan = TunePlan(**{name: given[name] for name in TunePlan.__dataclass_fields__})
    # The paper's candidates are those of the whole expression. The baseline detects nothing.
    _write_tune_data(Parts(Options(**asked, focus=style == "baseline")), plan, trainer, out, against or [])


def _refuse_useless(given: Mapping[str, Any]) -> None:
    """
    Raises:
        UsageError: options of the questions contradict each other, or have no use.
    """
    fewest, topk = given["fewest"], given["topk"]
    if fewest is not None and not 1 <= fewest <= topk:
        raise UsageError(f"--fewest {fewest} is not between 1 and --topk {topk}")
    unused = [name for name, usual in _OF_QUESTIONS.items() if given[name] != usual]
    if given["style"] == "baseline" and unused:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        raise UsageError(f"{flags}: of no use with --style baseline, whose questions have no options")


def tune_command(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="The file of `finecops crs tune-data`, or one for LLaMA-Factory (sharegpt or alpaca)."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="The folder for the adapter.")],
    mllm: Annotated[str, typer.Option(help="The model to tune.")] = "mini-qwen2vl",
    visual_tokens: o.VisualTokens = None,
    image_root: Annotated[
        Path | None, typer.Option(help="The folder of the images. Default: that in the file, or the file's own.")
    ] = None,
    epochs: Annotated[float, typer.Option(help="Number of passes over the rows.")] = 1.0,
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", min=1, help="Rows per step.")] = 16,
    per_device: Annotated[int, typer.Option(min=1, help="Rows at a time on each device.")] = 2,
    learning_rate: Annotated[float, typer.Option("--learning-rate", "--lr", help="The highest learning rate.")] = 1e-4,
    rank: Annotated[int, typer.Option(min=1, help="Rank of LoRA.")] = 16,
    alpha: Annotated[int, typer.Option(min=1, help="Alpha of LoRA.")] = 32,
    dropout: Annotated[float, typer.Option(min=0, max=1, help="Dropout of LoRA.")] = 0.0,
    checkpointing: Annotated[
        bool,
        typer.Option("--checkpointing/--no-checkpointing", help="Gradient checkpointing: less memory, more time."),
    ] = True,
    in_order: Annotated[bool, typer.Option("--in-order", help="Learn rows in the order of the file.")] = False,
    save_steps: Annotated[int, typer.Option(min=1, help="Number of steps between two checkpoints.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights and of the order of rows.")] = 0,
    device: o.Device = None,
    threads: Threads = None,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Tune a LoRA adapter on the MLLM's language part.

    You can stop it at any time: the same command continues from the last checkpoint. For several GPUs: `accelerate
    launch -m finecops crs tune …`.
    """
    given = locals()
    from finecops.config.budget import with_visual_tokens
    from finecops.config.find import load_mllm, with_permissions
    from finecops.models.backends import default_device
    from finecops.tuning.exports import read_tune_file
    from finecops.tuning.llama_factory import is_llama_factory, read_llama_factory
    from finecops.tuning.train import Tuning, tune

    rows, about = read_llama_factory(data, image_root) if is_llama_factory(data) else read_tune_file(data)
    same = {name: given[name] for name in Tuning.__dataclass_fields__ if name in given}
    tuning = Tuning(**same, gradient_checkpointing=checkpointing)
    # The file names the folder where it was made, perhaps on another machine.
    root = image_root or Path(about["image_root"])
    config = with_permissions(with_visual_tokens(load_mllm(mllm), visual_tokens), trust_remote_code, allow_pickle)
    tune(config, rows, root, out, tuning, device or default_device(), about)
    typer.echo(f"{out}/  (use it: --adapter {out})")


def _write_tune_data(parts: Parts, plan: TunePlan, trainer: str, out: Path, against: list[Path]) -> None:
    from finecops.tuning import exports
    from finecops.tuning.data import make_tune_data
    from finecops.tuning.lint import lint
    from finecops.tuning.pool import make_pool

    config, pool = parts.mllm, make_pool(parts, plan)
    data = make_tune_data(config, pool.samples, pool.candidates, plan)
    root, rows = pool.dataset.root, exports.with_image_files(data.rows, pool.dataset, pool.samples)
    if trainer == "llama-factory":
        path = exports.write_llama_factory(out, rows, root, config)
    elif trainer == "ms-swift":
        path = exports.write_ms_swift(out, rows, root)
    else:
        path = exports.write_rows(out, rows, exports.about_data(plan, pool.dataset, config, root))
    left_out = ", ".join(f"{n} {reason}" for reason, n in data.unused.items() if n)
    # Repeats are reported: the rows are fewer different samples than they look.
    again = f"; samples come up to {data.repeats} times, their options in other orders" if data.repeats > 1 else ""
    typer.echo(f"{path}: {counted(len(data.rows), 'row')}{again}" + (f" (left out: {left_out})" if left_out else ""))
    # The file is checked as written, not the rows in memory.
    report = lint(path, trainer, rows, config, root, against)
    for line in report.lines():
        typer.echo(line)
    report.raise_if_bad()

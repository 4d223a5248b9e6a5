"""`finecops crs tune-data` and `finecops crs tune`: questions to learn from, and a LoRA adapter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli import options as o

if TYPE_CHECKING:
    from finecops.strategies.parts import Parts
    from finecops.tuning.data import TunePlan


def tune_data_command(
    out: Annotated[Path, typer.Option("--out", "-o", help="File (finecops, ms-swift) or folder (llama-factory).")],
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: Annotated[str, typer.Option(help="The split to learn from.")] = "train",
    annotations: o.Annotations = None,
    run: Annotated[str | None, typer.Option("--run", "-r", help="The run that holds or gets the candidates.")] = None,
    preset: o.Preset = None,
    mllm: Annotated[str | None, typer.Option(help="The MLLM to be tuned: its box text is what options show.")] = None,
    specialist: Annotated[str | None, typer.Option(help="Who proposes, instead of the preset's.")] = None,
    positives: Annotated[int, typer.Option(min=1, help="How many positives (paper: 10,000).")] = 10_000,
    negatives: Annotated[int, typer.Option(min=0, help="How many negatives (paper, with None: 2,500).")] = 0,
    topk: o.TopK = 5,
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
    device: o.Device = None,
    batch_size: o.BatchSize = None,
    engine: o.Engine = "local",
    max_failed: o.MaxFailed = 0.05,
    retry_failed: o.RetryFailed = False,
    keep_failed: o.KeepFailed = False,
    upstream: o.Upstream = True,
    watch: o.Watch = True,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Make tuning data: questions whose answer is a letter, from samples whose truth is among the candidates.

    Every line that was written is read back and checked: its letter leads to a box that is right, letters are spread
    evenly, images can be read, nothing comes twice, and nothing is from a test set (--against).
    """
    given = locals()
    from finecops.strategies.options import Options, require_known
    from finecops.strategies.parts import Parts
    from finecops.tuning.data import TunePlan
    from finecops.tuning.exports import TRAINERS

    require_known("style", style, ("crs", "baseline"))
    require_known("trainer", trainer, TRAINERS)
    # Two records share the options: how candidates are made, and what questions are drawn from them.
    asked = {name: given[name] for name in Options.model_fields if name in given and name not in ("topk", "none")}
    plan = TunePlan(**{name: given[name] for name in TunePlan.__dataclass_fields__})
    _write_tune_data(Parts(Options(**asked, focus=False)), plan, trainer, out, against or [])


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
    device: o.Device = None,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Tune a LoRA adapter on the MLLM's language part. Stop it when you like: the same command goes on.

    Several GPUs: `accelerate launch -m finecops crs tune …`.
    """
    from finecops.config.find import load_mllm, with_permissions
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
    tune(
        with_permissions(load_mllm(mllm), trust_remote_code, allow_pickle),
        rows,
        root,
        out,
        tuning,
        device or default_device(),
        about,
    )
    typer.echo(f"{out}/  (use it: --adapter {out})")


def _write_tune_data(parts: Parts, plan: TunePlan, trainer: str, out: Path, against: list[Path]) -> None:
    from finecops.strategies.crs import candidates
    from finecops.strategies.running import do_all, open_for
    from finecops.tuning import exports
    from finecops.tuning.data import make_tune_data
    from finecops.tuning.lint import lint

    config, spec = parts.mllm, candidates(parts)
    run = open_for(parts, "crs")
    do_all(run, [spec])
    data = make_tune_data(config, run.samples, run.rows(spec), plan)
    root = run.dataset.root
    if trainer == "llama-factory":
        path = exports.write_llama_factory(out, data.rows, root, config)
    elif trainer == "ms-swift":
        path = exports.write_ms_swift(out, data.rows, root)
    else:
        path = exports.write_rows(out, data.rows, exports.about_data(plan, run.dataset, config, root))
    left_out = ", ".join(f"{n} {reason}" for reason, n in data.unused.items() if n)
    again = f"; samples come up to {data.repeats} times, their options in other orders" if data.repeats > 1 else ""
    typer.echo(f"{path}: {len(data.rows)} rows{again}" + (f" (left out: {left_out})" if left_out else ""))
    report = lint(path, trainer, data.rows, config, root, against)
    for line in report.lines():
        typer.echo(line)
    report.raise_if_bad()

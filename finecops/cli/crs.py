"""`finecops crs`: Candidate Region Selection, whole or stage by stage, and tuning for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finecops.cli import options as o

if TYPE_CHECKING:
    from finecops.runs.run import Run
    from finecops.strategies.parts import Parts
    from finecops.tuning.data import TunePlan

crs_app = typer.Typer(
    help="Candidate Region Selection: the specialist proposes boxes, the MLLM picks one by its letter.",
    no_args_is_help=True,
)


@crs_app.command("run")
def run_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    mllm: o.Mllm = None,
    adapter: o.Adapter = None,
    topk: o.TopK = 5,
    none: o.NoneOption = False,
    order: o.OptionOrder = "rank",
    show: o.Show = "text",
    specialist: o.Specialist = None,
    extractor: o.Extractor = None,
    focus: o.Focus = False,
    candidate_nms_iou: o.CandidateNmsIou = 0.7,
    both: o.Both = False,
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
    """Propose candidates, let the MLLM choose, and print the table.

    With --both the specialist and the MLLM answer every sample alone too, to be compared.
    """
    given = locals()
    from finecops.report.tables import print_runs
    from finecops.strategies.crs import crs
    from finecops.strategies.running import do_all

    parts = _parts(given)
    specs = crs(parts)
    done = _open(parts)
    do_all(done, specs)
    print_runs([done.folder], ("p1", "r1", "auroc", "reject"))


@crs_app.command("candidates")
def candidates_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    specialist: o.Specialist = None,
    extractor: o.Extractor = None,
    focus: o.Focus = False,
    candidate_nms_iou: o.CandidateNmsIou = 0.7,
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
    """Propose boxes for every sample and keep them before and after NMS; writes candidates.jsonl."""
    given = locals()
    from finecops.metrics.candidates import candidate_recall
    from finecops.strategies.crs import candidates

    parts = _parts(given)
    spec = candidates(parts)
    done = _open(parts)
    found = candidate_recall(done.samples, done.do(spec))
    shares = "  ".join(f"@{k} {found[k]:.2f}" for k in ("1", "3", "5", "8", "10", "25", "all") if found[k] is not None)
    typer.echo(f"Candidate recall on {found['n']} positives, %: {shares}")


@crs_app.command("select")
def select_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    mllm: o.Mllm = None,
    adapter: o.Adapter = None,
    topk: o.TopK = 5,
    none: o.NoneOption = False,
    order: o.OptionOrder = "rank",
    show: o.Show = "text",
    specialist: o.Specialist = None,
    extractor: o.Extractor = None,
    focus: o.Focus = False,
    candidate_nms_iou: o.CandidateNmsIou = 0.7,
    orders: o.Orders = 0,
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
    """Let the MLLM pick a candidate by its letter, in one forward pass per question; writes crs-top….jsonl.

    With --orders N every question is asked again in N seeded orders: what depends on the order alone is printed, and
    the answer by the mean over the orders is written beside.
    """
    given = locals()
    from finecops.strategies.crs import order_test, selection

    parts = _parts(given)
    spec = selection(parts)
    votes, mean = order_test(parts) if parts.options.orders else (None, None)
    done = _open(parts)
    done.do(spec)
    typer.echo(str(done.file(spec.name)))
    if votes is not None and mean is not None:
        done.do(mean)
        _print_orders(list(done.rows(votes).values()))
        typer.echo(str(done.file(mean.name)))


@crs_app.command("tune-data")
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
    from finecops.tuning.data import TunePlan
    from finecops.tuning.exports import TRAINERS

    require_known("style", style, ("crs", "baseline"))
    require_known("trainer", trainer, TRAINERS)
    # Two records share the options: how candidates are made, and what questions are drawn from them.
    asked = {name: given[name] for name in Options.model_fields if name in given and name not in ("topk", "none")}
    plan = TunePlan(**{name: given[name] for name in TunePlan.__dataclass_fields__})
    _write_tune_data(_parts(asked | {"focus": False}), plan, trainer, out, against or [])


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
    device: o.Device = None,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
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


def _parts(given: dict[str, Any]) -> Parts:
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts

    return Parts(Options(**given))


def _open(parts: Parts) -> Run:
    from finecops.strategies.running import open_for

    return open_for(parts, "crs")


def _write_tune_data(parts: Parts, plan: TunePlan, trainer: str, out: Path, against: list[Path]) -> None:
    from finecops.strategies.crs import candidates
    from finecops.tuning import exports
    from finecops.tuning.data import make_tune_data
    from finecops.tuning.lint import lint

    config, spec = parts.mllm, candidates(parts)
    run = _open(parts)
    data = make_tune_data(config, run.samples, run.do(spec), plan)
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


def _print_orders(votes: list[Any]) -> None:
    from finecops.report.tables import table
    from finecops.stages.order_test import order_report

    report = order_report(votes)
    if not report.n:
        typer.echo("no question could be asked in several orders")
        return
    rows = [
        [letter, f"{report.chosen[letter]:.2f}", f"{report.even[letter]:.2f}", f"{report.prior[letter]:+.2f}"]
        for letter in report.chosen
    ]
    typer.echo(table("Letters, %", ["", "chosen", "at random", "prior"], rows))
    typer.echo(
        f"Of {report.n} questions {report.unstable:.2f}% have other answers in other orders; two orders differ in "
        f"{report.flip_rate:.2f}% of the pairs"
    )

"""`finecops bench`: the speed of evaluation, models, servers, reading data and reports on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.bench_build import build_command
from finecops.cli.bench_data import data_command
from finecops.cli.bench_large import large_command
from finecops.cli.bench_report import report_command
from finecops.cli.bench_server import server_command
from finecops.cli.options import DEFAULT_DATASET
from finecops.cli.panels import App

bench_app = App(help="Measure speed on this machine. Compare the ratios of one run.")
bench_app.command("build")(build_command)
bench_app.command("data")(data_command)
bench_app.command("large")(large_command)
bench_app.command("report")(report_command)
bench_app.command("server")(server_command)


@bench_app.command("eval")
def eval_command(
    scales: Annotated[
        list[float] | None,
        typer.Option(
            "--scale",
            help="Size, in multiples of FineCops-Ref's test set. Repeat it for several sizes. Default: 1 and 10.",
        ),
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(help="Also time this script; it takes the arguments of FineCops-Ref's evaluation_baseline.py."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each command; the fastest counts.")] = 3,
    folder: Annotated[Path, typer.Option(help="The folder for the synthetic files.")] = Path("outputs/bench-eval"),
) -> None:
    """Time `finecops eval` on synthetic files.

    The files have 27,926 rows, and ten times as many. The whole process is timed, from its start to the table.
    """
    from finecops.bench.evaluation import time_evaluation
    from finecops.errors import UsageError
    from finecops.report.text import text_table

    # Files are written and runs timed before a script is needed, so wrong values are refused here.
    if any(scale <= 0 for scale in scales or ()):
        raise UsageError("--scale must be above 0")
    if script is not None and not script.is_file():
        raise UsageError(f"--script {script} is not a file")
    chosen = scales or [1.0, 10.0]
    timings = time_evaluation(folder, chosen, script, repeats)
    # Reversed, so that the first scale of each command stays.
    first = {t.what: t for t in reversed(timings)}
    rows = []
    for timing in timings:
        # The other script reads the texts; its ratio is to finecops on the same file.
        ours = first["finecops eval, texts"] if timing.what.startswith("the script") else first[timing.what]
        ratio = f"{timing.seconds / ours.seconds:.1f}"
        rows.append([timing.what, str(timing.rows), f"{timing.seconds:.2f}", ratio, f"{timing.peak_mib:.0f}"])
    header = ["", "rows", "seconds", "times finecops at the first scale", "peak MiB"]
    typer.echo(text_table("Whole process, start to table", header, rows))


@bench_app.command("models")
def models_command(
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="A dataset's name or YAML file.")] = DEFAULT_DATASET,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Number of samples.")] = 200,
    preset: Annotated[str | None, typer.Option(help="A preset of models. Default: the dataset's own.")] = None,
    specialist: Annotated[str | None, typer.Option(help="Specialist, instead of the preset's.")] = None,
    mllm: Annotated[str | None, typer.Option(help="MLLM, instead of the preset's; also for CRS.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or mps. Default: the best one here.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each variant; the fastest counts.")] = 3,
) -> None:
    """Time specialist, MLLM and CRS with and without batches.

    The baseline runs the same weights on one sample at a time, shares nothing between samples, and generates the letter
    of CRS. Loading is not timed. The last column is the share of answers that equal the baseline's.
    """
    from finecops.bench.models import time_models
    from finecops.config.find import load_dataset, load_mllm, load_preset, load_specialist
    from finecops.datasets.choose import choose_samples
    from finecops.datasets.dataset import load_dataset_split
    from finecops.models.backends import default_device
    from finecops.report.text import text_table

    config = load_dataset(dataset)
    named = load_preset(preset or config.preset)
    split = load_dataset_split(config)
    timings = time_models(
        choose_samples(split.samples, limit),
        split.image_path,
        load_specialist(specialist or named.specialist),
        load_mllm(mllm or named.mllm),
        load_mllm(mllm or named.selector or named.mllm),
        device or default_device(),
        repeats,
    )
    # Later entries of a stage are overwritten by earlier ones: its first variant is the baseline.
    plain = {timing.stage: timing for timing in reversed(timings)}
    rows = [
        [
            timing.stage,
            timing.variant,
            f"{timing.samples / timing.seconds:.1f}",
            f"{plain[timing.stage].seconds / timing.seconds:.2f}",
            "–" if timing.model_share is None else f"{100 * timing.model_share:.0f}",
            f"{100 * timing.same_answers:.1f}",
        ]
        for timing in timings
    ]
    header = ["", "how", "samples/s", "times as fast", "% in the model", "% same answers"]
    typer.echo(text_table(f"{timings[0].samples} samples", header, rows))

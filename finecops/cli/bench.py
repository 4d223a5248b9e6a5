"""`finecops bench`: how fast things are here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.options import DEFAULT_DATASET

bench_app = typer.Typer(help="Measure on this machine, in one go; ratios, not promises.", no_args_is_help=True)


@bench_app.command("eval")
def eval_command(
    scales: Annotated[
        list[float] | None, typer.Option("--scale", help="Times FineCops-Ref's test set; several times for several.")
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(help="Another evaluation script with the arguments of FineCops-Ref's evaluation_baseline.py."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each; the fastest counts.")] = 3,
    folder: Annotated[Path, typer.Option(help="Where to put the files.")] = Path("outputs/bench-eval"),
) -> None:
    """Time `finecops eval` on synthetic files of 27,926 rows and ten times as many: whole process, start to table."""
    from finecops.bench.evaluation import time_evaluation
    from finecops.report.text import text_table

    chosen = scales or [1.0, 10.0]
    timings = time_evaluation(folder, chosen, script, repeats)
    first = {t.what: t for t in reversed(timings)}
    rows = []
    for timing in timings:
        ours = first["finecops eval, texts"] if timing.what.startswith("the script") else first[timing.what]
        ratio = f"{timing.seconds / ours.seconds:.1f}"
        rows.append([timing.what, str(timing.rows), f"{timing.seconds:.2f}", ratio, f"{timing.peak_mib:.0f}"])
    header = ["", "rows", "seconds", "times ours at the first scale", "peak MiB"]
    typer.echo(text_table("Whole process, start to table", header, rows))


@bench_app.command("models")
def models_command(
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="A dataset's name or YAML file.")] = DEFAULT_DATASET,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many samples.")] = 200,
    preset: Annotated[str | None, typer.Option(help="Models; the dataset's own if not given.")] = None,
    specialist: Annotated[str | None, typer.Option(help="Specialist, instead of the preset's.")] = None,
    mllm: Annotated[str | None, typer.Option(help="MLLM, instead of the preset's; it chooses too.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps; the best there is if not given.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each; the fastest counts.")] = 3,
) -> None:
    """Time specialist, MLLM and CRS against one sample at a time, nothing shared, letters generated: same weights.

    Loading is not timed. The last column says how many answers are those of the plain way.
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
    plain = {timing.stage: timing for timing in reversed(timings)}  # The first of each stage.
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

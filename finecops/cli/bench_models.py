"""`finecops bench models`: finecops beside what a user writes with the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli.options import DEFAULT_DATASET
from finecops.cli.thread_option import Threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finecops.bench.rounds import VariantTiming

HEADER = (
    "",
    "how",
    "samples/s",
    "times plain",
    "times batches",
    "CPU ms a sample",
    "times plain, CPU",
    "times batches, CPU",
    "% in the model",
    "GFLOP a sample",
    "% of the limit",
    "% same answers",
)


def models_command(
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="A dataset's name or YAML file.")] = DEFAULT_DATASET,
    split: Annotated[str | None, typer.Option(help="Default: the dataset's own.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="Number of samples; 0: all.")] = 200,
    preset: Annotated[str | None, typer.Option(help="A preset of models. Default: the dataset's own.")] = None,
    specialist: Annotated[str | None, typer.Option(help="Specialist, instead of the preset's.")] = None,
    mllm: Annotated[str | None, typer.Option(help="MLLM, instead of the preset's; also for CRS.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or mps. Default: the best one here.")] = None,
    threads: Threads = None,
    repeats: Annotated[int, typer.Option(min=1, help="Timed runs of each variant; the fastest counts.")] = 3,
    only: Annotated[
        str | None,
        typer.Option(metavar="NAME,…", help="router, specialist, candidates, mllm, sfa, select, crs. Default: all."),
    ] = None,
) -> None:
    """Time every stage that asks a model, `sfa run` and `crs run`, beside two baselines.

    Both call the library with the same weights. "One at a time" is plain use. "Batches of 16" is that of a careful
    user: sorted by size of image and length of text, padded, one token for a letter. Variants run in turns. Loading is
    not timed; decoding of images and the files of a run are. The limit is the time that the variant's operations take
    at the rate of a large matrix product on this machine; operations are counted by shape, with the formulas of
    torch's FlopCounterMode.
    """
    from finecops.bench.models import WORK, time_models
    from finecops.report.text import text_table
    from finecops.strategies.options import Options

    options = Options(
        dataset=dataset, split=split, limit=limit, preset=preset, specialist=specialist, mllm=mllm, device=device
    )
    found = time_models(options, [name.strip() for name in only.split(",")] if only else WORK, repeats)
    an_image = found.samples / found.images
    title = f"{found.samples} samples on {found.images} images ({an_image:.1f} an image)"
    typer.echo(text_table(title, HEADER, [_row(timing, found.timings) for timing in found.timings]))


def _row(timing: VariantTiming, timings: Sequence[VariantTiming]) -> list[str]:
    plain, batches = (one for one in timings if one.what == timing.what and one.variant != "finecops")
    return [
        timing.what,
        timing.variant,
        f"{timing.samples / timing.seconds:.1f}",
        *(f"{other.seconds / timing.seconds:.2f}" for other in (plain, batches)),
        f"{1000 * timing.cpu_seconds / timing.samples:.1f}",
        *(f"{other.cpu_seconds / timing.cpu_seconds:.2f}" for other in (plain, batches)),
        f"{100 * timing.model_share:.0f}",
        f"{timing.gflops:.3f}",
        f"{100 * timing.limit_share:.0f}",
        f"{100 * timing.same_answers:.1f}",
    ]

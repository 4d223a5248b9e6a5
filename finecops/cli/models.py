"""`finecops models`: list the models, and try one before a long run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli.panels import App

if TYPE_CHECKING:
    from finecops.bench.model_check import CheckedSample

models_app = App(help="List the models, and try one before a long run.")


@models_app.command("list")
def list_command(
    kind: Annotated[str | None, typer.Option(help="List one kind alone: specialist, mllm or extractor.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table of docs/models.md.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all fields as JSON.")] = False,
) -> None:
    """List the models, and what each lacks on this machine.

    The columns are: name, kind, backend, what is missing here, whether the model needs code from the Hub, licence, and
    which benchmarks were in its training data. An option that takes a model takes one of these names, a YAML file, or
    NAME@WEIGHTS with other weights.
    """
    from finecops.errors import UsageError
    from finecops.models.catalogue import markdown_table, model_facts
    from finecops.report.text import text_table

    if kind not in (None, "specialist", "mllm", "extractor"):
        raise UsageError(f"unknown kind {kind!r}; there are: specialist, mllm, extractor")
    # The page documents all models, so a part of it is never wanted.
    if markdown and (as_json or kind is not None):
        raise UsageError("--markdown prints the whole table of docs/models.md; it goes with no other option")
    if markdown:
        typer.echo(markdown_table(), nl=False)
        return
    facts = [fact for fact in model_facts() if kind in (None, fact.kind)]
    if as_json:
        typer.echo(json.dumps([asdict(fact) for fact in facts], indent=1, ensure_ascii=False))
        return
    header = ("model", "kind", "backend", "here", "remote code", "licence", "seen in training")
    rows = [
        (
            fact.name,
            fact.kind,
            fact.backend,
            fact.lacks or "ready",
            "yes" if fact.remote_code else "no",
            fact.licence or "–",
            fact.seen or "–",
        )
        for fact in facts
    ]
    typer.echo(text_table(f"{len(rows)} models", header, rows, left=True))


@models_app.command("check")
def check_command(
    name: Annotated[str, typer.Argument(help="A model's name, YAML file, or NAME@WEIGHTS.")],
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, max=64, help="Number of samples.")] = 4,
    dataset: Annotated[
        str, typer.Option("--dataset", "-d", help="The dataset whose samples are used.")
    ] = "finecops-mini",
    out: Annotated[Path | None, typer.Option(help="The picture. Default: outputs/check-NAME.png.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 or mps. Default: the best one here.")] = None,
    trust_remote_code: Annotated[
        bool,
        typer.Option(
            "--trust-remote-code", help="Allow the model's own code from the Hub. Its `revision` must be a commit."
        ),
    ] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Allow a checkpoint in pickle form; only its tensors are loaded.")
    ] = False,
) -> None:
    """Run one model on a few samples, before a long run.

    Printed are the prompt, the raw reply, the parsed box with its score, the seconds and the memory. A picture shows
    the boxes.
    """
    from finecops.bench.model_check import check_model, draw_checked, peak_memory_mib
    from finecops.config.find import load_as_runs_do, load_dataset, with_permissions
    from finecops.config.schema import ExtractorConfig
    from finecops.datasets.choose import choose_samples
    from finecops.datasets.dataset import load_dataset_split
    from finecops.errors import FailuresError, UsageError
    from finecops.models.backends import default_device
    from finecops.models.redaction import one_line
    from finecops.runs.failures import MAX_FAILED, is_failed
    from finecops.runs.specification import ImageGroup

    # As a run finds it: these look into checkpoints/ for its weights.
    config = with_permissions(load_as_runs_do(name), trust_remote_code, allow_pickle)
    if isinstance(config, ExtractorConfig) and (out is not None or trust_remote_code):
        raise UsageError(f"{config.name} finds phrases: --out and --trust-remote-code have no use")
    data = load_dataset_split(load_dataset(dataset), None, ())
    positives = [sample for sample in data.samples if sample.positive]
    # One group per sample: each is timed alone.
    groups = [ImageGroup(data.image_path(s), (s,)) for s in choose_samples(positives, samples)]
    loaded, checked = check_model(config, groups, device or default_device())
    typer.echo(f"{config.name}: loaded in {loaded:.1f} s")
    for item in checked:
        _print_checked(item)
    failed = [item for item in checked if is_failed(item.row)]
    # The first sample pays for what is set up once (compiled kernels, caches), so it is left out of the mean.
    memory = ", ".join(f"{what} {mib:,.0f} MiB" for what, mib in peak_memory_mib().items())
    seconds = sum(item.seconds for item in checked[1:]) / max(1, len(checked) - 1)
    typer.echo(f"{seconds:.2f} s a sample after the first; peak memory: {memory}")
    if not isinstance(config, ExtractorConfig):
        path = out or Path("outputs") / f"check-{config.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_checked(checked, [group.image for group in groups]).save(path)
        typer.echo(f"{path}: the truth in green, the model's box in red")
    if len(failed) > MAX_FAILED * len(checked):
        reason = one_line(failed[0].row.reason or "no reason")
        raise FailuresError(f"{config.name}: {len(failed)} of {len(checked)} samples failed: {reason}")


def _print_checked(item: CheckedSample) -> None:
    from finecops.models.redaction import one_line
    from finecops.records import Target

    typer.secho(f"\n{item.sample.id}: {item.sample.expression}", bold=True)
    row = item.row
    if isinstance(row, Target):
        typer.echo(f"  target: {row.phrase!r} at {row.span} ({row.status}); {item.seconds:.2f} s")
        return
    if row.prompt is not None:
        typer.echo(f"  prompt: {row.prompt}")
    if row.reply is not None:
        typer.echo(f"  reply:  {row.reply!r}")
    box = tuple(round(v, 1) for v in row.boxes[0]) if row.boxes else None
    score = f"{row.scores[0]:.3f} ({row.score_kind})" if row.scores else "none"
    overlap = "" if item.iou is None else f", IoU with the truth {item.iou:.2f}"
    typer.echo(f"  {row.status}: {box} of {len(row.boxes)}, score {score}{overlap}; {item.seconds:.2f} s")
    for sentence in (row.reason, row.note):
        if sentence:
            typer.echo(f"  {one_line(sentence)}")


def doctor_command() -> None:
    """Print versions and devices, and how to fix what is missing.

    Exit code 1 if something is broken.
    """
    from finecops.bench.doctor import examine

    broken = False
    for finding in examine():
        broken |= not finding.good
        colour = None if finding.good else typer.colors.RED
        typer.secho(f"{finding.what:28} {finding.state}", fg=colour)
        if finding.fix is not None:
            typer.echo(f"{'':28} → {finding.fix}")
    if broken:
        raise typer.Exit(1)

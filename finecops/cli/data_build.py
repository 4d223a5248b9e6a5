"""`finecops data build`: finecops-mini, and benchmarks from scene graphs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finecops.cli import build_options as b
from finecops.cli.eval_options import As, AsJson, given_options, refuse_two_outputs
from finecops.cli.panels import App

if TYPE_CHECKING:
    from finecops.construction.chain.build import Built, Plan
    from finecops.construction.chain.settings import BuildSettings

build_app = App(help="Build a benchmark.", order="gqa mini")
_PRINTED = ("only", "until", "again", "preview", "max_failed", "as_", "as_json")
"""Parameters that are no settings of the build."""


@build_app.command("mini")
def build_mini_command(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write to.")],
    split: Annotated[
        list[str] | None, typer.Option(metavar="SPLIT", help="May be given several times. Default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    workers: b.Workers = 0,
) -> None:
    """Draw finecops-mini: scenes, expressions and negatives.

    It is built as `data build gqa` builds, in stages that go on after a stop. The splits are test, val, test_long,
    test_short, train and train_plain. The last two are not in the repository.
    """
    from finecops.construction.pool import usual_workers
    from finecops.errors import UsageError
    from finecops.mini.world.benchmark import PLANS, build_mini
    from finecops.names import unknown_name

    names = split or list(PLANS)
    for name in names:
        if name not in PLANS:
            raise UsageError(unknown_name("split", name, PLANS))
    for name in names:
        counts = build_mini(out, name, seed, workers or usual_workers())
        typer.echo(f"{name}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))


@build_app.command("gqa")
def build_gqa_command(
    ctx: typer.Context,
    scene_graphs: b.SceneGraphs,
    out: b.Out,
    images: b.Images = None,
    name: b.Name = "test",
    words: b.Words = None,
    seed: b.Seed = 0,
    limit: b.Limit = 0,
    workers: b.Workers = 0,
    device: b.Device = None,
    sentences: b.Sentences = False,
    bring: b.Bring = "none",
    licence: b.Licence = None,
    hub: b.Hub = None,
    complete_graphs: b.CompleteGraphs = False,
    scenes: b.Scenes = None,
    keep_names: b.KeepNames = None,
    drop_names: b.DropNames = None,
    min_side: b.MinSide = None,
    min_share: b.MinShare = None,
    positives: b.Positives = (1000, 1000, 500),
    per_image: b.PerImage = 3,
    sides: b.Sides = 0.3,
    types: b.Types = None,
    rewriter: b.Rewriter = None,
    base_url: b.BaseUrl = None,
    api_model: b.ApiModel = None,
    budget_tokens: b.BudgetTokens = None,
    budget_usd: b.BudgetUsd = None,
    expressions: b.Expressions = 200,
    negatives: b.Negatives = None,
    words_by: b.WordsBy = "statistics",
    editor: b.Editor = None,
    edits: b.Edits = 200,
    flips: b.Flips = 200,
    candidates: b.Candidates = 10,
    scorers: b.Scorers = None,
    synthetic_threshold: b.SyntheticThreshold = None,
    refine: b.Refine = "none",
    refine_scorers: b.RefineScorers = None,
    votes: b.Votes = None,
    key: b.Key = None,
    only: b.Only = None,
    until: b.Until = None,
    again: b.Again = None,
    max_failed: b.MaxFailed = 0.05,
    preview: b.Preview = 0,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Build a benchmark like FineCops-Ref from scene graphs.

    It works in stages: paths, positives, rewrites, negatives, edits, scores, chosen, reviewed, export. Each has a file
    in OUT/build/NAME/. The same command goes on after a stop. Other settings need --again STAGE or another --out.
    """
    _run(ctx)


def _run(ctx: typer.Context) -> None:
    from finecops.construction.chain.build import Plan, build

    refuse_two_outputs(ctx)
    asked, given = ctx.params, given_options(ctx)
    settings = _settings(asked, given)
    plan = Plan(asked["only"], asked["until"], tuple(asked["again"] or ()), tuple(given))
    if asked["preview"]:
        _print_preview(settings, plan, asked["preview"])
        return
    built = build(settings, plan)
    _report(built, settings, asked["as_"] or ("json" if asked["as_json"] else "text"))
    _refuse_too_many_failures(built, plan, asked["max_failed"])


def _settings(values: Mapping[str, Any], given: Sequence[str]) -> BuildSettings:
    """The settings; only those that the user gave are set, so that the others can follow them."""
    from pydantic import ValidationError

    from finecops.construction.chain.settings import BuildSettings
    from finecops.construction.pool import usual_workers
    from finecops.errors import UsageError

    said = {name: values[name] for name in given if name not in _PRINTED and values[name] is not None}
    said["workers"] = values["workers"] or usual_workers()
    try:
        return BuildSettings(**said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from error


def _print_preview(settings: BuildSettings, plan: Plan, count: int) -> None:
    from finecops.construction.chain.preview import preview, preview_lines
    from finecops.errors import UsageError
    from finecops.report.text import terminal_width
    from finecops.text import printable

    if plan.only or plan.until or plan.again:
        raise UsageError("--preview makes no stage: leave --only, --until and --again away")
    for line in preview_lines(preview(settings, count), terminal_width() or 80):
        typer.echo(printable(line))


def _report(built: Built, settings: BuildSettings, writer: str) -> None:
    """Print what was made and left out, and what comes next."""
    from finecops.cli.printing import print_document
    from finecops.construction.chain.summary import summary_document
    from finecops.text import counted, printable

    print_document(summary_document(built.folder), writer)
    if built.file is None:
        return
    made = ", ".join(counted(number, what.removesuffix("s"), what) for what, number in built.samples.items())
    typer.echo(f"{settings.name}: {made}", err=writer != "text")
    _write_hub(built, settings)
    if built.file.to_add is not None:
        typer.secho(f"{built.file.path}: add to its splits: {built.file.to_add}", fg=typer.colors.YELLOW, err=True)
    if built.file.fault is not None:
        said = f"{built.file.path} was there, and reads something else: {built.file.fault}"
        typer.secho(printable(said), fg=typer.colors.YELLOW, err=True)
    for line in _next(built.file.path, settings, built.file.images_inside):
        typer.echo(line, err=True)


def _refuse_too_many_failures(built: Built, plan: Plan, most: float) -> None:
    """
    Raises:
        FailuresError: of the rows of a stage that were tried, a larger share failed. What was dropped was no failure.
    """
    from finecops.construction.chain.outcome import FAILED, KEPT
    from finecops.errors import FailuresError
    from finecops.runs.failures import most_frequent

    for name in plan.made:
        record = built.folder.stages.get(name)
        failed = record.counts.get(FAILED, 0) if record is not None else 0
        if record is not None and failed > most * (failed + record.counts.get(KEPT, 0)):
            # Reasons are of all rows, and the failed ones are among the most frequent where so many failed.
            raise FailuresError(
                f"{name}: {failed} of {failed + record.counts.get(KEPT, 0)} failed, more than --max-failed {most:g} "
                f"allows: {most_frequent(record.reasons)}. What is right was written; {name}.jsonl has the others"
            )


def _next(path: Path, settings: BuildSettings, images_inside: bool) -> list[str]:
    from finecops.text import printable

    # Without images nobody looked at any: the commands need them all the same.
    where = [] if images_inside else ["--images", str(settings.images or "FOLDER")]
    split = ["--split", settings.name]
    check = shlex.join(["finecops", "data", "check", str(path), *split, *where])
    # --images is remembered from the first command on; where the folder is not known, both lines ask for it.
    again = [] if settings.images else where
    run = shlex.join(["finecops", "sfa", "run", "--dataset", str(path), *split, *again])
    return [printable(f"next: {check}"), printable(f"      {run}")]


def _write_hub(built: Built, settings: BuildSettings) -> None:
    from finecops.construction.chain.hub import write_hub
    from finecops.text import counted

    if settings.hub is None or built.file is None:
        return
    place = None if built.file.images_inside else settings.images
    written = write_hub(built.file.path, settings.hub, place, settings.licence)
    typer.secho(f"wrote {counted(len(written.files), 'file')} and README.md to {settings.hub}/", err=True)

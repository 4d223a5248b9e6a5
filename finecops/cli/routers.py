"""`finecops sfa routers`: Table IX for any routers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli import engine_options as e
from finecops.cli import options as o
from finecops.cli.eval_options import As, AsCsv, AsJson, refuse_two_outputs
from finecops.cli.thread_option import Threads

if TYPE_CHECKING:
    from finecops.evaluation.routers import RoutersResult

Routers = Annotated[
    list[str],
    typer.Argument(
        metavar="ROUTER",
        help="Detectors: NAME, a YAML file, NAME@WEIGHTS; thresholds may stand behind: owlv2:score=0.3:nms=0.5:zero=1.",
    ),
]
Answers = Annotated[
    str | None,
    typer.Option(
        "--answers",
        metavar="RUN",
        help="A run with both pathways on the same samples, for SFA's precision. Default: that of `sfa run --both`.",
    ),
]
_OWN = ("ctx", "routers", "answers", "paper", "as_", "as_json", "as_csv")
"""Parameters that are no options of stages."""
Paper = Annotated[bool, typer.Option("--paper", help="Print the rows of the paper's Table IX too.")]


def routers_command(
    ctx: typer.Context,
    routers: Routers,
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    answers: Answers = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    score_threshold: o.ScoreThreshold = None,
    router_nms_iou: o.RouterNmsIou = None,
    zero_is: o.ZeroIs = None,
    doubtful: o.Doubtful = "route",
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
    paper: Paper = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare routers on the same samples, as the paper's Table IX does.

    Printed are level accuracy and level-2 recall on positives, SFA's precision@1 if the answers of both pathways are
    there, and a sample's time. Each router writes routes-….jsonl into one run folder; what is done is kept.
    """
    given = {name: value for name, value in locals().items() if name not in _OWN}
    from finecops.evaluation.reading import RunData
    from finecops.evaluation.routers import compare_routers
    from finecops.runs.folder import run_folder
    from finecops.strategies.routers import is_run, named_router, paper_row, run_routers, usual_answers

    refuse_two_outputs(ctx)
    named = [named_router(text) for text in routers]
    place = run_folder(answers) if answers is not None else None
    if place is not None:
        # Before any model runs: what is wrong with it would be found after hours.
        RunData(place)
    done, specs = run_routers(named, given)
    usual = usual_answers(given, done.dataset)
    place = usual if place is None and is_run(usual) else place
    note = f"SFA's precision@1 needs the answers of both pathways: `finecops sfa run --both` writes {usual}/."
    rows = {spec.name: (router.text, paper_row(spec)) for router, spec in zip(named, specs)}
    _print(ctx, compare_routers(done.folder, rows, place, note), paper)


def _print(ctx: typer.Context, found: RoutersResult, paper: bool) -> None:
    from finecops.cli.printing import print_document
    from finecops.report.routers import routers_document
    from finecops.report.writers import OutputSettings

    print_document(routers_document(found, paper), OutputSettings.of(ctx.params).writer)

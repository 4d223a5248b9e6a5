"""`finecops sfa`: Slow-Fast Adaptation, whole or stage by stage."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from finecops.cli import options as o

if TYPE_CHECKING:
    from finecops.runs.run import Run
    from finecops.strategies.options import Options

sfa_app = typer.Typer(
    help="Slow-Fast Adaptation: easy expressions to the specialist, hard ones to the MLLM.", no_args_is_help=True
)


@sfa_app.command("run")
@sfa_app.command(
    "infer", help="Answer level 1 with the specialist and level 2 with the MLLM; writes specialist, mllm and sfa.jsonl."
)
def run_command(
    context: typer.Context,
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    extractor: o.Extractor = None,
    specialist: o.Specialist = None,
    mllm: o.Mllm = None,
    focus: o.Focus = True,
    both: o.Both = False,
    fast: o.Fast = "specialist",
    slow: o.Slow = "mllm",
    confidence: o.Confidence = "mean_prob",
    router: o.Router = None,
    score_threshold: o.ScoreThreshold = None,
    router_nms_iou: o.RouterNmsIou = None,
    zero_is: o.ZeroIs = None,
    candidates: o.CandidatesOf = "router",
    topk: o.TopK = 5,
    none: o.NoneOption = False,
    adapter: o.Adapter = None,
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
    """Extract targets, route, answer on both pathways, and print the table.

    Every stage's file is kept in the run folder; what is there already is not done again.
    """
    given = locals()
    command = given.pop("context").info_name
    from finecops.cli.printing import print_runs
    from finecops.strategies.options import Options

    done = _infer(Options(**given))
    if command == "infer":
        typer.echo(str(done.file("sfa")))
    else:
        print_runs([done.folder])


@sfa_app.command("route")
def route_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    extractor: o.Extractor = None,
    router: o.Router = None,
    score_threshold: o.ScoreThreshold = None,
    router_nms_iou: o.RouterNmsIou = None,
    zero_is: o.ZeroIs = None,
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
    """Count each target with the router: one is level 1, otherwise level 2; writes routes.jsonl."""
    given = locals()
    from finecops.strategies.baselines import routes
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts
    from finecops.strategies.running import do_all, open_for

    parts = Parts(Options(**given))
    spec = routes(parts)
    opened = open_for(parts)
    do_all(opened, [spec])
    rows = opened.rows(spec)
    typer.echo(_counted(Counter(f"level {route.level}" for route in rows.values())))


@sfa_app.command("extract")
def extract_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    extractor: o.Extractor = None,
    device: o.Device = None,
    batch_size: o.BatchSize = None,
    engine: o.Engine = "local",
    max_failed: o.MaxFailed = 0.05,
    retry_failed: o.RetryFailed = False,
    keep_failed: o.KeepFailed = False,
) -> None:
    """Find the phrase of each expression that names its target; writes targets.jsonl."""
    given = locals()
    from finecops.strategies.baselines import targets
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts
    from finecops.strategies.running import do_all, open_for

    parts = Parts(Options(**given))
    spec = targets(parts)
    opened = open_for(parts)
    do_all(opened, [spec])
    rows = opened.rows(spec)
    typer.echo(_counted(Counter(target.status for target in rows.values())))


def _infer(options: Options) -> Run:
    """SFA's answers in their run folder.

    Raises:
        UsageError: an option says how CRS asks where CRS is not asked.
    """
    from finecops.errors import UsageError
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts
    from finecops.strategies.running import do_all, open_for
    from finecops.strategies.sfa import sfa

    usual = Options()
    asks = ("candidates", "topk", "none", "adapter")
    if options.slow != "crs" and any(getattr(options, name) != getattr(usual, name) for name in asks):
        raise UsageError("--candidates, --topk, --none and --adapter say how CRS asks; they go with --slow crs")
    parts = Parts(options)
    specs = sfa(parts)
    run = open_for(parts)
    do_all(run, specs)
    return run


def _counted(counts: Counter[str]) -> str:
    total = counts.total()
    return ", ".join(f"{name} {n} ({100 * n / total:.1f}%)" for name, n in sorted(counts.items()))

"""`finecops sfa`: Slow-Fast Adaptation, as a whole or stage by stage."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli import engine_options as e
from finecops.cli import options as o
from finecops.cli import server_options as s
from finecops.cli.panels import App
from finecops.cli.thread_option import Threads
from finecops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finecops.runs.run import Run
    from finecops.runs.specification import Row, StageSpec
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts

sfa_app = App(
    help="SFA: easy samples to the specialist, hard ones to the MLLM.", order="run extract route infer routers"
)


@sfa_app.command("run")
@sfa_app.command(
    "infer",
    help="Run SFA without printing tables.\n\nRouter level 1 goes to the specialist, level 2 to the MLLM. It writes "
    "specialist.jsonl, mllm.jsonl and sfa.jsonl.",
)
def run_command(
    context: typer.Context,
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    specialist: o.Specialist = None,
    mllm: o.Mllm = None,
    base_url: s.BaseUrl = None,
    api_model: s.ApiModel = None,
    servers: s.Servers = None,
    serve: s.Serve = None,
    focus: o.Focus = True,
    both: o.Both = False,
    fast: o.Fast = "specialist",
    slow: o.Slow = "mllm",
    confidence: o.Confidence = "mean_prob",
    router: o.Router = None,
    score_threshold: o.ScoreThreshold = None,
    router_nms_iou: o.RouterNmsIou = None,
    zero_is: o.ZeroIs = None,
    doubtful: o.Doubtful = "route",
    candidates: o.CandidatesOf = "router",
    topk: o.TopK = 5,
    none: o.NoneOption = False,
    adapter: o.Adapter = None,
    visual_tokens: o.VisualTokens = None,
    device: o.Device = None,
    threads: Threads = None,
    batch_size: o.BatchSize = None,
    engine: e.Engine = "local",
    workers: e.Workers = None,
    gpus_per_worker: e.GpusPerWorker = None,
    address: e.Address = None,
    shard: e.Shard = None,
    max_failed: o.MaxFailed = 0.05,
    retry_failed: o.RetryFailed = False,
    keep_failed: o.KeepFailed = False,
    upstream: o.Upstream = True,
    watch: o.Watch = True,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Run all of SFA and print its tables.

    Stages: extract targets, route, answer on both pathways, merge. Each writes one file into the run folder; rows that
    are there already are kept.
    """
    given = locals()
    # `sfa infer` is the same command without tables.
    command = given.pop("context").info_name
    from finecops.strategies.options import Options

    _print(_infer(Options(**given)), tables=command != "infer")


@sfa_app.command("route")
def route_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    router: o.Router = None,
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
    shard: e.Shard = None,
    max_failed: o.MaxFailed = 0.05,
    retry_failed: o.RetryFailed = False,
    keep_failed: o.KeepFailed = False,
    upstream: o.Upstream = True,
    watch: o.Watch = True,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Count the instances of each target with the router.

    Exactly one instance is router level 1, any other number is level 2. It writes routes.jsonl.
    """
    given = locals()
    from finecops.strategies.baselines import routes
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts

    parts = Parts(Options(**given))
    rows = _rows(parts, routes(parts))
    typer.echo(_counted(Counter(f"level {route.level}" for route in rows.values())))


@sfa_app.command("extract")
def extract_command(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="Sentences instead of a dataset: JSON Lines with id (optional) and expression, or a .txt file with "
            "one per line; - is the standard input.",
            show_default=False,
        ),
    ] = None,
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    device: o.Device = None,
    threads: Threads = None,
    batch_size: o.BatchSize = None,
    engine: e.Engine = "local",
    workers: e.Workers = None,
    gpus_per_worker: e.GpusPerWorker = None,
    address: e.Address = None,
    shard: e.Shard = None,
    max_failed: o.MaxFailed = 0.05,
    retry_failed: o.RetryFailed = False,
    keep_failed: o.KeepFailed = False,
    allow_pickle: o.AllowPickle = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With FILE: one JSON object per line, for scripts.", rich_help_panel="Data")
    ] = False,
) -> None:
    """Find the words of each expression that name its target.

    On a dataset this writes targets.jsonl into the run folder. With FILE it prints the targets and writes nothing;
    only --json, --extractor, --article, --device, --batch-size, --max-failed and --allow-pickle go with it.
    """
    given = {name: value for name, value in locals().items() if name not in ("context", "file", "as_json")}
    if file is not None:
        from finecops.cli.extract import extract_file, refuse_options_of_runs

        refuse_options_of_runs(context)
        extract_file(file, as_json, extractor, article, device, batch_size, max_failed, allow_pickle)
        return
    if as_json:
        raise UsageError("--json goes with FILE; on a dataset the targets are in targets.jsonl of the run folder")
    from finecops.strategies.baselines import targets
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts

    parts = Parts(Options(**given))
    rows = _rows(parts, targets(parts))
    typer.echo(_counted(Counter(target.status for target in rows.values())))


def _rows(parts: Parts, spec: StageSpec[Row]) -> Mapping[str, Row]:
    """A stage's rows, made in the run that the options name."""
    from finecops.cli.printing import end_with_shard
    from finecops.strategies.running import do_all, open_for

    run = open_for(parts)
    do_all(run, [spec])
    end_with_shard(run)
    return run.rows(spec)


def _print(run: Run, tables: bool) -> None:
    from finecops.cli.printing import end_with_shard, print_runs

    end_with_shard(run)
    if tables:
        print_runs([run.folder])
    else:
        typer.echo(str(run.file("sfa")))


def _infer(options: Options) -> Run:
    """SFA's answers in their run folder.

    Raises:
        UsageError: an option says how CRS asks where CRS is not asked.
    """
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts
    from finecops.strategies.running import do_all, open_for
    from finecops.strategies.sfa import sfa

    # Compared with the defaults: the options exist in this command for --slow crs alone.
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

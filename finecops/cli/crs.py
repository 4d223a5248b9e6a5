"""`finecops crs`: Candidate Region Selection, as a whole or stage by stage, and tuning for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from finecops.cli import engine_options as e
from finecops.cli import options as o
from finecops.cli import server_options as s
from finecops.cli.panels import App
from finecops.cli.thread_option import Threads
from finecops.cli.tune import tune_command, tune_data_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finecops.runs.run import Run
    from finecops.runs.specification import StageSpec
    from finecops.strategies.parts import Parts

crs_app = App(
    help="CRS: the MLLM picks one of the specialist's boxes.",
    order="run candidates select tune-data tune tables",
)
crs_app.command("tune-data")(tune_data_command)
crs_app.command("tune")(tune_command)


@crs_app.command("run")
def run_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    mllm: o.Mllm = None,
    base_url: s.BaseUrl = None,
    api_model: s.ApiModel = None,
    servers: s.Servers = None,
    serve: s.Serve = None,
    adapter: o.Adapter = None,
    visual_tokens: o.VisualTokens = None,
    topk: o.TopK = 5,
    none: o.NoneOption = False,
    order: o.OptionOrder = "rank",
    show: o.Show = "text",
    specialist: o.Specialist = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    focus: o.Focus = False,
    candidate_nms_iou: o.CandidateNmsIou = 0.7,
    both: o.Both = False,
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
    """Run all of CRS and print its tables.

    With --both the specialist and the MLLM also answer every sample alone, for comparison.
    """
    given = locals()
    from finecops.cli.printing import print_runs
    from finecops.strategies.crs import crs

    parts = _parts(given)
    done = _do(parts, crs(parts))
    print_runs([done.folder], ("p1", "r1", "auroc", "reject"))


@crs_app.command("candidates")
def candidates_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    specialist: o.Specialist = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    focus: o.Focus = False,
    candidate_nms_iou: o.CandidateNmsIou = 0.7,
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
    """Let the specialist propose boxes for every sample.

    It writes candidates.jsonl, with the boxes before and after NMS, and prints candidate recall@k.
    """
    given = locals()
    from finecops.metrics.candidates import candidate_recall
    from finecops.strategies.crs import candidates

    parts = _parts(given)
    spec = candidates(parts)
    done = _do(parts, [spec])
    found = candidate_recall(done.samples, done.rows(spec))
    # A recall is None if the run has no positive.
    shares = "  ".join(f"@{k} {found[k]:.2f}" for k in ("1", "3", "5", "8", "10", "25", "all") if found[k] is not None)
    typer.echo(f"Candidate recall on {found['n']} positives, %: {shares}")


@crs_app.command("select")
def select_command(
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    mllm: o.Mllm = None,
    base_url: s.BaseUrl = None,
    api_model: s.ApiModel = None,
    servers: s.Servers = None,
    serve: s.Serve = None,
    adapter: o.Adapter = None,
    visual_tokens: o.VisualTokens = None,
    topk: o.TopK = 5,
    none: o.NoneOption = False,
    order: o.OptionOrder = "rank",
    show: o.Show = "text",
    specialist: o.Specialist = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    focus: o.Focus = False,
    candidate_nms_iou: o.CandidateNmsIou = 0.7,
    orders: o.Orders = 0,
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
    """Let the MLLM pick a candidate by its letter.

    One forward pass per question; nothing is generated. It writes crs-top….jsonl. With --orders N every question is
    asked again in N seeded orders of its options. Printed is how often the order changes the answer; the answers by the
    mean over the orders are a second file.
    """
    given = locals()
    from finecops.strategies.crs import order_test, selection

    parts = _parts(given)
    # All stages are specified before the folder is opened: a wrong option leaves nothing behind.
    spec = selection(parts)
    votes, mean = order_test(parts) if parts.options.orders else (None, None)
    done = _do(parts, [spec] if mean is None else [spec, mean])
    typer.echo(str(done.file(spec.name)))
    if votes is not None and mean is not None:
        _print_orders(list(done.rows(votes).values()))
        typer.echo(str(done.file(mean.name)))


def _parts(given: dict[str, Any]) -> Parts:
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts

    return Parts(Options(**given))


def _do(parts: Parts, specs: Sequence[StageSpec[Any]]) -> Run:
    """The run with these stages made."""
    from finecops.cli.printing import end_with_shard
    from finecops.strategies.running import do_all, open_for

    run = open_for(parts, "crs")
    do_all(run, specs)
    end_with_shard(run)
    return run


def _print_orders(votes: list[Any]) -> None:
    from finecops.report.text import text_table
    from finecops.stages.order_test import order_report

    report = order_report(votes)
    if not report.n:
        typer.echo("no question could be asked in several orders")
        return
    rows = [
        [letter, f"{report.chosen[letter]:.2f}", f"{report.even[letter]:.2f}", f"{report.prior[letter]:+.2f}"]
        for letter in report.chosen
    ]
    typer.echo(text_table("Letters, %", ["", "chosen", "at random", "prior"], rows))
    typer.echo(
        f"Of {report.n} questions {report.unstable:.2f}% have other answers in other orders; two orders differ in "
        f"{report.flip_rate:.2f}% of the pairs"
    )

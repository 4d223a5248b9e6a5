"""`finecops advise`: which strategy pays for these models on these samples."""

from __future__ import annotations

import typer

from finecops.cli import engine_options as e
from finecops.cli import options as o
from finecops.cli import server_options as s
from finecops.cli.eval_options import As, AsCsv, AsJson, refuse_two_outputs
from finecops.cli.thread_option import Threads


def advise_command(
    ctx: typer.Context,
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 300,
    preset: o.Preset = None,
    specialist: o.Specialist = None,
    mllm: o.Mllm = None,
    base_url: s.BaseUrl = None,
    api_model: s.ApiModel = None,
    servers: s.Servers = None,
    serve: s.Serve = None,
    adapter: o.Adapter = None,
    visual_tokens: o.VisualTokens = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    focus: o.Focus = True,
    router: o.Router = None,
    score_threshold: o.ScoreThreshold = None,
    router_nms_iou: o.RouterNmsIou = None,
    zero_is: o.ZeroIs = None,
    topk: o.TopK = 5,
    none: o.NoneOption = False,
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
    watch: o.Watch = True,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Try every strategy on the same samples, and say which one pays: accuracy, cost, Pareto front, samples needed."""
    given = {name: value for name, value in locals().items() if name not in ("ctx", "as_", "as_json", "as_csv")}
    from finecops.cli.printing import print_document
    from finecops.evaluation.advice import advise
    from finecops.report.advice import advice_document
    from finecops.report.writers import OutputSettings
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts
    from finecops.strategies.side_by_side import run_side_by_side

    refuse_two_outputs(ctx)
    done, stages = run_side_by_side(Parts(Options(**given, both=True)))
    found = advice_document(advise(done.folder, stages, done.dataset.samples))
    print_document(found, OutputSettings.of(ctx.params).writer)

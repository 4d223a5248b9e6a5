"""`finecops infer`: the baselines, one model alone on a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from finecops.cli import engine_options as e
from finecops.cli import options as o
from finecops.cli import server_options as s
from finecops.cli.panels import App
from finecops.cli.thread_option import Threads

if TYPE_CHECKING:
    from finecops.runs.specification import StageSpec
    from finecops.strategies.parts import Parts

infer_app = App(help="Run one model alone on every sample: the baselines.")


@infer_app.command("specialist")
def specialist_command(
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
    """Answer every sample with the specialist.

    It writes specialist.jsonl.
    """
    given = locals()
    from finecops.strategies.baselines import specialist as specification
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts

    parts = Parts(Options(**given))
    _do(parts, specification(parts))


@infer_app.command("mllm")
def mllm_command(
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
    none: o.RefusalPrompt = False,
    extractor: o.Extractor = None,
    article: o.Article = None,
    focus: o.Focus = False,
    confidence: o.Confidence = "mean_prob",
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
    """Answer every sample with the MLLM.

    It writes mllm.jsonl.
    """
    given = locals()
    from finecops.strategies.baselines import mllm_baseline
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts

    parts = Parts(Options(**given))
    _do(parts, mllm_baseline(parts))


def _do(parts: Parts, spec: StageSpec[Any]) -> None:
    from finecops.cli.printing import end_with_shard
    from finecops.strategies.running import do_all, open_for

    run = open_for(parts)
    do_all(run, [spec])
    end_with_shard(run)
    typer.echo(str(run.file(spec.name)))

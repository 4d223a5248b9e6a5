"""`finecops export openai-batch` and `import openai-batch`: an MLLM asked by files of requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli import options as o
from finecops.cli.server_options import ApiModel, BaseUrl

if TYPE_CHECKING:
    from finecops.batch_files.exporting import Exported
    from finecops.batch_files.importing import ImportedBatch

_ASK, _FILES = "What is asked", "Files"

By = Annotated[
    str,
    typer.Option(help="Who answers: mllm, as `infer mllm`, or crs, as `crs select`.", rich_help_panel=_ASK),
]
Out = Annotated[
    Path,
    typer.Option(metavar="FOLDER", help="The folder to write to; it must be new or empty.", rich_help_panel=_FILES),
]
NoneAnswer = Annotated[
    bool,
    typer.Option("--none", help="The target may be absent, as in the live command.", rich_help_panel=_ASK),
]
Both = Annotated[
    bool,
    typer.Option(
        "--both",
        help="With --by crs: the MLLM also answers every sample alone, as in `crs run`.",
        rich_help_panel=_ASK,
    ),
]
ImagesAs = Annotated[
    str,
    typer.Option(
        help="How a request has its image: 'data', in the request; 'file', the path of its file here; or the beginning "
        "of a URL, https://HOST/FOLDER/, to which the image's name in the annotations is joined.",
        rich_help_panel=_FILES,
    ),
]
MaxRequests = Annotated[int, typer.Option(min=1, help="So many requests in a file at most.", rich_help_panel=_FILES)]
MaxMb = Annotated[float, typer.Option(min=0.001, help="So many MB in a file at most.", rich_help_panel=_FILES)]
Url = Annotated[str, typer.Option(help="The `url` of the requests.", rich_help_panel=_FILES)]
Logprobs = Annotated[
    bool,
    typer.Option(
        "--logprobs/--no-logprobs",
        help="Ask for log-probabilities, of which scores are made; a service may not have them.",
        rich_help_panel=_FILES,
    ),
]
SpecialTokens = Annotated[
    bool,
    typer.Option(
        "--special-tokens/--no-special-tokens",
        help="Ask to keep special tokens (`skip_special_tokens`, of vLLM); a service may not know the parameter.",
        rich_help_panel=_FILES,
    ),
]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="Output files of the batch, and error files; in any order.")
]
Export = Annotated[
    Path, typer.Option("--export", metavar="FOLDER", help="The folder of `finecops export openai-batch`.")
]


def export_command(
    out: Out,
    by: By = "mllm",
    dataset: o.Dataset = o.DEFAULT_DATASET,
    split: o.Split = None,
    annotations: o.Annotations = None,
    images: o.Images = None,
    boxes: o.Boxes = None,
    run: o.RunName = None,
    limit: o.Limit = 0,
    preset: o.Preset = None,
    mllm: o.Mllm = None,
    base_url: BaseUrl = None,
    api_model: ApiModel = None,
    visual_tokens: o.VisualTokens = None,
    none: NoneAnswer = False,
    confidence: o.Confidence = "mean_prob",
    topk: o.TopK = 5,
    order: o.OptionOrder = "rank",
    show: o.Show = "text",
    orders: o.Orders = 0,
    both: Both = False,
    specialist: o.Specialist = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    focus: o.Focus = False,
    candidate_nms_iou: o.CandidateNmsIou = 0.7,
    images_as: ImagesAs = "data",
    max_requests: MaxRequests = 50_000,
    max_mb: MaxMb = 200.0,
    url: Url = "/v1/chat/completions",
    logprobs: Logprobs = True,
    special_tokens: SpecialTokens = True,
    device: o.Device = None,
    batch_size: o.BatchSize = None,
    max_failed: o.MaxFailed = 0.05,
    retry_failed: o.RetryFailed = False,
    keep_failed: o.KeepFailed = False,
    upstream: o.Upstream = True,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Write an MLLM's questions as files of requests.

    For `vllm run-batch` and the batch interfaces of services. The requests are those that the live command would send
    now; stages that it needs are made first. `finecops import openai-batch` makes the run's rows of the answers.
    """
    given = locals()
    from finecops.batch_files.exporting import Wanted, export_batch
    from finecops.batch_files.request_files import Limits
    from finecops.strategies.options import Options

    options = Options(**{name: given[name] for name in Options.model_fields if name in given})
    limits = Limits(max_requests, int(max_mb * 1e6), url)
    _print_export(export_batch(options, Wanted(by, images_as, limits, logprobs, special_tokens), out), out)


def _print_export(exported: Exported, out: Path) -> None:
    from finecops.text import counted, printable

    for file in exported.files:
        typer.echo(f"{out}/{file.name}: {counted(file.requests, 'request')}, {file.bytes / 1e6:.1f} MB")
    if exported.repeated:
        typer.echo(f"equal to another question, and there once: {exported.repeated}")
    if exported.embedded:
        typer.echo(f"images as data (rotated, resized, marked or of another format): {exported.embedded}")
    for reason, count in exported.not_asked.items():
        typer.echo(f"not asked: {count} × {printable(reason)}")
    typer.secho(
        f"next: vllm run-batch -i {out}/requests-0001.jsonl -o answers-0001.jsonl --model {printable(exported.model)}\n"
        f"then: finecops import openai-batch answers-*.jsonl --export {out}",
        err=True,
    )


def import_command(files: Files, export: Export) -> None:
    """Make a run's rows of the answers to `finecops export openai-batch`.

    They are those that the live command makes of the same answers. What has an error or no answer is a failed row with
    the reason: the live command asks it again, and so does another export.
    """
    from finecops.batch_files.importing import import_batch

    _print_import(import_batch(export, files))


def _print_import(imported: ImportedBatch) -> None:
    """What was found and made.

    Raises:
        FailuresError: too many rows of a stage failed.
    """
    from finecops.errors import FailuresError
    from finecops.runs.failures import most_frequent
    from finecops.text import counted, printable

    found = imported.outputs
    without = imported.requests - found.answered - found.failed
    typer.echo(
        f"{counted(imported.requests, 'request')}: {found.answered} with an answer, {found.failed} with an error, "
        f"{without} without a line"
    )
    if found.others:
        typer.echo(f"{counted(found.others, 'line')} of other exports left out")
    if found.repeated:
        typer.echo(f"{counted(found.repeated, 'line')} about a request that another line is about too")
    for stage in imported.stages:
        typer.echo(f"{stage.path}: {', '.join(f'{count} {status}' for status, count in stage.outcomes.items())}")
    failed = [stage for stage in imported.stages if stage.reasons]
    for stage in failed:
        typer.secho(printable(f"{stage.path.stem}: {most_frequent(stage.reasons)}"), err=True)
    if failed:
        typer.secho(f"`{imported.command}` with the options of the export asks failed samples again", err=True)
    worst = max(imported.stages, key=lambda stage: stage.failed_share)
    if worst.failed_share > imported.max_failed:
        raise FailuresError(
            f"{worst.path.stem}: {worst.failed_share:.1%} of the samples failed, more than --max-failed "
            f"{imported.max_failed:g} allows. The rows are kept; `{imported.command}` or another export asks again"
        )

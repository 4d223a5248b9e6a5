"""`finecops models`: list the models, and try one before a long run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli import options as o
from finecops.cli import server_options as s
from finecops.cli.models_get import get_command
from finecops.cli.models_new import new_command
from finecops.cli.panels import App
from finecops.cli.thread_option import Threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from finecops.bench.model_check import CheckedSample
    from finecops.config.schema import AnyModelConfig
    from finecops.config.server import ServerOptions
    from finecops.models.catalogue import ModelFact
    from finecops.records import Prediction
    from finecops.runs.specification import ImageGroup

models_app = App(
    help="List, try, get and describe models.",
    order="list check get new",
)

models_app.command("get")(get_command)
models_app.command("new")(new_command)
_KINDS = ("specialist", "mllm", "extractor")
_TITLES = {"specialist": "Specialists", "mllm": "MLLMs", "extractor": "Extractors", "?": "Files with faults"}


@models_app.command("list")
def list_command(
    kind: Annotated[str | None, typer.Option(help="List one kind alone: specialist, mllm or extractor.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table of docs/models.md.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all fields as JSON.")] = False,
    servers: Annotated[
        bool, typer.Option("--servers", help="Ask the servers of models whether they answer: up to 3 seconds in all.")
    ] = False,
) -> None:
    """List the models, and what each lacks on this machine.

    The columns are: name, how the model is reached, whether it is ready here or what is missing, and its licence.
    `--json` has all that is known of it: weights, prompt, box format, the benchmarks in its training data. An option
    that takes a model takes one of these names, a YAML file, or NAME@WEIGHTS with other weights.
    """
    from finecops.errors import UsageError
    from finecops.models.catalogue import markdown_table, model_facts
    from finecops.names import unknown_name
    from finecops.text import counted

    if kind is not None and kind not in _KINDS:
        raise UsageError(unknown_name("kind", kind, _KINDS))
    # The page documents all models, so a part of it is never wanted.
    if markdown and (as_json or servers or kind is not None):
        raise UsageError("--markdown prints the whole table of docs/models.md; it goes with no other option")
    if markdown:
        typer.echo(markdown_table(), nl=False)
        return
    facts = [fact for fact in model_facts(servers) if kind in (None, fact.kind)]
    if as_json:
        typer.echo(json.dumps([asdict(fact) for fact in facts], indent=1, ensure_ascii=False))
        return
    typer.echo(f"{counted(len(facts), 'model')}\n")
    by_kind = {title: [fact for fact in facts if fact.kind == one] for one, title in _TITLES.items()}
    typer.echo("\n\n".join(_table(title, some) for title, some in by_kind.items() if some))


def _table(title: str, facts: list[ModelFact]) -> str:
    from finecops.models.backends import SERVER
    from finecops.report.text import text_table

    rows = []
    for fact in facts:
        here = fact.server or fact.lacks or ("not asked (--servers)" if fact.backend == SERVER else "ready")
        # Whoever starts it decides on that first.
        needs = f"{here}; runs code of the Hub (--trust-remote-code)" if fact.remote_code else here
        rows.append((fact.name, "server" if fact.backend == SERVER else fact.backend, needs, fact.licence or "–"))
    return text_table(title, ("model", "reached by", "here", "licence"), rows, left=True)


@models_app.command("check")
def check_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model's name, YAML file, or NAME@WEIGHTS.")],
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, max=64, help="Number of samples.")] = 4,
    dataset: Annotated[
        str, typer.Option("--dataset", "-d", help="The dataset whose samples are used.")
    ] = "finecops-mini",
    image: Annotated[
        Path | None, typer.Option("--image", help="An image of your own, with --expression; no truth is needed.")
    ] = None,
    expression: Annotated[
        list[str] | None,
        typer.Option("--expression", help="What to look for in it. Repeatable. An extractor needs no image."),
    ] = None,
    base_url: s.BaseUrl = None,
    api_model: s.ApiModel = None,
    servers: s.Servers = None,
    serve: s.Serve = None,
    visual_tokens: o.VisualTokens = None,
    out: Annotated[Path | None, typer.Option(help="The picture. Default: outputs/check-NAME.png.")] = None,
    device: o.Device = None,
    threads: Threads = None,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Run one model on a few samples, or on an image of your own, before a long run.

    Printed are prompt, raw reply, the parsed box with its score, seconds and memory. A picture shows the boxes.
    """
    from finecops.bench.model_check import check_model, formats_that_read
    from finecops.cli.printing import warn
    from finecops.config.schema import ExtractorConfig
    from finecops.config.server import ServerOptions
    from finecops.errors import FailuresError, UsageError
    from finecops.models.backends import default_device
    from finecops.models.redaction import one_line
    from finecops.runs.failures import MAX_FAILED, is_failed

    config = _configured(
        name, ServerOptions(base_url, api_model, servers, serve), visual_tokens, (trust_remote_code, allow_pickle)
    )
    if isinstance(config, ExtractorConfig) and (out is not None or image is not None or trust_remote_code):
        raise UsageError(f"{config.name} finds phrases: --out, --image and --trust-remote-code have no use")
    groups = _groups(context, config, dataset, samples, image=image, expressions=expression or [])
    device = device or default_device()
    _make_ready(config, device)
    loaded, checked = check_model(config, groups, device)
    typer.echo(f"{config.name}: loaded in {loaded:.1f} s")
    for item in checked:
        _print_checked(item)
    _print_cost(checked)
    if readers := formats_that_read(checked):
        warn([f"no reply can be parsed; box formats that find a box in each: {', '.join(readers)} (docs/models.md)"])
    failed = [item for item in checked if is_failed(item.row)]
    if not isinstance(config, ExtractorConfig):
        path = out or Path("outputs") / f"check-{config.name}.png"
        _draw(checked, groups, path, has_truth=image is None)
    if len(failed) > MAX_FAILED * len(checked):
        reason = one_line(failed[0].row.reason or "no reason")
        raise FailuresError(f"{config.name}: {len(failed)} of {len(checked)} samples failed: {reason}")


def _configured(
    name: str, asked: ServerOptions, visual_tokens: int | None, permissions: tuple[bool, bool]
) -> AnyModelConfig:
    """The model with its servers, its budget and its permissions (code, pickle)."""
    from finecops.config.budget import with_visual_tokens
    from finecops.config.find import load_as_runs_do, with_permissions
    from finecops.config.schema import ExtractorConfig, MllmConfig
    from finecops.config.server import ServerOptions, at_server, placed
    from finecops.errors import UsageError

    # As a run finds it: these look into checkpoints/ for its weights.
    config = with_permissions(load_as_runs_do(name), *permissions)
    if isinstance(config, MllmConfig):
        return with_visual_tokens(placed(config, asked), visual_tokens)
    if visual_tokens is not None:
        raise UsageError(f"{config.name} is no MLLM; --visual-tokens is for models that see images as tokens")
    of_one = ServerOptions(asked.base_url, asked.api_model)
    if asked != of_one:
        raise UsageError(f"{config.name} is no MLLM; --servers and --serve are for MLLMs")
    if isinstance(config, ExtractorConfig):
        return at_server(config, asked.base_url, asked.api_model)
    if asked != ServerOptions():
        raise UsageError(f"{config.name} is a specialist; --base-url and --api-model are for models behind a server")
    return config


def _make_ready(config: AnyModelConfig, device: str) -> None:
    """Check what can be checked before the model is loaded; have its servers ready to be started."""
    from finecops.config.schema import MllmConfig
    from finecops.models.backends import check_model_config
    from finecops.serving.run import LOGS, prepare

    # A server that does not answer is named at once, not after several attempts.
    check_model_config(config, device)
    if isinstance(config, MllmConfig):
        prepare([config], Path("outputs") / LOGS)


def _draw(checked: Sequence[CheckedSample], groups: Sequence[ImageGroup], path: Path, has_truth: bool) -> None:
    from finecops.bench.model_check import draw_checked

    path.parent.mkdir(parents=True, exist_ok=True)
    draw_checked(checked, [group.image for group in groups]).save(path)
    shown = ["the truth in green"] if has_truth else []
    shown += ["the model's box in red"] if any(getattr(item.row, "boxes", ()) for item in checked) else []
    typer.echo(f"{path}: {', '.join(shown) or 'no box'}")


def _groups(
    context: typer.Context,
    config: AnyModelConfig,
    dataset: str,
    samples: int,
    image: Path | None,
    expressions: list[str],
) -> list[ImageGroup]:
    """The samples to ask about: a few of a dataset, or those of an image of one's own."""
    from finecops.cli.eval_options import given_options
    from finecops.config.find import load_dataset
    from finecops.config.schema import ExtractorConfig
    from finecops.datasets.choose import choose_samples
    from finecops.datasets.dataset import load_dataset_split
    from finecops.errors import UsageError
    from finecops.runs.specification import ImageGroup

    if image is not None or expressions:
        if {"dataset", "samples"} & set(given_options(context)):
            raise UsageError("--dataset and --samples do not go with an image of your own")
        if not expressions or (image is None and not isinstance(config, ExtractorConfig)):
            raise UsageError("--image FILE and --expression TEXT go together")
        from finecops.bench.own_image import own_groups
        from finecops.strategies.running import warn_of_domains

        if not isinstance(config, ExtractorConfig):
            warn_of_domains([config], None, "`finecops models list` has others")
        return own_groups(image, expressions)
    data = load_dataset_split(load_dataset(dataset), None, ())
    positives = [sample for sample in data.samples if sample.positive]
    # One group per sample: each is timed alone.
    return [ImageGroup(data.image_path(s), (s,)) for s in choose_samples(positives, samples)]


def _print_cost(checked: list[CheckedSample]) -> None:
    from finecops.bench.model_check import peak_memory_mib

    memory = ", ".join(f"{what} {mib:,.0f} MiB" for what, mib in peak_memory_mib().items())
    # The first sample pays for what is set up once (compiled kernels, caches), so it is left out of the mean.
    others = [item.seconds for item in checked[1:]]
    mean = f"{sum(others) / len(others):.2f} s a sample after the first; " if others else ""
    typer.echo(f"{mean}peak memory: {memory}")


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
    if not row.boxes:
        typer.echo(f"  {row.status}; {item.seconds:.2f} s")
    else:
        typer.echo(f"  {_box_line(item, row)}; {item.seconds:.2f} s")
    for sentence in (row.reason, row.note):
        if sentence:
            typer.echo(f"  {one_line(sentence)}")


def _box_line(item: CheckedSample, row: Prediction) -> str:
    box = tuple(round(v, 1) for v in row.boxes[0])
    score = f"{row.scores[0]:.3f} ({row.score_kind})" if row.scores else "none"
    overlap = "" if item.iou is None else f", IoU with the truth {item.iou:.2f}"
    return f"{row.status}: {box} of {len(row.boxes)}, score {score}{overlap}"


def doctor_command() -> None:
    """Print versions and devices, and how to fix what is missing.

    Exit code 1 if something is broken.
    """
    from finecops.bench.doctor import examine
    from finecops.report.text import labelled

    broken = False
    for finding in examine():
        broken |= not finding.good
        colour = None if finding.good else typer.colors.RED
        typer.secho(labelled(finding.what, finding.state), fg=colour)
        if finding.fix is not None:
            typer.echo(f"{'':28} → {finding.fix}")
    if broken:
        raise typer.Exit(1)

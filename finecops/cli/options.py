"""Options that several commands share, and what they resolve to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from finecops.config.schema import MllmConfig, PresetConfig
    from finecops.runs.folder import Run
    from finecops.stages.select import Selecting
    from finecops.strategies.crs import CrsSettings
    from finecops.strategies.sfa import SfaSettings

DEFAULT_DATASET = "finecops-mini"


@dataclass(frozen=True)
class Choices:
    """What can be chosen on the command line; a command takes some of the fields as its options."""

    dataset: Annotated[
        str, typer.Option("--dataset", "-d", help="A dataset's name or YAML file (`finecops data list`).")
    ] = DEFAULT_DATASET
    split: Annotated[str | None, typer.Option(help="The split to run on; the dataset's default if not given.")] = None
    annotations: Annotated[
        list[Path] | None, typer.Option(help="Annotation file in place of the split's own; may be given several times.")
    ] = None
    run: Annotated[
        str | None,
        typer.Option("--run", "-r", help="The run's name below outputs/, or a folder. Default: dataset and preset."),
    ] = None
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            help="Take N samples, the same ones each time, spread over levels and kinds with their positives; 0: all.",
        ),
    ] = 0
    preset: Annotated[str | None, typer.Option(help="Models and thresholds; the dataset's own if not given.")] = None
    extractor: Annotated[str | None, typer.Option(help="Target extractor, instead of the preset's.")] = None
    router: Annotated[str | None, typer.Option(help="Router, instead of the preset's: any specialist.")] = None
    specialist: Annotated[str | None, typer.Option(help="Specialist, instead of the preset's.")] = None
    mllm: Annotated[str | None, typer.Option(help="MLLM, instead of the preset's.")] = None
    focus: Annotated[
        bool, typer.Option("--focus/--no-focus", help="Focus the models on the expression's target (paper, IV-A).")
    ] = True
    both: Annotated[
        bool, typer.Option("--both", help="Run both pathways on every sample, so that each can be compared alone.")
    ] = False
    fast: Annotated[
        str,
        typer.Option(
            help="Who answers level 1: 'specialist' reads the whole expression (the paper); 'router' reuses the one "
            "box it found and saves that pass.",
        ),
    ] = "specialist"
    slow: Annotated[
        str,
        typer.Option(
            help="Who answers level 2: 'mllm' writes a box (the paper); 'crs' lets it pick one of the candidates."
        ),
    ] = "mllm"
    candidates: Annotated[
        str,
        typer.Option(
            help="With --slow crs, what the options are: the instances of the target that the 'router' counted, which "
            "are there already, or what the 'specialist' proposes for the whole expression (the paper's CRS).",
        ),
    ] = "router"
    confidence: Annotated[
        str, typer.Option(help="What an MLLM's score is: mean_prob, product or mean_logit of the box's tokens.")
    ] = "mean_prob"
    topk: Annotated[int, typer.Option("--topk", "-k", min=1, max=25, help="How many candidates are options.")] = 5
    none: Annotated[bool, typer.Option("--none", help='Add the option "None": the target may not be there.')] = False
    order: Annotated[str, typer.Option(help="Options by the specialist's 'rank', or in a seeded 'shuffle'.")] = "rank"
    orders: Annotated[int, typer.Option(min=0, help="Ask again in N seeded orders of the options; 0: do not.")] = 0
    show: Annotated[
        str, typer.Option(help="Candidates as 'text', as numbered 'marks' drawn on the image, or 'both'.")
    ] = "text"
    adapter: Annotated[
        str | None, typer.Option(help="A LoRA adapter (`finecops crs tune`) for the MLLM: a folder or a Hub id.")
    ] = None
    score_threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Router: a detection counts above this score.")
    ] = None
    nms_iou: Annotated[float | None, typer.Option(min=0, max=1, help="Router: IoU threshold of NMS.")] = None
    zero_is: Annotated[
        int | None, typer.Option(min=1, max=2, help="Router: level of a target that is not detected.")
    ] = None
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps; the best there is if not given.")] = None
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", "-b", min=1, help="Samples per batch, instead of each model's own.")
    ] = None
    upstream: Annotated[
        bool, typer.Option("--upstream/--no-upstream", help="Run the stages before this one if they are not done.")
    ] = True
    watch: Annotated[
        bool,
        typer.Option("--watch/--no-watch", help="Stop where the first 32 answers show that a model is asked wrongly."),
    ] = True
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Run a model's own code from the Hub; its `revision` must pin it."),
    ] = False
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Load a checkpoint in pickle form, tensors only (mmdet).")
    ] = False


SELECTION = ("topk", "none", "order", "show", "mllm", "adapter")
DATA = ("dataset", "split", "annotations", "run", "limit", "preset")
ROUTER = ("router", "score_threshold", "nms_iou", "zero_is")
MACHINE = ("device", "batch_size", "upstream", "watch", "trust_remote_code", "allow_pickle")


def command(
    app: typer.Typer, name: str, names: Sequence[str], **defaults: Any
) -> Callable[[Callable[[Choices], None]], Callable[[Choices], None]]:
    """Register a function of `Choices` as a command that has the named fields as options.

    The function's docstring is the help; `defaults` replace those of `Choices` for this command.
    """

    def register(body: Callable[[Choices], None]) -> Callable[[Choices], None]:
        def call(**chosen: Any) -> None:
            body(Choices(**(defaults | chosen)))

        hints = get_type_hints(Choices, include_extras=True)
        own = {field.name: field.default for field in fields(Choices)} | defaults
        call.__doc__ = body.__doc__
        call.__annotations__ = {n: hints[n] for n in names}
        parameters = [Parameter(n, Parameter.KEYWORD_ONLY, default=own[n], annotation=hints[n]) for n in names]
        call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        app.command(name)(call)
        return body

    return register


def open_choices(choices: Choices, part: str | None = None) -> tuple[Run, SfaSettings]:
    """Look everything up: the run folder with its samples, and the settings. `part` names a run that is not SFA's."""
    from finecops.config.find import load_dataset, load_extractor, load_mllm, load_preset, load_specialist, with_leave
    from finecops.datasets.dataset import load_dataset_split
    from finecops.models.backends import default_device
    from finecops.runs.folder import OUTPUTS, open_run, run_folder
    from finecops.strategies.sfa import SfaSettings

    _refuse_unknown(choices)
    config = load_dataset(choices.dataset)
    preset = load_preset(choices.preset or config.preset)
    thresholds = {
        key: value for key in ("score_threshold", "nms_iou", "zero_is") if (value := getattr(choices, key)) is not None
    }
    preset = type(preset).model_validate(preset.model_dump() | thresholds)
    leave = (choices.trust_remote_code, choices.allow_pickle)
    settings = SfaSettings(
        preset=preset,
        extractor=load_extractor(choices.extractor or preset.extractor),
        router=with_leave(load_specialist(choices.router or preset.router), *leave),
        specialist=with_leave(load_specialist(choices.specialist or preset.specialist), *leave),
        mllm=with_leave(load_mllm(choices.mllm or preset.mllm), *leave),
        focus=choices.focus,
        confidence=choices.confidence,  # type: ignore[arg-type]
        both=choices.both,
        fast=choices.fast,  # type: ignore[arg-type]
        slow=choices.slow,  # type: ignore[arg-type]
        batch_size=choices.batch_size,
        upstream=choices.upstream,
        watch=choices.watch,
    )
    dataset = load_dataset_split(config, choices.split, choices.annotations or ())
    if dataset.problems:
        typer.secho(
            f"{len(dataset.problems)} entries of {config.name} are left out; the first: {dataset.problems[0]} "
            f"(`finecops data check --dataset {choices.dataset}` lists them)",
            fg=typer.colors.YELLOW,
            err=True,
        )
    name = _default_run_name(choices, config.name, dataset.split, part)
    folder = run_folder(choices.run) if choices.run else OUTPUTS / name
    run = open_run(folder, dataset, choices.limit)
    files = ", ".join(path.name for path in dataset.files)
    typer.secho(f"run {folder}: {len(run.samples)} samples of {config.name}, {dataset.split} ({files})", err=True)
    settings = replace(settings, device=choices.device or default_device())
    if choices.slow == "crs":
        settings = replace(settings, crs=_crs_settings(choices, settings))
    return run, settings


def _refuse_unknown(choices: Choices) -> None:
    """
    Raises:
        ConfigError: a choice is unknown, or does not go with another one.
    """
    from finecops.errors import ConfigError
    from finecops.replies.confidence import CONFIDENCES

    if choices.confidence not in CONFIDENCES:
        raise ConfigError(f"unknown confidence {choices.confidence!r}; there are: {', '.join(CONFIDENCES)}")
    if choices.fast not in ("specialist", "router"):
        raise ConfigError(f"unknown fast pathway {choices.fast!r}; there are: specialist, router")
    if choices.slow not in ("mllm", "crs"):
        raise ConfigError(f"unknown slow pathway {choices.slow!r}; there are: mllm, crs")
    if choices.candidates not in ("router", "specialist"):
        raise ConfigError(f"unknown source of candidates {choices.candidates!r}; there are: router, specialist")
    if choices.fast == "router" and choices.both:
        raise ConfigError("--fast router answers level 1 alone, so it does not go with --both")


def _crs_settings(choices: Choices, settings: SfaSettings) -> CrsSettings:
    """How CRS answers SFA's hard samples: as `finecops crs`, the specialist focused as SFA's is."""
    from finecops.strategies.crs import CrsSettings

    return CrsSettings(
        specialist=settings.specialist,
        mllm=selector_of(choices, settings.preset),
        selecting=selecting_of(choices),
        focus=settings.focus,
        proposer=choices.candidates,  # type: ignore[arg-type]
        device=settings.device,
        batch_size=settings.batch_size,
        upstream=settings.upstream,
        watch=settings.watch,
    )


def selecting_of(choices: Choices) -> Selecting:
    """How CRS shall ask.

    Raises:
        ConfigError: an option is unknown.
    """
    from finecops.errors import ConfigError
    from finecops.stages.select import Selecting

    if choices.order not in ("rank", "shuffle"):
        raise ConfigError(f"unknown order {choices.order!r}; there are: rank, shuffle")
    if choices.show not in ("text", "marks", "both"):
        raise ConfigError(f"unknown way to show candidates {choices.show!r}; there are: text, marks, both")
    return Selecting(choices.topk, choices.none, choices.order, choices.show)  # type: ignore[arg-type]


def selector_of(choices: Choices, preset: PresetConfig) -> MllmConfig:
    """The MLLM that chooses: the named one, else the preset's tuned one, else the preset's; with the adapter."""
    from finecops.config.find import load_mllm, with_leave

    tuned = preset.selector_none if choices.none else preset.selector
    # A named adapter goes onto the plain model, not onto a tuned one.
    named = load_mllm(choices.mllm or (None if choices.adapter else tuned) or preset.mllm)
    config = with_leave(named, choices.trust_remote_code, choices.allow_pickle)
    if choices.adapter is None:
        return config
    name = f"{config.name}+{Path(choices.adapter).name}"
    return config.model_copy(update={"adapter": choices.adapter, "name": name})


def _default_run_name(choices: Choices, dataset: str, split: str, part: str | None) -> str:
    from finecops.config.find import load_dataset

    config = load_dataset(choices.dataset)
    parts = [dataset, Path(choices.preset or config.preset).stem]
    if split != config.default_split:
        parts.append(split)
    if part is not None:
        parts += [part, "focus"] if choices.focus else [part]
    elif not choices.focus:
        parts.append("nofocus")
    if choices.both and part is None:
        parts.append("both")
    if choices.fast != "specialist":
        parts.append(f"fast{choices.fast}")
    if choices.slow != "mllm":
        parts.append(f"slow{choices.slow}" + (f"-{choices.candidates}" if choices.candidates != "router" else ""))
    if choices.limit:
        parts.append(str(choices.limit))
    return "-".join(parts)

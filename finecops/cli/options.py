"""Options that several commands share: one alias each, for the signatures of commands.

A command's parameters have the names of the fields of `finecops.strategies.options.Options`, so that
`Options(**locals())` is the whole way from the command line to the settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DEFAULT_DATASET = "finecops-mini"

_DATA, _MODELS, _ROUTER, _CRS, _MACHINE = "Data", "Models", "Router", "CRS", "Machine"

# Data: which samples, and where their answers go.
Dataset: TypeAlias = Annotated[
    str,
    typer.Option(
        "--dataset", "-d", help="A dataset's name or YAML file (`finecops data list`).", rich_help_panel=_DATA
    ),
]
Split: TypeAlias = Annotated[
    str | None, typer.Option(help="The split to run on; the dataset's default if not given.", rich_help_panel=_DATA)
]
Annotations: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        help="Annotation file in place of the split's own; may be given several times.", rich_help_panel=_DATA
    ),
]
RunName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--run",
        "-r",
        help="The run's name below outputs/, or a folder. Default: dataset and preset.",
        rich_help_panel=_DATA,
    ),
]
Limit: TypeAlias = Annotated[
    int,
    typer.Option(
        "--limit",
        "-n",
        min=0,
        help="Take N samples, the same ones each time, spread over levels and kinds with their positives; 0: all.",
        rich_help_panel=_DATA,
    ),
]

# Models: which ones, and how they are asked.
Preset: TypeAlias = Annotated[
    str | None, typer.Option(help="Models and thresholds; the dataset's own if not given.", rich_help_panel=_MODELS)
]
Extractor: TypeAlias = Annotated[
    str | None, typer.Option(help="Target extractor, instead of the preset's.", rich_help_panel=_MODELS)
]
Router: TypeAlias = Annotated[
    str | None, typer.Option(help="Router, instead of the preset's: any specialist.", rich_help_panel=_ROUTER)
]
Specialist: TypeAlias = Annotated[
    str | None, typer.Option(help="Specialist, instead of the preset's.", rich_help_panel=_MODELS)
]
Mllm: TypeAlias = Annotated[str | None, typer.Option(help="MLLM, instead of the preset's.", rich_help_panel=_MODELS)]
Adapter: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="A LoRA adapter (`finecops crs tune`) for the MLLM: a folder or a Hub id.", rich_help_panel=_MODELS
    ),
]
Focus: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--focus/--no-focus",
        help="Focus the models on the expression's target (paper, IV-A).",
        rich_help_panel=_MODELS,
    ),
]
Confidence: TypeAlias = Annotated[
    str,
    typer.Option(
        help="What an MLLM's score is: mean_prob, product or mean_logit of the box's tokens.", rich_help_panel=_MODELS
    ),
]
RefusalPrompt: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--none",
        help="The prompt says that the target may not be there (the paper's baseline of Table VIII).",
        rich_help_panel=_MODELS,
    ),
]

# SFA: the pathways.
Both: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--both",
        help="Run both pathways on every sample, so that each can be compared alone.",
        rich_help_panel=_MODELS,
    ),
]
Fast: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Who answers level 1: 'specialist' reads the whole expression (the paper); 'router' reuses the one "
        "box it found and saves that pass.",
        rich_help_panel=_MODELS,
    ),
]
Slow: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Who answers level 2: 'mllm' writes a box (the paper); 'crs' lets it pick one of the candidates.",
        rich_help_panel=_MODELS,
    ),
]

# The router's thresholds.
ScoreThreshold: TypeAlias = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Router: a detection counts above this score.", rich_help_panel=_ROUTER),
]
RouterNmsIou: TypeAlias = Annotated[
    float | None,
    typer.Option("--nms-iou", min=0, max=1, help="Router: IoU threshold of NMS.", rich_help_panel=_ROUTER),
]
ZeroIs: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, max=2, help="Router: level of a target that is not detected.", rich_help_panel=_ROUTER),
]

# CRS: the candidates and the question.
CandidateNmsIou: TypeAlias = Annotated[
    float,
    typer.Option("--nms-iou", min=0, max=1, help="Candidates: IoU threshold of NMS.", rich_help_panel=_CRS),
]
CandidatesOf: TypeAlias = Annotated[
    str,
    typer.Option(
        "--candidates",
        help="With --slow crs, what the options are: the instances of the target that the 'router' counted, which "
        "are there already, or what the 'specialist' proposes for the whole expression (the paper's CRS).",
        rich_help_panel=_CRS,
    ),
]
TopK: TypeAlias = Annotated[
    int, typer.Option("--topk", "-k", min=1, max=25, help="How many candidates are options.", rich_help_panel=_CRS)
]
NoneOption: TypeAlias = Annotated[
    bool,
    typer.Option("--none", help='Add the option "None": the target may not be there.', rich_help_panel=_CRS),
]
OptionOrder: TypeAlias = Annotated[
    str,
    typer.Option(
        "--order",
        help="Options by the specialist's 'rank', or in a seeded 'shuffle'.",
        rich_help_panel=_CRS,
    ),
]
Orders: TypeAlias = Annotated[
    int,
    typer.Option(min=0, help="Ask again in N seeded orders of the options; 0: do not.", rich_help_panel=_CRS),
]
Show: TypeAlias = Annotated[
    str,
    typer.Option(help="Candidates as 'text', as numbered 'marks' drawn on the image, or 'both'.", rich_help_panel=_CRS),
]

# Machine: how and where models run. None of it changes which answer is right.
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(help="cpu, cuda, cuda:1, mps; the best there is if not given.", rich_help_panel=_MACHINE),
]
BatchSize: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        "-b",
        min=1,
        help="Samples per batch, instead of each model's own.",
        rich_help_panel=_MACHINE,
    ),
]
Engine: TypeAlias = Annotated[
    str, typer.Option(help="Where batches are worked through: 'local' is this process.", rich_help_panel=_MACHINE)
]
MaxFailed: TypeAlias = Annotated[
    float,
    typer.Option(
        "--max-failed",
        min=0,
        max=1,
        help="Stop, with exit code 1, where a larger share of a stage's samples failed.",
        rich_help_panel=_MACHINE,
    ),
]
RetryFailed: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="Ask also those failed samples again whose image and expression are as they were.",
        rich_help_panel=_MACHINE,
    ),
]
KeepFailed: TypeAlias = Annotated[
    bool,
    typer.Option("--keep-failed", help="Ask no failed sample again.", rich_help_panel=_MACHINE),
]
Upstream: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--upstream/--no-upstream",
        help="Run the stages before this one if they are not done.",
        rich_help_panel=_MACHINE,
    ),
]
Watch: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--watch/--no-watch",
        help="Stop where the first 32 answers show that a model is asked wrongly.",
        rich_help_panel=_MACHINE,
    ),
]
TrustRemoteCode: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Run a model's own code from the Hub; its `revision` must pin it.",
        rich_help_panel=_MACHINE,
    ),
]
AllowPickle: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Load a checkpoint in pickle form, tensors only (mmdet).",
        rich_help_panel=_MACHINE,
    ),
]

"""The options that several commands share: one alias each, for the signatures of commands.

A command's parameters have the names of the fields of `finecops.strategies.options.Options`, so that
`Options(**locals())` copies them without naming any twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

DEFAULT_DATASET = "finecops-mini"

# Panels group options where the terminal shows them in colour.
_DATA, _MODELS, _ROUTER, _CRS, _MACHINE = "Data", "Models", "Router", "CRS", "Machine"

# Data: which samples, and where their answers go.
Dataset: TypeAlias = Annotated[
    str,
    typer.Option(
        "--dataset",
        "-d",
        help="A dataset: a name (`finecops data list`), a YAML file, a folder of parquet, or hf:ID[:split][@revision].",
        rich_help_panel=_DATA,
    ),
]
Split: TypeAlias = Annotated[
    str | None, typer.Option(help="The split. Default: the dataset's default split.", rich_help_panel=_DATA)
]
Annotations: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        help="An annotation file instead of the split's own: in the dataset's format, or a .jsonl or .csv file with "
        "image, expression and perhaps a box. Repeat it for several files.",
        rich_help_panel=_DATA,
    ),
]
Boxes: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="With a .jsonl or .csv file: what the numbers of a box are: xyxy, xywh, cxcywh, norm1, norm1_xywh, "
        "norm1_cxcywh, percent, percent_xywh or norm1000.",
        rich_help_panel=_DATA,
    ),
]
Images: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="FOLDER_OR_ZIP",
        help="Where the dataset's images are, if not in its folder: a folder, or a zip file, which is read without "
        "unpacking it. It is remembered for the dataset.",
        rich_help_panel=_DATA,
    ),
]
RunName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--run",
        "-r",
        help="The run: a name below outputs/, or a folder. Default: named after dataset, preset and options.",
        rich_help_panel=_DATA,
    ),
]
Limit: TypeAlias = Annotated[
    int,
    typer.Option(
        "--limit",
        "-n",
        min=0,
        help="Use N samples, the same ones each time, in turn from levels and kinds, negatives with their positives; a "
        "small N does not reach all of them. 0: all.",
        rich_help_panel=_DATA,
    ),
]

# Models: which ones, and how they are asked.
Preset: TypeAlias = Annotated[
    str | None,
    typer.Option(help="A preset of models and thresholds. Default: the dataset's own.", rich_help_panel=_MODELS),
]
Extractor: TypeAlias = Annotated[
    str | None, typer.Option(help="Target extractor, instead of the preset's.", rich_help_panel=_MODELS)
]
Article: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--article/--no-article",
        help='Whether targets keep their article ("the white truck"), instead of as the preset says.',
        rich_help_panel=_MODELS,
    ),
]
Router: TypeAlias = Annotated[
    str | None,
    typer.Option(help="Router, instead of the preset's. Any specialist can be one.", rich_help_panel=_ROUTER),
]
Specialist: TypeAlias = Annotated[
    str | None, typer.Option(help="Specialist, instead of the preset's.", rich_help_panel=_MODELS)
]
Mllm: TypeAlias = Annotated[str | None, typer.Option(help="MLLM, instead of the preset's.", rich_help_panel=_MODELS)]
Adapter: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="A LoRA adapter for the MLLM (`finecops crs tune`): a folder or a Hub id.", rich_help_panel=_MODELS
    ),
]
VisualTokens: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, max=65_536, help="At most N visual tokens an image (Qwen-VL family).", rich_help_panel=_MODELS),
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
        help="The MLLM's score: mean_prob, product or mean_logit of the box's tokens.", rich_help_panel=_MODELS
    ),
]
RefusalPrompt: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--none",
        help="Allow 'None' in the prompt: the target may be absent (the paper's baseline of Table VIII).",
        rich_help_panel=_MODELS,
    ),
]

# SFA: the pathways.
Both: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--both",
        help="Run both pathways on every sample, so that each can also be evaluated alone.",
        rich_help_panel=_MODELS,
    ),
]
Fast: TypeAlias = Annotated[
    str,
    typer.Option(
        help="What answers router level 1: 'specialist' gets the whole expression (the paper); 'router' reuses the "
        "router's one box, without another pass.",
        rich_help_panel=_MODELS,
    ),
]
Slow: TypeAlias = Annotated[
    str,
    typer.Option(
        help="What answers router level 2: 'mllm' writes a box (the paper); 'crs' makes it choose a candidate.",
        rich_help_panel=_MODELS,
    ),
]

# The router's thresholds.
ScoreThreshold: TypeAlias = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Router: count detections with a score above this.", rich_help_panel=_ROUTER),
]
RouterNmsIou: TypeAlias = Annotated[
    float | None,
    typer.Option("--nms-iou", min=0, max=1, help="Router: IoU threshold of NMS.", rich_help_panel=_ROUTER),
]
ZeroIs: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, max=2, help="Router: level of a target that is not detected.", rich_help_panel=_ROUTER),
]

Doubtful: TypeAlias = Annotated[
    str,
    typer.Option(
        help="Router: 'mllm' sends samples whose target is doubtful to the MLLM; 'route' treats them like others.",
        rich_help_panel=_ROUTER,
    ),
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
        help="With --slow crs, the candidates: the instances of the target that the 'router' counted (no new "
        "detection), or the proposals of the 'specialist' for the whole expression (the paper's CRS).",
        rich_help_panel=_CRS,
    ),
]
TopK: TypeAlias = Annotated[
    int,
    typer.Option("--topk", "-k", min=1, max=25, help="Number of candidates that are options.", rich_help_panel=_CRS),
]
NoneOption: TypeAlias = Annotated[
    bool,
    typer.Option("--none", help='Add the option "None": the target may be absent.', rich_help_panel=_CRS),
]
OptionOrder: TypeAlias = Annotated[
    str,
    typer.Option(
        "--order",
        help="Order of the options: the specialist's 'rank', or a seeded 'shuffle'.",
        rich_help_panel=_CRS,
    ),
]
Orders: TypeAlias = Annotated[
    int,
    typer.Option(min=0, help="The option-order test: ask again in N seeded orders. 0: no test.", rich_help_panel=_CRS),
]
Show: TypeAlias = Annotated[
    str,
    typer.Option(
        help="How options are shown: coordinates as 'text', numbered 'marks' on the image, or 'both'.",
        rich_help_panel=_CRS,
    ),
]

# Machine: how and where models run. None of it is in a stage's fingerprint.
Device: TypeAlias = Annotated[
    str | None,
    typer.Option(help="cpu, cuda, cuda:1 or mps. Default: the best one here.", rich_help_panel=_MACHINE),
]
BatchSize: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        "-b",
        min=1,
        help="Samples per batch, instead of each model's own setting.",
        rich_help_panel=_MACHINE,
    ),
]
MaxFailed: TypeAlias = Annotated[
    float,
    typer.Option(
        "--max-failed",
        min=0,
        max=1,
        help="Stop with exit code 1 if more than this share of a stage's samples failed.",
        rich_help_panel=_MACHINE,
    ),
]
RetryFailed: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="Also retry samples that failed because of their own image or text, though it has not changed.",
        rich_help_panel=_MACHINE,
    ),
]
KeepFailed: TypeAlias = Annotated[
    bool,
    typer.Option("--keep-failed", help="Retry no failed sample.", rich_help_panel=_MACHINE),
]
Upstream: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--upstream/--no-upstream",
        help="Run the stages before this one if they are missing.",
        rich_help_panel=_MACHINE,
    ),
]
Watch: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--watch/--no-watch",
        help="Stop if the first 32 answers show a wrong prompt, format or coordinate system.",
        rich_help_panel=_MACHINE,
    ),
]
TrustRemoteCode: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Allow a model's own code from the Hub. Its `revision` must be a commit.",
        rich_help_panel=_MACHINE,
    ),
]
AllowPickle: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Allow a checkpoint in pickle form; only its tensors are loaded.",
        rich_help_panel=_MACHINE,
    ),
]

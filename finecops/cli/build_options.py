"""The options of `finecops data build gqa`, by stage; the names are those of its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

_OBJECTS, _POSITIVES, _WORDING, _TEXTS = "Objects", "Positives", "Wording", "Negative expressions"
_IMAGES, _FILTERS, _FILES, _STAGES = "Negative images", "Filters", "Files", "Stages"


def _option(panel: str, help_: str, metavar: str | None = None, least: float | None = None) -> typer.models.OptionInfo:
    found: typer.models.OptionInfo = typer.Option(help=help_, metavar=metavar, min=least, rich_help_panel=panel)
    return found


SceneGraphs: TypeAlias = Annotated[
    Path, typer.Option(help="Scene graphs in GQA's format: .json or .json.gz.", rich_help_panel=_FILES)
]
Out: TypeAlias = Annotated[Path, _option(_FILES, "The folder of the benchmark.", "FOLDER")]
Images: TypeAlias = Annotated[
    Path | None,
    _option(
        _FILES,
        "Their images: a folder (also with sub-folders) or a zip file. Without it no image is looked at, and there are "
        "no negative images.",
        "FOLDER_OR_ZIP",
    ),
]
Name: TypeAlias = Annotated[str, _option(_FILES, "The split, for the names of the files.", "NAME")]
Words: TypeAlias = Annotated[
    Path | None, _option(_FILES, "The tables of another world's words. Default: those of GQA.", "FOLDER")
]
Seed: TypeAlias = Annotated[int, _option(_FILES, "The same seed gives the same files.")]
Limit: TypeAlias = Annotated[int, _option(_FILES, "Read N scene graphs; 0: all.", None, 0)]
Workers: TypeAlias = Annotated[
    int, _option(_FILES, "Processes; 0: one for each core. The files do not depend on it.", None, 0)
]
Device: TypeAlias = Annotated[
    str | None, _option(_FILES, "Where models run: cpu, cuda, cuda:1, mps. Default: the best one.", "NAME")
]
Sentences: TypeAlias = Annotated[
    bool, typer.Option("--sentences", help="Begin with a capital, end with a full stop.", rich_help_panel=_FILES)
]
Bring: TypeAlias = Annotated[
    str,
    _option(_FILES, "Take the photographs along: 'link' (a second name, no space), 'copy', or 'none'.", "NAME"),
]
Licence: TypeAlias = Annotated[
    str | None, _option(_FILES, "The licence of the annotations, for card and dataset.yaml (cc-by-4.0, …).", "NAME")
]
Hub: TypeAlias = Annotated[
    Path | None,
    _option(_FILES, "Also write a folder for the Hub: parquet files with the images in them, and the card.", "FOLDER"),
]

CompleteGraphs: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--complete-graphs",
        help="What a graph does not say is false (the paper had people filter). Default: it is possible.",
        rich_help_panel=_OBJECTS,
    ),
]
Scenes: TypeAlias = Annotated[
    list[Path] | None,
    _option(
        _OBJECTS,
        "A scenes file of Inst-Inpaint (GQA-Inpaint): targets are the objects that it could remove. Repeat it.",
        "FILE",
    ),
]
KeepNames: TypeAlias = Annotated[
    str | None,
    _option(_OBJECTS, "Targets have these names and those below them alone: with commas, or a .txt file.", "NAMES"),
]
DropNames: TypeAlias = Annotated[str | None, _option(_OBJECTS, "No target has one of these names.", "NAMES")]
MinSide: TypeAlias = Annotated[
    float | None,
    _option(_OBJECTS, "Targets are not smaller, in pixels: the square root of the box's area. Default: 32.", "X", 0),
]
MinShare: TypeAlias = Annotated[
    float | None,
    _option(
        _OBJECTS,
        "The shorter side of a target is at least this share of the image's shorter side. Default: 0.05.",
        "X",
        0,
    ),
]

Positives: TypeAlias = Annotated[
    tuple[int, int, int], _option(_POSITIVES, "How many of level 1, 2 and 3. Levels 3 and 2 are drawn first.")
]
PerImage: TypeAlias = Annotated[int, _option(_POSITIVES, "At most this many of one image.", None, 1)]
Types: TypeAlias = Annotated[
    str | None,
    _option(_POSITIVES, "Tuple types of the positives (0_hop, 1_hop, …). Default: all.", "NAME,…"),
]
Sides: TypeAlias = Annotated[
    float,
    typer.Option(
        help="Share of left and right among the relations, where there are others (nine tenths of GQA's are these).",
        metavar="X",
        min=0,
        max=1,
        rich_help_panel=_POSITIVES,
    ),
]

Rewriter: TypeAlias = Annotated[
    str | None,
    _option(
        _WORDING,
        "Who rewrites the sentences: a language model (configs/writers/, a YAML file, NAME@model), or 'rules'. "
        "Default: nobody, the templates stand.",
        "NAME",
    ),
]
BaseUrl: TypeAlias = Annotated[
    str | None,
    _option(_WORDING, "Of a model behind a server: http://HOST:PORT/v1. The key comes from the environment.", "URL"),
]
ApiModel: TypeAlias = Annotated[
    str | None, _option(_WORDING, "Of a model behind a server: the model's name there.", "NAME")
]
BudgetTokens: TypeAlias = Annotated[
    int | None, _option(_WORDING, "Tokens that the model may use; then the templates stand.", None, 1)
]
BudgetUsd: TypeAlias = Annotated[
    float | None, _option(_WORDING, "Dollars that it may cost, by the prices in its file.", "X", 0)
]

Expressions: TypeAlias = Annotated[int, _option(_TEXTS, "Negative expressions of each type and level.", None, 0)]
Negatives: TypeAlias = Annotated[
    str | None,
    _option(
        _TEXTS,
        "Which types, with commas between: replace_object, swap_attribute, …; replace_object/1: level 1 alone. "
        "Default: all.",
        "NAMES",
    ),
]
WordsBy: TypeAlias = Annotated[
    str,
    _option(_TEXTS, "Who chooses the new word: the 'statistics' of the graphs, or the 'model' of --rewriter.", "NAME"),
]

Editor: TypeAlias = Annotated[
    str | None,
    _option(
        _IMAGES,
        "Who repaints objects: an inpainting model (configs/editors/, a YAML file, NAME@weights). Default: nobody, and "
        "flips are the only negative images.",
        "NAME",
    ),
]
Edits: TypeAlias = Annotated[int, _option(_IMAGES, "Repainted images of each type and level.", None, 0)]
Flips: TypeAlias = Annotated[int, _option(_IMAGES, "Flipped images of each level.", None, 0)]
Candidates: TypeAlias = Annotated[int, _option(_IMAGES, "How often each is painted; the filters choose one.", None, 1)]

Scorers: TypeAlias = Annotated[
    str | None,
    _option(
        _FILTERS,
        "Who judges repainted images (configs/scorers/), with commas between: one that compares with texts, one that "
        "compares with the original, one that tells synthetic images; or 'none'. Default: clip-vit-b32,dinov2-base.",
        "NAMES",
    ),
]
SyntheticThreshold: TypeAlias = Annotated[
    float | None,
    _option(_FILTERS, "Above this probability they are dropped. Default: that in the scorer's file.", "X", 0),
]
Refine: TypeAlias = Annotated[
    str,
    _option(
        _FILTERS,
        "Of negative expressions: 'adversarial' (SugarCrepe: no scorer prefers the positives), 'blind' (the words "
        "alone do not tell them), or 'none'.",
        "NAME",
    ),
]
RefineScorers: TypeAlias = Annotated[
    str | None,
    _option(
        _FILTERS,
        "With --refine adversarial: ngram, words, vera:WEIGHTS, cola:WEIGHTS, causal:WEIGHTS. Default: ngram.",
        "NAMES",
    ),
]
Votes: TypeAlias = Annotated[
    list[Path] | None,
    _option(
        _FILTERS, "Files of votes of `finecops data review` on this split: what people dropped goes. Repeat it.", "FILE"
    ),
]
Key: TypeAlias = Annotated[
    list[Path] | None,
    _option(_FILTERS, "With --votes: the key file of a page with planted faults. Repeat it for several.", "FILE"),
]

Only: TypeAlias = Annotated[str | None, _option(_STAGES, "Make this stage alone.", "STAGE")]
Until: TypeAlias = Annotated[str | None, _option(_STAGES, "Stop behind this stage.", "STAGE")]
Again: TypeAlias = Annotated[
    list[str] | None,
    _option(_STAGES, "Make this stage anew, and what was made from it. Repeat it for several.", "STAGE"),
]
MaxFailed: TypeAlias = Annotated[
    float,
    typer.Option(
        "--max-failed",
        min=0,
        max=1,
        help="End with exit code 1 if more than this share of a stage's rows failed. All files are written before.",
        rich_help_panel=_STAGES,
    ),
]
Preview: TypeAlias = Annotated[
    int, _option(_STAGES, "Print N sentences with their negatives, and write nothing.", None, 0)
]

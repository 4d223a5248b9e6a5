"""The options of `finecops data bias`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.data_stats import NAME_HELP

_AUDIT, _REFINE, _MODELS = "Audit", "Refinement", "Models"

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help=f"What to look at: {NAME_HELP}.")]
Pairs = Annotated[
    list[Path] | None,
    typer.Option(
        "--pairs",
        help="A list of positive and negative texts instead of a dataset: .json, .jsonl, .csv or .tsv, with "
        "positive and negative (or caption and negative_caption), and image, id, type if it has them. Repeatable.",
        rich_help_panel=_AUDIT,
    ),
]
NoImages = Annotated[bool, typer.Option("--no-images", help="Open no image.", rich_help_panel=_AUDIT)]
SceneGraphs = Annotated[
    Path | None,
    typer.Option(
        help="Scene graphs in GQA's format: their objects are the boxes of blind guesses. "
        "Default: those in the dataset's folder, else the targets of each image.",
        rich_help_panel=_AUDIT,
    ),
]
Candidates = Annotated[
    Path | None,
    typer.Option(help="A run's candidates.jsonl: its boxes are those of blind guesses.", rich_help_panel=_AUDIT),
]
ImageModel = Annotated[
    str | None,
    typer.Option(
        metavar="WEIGHTS",
        help="Also look at images by a vision model: a folder or Hub id of DINOv2, CLIP or the like.",
        rich_help_panel=_MODELS,
    ),
]
Refine = Annotated[
    str | None,
    typer.Option(
        help="Keep those pairs that tell little: 'blind', against classifiers of the words; 'adversarial', as "
        "SugarCrepe, against --scorer.",
        rich_help_panel=_REFINE,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="With --refine: write what is kept: the entries of the file of pairs, or ids of samples (.json).",
        rich_help_panel=_REFINE,
    ),
]
Target = Annotated[
    float | None,
    typer.Option(
        help="With --refine blind: the largest upper end of AUROC's 95% interval, in %. Default: 58.",
        rich_help_panel=_REFINE,
    ),
]
Reading = Annotated[
    list[str] | None,
    typer.Option(
        help="With --refine blind: what must tell little: 'words' (the default), or 'writing', which is words with "
        "their capitals, punctuation and one-letter words. Repeatable.",
        rich_help_panel=_REFINE,
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        help="With --refine blind: what is dropped: 'drop', the pairs separated best (the default); 'cells', what "
        "balances score gaps; 'words', what balances words.",
        rich_help_panel=_REFINE,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="With --refine blind: the target holds also for classifiers that learned from the dropped pairs.",
        rich_help_panel=_REFINE,
    ),
]
HeldOut = Annotated[
    bool,
    typer.Option(
        "--held-out",
        help="With --refine blind: also measure with a half of the images that had no part in the choice; it takes "
        "twice as long.",
        rich_help_panel=_REFINE,
    ),
]
Scorer = Annotated[
    list[str] | None,
    typer.Option(
        help="With --refine adversarial: ngram (the default) or words, which need no weights; vera:WEIGHTS, "
        "cola:WEIGHTS or causal:WEIGHTS. Repeatable.",
        rich_help_panel=_REFINE,
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, help="With --refine: of the draws. Default: 0.", rich_help_panel=_REFINE)
]

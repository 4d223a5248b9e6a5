"""The options that `eval`, `score`, `compare` and `sweep` share, and which of them go together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from finecops.errors import UsageError

DEFAULT_METRICS: Final = "p1,r1,auroc"

Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN", help="Runs, as names below outputs/ or as folders. Default: the newest run."),
]
RunOption = Annotated[list[str] | None, typer.Option("--run", "-r", help="A run, as an option instead of an argument.")]
Metrics = Annotated[
    str,
    typer.Option(
        "--metrics",
        help="Metrics, with commas between: p1 p5 p10 (any k), acc (mean over IoU 0.5 to 0.95), miou, r1 r5 r10 (any "
        "k), auroc, aupr, fpr95, reject, aurc, ece.",
    ),
]
Iou = Annotated[
    float, typer.Option("--iou", min=0, max=0.999, help="A box is right if its IoU with the truth is above this.")
]
Intervals = Annotated[bool, typer.Option("--intervals", help="Add 95% bootstrap intervals.")]
ClusterOption = Annotated[
    str, typer.Option("--cluster", help="What the bootstrap draws: a 'positive' with its negatives, or an 'image'.")
]
CompatOption = Annotated[
    str,
    typer.Option("--compat", help="The arithmetic: 'none' (finecops), 'reference' (the paper's scripts), or 'both'."),
]
Paper = Annotated[bool, typer.Option("--paper", help="Print the paper's figures beside these, where it has any.")]
PaperRow = Annotated[
    str | None, typer.Option("--paper-row", help="With --paper: the name of the model in the paper, e.g. Qwen2-VL-7B.")
]
Val = Annotated[
    str | None,
    typer.Option(
        "--val",
        help="A run of the same models on another split: scores are calibrated and operating points chosen there.",
    ),
]
Full = Annotated[bool, typer.Option("--full", help="Print every column of every metric, and tuple types.")]
As = Annotated[str | None, typer.Option("--as", help="The output: text, markdown, latex, csv or json. Default: text.")]
Figure = Annotated[
    Path | None,
    typer.Option("--figure", help="Also draw the result: a .png, .pdf or .svg file (needs the extra plot)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="All numbers as JSON, for scripts. Short for --as json.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="One row per number, as CSV. Short for --as csv.")]
ExportCoco = Annotated[
    Path | None, typer.Option("--export-coco", help="Also write each method's boxes into this folder as COCO results.")
]

ANNOTATIONS = typer.Option(
    "--annotations", help="An annotation file: COCO, .jsonl or .csv. Repeat it for several files."
)
Boxes = Annotated[
    str | None,
    typer.Option("--boxes", help="With .jsonl or .csv annotations: what the numbers of a box are, e.g. xyxy."),
]
PREDICTIONS = typer.Option("--predictions", help="The prediction file.")
FORMAT = typer.Option(
    "--format",
    help="Format of the prediction file: mmdet-npy, refexp-text, crs-letters, coco-results, or finecops (own rows).",
)
BoxFormat = Annotated[
    str | None,
    typer.Option("--box-format", help="With refexp-text: how the model writes boxes, e.g. norm1000_list."),
]
Score = Annotated[
    str | None, typer.Option("--score", help="With refexp-text and crs-letters: the field with the scores.")
]
IgnoreUnknown = Annotated[
    bool,
    typer.Option("--ignore-unknown", help="Leave out rows whose id has no annotation, instead of refusing the file."),
]
ValAnnotations = Annotated[
    list[Path] | None, typer.Option("--val-annotations", help="Annotation file of another split, to calibrate on.")
]
ValPredictions = Annotated[
    Path | None, typer.Option("--val-predictions", help="Predictions on that split, in the same format.")
]


def given_options(ctx: typer.Context) -> list[str]:
    """Names of the parameters that the command line has."""
    # A default that a user types is given too; comparing values would miss it.
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def spelled(ctx: typer.Context, name: str) -> str:
    """A parameter as a user writes it."""
    option: Any = next(parameter for parameter in ctx.command.params if parameter.name == name)
    return option.opts[0] if option.param_type_name == "option" else "RUN"


def refuse_options_of_other_modes(ctx: typer.Context, mode: str, modes: Mapping[str, Collection[str]]) -> None:
    """Refuse what does not belong to the mode; `modes` has the parameters of each, by what the mode is called.

    Raises:
        UsageError: a parameter is of other modes alone.
    """
    for name in given_options(ctx):
        if name not in modes[mode]:
            where = " or ".join(other for other, names in modes.items() if name in names)
            raise UsageError(f"{spelled(ctx, name)} does not go with {mode}; it goes with {where}")


_NEEDED: Final = {"paper_row": "paper", "cluster": "intervals"}
# What the paper's scripts have no counterpart for.
_NOT_THE_SCRIPTS: Final = (
    "metrics",
    "iou",
    "intervals",
    "cluster",
    "paper",
    "paper_row",
    "ignore_unknown",
    "val",
    "val_annotations",
    "val_predictions",
)


def refuse_contradictions(ctx: typer.Context) -> None:
    """Refuse options that have no effect beside the others.

    Raises:
        UsageError: there is such an option.
    """
    given = given_options(ctx)
    for name, other in _NEEDED.items():
        if name in given and not ctx.params[other]:
            raise UsageError(f"{spelled(ctx, name)} goes with {spelled(ctx, other)}")
    if ctx.params["compat"] == "reference":
        for name in given:
            if name in _NOT_THE_SCRIPTS:
                why = "the scripts have their own metrics and thresholds; --compat both prints those of finecops too"
                raise UsageError(f"{spelled(ctx, name)} does not go with --compat reference: {why}")


def refuse_two_outputs(ctx: typer.Context) -> None:
    """Refuse more than one of `--as`, `--json` and `--csv`, and `--full` with an output that has no tables.

    Raises:
        UsageError: there are two, or the output is unknown.
    """
    from finecops.report.writers import DATA_WRITERS, OutputSettings, find_writer

    output = OutputSettings.of(ctx.params)
    find_writer(output.writer)
    named = [spelled(ctx, name) for name in given_options(ctx) if name in ("as_", "as_json", "as_csv")]
    if len(named) > 1:
        raise UsageError(f"{named[0]} and {named[1]} both say how to print; give one of them")
    if output.full and output.writer in DATA_WRITERS:
        raise UsageError(f"--full does not go with {named[0]}, which has every number; it goes with tables")


def refuse_options_of_other_formats(ctx: typer.Context) -> None:
    """Refuse `--box-format` and `--score` where the prediction file's format does not use them.

    Raises:
        UsageError: one is given to another format, or the box format is unknown.
    """
    from finecops.exchange.formats import FORMATS
    from finecops.names import no_such
    from finecops.replies.formats import BOX_FORMATS

    name = ctx.params["format"]
    # A format says itself which options it takes.
    taken = FORMATS[name].options
    for option in ("box_format", "score"):
        if option in given_options(ctx) and option not in taken:
            where = " or ".join(other for other, entry in FORMATS.items() if option in entry.options)
            raise UsageError(f"{spelled(ctx, option)} does not go with --format {name}; it goes with {where}")
    # Checked before files are read: large ones take seconds.
    box_format = ctx.params["box_format"]
    if "box_format" in taken and box_format not in BOX_FORMATS:
        said = f"unknown box format {box_format!r}" if box_format else f"--format {name} needs --box-format"
        raise UsageError(no_such(said, box_format or "", BOX_FORMATS))

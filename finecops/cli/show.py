"""`finecops show`: pictures of samples, with every method's boxes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli.compare import Annotations, BoxFormats, Format, Scores
from finecops.cli.eval_options import Boxes, IgnoreUnknown, Iou

if TYPE_CHECKING:
    from finecops.evaluation.shown import Shown

_WHICH, _PICTURES = "Which samples", "Pictures"


Source = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        help="A run, RUN:METHOD (then --wrong, --failed and --unparsed look at that method alone), or a prediction "
        "file. Default: the newest run.",
    ),
]
Samples = Annotated[list[str] | None, typer.Argument(metavar="SAMPLE", help="Ids of samples. Default: all.")]
Wrong = Annotated[
    bool, typer.Option("--wrong", help="An answer is wrong: any method's, or RUN:METHOD's.", rich_help_panel=_WHICH)
]
Right = Annotated[
    list[str] | None,
    typer.Option("--right", metavar="METHOD", help="This method is right. Repeatable.", rich_help_panel=_WHICH),
]
Disagree = Annotated[
    bool, typer.Option("--disagree", help="One method is right and another wrong.", rich_help_panel=_WHICH)
]
Failed = Annotated[bool, typer.Option("--failed", help="An answer failed or is missing.", rich_help_panel=_WHICH)]
Unparsed = Annotated[bool, typer.Option("--unparsed", help="A reply could not be parsed.", rich_help_panel=_WHICH)]
Level = Annotated[
    list[int] | None,
    typer.Option("--level", metavar="N", help="Difficulty level, 1 to 3. Repeatable.", rich_help_panel=_WHICH),
]
Type = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        help="Type of negative (replace_relation, or a word of it: relation) or tuple type (1_hop). Repeatable.",
        rich_help_panel=_WHICH,
    ),
]
Kind = Annotated[
    list[str] | None,
    typer.Option("--kind", help="positive, negative, text or image. Repeatable.", rich_help_panel=_WHICH),
]
Limit = Annotated[
    int, typer.Option("--limit", "-n", min=0, help="Draw at most N samples; 0: all.", rich_help_panel=_WHICH)
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the pictures. Default: pictures/ in the run.", rich_help_panel=_PICTURES),
]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="FOLDER_OR_ZIP",
        help="Where the images are, if not where the run had them.",
        rich_help_panel=_PICTURES,
    ),
]


def show_command(
    source: Source = None,
    samples: Samples = None,
    wrong: Wrong = False,
    right: Right = None,
    disagree: Disagree = False,
    failed: Failed = False,
    unparsed: Unparsed = False,
    level: Level = None,
    type: Type = None,
    kind: Kind = None,
    limit: Limit = 50,
    out: Out = None,
    images: Images = None,
    iou: Iou = 0.5,
    annotations: Annotations = None,
    boxes: Boxes = None,
    format: Format = None,
    box_format: BoxFormats = None,
    score: Scores = None,
    ignore_unknown: IgnoreUnknown = False,
) -> None:
    """Draw samples with every method's boxes, as PNG.

    Conditions are joined: `--wrong --level 3 --type relation` are the samples that meet all three; `RUN:mllm --wrong
    --right specialist` are those that the MLLM has wrong and the specialist right. A line is printed for each sample.
    Where nothing matches, the exit code is 1.
    """
    from finecops.evaluation.shown import ShowSettings, choose_cases

    shown = choose_cases(ShowSettings.of(locals()))
    # A prediction file may lie anywhere, so its pictures go below the folder that the user is in.
    folder = out or (shown.source.place / "pictures" if shown.source.run is not None else Path("pictures"))
    draw_all(shown, folder)


def draw_all(shown: Shown, folder: Path) -> None:
    """Draw the samples into a folder, and print a line for each."""
    from finecops.paths import plain_name
    from finecops.report.case_pictures import draw_case, verdicts_in_short
    from finecops.text import counted, printable

    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    missing: list[str] = []
    for case in shown.cases:
        drawn = draw_case(case, shown.methods, shown.images)
        missing += [drawn.missing] if drawn.missing is not None else []
        name = plain_name(case.sample.id)
        # Two ids may have one plain name.
        number = 2
        while name in taken:
            name, number = f"{plain_name(case.sample.id)}-{number}", number + 1
        taken.add(name)
        drawn.picture.save(folder / f"{name}.png")
        said = f"{folder / name}.png  {case.sample.id}: {case.sample.expression}"
        typer.echo(printable(f"{said}  [{verdicts_in_short(case, shown.methods)}]"))
    limited = " (--limit)" if len(shown.cases) < shown.matched else ""
    typer.echo(
        f"{shown.matched} of {counted(shown.asked, 'sample')} match; {len(shown.cases)} drawn{limited}", err=True
    )
    if missing:
        several = f"{counted(len(missing), 'image')} not found, drawn as a grey frame; the first: {missing[0]}"
        typer.secho(printable(several), fg=typer.colors.YELLOW, err=True)

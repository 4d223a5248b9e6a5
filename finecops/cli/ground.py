"""`finecops ground`: boxes for sentences about pictures of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from finecops.cli import options as o
from finecops.cli import server_options as s
from finecops.cli.thread_option import Threads
from finecops.errors import UsageError

if TYPE_CHECKING:
    from finecops.grounding.session import Asked
    from finecops.strategies.options import Options

_ASK, _OUT = "What is asked", "Output"


Image: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="IMAGE",
        help="An image; a folder of images; a table (.csv, .tsv, .jsonl) with columns image and sentence, and perhaps "
        "box; or - for lines of standard input.",
    ),
]
Sentences: TypeAlias = Annotated[
    list[str] | None, typer.Argument(metavar="SENTENCE", help="What shall be found; several sentences are allowed.")
]
By: TypeAlias = Annotated[
    str,
    typer.Option(help="Who answers: sfa, crs, specialist, mllm, or all of them side by side.", rich_help_panel=_ASK),
]
Out: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FOLDER",
        help="Where pictures and answers go. Default: a picture beside the image; for folders and tables a folder "
        "below outputs/.",
        rich_help_panel=_OUT,
    ),
]
Draw: TypeAlias = Annotated[
    bool, typer.Option("--draw/--no-draw", help="Draw a picture with the boxes.", rich_help_panel=_OUT)
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON object per answer, for scripts.", rich_help_panel=_OUT)
]
Focus: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--focus/--no-focus",
        help="Focus the models on the sentence's target (paper, IV-A). Default: yes, but not CRS's candidates.",
        rich_help_panel="Models",
    ),
]


def ground_command(
    image: Image,
    sentences: Sentences = None,
    by: By = "sfa",
    boxes: o.Boxes = None,
    images: o.Images = None,
    out: Out = None,
    draw: Draw = True,
    as_json: AsJson = False,
    preset: o.Preset = None,
    extractor: o.Extractor = None,
    article: o.Article = None,
    router: o.Router = None,
    specialist: o.Specialist = None,
    mllm: o.Mllm = None,
    base_url: s.BaseUrl = None,
    api_model: s.ApiModel = None,
    servers: s.Servers = None,
    serve: s.Serve = None,
    adapter: o.Adapter = None,
    visual_tokens: o.VisualTokens = None,
    focus: Focus = None,
    confidence: o.Confidence = "mean_prob",
    fast: o.Fast = "specialist",
    slow: o.Slow = "mllm",
    score_threshold: o.ScoreThreshold = None,
    router_nms_iou: o.RouterNmsIou = None,
    zero_is: o.ZeroIs = None,
    doubtful: o.Doubtful = "route",
    topk: o.TopK = 5,
    none: o.NoneOption = False,
    order: o.OptionOrder = "rank",
    show: o.Show = "text",
    device: o.Device = None,
    threads: Threads = None,
    batch_size: o.BatchSize = None,
    max_failed: o.MaxFailed = 0.05,
    keep_failed: o.KeepFailed = False,
    trust_remote_code: o.TrustRemoteCode = False,
    allow_pickle: o.AllowPickle = False,
) -> None:
    """Find what a sentence describes in pictures of your own.

    Printed are the box (pixels of the upright image), its score, who answered and why, as answers are made. Those of a
    folder or a table are kept, and the same command goes on where it stopped. Exit code 1 if too many failed.
    """
    given = locals()
    from finecops.grounding.grounder import Grounder
    from finecops.grounding.session import Session

    kind = _kind(image)
    _refuse_useless(kind, given)
    options = _options(given, kind)
    grounder = Grounder(by, options, focus_crs=bool(focus))  # type: ignore[arg-type]
    session = Session(grounder, out=out, draw=draw, retry=options.retry)
    count = failed = 0
    for asked in session.ask(kind, image, sentences or (), boxes, images):
        count, failed = count + 1, failed + (asked.found.status == "failed")
        _show(asked, as_json, several=kind != "image")
    session.finish(count, failed, max_failed)


def _kind(image: Path) -> str:
    from finecops.grounding.questions import is_table

    if str(image) == "-":
        return "lines"
    return "table" if is_table(image) else "folder" if image.is_dir() else "image"


def _options(given: Mapping[str, Any], kind: str) -> Options:
    from finecops.strategies.options import Options

    named = {name: given[name] for name in Options.model_fields if name in given and name not in ("boxes", "images")}
    if named["focus"] is None:
        del named["focus"]
    # Lines of another program are answered one by one: it may wait for each answer.
    if kind == "lines" and named["batch_size"] is None:
        named["batch_size"] = 1
    return Options(**named)


def _refuse_useless(kind: str, given: Mapping[str, object]) -> None:
    """
    Raises:
        UsageError: sentences or options do not go with this kind of questions.
    """
    if kind in ("table", "lines") and given["sentences"]:
        raise UsageError(f"{given['image']}: its sentences are in it; SENTENCE goes with an image or a folder")
    if given["boxes"] is not None and kind != "table":
        raise UsageError("--boxes goes with a table (.csv, .tsv, .jsonl) that has boxes")
    if given["images"] is not None and kind != "table":
        raise UsageError("--images goes with a table (.csv, .tsv, .jsonl)")
    if given["out"] is not None and not given["draw"] and kind in ("image", "lines"):
        raise UsageError("--out says where pictures go, and --no-draw draws none: leave out one of them")
    if given["keep_failed"] and kind not in ("table", "folder"):
        raise UsageError("--keep-failed goes with a table or a folder, whose answers are kept")


def _show(asked: Asked, as_json: bool, several: bool) -> None:
    from finecops.grounding.words import as_line, as_text

    if as_json:
        typer.echo(asked.found.model_dump_json())
    else:
        typer.echo(as_line(asked.found) if several else as_text(asked.found))

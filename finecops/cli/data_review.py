"""`finecops data review`: people vote on samples, their votes are compared, and the reviewed split is made."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from finecops.cli import options as o
from finecops.cli import review_modes
from finecops.cli.eval_options import (
    As,
    AsCsv,
    AsJson,
    given_options,
    refuse_options_of_other_modes,
    refuse_two_outputs,
)

_PAGE, _VOTES, _APPLY = "Page", "Votes", "Reviewed split"
_ALWAYS: Final = {"name", "split"}
_READING: Final = _ALWAYS | {"files", "key"}
_MODES: Final = {
    "a page": _ALWAYS | {"rater", "only", "level", "limit", "plant", "seed", "link", "out", "images"},
    "--votes": _READING | {"votes", "as_", "as_json", "as_csv"},
    "--disagreements": _READING | {"votes", "disagreements", "show_votes", "rater", "link", "out", "images"},
    "--apply": _READING | {"apply", "rule", "unreviewed", "out", "images"},
}

Name = Annotated[str, typer.Argument(metavar="NAME", help="A dataset's name or YAML file (`finecops data list`).")]
Files = Annotated[list[Path] | None, typer.Argument(metavar="VOTES", help="With --votes or --apply: files of votes.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", metavar="PATH", help="The page's file (default: review-NAME-SPLIT.html); of --apply, the folder."
    ),
]
Rater = Annotated[
    str | None, typer.Option(metavar="NAME", help="Whose page it is. Default: the page asks.", rich_help_panel=_PAGE)
]
Only = Annotated[
    str | None,
    typer.Option(
        help="Only positives, negatives, negative-expressions, negative-images, or a type of negatives.",
        rich_help_panel=_PAGE,
    ),
]
Level = Annotated[int | None, typer.Option(min=1, max=3, help="Only samples of this level.", rich_help_panel=_PAGE)]
Limit = Annotated[int, typer.Option(min=0, help="N samples, from all levels and kinds; 0: all.", rich_help_panel=_PAGE)]
Link = Annotated[
    bool,
    typer.Option(
        "--link",
        help="Leave the images where they are: a small page that works on this machine alone. Without it they are in "
        "the page, scaled to 800 pixels.",
        rich_help_panel=_PAGE,
    ),
]
Plant = Annotated[
    int,
    typer.Option(
        min=0,
        help="Mix N rows that are known to be wrong among the samples, to measure the raters. Which ones stands in a "
        "key file beside the page alone.",
        rich_help_panel=_PAGE,
    ),
]
Seed = Annotated[int, typer.Option(help="With --plant: of the choice of faults.", rich_help_panel=_PAGE)]
ReadVotes = Annotated[
    bool, typer.Option("--votes", help="Print what the votes say: counts, agreement.", rich_help_panel=_VOTES)
]
Key = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="The key file of a page with planted faults: each rater's share of them is printed. Repeatable.",
        rich_help_panel=_VOTES,
    ),
]
Disagreements = Annotated[
    bool,
    typer.Option(
        "--disagreements",
        help="With --votes: write a page of what the raters do not agree on, for a second round.",
        rich_help_panel=_VOTES,
    ),
]
ShowVotes = Annotated[
    bool,
    typer.Option("--show-votes", help="With --disagreements: the page says who voted what.", rich_help_panel=_VOTES),
]
Apply = Annotated[bool, typer.Option("--apply", help="Write the reviewed split into --out.", rich_help_panel=_APPLY)]
Rule = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="A sample is kept by the 'majority' of its votes (more than half), by 'all', or by 'any'. Unsure keeps "
        "nothing.",
        rich_help_panel=_APPLY,
    ),
]
Unreviewed = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="'keep' or 'drop' samples without a vote.", rich_help_panel=_APPLY),
]


def review_command(
    ctx: typer.Context,
    name: Name,
    files: Files = None,
    split: o.Split = None,
    images: o.Images = None,
    out: Out = None,
    rater: Rater = None,
    only: Only = None,
    level: Level = None,
    limit: Limit = 0,
    link: Link = False,
    plant: Plant = 0,
    seed: Seed = 0,
    votes: ReadVotes = False,
    key: Key = None,
    disagreements: Disagreements = False,
    show_votes: ShowVotes = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    apply: Apply = False,
    rule: Rule = "majority",
    unreviewed: Unreviewed = None,
) -> None:
    """Review a split by people: a page to vote on, the raters' agreement, the reviewed split.

    Without --votes and --apply it writes a page: one file, which a browser opens from the disk. There the raters save
    their votes as files. --votes A.jsonl B.jsonl compares these; --apply A.jsonl B.jsonl --out FOLDER makes the
    reviewed split.
    """
    mode = _mode(files or (), votes, disagreements, apply)
    refuse_options_of_other_modes(ctx, mode, _MODES)
    refuse_two_outputs(ctx)
    _refuse_seed_alone(ctx, plant)
    if mode == "--apply":
        review_modes.check_applying(rule, unreviewed, out)
    asked = shlex.join([name, *(["--split", split] if split is not None else [])])
    dataset = review_modes.read_split(name, split, images)
    if mode == "a page":
        samples = review_modes.choose(dataset, only, level, limit)
        review_modes.write_first(dataset, samples, out, plant=plant, seed=seed, rater=rater, link=link, asked=asked)
        return
    keys = review_modes.read_keys(key or (), dataset)
    found = review_modes.read_given_votes(files or (), dataset, keys)
    if mode == "--votes":
        review_modes.print_votes(ctx, dataset, found, keys)
    elif mode == "--disagreements":
        review_modes.write_second(dataset, found, out, rater=rater, link=link, show_votes=show_votes, asked=asked)
    elif out is not None:
        review_modes.apply_votes(dataset, found, files or (), rule=rule, unreviewed=unreviewed, out=out)


def _mode(files: Sequence[Path], votes: bool, disagreements: bool, apply: bool) -> str:
    """What is to be done.

    Raises:
        UsageError: files of votes without a use, a use without files, or two of them.
    """
    from finecops.errors import UsageError

    mode = "--apply" if apply else "--disagreements" if disagreements else "--votes" if votes else "a page"
    if files and mode == "a page":
        raise UsageError(f"{files[0]}: --votes prints what files of votes say, --apply makes the reviewed split")
    if apply and (votes or disagreements):
        raise UsageError("--apply does not go with --votes: give one after the other")
    if disagreements and not votes:
        raise UsageError("--disagreements goes with --votes FILE FILE")
    if mode != "a page" and not files:
        raise UsageError(f"{mode} needs files of votes: the page's key S saves them")
    return mode


def _refuse_seed_alone(ctx: typer.Context, plant: int) -> None:
    from finecops.errors import UsageError

    if "seed" in given_options(ctx) and not plant:
        raise UsageError("--seed goes with --plant: nothing else is drawn")

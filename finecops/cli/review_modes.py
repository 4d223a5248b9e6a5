"""`finecops data review`, mode by mode: what `data_review.py` calls."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pydantic import JsonValue

    from finecops.construction.review.applying import Applied, Reviewed
    from finecops.construction.review.page import PageSettings
    from finecops.construction.review.planting import PlantKey
    from finecops.construction.review.votes import Votes
    from finecops.datasets.dataset import Dataset
    from finecops.records import Sample


def read_split(name: str, split: str | None, images: Path | None) -> Dataset:
    """The split that is reviewed."""
    from finecops.cli.printing import warn
    from finecops.config.find import load_dataset
    from finecops.datasets.dataset import load_dataset_split

    found = load_dataset_split(load_dataset(name), split, images=images)
    if found.problems:
        warn([f"{len(found.problems)} entries are left out; `finecops data check` lists them"])
    return found


def choose(dataset: Dataset, only: str | None, level: int | None, limit: int) -> list[Sample]:
    """The samples of the page."""
    from finecops.construction.review.choice import review_samples

    return review_samples(dataset.samples, only, level, limit)


def write_first(
    dataset: Dataset,
    samples: Sequence[Sample],
    out: Path | None,
    plant: int,
    seed: int,
    rater: str | None,
    link: bool,
    asked: str,
) -> None:
    """Write the page of the first round, with its key where faults are planted."""
    from finecops.construction.review.page import PageSettings, fingerprint
    from finecops.construction.review.planting import PlantKey, key_path, mixed, write_key
    from finecops.construction.review.planting import plant as make_faults
    from finecops.text import counted, printable

    path = out or _page_name(dataset)
    shown = list(samples)
    if plant:
        faults = make_faults(samples, dataset.samples, plant, seed)
        shown = mixed(samples, faults, seed)
        key = PlantKey(
            page=fingerprint(dataset, shown, 1),
            dataset=dataset.config.name,
            split=dataset.split,
            seed=seed,
            planted=tuple(one.fault for one in faults),
        )
        write_key(key_path(path), key)
    _write(dataset, shown, path, PageSettings(rater=_rater(rater), link=link))
    more = ""
    if plant:
        says = f"key of the {counted(plant, 'planted fault')}: {printable(str(key_path(path)))}"
        typer.echo(f"{says}; raters must not see it, and --votes takes it as --key")
        more = f" --key {shlex.quote(str(key_path(path)))}"
    _say_next(asked, more)


def write_second(
    dataset: Dataset,
    votes: Votes,
    out: Path | None,
    rater: str | None,
    link: bool,
    show_votes: bool,
    asked: str,
) -> None:
    """Write the page of what the raters do not agree on."""
    from finecops.construction.review.page import PageSettings
    from finecops.construction.review.votes import by_sample, disagree
    from finecops.errors import DataError

    last = by_sample(votes.samples)
    opened = {id_: of for id_, of in last.items() if disagree(of)}
    if not opened:
        raise DataError("the raters agree on every sample that they voted on, so there is no second round")
    settings = PageSettings(
        rater=_rater(rater), link=link, round=votes.last_round + 1, votes=opened if show_votes else {}
    )
    samples = [sample for sample in dataset.samples if sample.id in opened]
    _write(dataset, samples, out or _page_name(dataset, settings.round), settings)
    _say_next(asked, " (the files of both rounds)")


def _rater(name: str | None) -> str | None:
    from finecops.errors import UsageError
    from finecops.text import clean_line, printable

    if name is None:
        return None
    if not name.strip() or len(name) > 80 or printable(clean_line(name)) != name:
        raise UsageError("--rater is a name of 1 to 80 plain characters")
    return name


def _page_name(dataset: Dataset, round_: int = 1) -> Path:
    from finecops.paths import plain_name

    second = f"-round{round_}" if round_ > 1 else ""
    return Path(f"review-{plain_name(dataset.config.name)}-{plain_name(dataset.split)}{second}.html")


def _write(dataset: Dataset, samples: Sequence[Sample], path: Path, settings: PageSettings) -> None:
    from finecops.cli.printing import warn
    from finecops.construction.review.page import LARGE, write_page
    from finecops.text import counted, printable

    written = write_page(path, dataset, samples, settings)
    where = "referenced where they lie" if settings.link else "inside"
    pictures = counted(written.pictures, "image")
    typer.echo(
        f"{printable(str(path))}: {counted(written.samples, 'sample')}, {pictures} {where}, {_megabytes(written.size)}"
    )
    warn([f"no picture: {why}" for why in written.missing.values()])
    if written.size > LARGE:
        warn(
            ["browsers are slow with so large a page: --limit, --only or --level make smaller ones, --link a small one"]
        )


def _say_next(asked: str, more: str) -> None:
    """What is typed when the raters have sent their files; `asked`: the dataset and split as they were typed."""
    from finecops.text import printable

    command = printable(f"finecops data review {asked} --votes FILE FILE{more}")
    typer.secho(f"next: open it in a browser; then {command}", err=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def read_keys(paths: Sequence[Path], dataset: Dataset) -> list[PlantKey]:
    """The key files, which must be of this split."""
    from finecops.construction.review.planting import read_key
    from finecops.errors import DataError
    from finecops.text import shortly

    keys = [read_key(path) for path in paths]
    for path, key in zip(paths, keys):
        if (key.dataset, key.split) != (dataset.config.name, dataset.split):
            raise DataError(f"{path} is the key of a page of {shortly(key.dataset)}, {shortly(key.split)}")
    return keys


def read_given_votes(paths: Sequence[Path], dataset: Dataset, keys: Sequence[PlantKey]) -> Votes:
    """The votes of some files."""
    from finecops.construction.review.votes import read_votes
    from finecops.errors import DataError

    found = read_votes(paths, dataset, [one.sample_id for key in keys for one in key.planted])
    pages = {vote.page for vote in (*found.samples, *found.planted)}
    if keys and not any(key.page in pages for key in keys):
        raise DataError("no vote is about the page of --key")
    return found


def print_votes(ctx: typer.Context, dataset: Dataset, votes: Votes, keys: Sequence[PlantKey]) -> None:
    """Print what the votes say."""
    from finecops.cli.printing import print_document
    from finecops.construction.review.summary import summarise
    from finecops.construction.review.tables import review_document
    from finecops.report.writers import OutputSettings

    planted = [one for key in keys for one in key.planted]
    print_document(review_document(summarise(votes, dataset, planted)), OutputSettings.of(ctx.params).writer)


def check_applying(rule: str, unreviewed: str | None, out: Path | None) -> None:
    """Refuse a wrong choice before anything is read.

    Raises:
        UsageError: the rule or the choice is unknown, or nothing says where to write.
    """
    from finecops.construction.review.applying import RULES, UNREVIEWED
    from finecops.errors import UsageError
    from finecops.strategies.options import require_known

    require_known("rule", rule, RULES)
    if unreviewed is not None:
        require_known("choice for samples without a vote", unreviewed, UNREVIEWED)
    if out is None:
        raise UsageError("--apply needs --out FOLDER")


def apply_votes(
    dataset: Dataset, votes: Votes, files: Sequence[Path], rule: str, unreviewed: str | None, out: Path
) -> None:
    """Write the reviewed split, and say what became of the samples."""
    from finecops.construction.review.applying import review, sources, write_reviewed
    from finecops.construction.review.votes import by_sample, rater_counts

    last = by_sample(votes.samples)
    reviewed = review(dataset.samples, last, rule, unreviewed)  # type: ignore[arg-type]
    about: dict[str, JsonValue] = {
        "rule": rule,
        "unreviewed": unreviewed,
        "votes": [*sources(files)],
        "raters": rater_counts(votes.samples),
        "planted_votes": len(votes.planted),
    }
    applied = write_reviewed(dataset, reviewed, last, about, out, _bar)
    _say_applied(applied, reviewed, len(dataset.samples))
    if applied.converted.missing:
        raise typer.Exit(1)


def _bar(names: Iterable[str]) -> Iterable[str]:
    from finecops.progress import progress

    found: Iterable[str] = progress(list(names), what="images", unit="image", leave=False)
    return found


def _say_applied(applied: Applied, reviewed: Reviewed, samples: int) -> None:
    from finecops.cli.printing import warn
    from finecops.construction.review.applying import POSITIVE_DROPPED
    from finecops.text import counted, printable

    typer.echo(f"{printable(str(applied.converted.path))}: {len(reviewed.samples)} of {counted(samples, 'sample')}")
    if reviewed.fixed:
        followed = f"; {counted(len(reviewed.followed), 'negative image')} followed" if reviewed.followed else ""
        typer.echo(f"  texts fixed: {len(reviewed.fixed)}{followed}")
    for why, number in reviewed.counts.items():
        more = " (negatives whose positive was dropped)" if why == POSITIVE_DROPPED else ""
        typer.echo(f"  dropped, {why.replace('_', ' ')}: {number}{more}")
    typer.echo(f"  listed in {printable(str(applied.dropped_file))}; how it came about: {applied.account_file.name}")
    warn(applied.converted.missing)
    typer.secho(f"next: finecops data check {printable(str(applied.dataset_file))}", err=True)

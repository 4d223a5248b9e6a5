"""`finecops data check`: the files of a dataset, its images, and its numbers beside those of its release."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finecops.cli import options as o

if TYPE_CHECKING:
    from finecops.config.dataset_schema import DatasetConfig
    from finecops.datasets.check import CheckReport
    from finecops.datasets.problems import Problem
    from finecops.datasets.release import Comparison

DEFAULT = "finecops-mini"


def check_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A dataset's name or YAML file, as --dataset.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            "-d",
            help="A dataset's name, YAML file, folder of parquet files, or hf:ID[:split][@revision]. "
            f"Default: {DEFAULT}.",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="One split. Default: all splits that are here.")] = None,
    annotations: Annotated[
        list[Path] | None,
        typer.Option(
            help="Check these files instead of a split: in the dataset's format, vanilla, .jsonl or .csv. Repeatable."
        ),
    ] = None,
    boxes: o.Boxes = None,
    images: o.Images = None,
    no_images: Annotated[bool, typer.Option("--no-images", help="Open no image.")] = False,
    show: Annotated[int, typer.Option(min=0, help="Print at most N problems; 0: all.")] = 50,
) -> None:
    """Check annotation files and images, and list every problem.

    Each problem is printed with its file and entry. Where the dataset's release is known (finecops-ref), sizes,
    checksums and counts are compared with it. Exit code 1 if there is a problem or a difference.
    """
    from finecops.config.find import load_dataset
    from finecops.datasets.check import check_split
    from finecops.datasets.conventions import CONVENTIONS
    from finecops.datasets.given_files import dataset_of_files
    from finecops.datasets.places import chosen_splits
    from finecops.errors import UsageError
    from finecops.strategies.options import require_known

    if split and annotations:
        raise UsageError("--split and --annotations both say what is checked; give one of them")
    if name and dataset and name != dataset:
        raise UsageError(f"two datasets: {name} and --dataset {dataset}; give one of them")
    if images and no_images:
        raise UsageError("--images says where images are and --no-images opens none; give one of them")
    if boxes is not None:
        require_known("convention of boxes", boxes, CONVENTIONS)
    asked = name or dataset or DEFAULT
    config = dataset_of_files(load_dataset(asked), annotations or (), boxes, named=asked != DEFAULT)
    wrong = 0
    for checked in [split] if split else ["files"] if annotations else chosen_splits(config):
        report = check_split(config, checked, annotations or (), not no_images, images)
        title = ", ".join(path.name for path in annotations) if annotations else checked
        wrong += _print_report(title, report, config, show)
    if not annotations:
        wrong += _print_files(config, [split] if split else list(config.splits), show)
    if wrong:
        raise typer.Exit(1)


def _print_report(title: str, report: CheckReport, config: DatasetConfig, show: int) -> int:
    """Print what a check found; returns the number of problems and differences."""
    from finecops.text import counted

    looked_at = ", ".join(counted(n, what.removesuffix("s"), what) for what, n in report.checked.items())
    typer.echo(f"{title}: {looked_at}: {counted(len(report.problems), 'problem')}")
    _print_problems(report.problems, report.notes, show)
    if report.missing_images:
        verb = "is" if report.missing_images == 1 else "are"
        typer.echo(f"  {report.missing_images} of {report.checked['images']} images {verb} missing")
        typer.echo(f"  {config.get.rstrip()}".replace("\n", "\n  "))
    return len(report.problems) + _print_comparison(report.comparison)


def _print_problems(problems: Sequence[Problem], notes: Sequence[Problem], show: int) -> None:
    for problem in problems[: show or None]:
        typer.echo(f"  {problem}")
    if show and len(problems) > show:
        typer.echo(f"  … and {len(problems) - show} more (--show 0)")
    for note in notes:
        typer.echo(f"  note: {note}")


def _print_comparison(comparison: Comparison) -> int:
    if comparison.agreed:
        typer.echo(f"  as in the release: {len(comparison.agreed)} of {comparison.total} values")
    for line in comparison.differences:
        typer.echo(f"  {line}")
    return len(comparison.differences)


def _print_files(config: DatasetConfig, splits: Sequence[str], show: int) -> int:
    """Compare the files with the release, if there is one; returns the number of problems and differences."""
    from finecops.config.find import resolve
    from finecops.datasets.release import check_files

    if config.release is None:
        return 0
    report = check_files(config, config.release, splits)
    typer.echo(f"release: {config.release.source}")
    typer.echo(f"  here: {', '.join(report.here) or 'no file of it'}")
    for line in report.vanilla:
        typer.echo(f"  {line}")
    _print_problems(report.problems, report.notes, show)
    wrong = len(report.problems) + _print_comparison(report.comparison)
    for line in report.missing:
        typer.echo(f"  not here: {line}; it belongs in {resolve(config.root)}/")
    return wrong

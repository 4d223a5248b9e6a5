"""Printing results: the one place where a document becomes output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from finecops.evaluation.results import Evaluation
    from finecops.metrics.answers import Answers
    from finecops.report.document import Document
    from finecops.runs.run import Run

# More lines of warnings would push the tables off the screen.
_WARNINGS = 5


def print_document(document: Document, writer: str) -> None:
    """Print by a writer of `finecops.report.writers.WRITERS`.

    Raises:
        UsageError: there is no such writer.
    """
    from finecops.report.writers import find_writer

    typer.echo(find_writer(writer)(document))


def print_evaluations(evaluations: Sequence[Evaluation], writer: str = "text", full: bool = False) -> None:
    """Print evaluations, and on stderr what was wrong in their files."""
    from finecops.report.tidy import evaluation_document

    print_document(evaluation_document(evaluations, full), writer)
    for evaluation in evaluations:
        warn(evaluation.problems, more=" (--json lists all)")


def print_runs(folders: Sequence[Path], metrics: Sequence[str] = ("p1", "r1", "auroc")) -> None:
    """Evaluate some runs and print their tables, one run after the other."""
    from finecops.evaluation.runs import evaluate_runs
    from finecops.evaluation.settings import EvalSettings

    evaluations = evaluate_runs(EvalSettings(runs=tuple(folders), metrics=tuple(metrics)))
    print_evaluations(evaluations)
    for folder, evaluation in zip(folders, evaluations, strict=True):
        # Without a score, the answers are all that the run gives. Strategies come after what they are made of.
        if evaluation.unknown == evaluation.dataset.samples:
            typer.echo(f"answers: {folder / evaluation.methods[-1].stage}.jsonl")


def end_with_shard(run: Run) -> None:
    """End the command if this is a part of a run, which has no tables, and say what is to be done with it."""
    if run.options.shard is not None:
        whole = run.folder.parent.parent
        typer.echo(f"{run.folder}: part {run.options.shard} is done; `finecops merge {whole}` joins the parts")
        raise typer.Exit


def export_coco(folder: Path, answers: Mapping[str, Answers]) -> None:
    """Write answers as COCO results, a file each."""
    from finecops.exchange.coco_results import write

    folder.mkdir(parents=True, exist_ok=True)
    for name, found in answers.items():
        path = folder / f"{name}.json"
        # COCO results have no rejection and no unparsed answer.
        left_out = write(path, found)
        note = f" ({left_out} answers without a box cannot be held by the format)" if left_out else ""
        typer.secho(f"wrote {path}{note}", err=True)


def warn(problems: Sequence[object], most: int = _WARNINGS, more: str = "") -> None:
    """Print what was wrong on stderr, at most so many problems; `more` says where the others are."""
    from finecops.text import printable

    for problem in problems[:most]:
        typer.secho(printable(str(problem)), fg=typer.colors.YELLOW, err=True)
    if len(problems) > most:
        typer.secho(f"… and {len(problems) - most} more{more}", fg=typer.colors.YELLOW, err=True)

"""`finecops sfa extract FILE`: the targets of sentences in a file, without images and without a run folder."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from finecops.cli.eval_options import given_options, spelled
from finecops.errors import DataError, FailuresError, UsageError

if TYPE_CHECKING:
    from finecops.records import Sample, Target

STDIN: Final = "-"
_OPTIONS: Final = frozenset(
    {"file", "as_json", "extractor", "article", "device", "threads", "batch_size", "max_failed", "allow_pickle"}
)
"""The parameters of `finecops sfa extract` that have a use with FILE."""
_KEYS: Final = frozenset({"id", "expression"})


@dataclass(frozen=True)
class Sentence:
    """One line of the file."""

    id: str | int
    """As given, or the number of the line."""
    expression: str


def refuse_options_of_runs(ctx: typer.Context) -> None:
    """Refuse the options that only a run on a dataset uses.

    Raises:
        UsageError: one is given.
    """
    for name in given_options(ctx):
        if name not in _OPTIONS:
            raise UsageError(f"{spelled(ctx, name)} does not go with FILE, which has no dataset and no run folder")


def extract_file(
    file: str,
    as_json: bool,
    extractor: str | None,
    article: bool | None,
    device: str | None,
    batch_size: int | None,
    max_failed: float,
    allow_pickle: bool,
) -> None:
    """Print the target of every sentence: JSON lines as they come, or one table at the end.

    Raises:
        DataError: the file cannot be read; names file and line.
        FailuresError: more than `max_failed` of the sentences failed. All rows are printed before.
    """
    from finecops.models.backends import load_extractor_model
    from finecops.models.readiness import AUTO
    from finecops.stages.targets import TargetStage
    from finecops.strategies.options import Options
    from finecops.strategies.parts import Parts

    sentences = read_sentences(file)
    parts = Parts(Options(extractor=extractor, article=article, allow_pickle=allow_pickle))
    config = parts.extractor
    stage = TargetStage(load_extractor_model(config, device or AUTO), parts.article)
    # As many at a time as one round of requests to a server takes.
    step = batch_size or config.batch_size * config.concurrency
    rows: list[Target] = []
    for start in range(0, len(sentences), step):
        batch = sentences[start : start + step]
        found = stage.of_samples([_sample(start + i, sentence) for i, sentence in enumerate(batch)])
        rows += found
        if as_json:
            for sentence, row in zip(batch, found, strict=True):
                typer.echo(json.dumps(_as_object(sentence, row), ensure_ascii=False))
    if not as_json:
        typer.echo(_table(sentences, rows))
    _refuse_too_many_failures(rows, max_failed)


def read_sentences(file: str) -> list[Sentence]:
    """The sentences of a `.txt` file (one per line), of a JSON Lines file, or of the standard input.

    The standard input holds JSON Lines if its first line begins with `{`, else plain text. Empty lines are skipped.

    Raises:
        DataError: the file is missing or empty, or a line is wrong; names file and line.
    """
    name = "<stdin>" if file == STDIN else file
    try:
        raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from error
    # Split at line feeds alone: `splitlines` would also cut at characters inside a sentence.
    lines = [(number, line) for number, line in enumerate(raw.split(b"\n"), start=1) if line.strip()]
    if not lines:
        raise DataError(f"{name} has no sentence")
    plain = (
        not raw.removeprefix(_BOM).lstrip().startswith(b"{") if file == STDIN else Path(file).suffix.lower() == ".txt"
    )
    return [_sentence(_decoded(line, f"{name}:{number}"), number, name, plain) for number, line in lines]


_BOM: Final = b"\xef\xbb\xbf"
"""Editors on Windows begin a UTF-8 file with these bytes."""


def _decoded(line: bytes, where: str) -> str:
    try:
        return line.removeprefix(_BOM).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise DataError(f"{where}: not UTF-8 text") from None


def _sentence(text: str, number: int, name: str, plain: bool) -> Sentence:
    if plain:
        return Sentence(number, text)
    where = f"{name}:{number}"
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {error}. Plain sentences go into a .txt file") from None
    if not isinstance(found, dict):
        raise DataError(f'{where}: not an object; a line is {{"id": …, "expression": "…"}}')
    unknown = [key for key in found if key not in _KEYS]
    if unknown:
        raise DataError(f"{where}: unknown key {unknown[0]!r}; a line has id (optional) and expression")
    expression, id_ = found.get("expression"), found.get("id", number)
    if not isinstance(expression, str) or not expression.strip():
        raise DataError(f"{where}: expression must be a text that is not empty")
    # JSON's true is an int in Python.
    if isinstance(id_, bool) or not isinstance(id_, str | int):
        raise DataError(f"{where}: id must be a text or a whole number")
    if not _is_unicode(expression + str(id_)):
        raise DataError(f"{where}: half of a surrogate pair, which is no text")
    return Sentence(id_, expression)


def _is_unicode(text: str) -> bool:
    # JSON can spell a lone surrogate ("\\ud800"); no encoding can print it.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _sample(index: int, sentence: Sentence) -> Sample:
    from finecops.records import Sample

    # Ids of a file may repeat (several sentences on one image); the extractor needs each once.
    return Sample(
        id=str(index),
        dataset="file",
        split="file",
        image="",
        width=1,
        height=1,
        expression=sentence.expression,
        truth="unknown",
        box=None,
        level=None,
    )


def _as_object(sentence: Sentence, row: Target) -> dict[str, object]:
    found: dict[str, object] = {
        "id": sentence.id,
        "phrase": row.phrase,
        "span": row.span,
        "status": row.status,
        "extractor": row.extractor,
    }
    return found if row.reason is None else found | {"reason": row.reason}


def _table(sentences: Sequence[Sentence], rows: Sequence[Target]) -> str:
    from finecops.report.text import text_table
    from finecops.text import counted

    counts = Counter(row.status for row in rows)
    title = ", ".join(f"{status} {n}" for status, n in sorted(counts.items()))
    header = ("id", "target", "status", "expression")
    cells = [
        (str(sentence.id), row.phrase or "–", row.status, sentence.expression) for sentence, row in zip(sentences, rows)
    ]
    return text_table(f"{counted(len(rows), 'sentence')}: {title}", header, cells, left=True)


def _refuse_too_many_failures(rows: Sequence[Target], max_failed: float) -> None:
    from finecops.runs.failures import most_frequent, reason_counts

    reasons = reason_counts(rows)
    if reasons.total() > max_failed * len(rows):
        said = f"{reasons.total()} of {len(rows)} sentences failed: {most_frequent(reasons)}"
        raise FailuresError(f"{said}. That is more than --max-failed {max_failed:g} allows")

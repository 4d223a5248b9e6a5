"""Files with pairs of texts, as JSON, JSON Lines or CSV; and the same files with some of their entries.

SugarCrepe's files are read as they are: a dictionary from id to `{filename, caption, negative_caption}`. A list without
pairs, a text and its truth per row, can be audited and not refined.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from finecops.construction.bias.pairs import TextPair
from finecops.datasets.fields import FieldError, as_expression, as_object
from finecops.datasets.problems import Problem, first_of, not_json
from finecops.errors import DataError
from finecops.strict_json import parse_marked_json
from finecops.text import plain_id, shortly

log = logging.getLogger(__name__)

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "positive": ("positive", "caption", "positive_caption", "pos"),
    "negative": ("negative", "negative_caption", "neg"),
    "text": ("text", "expression", "sentence"),
    "label": ("label", "truth"),
    "group": ("image", "filename", "file_name", "image_id", "group"),
    "id": ("id", "sample_id"),
    "type": ("type", "negative_type", "category"),
}
"""What a pair needs → names of columns; the first one that is there is used."""
LABELS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("1", "true", "positive", "box"), True),
    **dict.fromkeys(("0", "-1", "false", "negative", "absent"), False),
}
SUFFIXES: Final = (".json", ".jsonl", ".csv", ".tsv")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text of a list without pairs."""

    text: str
    positive: bool
    group: str
    type: str


@dataclass
class PairFile:
    """What a file holds.

    Attributes:
        path: the file.
        pairs: its pairs, or nothing in a list without pairs.
        singles: the texts of a list without pairs.
        problems: entries that were left out.
        entries: id → the entry as it stands in the file.
        columns: the columns of a CSV file; empty for JSON.
        keyed: whether the entries are a dictionary.
        grouped: whether the file names images.
    """

    path: Path
    pairs: list[TextPair] = field(default_factory=list)
    singles: list[LabelledText] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    entries: dict[str, Row] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    keyed: bool = False
    grouped: bool = False


def read_pair_file(path: Path) -> PairFile:
    """Read a file of pairs. Its type is the column `type`, else the name of the file.

    Raises:
        DataError: the file is missing, is not what its suffix says, or has no usable entry.
    """
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path}: a file of pairs ends in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise DataError(f"no such file: {path}")
    found = PairFile(path)
    rows = _rows(found, path.read_bytes())
    used = _used_columns(path, [row for _, row in rows if isinstance(row, dict)])
    found.grouped = "group" in used
    for place, row in rows:
        try:
            _add(found, place, row, used)
        except FieldError as error:
            found.problems.append(Problem(path, place, str(error)))
    if not found.pairs and not found.singles:
        raise DataError(f"{path} has no usable entry; {first_of(found.problems)}")
    said = ", ".join(f"{need}={column}" for need, column in used.items())
    log.info(
        "%s: columns %s%s", path, said, "" if found.grouped else "; no image: every entry counts as one of its own"
    )
    return found


def _rows(found: PairFile, content: bytes) -> list[tuple[str, Any]]:
    """The entries with their places."""
    try:
        if found.path.suffix == ".json":
            return _json_rows(found, parse_marked_json(content))
        text = content.decode("utf-8-sig")
    except ValueError as error:
        raise not_json(found.path, error, len(content)) from error
    if found.path.suffix == ".jsonl":
        return [(f"line {i}", _line(line)) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if found.path.suffix == ".tsv" else ",")
    try:
        rows = [(f"line {reader.line_num}", {k: v for k, v in row.items() if k is not None}) for row in reader]
    except csv.Error as error:
        raise DataError(f"{found.path} is not a CSV file: line {reader.line_num}: {error}") from error
    found.columns = tuple(reader.fieldnames or ())
    return rows


def _json_rows(found: PairFile, raw: object) -> list[tuple[str, Any]]:
    if isinstance(raw, dict):
        found.keyed = True
        return [(str(key), entry) for key, entry in raw.items()]
    if isinstance(raw, list):
        return [(str(i), entry) for i, entry in enumerate(raw)]
    raise DataError(f"{found.path} is neither a list nor a dictionary of pairs")


def _line(line: str) -> Any:
    try:
        return parse_marked_json(line)
    except ValueError as error:
        return FieldError(f"it is not JSON: {error}")


def _used_columns(path: Path, rows: Sequence[Row]) -> dict[str, str]:
    names = dict.fromkeys(name for row in rows[:1000] for name in row)
    used = {
        need: next(name for name in known if name in names)
        for need, known in COLUMNS.items()
        if any(name in names for name in known)
    }
    if "positive" in used and "negative" in used:
        return {need: name for need, name in used.items() if need not in ("text", "label")}
    if "text" in used and "label" in used:
        return {need: name for need, name in used.items() if need not in ("positive", "negative")}
    needed = [" or ".join(COLUMNS[need][:3]) for need in ("positive", "negative", "text", "label")]
    raise DataError(
        f"{path} has {shortly(', '.join(map(str, names)) or 'no column')}; pairs need {needed[0]}, and {needed[1]}; "
        f"a list without pairs needs {needed[2]}, and {needed[3]}"
    )


def _add(found: PairFile, place: str, raw: object, used: Mapping[str, str]) -> None:
    if isinstance(raw, FieldError):
        raise raw
    row = as_object(raw, "the entry")
    id_ = place if found.keyed or "id" not in used else _short(row, used["id"], "id") or place
    if id_ in found.entries:
        raise FieldError(f"the id {shortly(id_)} stands twice")
    group = (_short(row, used["group"], "image") if "group" in used else None) or f"entry {id_}"
    type_ = (_short(row, used["type"], "type") if "type" in used else None) or found.path.stem
    if "positive" in used:
        positive, negative = (as_expression(row.get(used[side])) for side in ("positive", "negative"))
        found.pairs.append(TextPair(id_, group, positive, negative, type_))
    else:
        label = LABELS.get(str(row.get(used["label"])).strip().lower())
        if label is None:
            raise FieldError(
                f"{used['label']} is {shortly(row.get(used['label']))}; one of {', '.join(LABELS)} is meant"
            )
        found.singles.append(LabelledText(as_expression(row.get(used["text"])), label, group, type_))
    found.entries[id_] = row


def _short(row: Row, column: str, what: str) -> str | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    plain = plain_id(value)
    if plain is None:
        raise FieldError(f"{what} is {shortly(value)}; a short text or a number is meant")
    return plain


def write_pair_file(found: PairFile, kept: Collection[str], out: Path) -> None:
    """Write the entries of some ids in the file's own layout, unchanged and in its order.

    Raises:
        DataError: the new file is the old one, or has another suffix.
    """
    if out.suffix != found.path.suffix:
        raise DataError(f"{out} must end in {found.path.suffix}, as {found.path} does: entries are written as they are")
    if out.exists() and out.resolve() == found.path.resolve():
        raise DataError(f"{out} is the file that was read; choose another --out")
    chosen = {id_: row for id_, row in found.entries.items() if id_ in kept}
    write: Mapping[str, Callable[[], str]] = {
        ".json": lambda: json.dumps(chosen if found.keyed else list(chosen.values()), ensure_ascii=False, indent=1),
        ".jsonl": lambda: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen.values()),
        ".csv": lambda: _csv(found.columns, chosen.values(), ","),
        ".tsv": lambda: _csv(found.columns, chosen.values(), "\t"),
    }
    write_text(out, write[found.path.suffix]())


def write_text(out: Path, text: str) -> None:
    """Write a file under another name first: one that is there is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part")
    part.write_text(text, encoding="utf-8", newline="")
    os.replace(part, out)


def _csv(columns: Sequence[str], rows: Iterable[Row], separator: str) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=separator, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

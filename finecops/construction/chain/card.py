"""The data card of a benchmark that was built: what is in it, how it was made, what was left out, licences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml
from pydantic import JsonValue

from finecops.benchmark_words import tuple_type_order, type_order, type_published
from finecops.construction.chain.export import annotation_names, graph_files
from finecops.construction.chain.finished import Finished
from finecops.construction.chain.folder import BuildFolder, StageRecord
from finecops.construction.chain.outcome import DROPPED, FAILED, KEPT
from finecops.construction.chain.stage import ORDER
from finecops.datasets.parquet.card import licence_fields, size_category
from finecops.text import printable

FILE: Final = "README.md"
WRITTEN_BY: Final = "Written by `finecops data build gqa`."
"""Stands in every card of ours: another file is not replaced."""
_BEGIN, _END = "<!-- split {} -->", "<!-- end of {} -->"
_PROMISE = (
    "Every positive fits one object of its image and provably no other; every negative fits none. It is proved on the",
    "scene graphs; a wrong annotation makes a wrong sample.",
)
_GRAPHS: Final = {
    False: "Its scene graphs are incomplete: what a graph does not say counts as possible, and an object that nobody "
    "annotated can still be there.",
    True: "Its scene graphs were said to be complete (`--complete-graphs`): what a graph does not say counts as false.",
}


def card_text(name: str, parts: Mapping[str, str], samples: int, licence: str | None) -> str:
    """The whole card.

    Args:
        name: the benchmark's.
        parts: split → what `split_part` says of it.
        samples: of all splits, as far as they are known.
        licence: of the annotations; None: not stated.
    """
    head = {
        **licence_fields(licence or "not stated"),
        "language": ["en"],
        "task_categories": ["zero-shot-object-detection"],
        "tags": ["referring-expression-comprehension", "visual-grounding"],
        "size_categories": [size_category(samples)],
    }
    lines = [
        f"# {name}",
        "",
        "Referring expression comprehension: an image and an expression, and the box of what it refers to, or the",
        f"knowledge that it is not in the image. {WRITTEN_BY}",
        "",
        *_PROMISE,
        "",
        f"Licence of the annotations: {licence or 'not stated'}. The images keep the licence of their source.",
        "",
        *(line for split, part in parts.items() for line in (_BEGIN.format(split), part, _END.format(split), "")),
    ]
    matter = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return f"---\n{matter}---\n\n" + "\n".join(lines)


def parts_of(path: Path) -> dict[str, str] | None:
    """Split → its part of a card that is there; None: the file is no card of ours. No file has no parts."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8", errors="replace")
    if WRITTEN_BY not in text:
        return None
    found: dict[str, str] = {}
    # The marks are lines of their own: a split's name has no blank and no ">".
    before, after = _BEGIN.split("{}")
    for piece in text.split(f"\n{before}")[1:]:
        split, _, rest = piece.partition(f"{after}\n")
        end = f"\n{_END.format(split)}"
        if end in rest:
            found[split] = rest.partition(end)[0]
    return found


def split_part(folder: BuildFolder, found: Finished) -> str:
    """What the card says of one split: counts, settings, sources, reasons."""
    split = folder.split
    names, graphs = annotation_names(split), graph_files(split)
    lines = [
        f"## Split {split}",
        "",
        _GRAPHS[folder.stages["paths"].settings.get("complete graphs") is True],
        "",
        *_counts(found),
        "",
        "### Files",
        "",
        f"- `{names['all_coco']}`, `{names['all']}`: all samples, in COCO's layout with boxes and in the vanilla one.",
        f"- `{names['pos_coco']}`, `{names['pos']}`: the positives alone.",
        f"- `{graphs[0]}`: the scene graphs of their images."
        + (f" `{graphs[1]}`: the edited graphs of `negative_images/`." if found.images else ""),
        f"- `build/{split}/`: the rows of every stage: each sample's history.",
        "",
        "### How it was made",
        "",
        *_settings(folder),
        "",
        "### What was left out",
        "",
        *_left_out(folder),
    ]
    return "\n".join(lines).rstrip()


def _counts(found: Finished) -> Iterator[str]:
    kinds = {"positives": len(found.positives), "negative expressions": len(found.texts)}
    kinds["negative images"] = len(found.images)
    images = len({p.row.image_id for p in found.positives})
    yield from _table(("", "samples"), [*kinds.items(), ("images", images)])
    # Levels without a sample have no column.
    levels = sorted({p.row.level for p in found.positives})
    by_type = Counter((p.row.said.tuple_type, p.row.level) for p in found.positives)
    types = sorted({type_ for type_, _ in by_type}, key=tuple_type_order)
    if types:
        yield ""
        rows = [(type_, *(by_type[type_, level] for level in levels)) for type_ in types]
        yield from _table(("positives", *(f"level {level}" for level in levels)), rows)
    negatives = Counter((text.row.type, text.row.level, 0) for text in found.texts)
    negatives += Counter((image.row.type, image.row.level, 1) for image in found.images)
    columns = sorted({key[:2] for key in negatives}, key=lambda key: (type_order(key[0]), key[1]))
    if columns:
        yield ""
        # The published words: those of the files that the card lies beside.
        rows = [
            (f"{_both_words(type_)}, level {level}", negatives[type_, level, 0], negatives[type_, level, 1])
            for type_, level in columns
        ]
        yield from _table(("negatives", "expressions", "images"), rows)


def _both_words(type_: str) -> str:
    """A type in the files' word and, where it is another, in the program's."""
    published = type_published(type_)
    return published if published == type_ else f"{published} ({type_})"


def _settings(folder: BuildFolder) -> Iterator[str]:
    """Every setting of every stage, and the checksums of what it read."""
    for name in ORDER:
        record = folder.stages.get(name)
        if record is None or record.state != "done":
            continue
        said = [f"{key}: {_shown(value)}" for key, value in record.settings.items() if value not in (None, [], {})]
        # Of stages, the checksums are in build.json; of a user's own files, they are what others can compare.
        said += [f"SHA-256 of the {key}: {sha}" for key, sha in record.inputs.items() if key not in ORDER]
        yield f"- `{name}`" + (f": {'; '.join(said)}" if said else "")


def _shown(value: JsonValue) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A text may be a model's prompt or name: it shall be text in Markdown too.
    return printable(str(value)).replace("<", "&lt;").replace("`", "'")


def _left_out(folder: BuildFolder) -> Iterator[str]:
    rows: list[Sequence[object]] = []
    for name in ORDER:
        record = folder.stages.get(name)
        if record is not None and record.state == "done":
            counts = record.counts
            rows.append((name, *(counts.get(key, 0) for key in (KEPT, DROPPED, FAILED))))
    yield from _table(("stage", KEPT, DROPPED, FAILED), rows)
    notes = [f"- {name}: {_shown(note)}" for name, record in folder.stages.items() for note in record.notes]
    yield from ["", *notes] if notes else []
    reasons = [row for name in ORDER if name in folder.stages for row in _reasons(name, folder.stages[name])]
    if reasons:
        yield ""
        yield from _table(("stage", "count", "reason"), reasons, texts=2)


def _reasons(name: str, record: StageRecord) -> Iterator[tuple[str, int, str]]:
    for reason, count in [*record.reasons.items(), *record.inner.items()]:
        yield name, count, _shown(reason).replace("|", "/")


def _table(header: Sequence[str], rows: Sequence[Sequence[object]], texts: int = 0) -> Iterator[str]:
    """A table of Markdown; numbers stand on the right, but for the first column and the one that holds texts."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + "|".join("---" if i in (0, texts) else "---:" for i in range(len(header))) + "|"
    yield from ("| " + " | ".join(map(str, row)) + " |" for row in rows)

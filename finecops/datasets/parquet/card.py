"""The dataset card (`README.md`) of a folder for the Hub: licence, features, counts, and how it is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from finecops.datasets.dataset import Dataset
from finecops.records import Sample

_LICENCES = {
    *("mit", "apache-2.0", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-3.0", "cc-by-sa-4.0", "cc-by-nc-4.0"),
    *("cc-by-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "odc-by", "odbl", "cdla-permissive-2.0"),
}
"""Names that the Hub knows for licences of data; another one is `other` with its name beside it."""

_COLUMNS = (
    "- `id`: unique in the split. `image`: the image file; `file_name`: its name in the source; `width`, `height`: in",
    "  pixels.",
    "- `expression`: the referring expression. `truth`: `box`, `absent` or `unknown`.",
    "- `box`: left, top, right, bottom in pixels of the image; null where `truth` is not `box`.",
    "- `level`: difficulty 1 to 3 where the benchmark has levels. `tuple_type`: its own kind of expression.",
    "- Of a sample whose target is absent, null where unknown: `negative_kind` (`text`: the expression was changed,",
    "  `image`: the image), `negative_type` (how), `negative_level` (1: the target, 2: something around it),",
    "  `positive_id`.",
)


WRITTEN_BY = "Written by `finecops export hub`."
"""Stands in every card, which may therefore be replaced."""


def card(splits: Sequence[Dataset], licence: str, features: Mapping[str, str], about: Sequence[str] = ()) -> str:
    """The text of a dataset card.

    Args:
        splits: the splits that are in the folder.
        licence: the licence, in words or by its SPDX name.
        features: column → type.
        about: more lines, as how a benchmark was built.
    """
    head = yaml.safe_dump(_front_matter(splits, licence, features), sort_keys=False, allow_unicode=True)
    config = splits[0].config
    lines = [
        f"# {config.name}",
        "",
        "Referring expression comprehension: an image and an expression, and the box of what it refers to, or the",
        f"knowledge that it is not in the image. {WRITTEN_BY}",
        "",
        f"Licence: {licence}. Images may have a licence of their own.",
        "",
        "## Counts",
        "",
        *_counts(splits),
        "",
        "## Columns",
        "",
        *_COLUMNS,
        "",
        "## Use",
        "",
        "`finecops sfa run --dataset FOLDER` reads this folder, `--dataset hf:OWNER/NAME` its copy on the Hub.",
        "",
    ]
    notes = [f"- {dataset.split}: {len(dataset.problems)} entries" for dataset in splits if dataset.problems]
    if notes:
        lines[-1:] = ["", "## Left out", "", "Entries of the source files that could not be used:", "", *notes, ""]
    warnings = [f"- {d.split}: {d.config.warnings[d.split].strip()}" for d in splits if d.split in d.config.warnings]
    if warnings:
        lines += ["## Before comparing numbers", "", *warnings, ""]
    lines += about
    return f"---\n{head}---\n\n" + "\n".join(lines)


def _front_matter(splits: Sequence[Dataset], licence: str, features: Mapping[str, str]) -> dict[str, Any]:
    return {
        **licence_fields(licence),
        "language": ["en"],
        "task_categories": ["zero-shot-object-detection"],
        "tags": ["referring-expression-comprehension", "visual-grounding"],
        "size_categories": [size_category(sum(len(dataset.samples) for dataset in splits))],
        "dataset_info": {
            "features": [{"name": key, **_type(key, type_)} for key, type_ in features.items()],
            "splits": [{"name": dataset.split, "num_examples": len(dataset.samples)} for dataset in splits],
        },
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": d.split, "path": f"data/{d.split}-*"} for d in splits],
            }
        ],
    }


def _type(name: str, type_: str) -> dict[str, Any]:
    return {"list": type_} if name == "box" else {"dtype": type_}


def licence_fields(licence: str) -> dict[str, str]:
    """How the front matter of a card states a licence: by the Hub's name, or as another one."""
    name = licence.lower().replace(" ", "-")
    return {"license": name} if name in _LICENCES else {"license": "other", "license_name": licence}


def size_category(count: int) -> str:
    """The Hub's word for the size of a dataset of so many samples."""
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    return next((text for bound, text in bounds if count < bound), "1M<n<10M")


def _counts(splits: Sequence[Dataset]) -> list[str]:
    rows = {dataset.split: Counter(map(_group, dataset.samples)) for dataset in splits}
    groups = sorted({group for counts in rows.values() for group in counts})
    table = ["| | " + " | ".join(rows) + " |", "|---|" + "---:|" * len(rows)]
    table += [f"| {group} | " + " | ".join(str(counts[group]) for counts in rows.values()) + " |" for group in groups]
    images = [str(len({sample.image for sample in dataset.samples})) for dataset in splits]
    totals = [str(len(dataset.samples)) for dataset in splits]
    return [*table, "| all samples | " + " | ".join(totals) + " |", "| images | " + " | ".join(images) + " |"]


def _group(sample: Sample) -> str:
    if sample.truth == "unknown":
        return "truth unknown"
    if sample.positive:
        return "target present" + (f", level {sample.level}" if sample.level else "")
    negative = sample.negative
    kind = negative.kind if negative is not None and negative.kind is not None else "unknown kind"
    type_ = f", {negative.type}" if negative is not None and negative.type is not None else ""
    level = f", level {negative.level}" if negative is not None and negative.level is not None else ""
    return f"target absent, {kind}{type_}{level}"

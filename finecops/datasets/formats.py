"""The formats of annotation files: the values of `format` in a dataset's YAML file.

To add a format, write a reader in a new file and add an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from finecops.datasets.coco_table import read_coco_table
from finecops.datasets.cops_ref import read_cops_ref
from finecops.datasets.grefcoco import read_grefcoco
from finecops.datasets.humanref import read_humanref
from finecops.datasets.parquet.read import read_parquet
from finecops.datasets.problems import Problem
from finecops.datasets.ref_adv import read_ref_adv
from finecops.datasets.ref_reasoning import read_ref_reasoning
from finecops.datasets.refcoco import read_refcoco
from finecops.datasets.row_files import read_csv, read_jsonl
from finecops.datasets.source import SourceFile
from finecops.datasets.table import SampleTable
from finecops.records import Sample

Reader: TypeAlias = Callable[[SourceFile], Iterator[SampleTable | Sample | Problem]]
"""File → its samples in order, some of them or all as tables, and a `Problem` for each entry that is not valid."""

FORMATS: dict[str, Reader] = {
    "coco": read_coco_table,
    "refcoco": read_refcoco,
    "parquet": read_parquet,
    "humanref": read_humanref,
    "grefcoco": read_grefcoco,
    "ref-adv": read_ref_adv,
    "ref-reasoning": read_ref_reasoning,
    "cops-ref": read_cops_ref,
    "jsonl": read_jsonl,
    "csv": read_csv,
}

FORMAT_OF_SUFFIX = {".jsonl": "jsonl", ".csv": "csv", ".tsv": "csv"}
"""Files whose name says the format, whatever dataset they are given for."""
OWN_SUFFIXES = frozenset({"humanref"})
"""Formats whose own files have one of these suffixes."""

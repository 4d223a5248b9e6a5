"""The formats of annotation files: the values of `format` in a dataset's YAML file.

To add a format, write a reader in a new file and add an entry here: a function, or where one is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TypeAlias

from finecops.datasets.problems import Problem
from finecops.datasets.source import SourceFile
from finecops.datasets.table import SampleTable
from finecops.records import Sample

Reader: TypeAlias = Callable[[SourceFile], Iterator[SampleTable | Sample | Problem]]
"""File → its samples in order, some of them or all as tables, and a `Problem` for each entry that is not valid."""


def _reader(place: str) -> Reader:
    """A function of a module beside this one, imported when it is called: a command reads one format of ten."""
    module, _, name = place.rpartition(".")

    def read(source: SourceFile) -> Iterator[SampleTable | Sample | Problem]:
        found: Reader = getattr(import_module(f"finecops.datasets.{module}"), name)
        return found(source)

    return read


FORMATS: dict[str, Reader] = {
    "coco": _reader("coco_table.read_coco_table"),
    "refcoco": _reader("refcoco.read_refcoco"),
    "parquet": _reader("parquet.read.read_parquet"),
    "humanref": _reader("humanref.read_humanref"),
    "grefcoco": _reader("grefcoco.read_grefcoco"),
    "ref-adv": _reader("ref_adv.read_ref_adv"),
    "ref-reasoning": _reader("ref_reasoning.read_ref_reasoning"),
    "cops-ref": _reader("cops_ref.read_cops_ref"),
    "jsonl": _reader("row_files.read_jsonl"),
    "csv": _reader("row_files.read_csv"),
}

FORMAT_OF_SUFFIX = {".jsonl": "jsonl", ".csv": "csv", ".tsv": "csv"}
"""Files whose name says the format, whatever dataset they are given for."""
OWN_SUFFIXES = frozenset({"humanref"})
"""Formats whose own files have one of these suffixes."""

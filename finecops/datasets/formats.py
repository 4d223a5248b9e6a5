"""The formats that a dataset's YAML file can name as `format`.

To add one, write a reader in a file of its own and enter it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from finecops.datasets.coco import read_coco
from finecops.datasets.problems import Problem
from finecops.datasets.refcoco import read_refcoco
from finecops.datasets.source import SourceFile
from finecops.records import Sample

Reader: TypeAlias = Callable[[SourceFile], Iterator[Sample | Problem]]
"""From a file to its samples in the file's order, and a `Problem` for each entry that makes no sense."""

FORMATS: dict[str, Reader] = {
    "coco": read_coco,
    "refcoco": read_refcoco,
}

"""Tables of VLMEvalKit: TSV, CSV, JSON and Excel files as rows of column → value. A pickle is never read."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from finecops.errors import DataError
from finecops.install import install_line
from finecops.paths import open_regular
from finecops.strict_json import parse_json

_LONGEST_CELL: Final = 10_000_000
_LARGEST_UNPACKED: Final = 1_000_000_000
_DIALECTS: Final = {".tsv": "\t", ".csv": ","}


def read_table_file(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number of the row in the file, and its cells. Cells of TSV and CSV files are texts, empty ones "".

    Raises:
        DataError: the file is not there, cannot be read, or is of another kind.
    """
    if not path.is_file():
        raise DataError(f"no prediction file {path}")
    suffix = path.suffix.lower()
    if suffix in _DIALECTS:
        return _delimited(path, _DIALECTS[suffix])
    if suffix == ".json":
        return _json(path)
    if suffix == ".xlsx":
        return _excel(path)
    more = ". A pickle can run any code and is not read: PRED_FORMAT=tsv makes a table" if suffix == ".pkl" else ""
    raise DataError(f"{path}: a table of VLMEvalKit is a .xlsx, .tsv, .csv or .json file{more}")


def _delimited(path: Path, delimiter: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter)
            for number, row in enumerate(reader, start=2):
                if None in row or None in row.values():
                    raise DataError(f"{path}: row {number} has another number of cells than the header")
                yield number, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from error
    finally:
        csv.field_size_limit(before)


def _json(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with open_regular(path) as file:
        try:
            rows = parse_json(file.read())
        except ValueError as error:
            raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} is no list of objects, as VLMEvalKit writes tables with PRED_FORMAT=json")
    yield from enumerate(rows, start=1)


def _excel(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise DataError(f"{path}: Excel files need openpyxl: {install_line('excel')}") from error
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _LARGEST_UNPACKED:
            raise DataError(f"{path} has {size:,} bytes unpacked; at most {_LARGEST_UNPACKED:,} are read")
        book = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataError(f"{path} is no Excel file: {error}") from error
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = [str(cell) for cell in next(rows, ())]
        for number, cells in enumerate(rows, start=2):
            yield number, {name: "" if cell is None else cell for name, cell in zip(header, cells)}
    finally:
        book.close()

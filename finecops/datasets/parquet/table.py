"""Parquet files that are not trusted: the types of their columns, and their rows in batches.

pyarrow comes with the extra `hub`. What cannot be decoded is a `Problem` per row; the rows around it are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finecops.datasets.parquet.layouts import LAYOUTS, Kind, Layout
from finecops.datasets.problems import Problem
from finecops.errors import ConfigError, DataError, first_line
from finecops.install import install_line
from finecops.names import unknown_name
from finecops.text import printable, shortly

_BATCH_ROWS = 1024
_IMAGE_ROWS = 8
"""Rows of a batch with images: each may have megabytes."""
_BUFFER_BYTES = 1 << 20


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(f"parquet files need pyarrow: {install_line('hub')}") from error
    return pyarrow.parquet


class ParquetTable:
    """An open parquet file.

    Raises:
        DataError: pyarrow is not installed, or the file is truncated or no parquet file.
    """

    def __init__(self, path: Path) -> None:
        import_of = _parquet()
        try:
            # A buffer: without one, pyarrow reads whole columns of a row group, and a column of images is gigabytes.
            self._file = import_of.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
            self._schema = self._file.schema_arrow
        except (OSError, ValueError, MemoryError, NotImplementedError) as error:
            raise DataError(f"{path} is truncated or no parquet file: {printable(first_line(error))[:200]}") from error
        self.path = path
        self.rows: int = self._file.metadata.num_rows

    @property
    def types(self) -> dict[str, str]:
        """Column → its type, as pyarrow writes it."""
        return {column.name: str(column.type) for column in self._schema}

    def layout(self, name: str | None) -> Layout:
        """The layout of a name, else the one whose columns the file has.

        Raises:
            ConfigError: there is no layout of that name, or none fits the columns.
            DataError: a column of the layout is missing, or has another type.
        """
        if name is not None and name not in LAYOUTS:
            raise ConfigError(unknown_name("layout", name, LAYOUTS))
        fitting = [layout for layout in LAYOUTS.values() if layout.needs.keys() <= self.types.keys()]
        if name is None and not fitting:
            known = "; ".join(f"{layout.name} ({', '.join(layout.needs)})" for layout in LAYOUTS.values())
            raise ConfigError(
                f"{self.path}: its columns fit no layout. Columns: {self._said()}. Layouts: {known}. "
                "Name one in a YAML file with `format: parquet` and `layout: NAME` if the columns are only more"
            )
        if name is None and len(fitting) > 1:
            both = ", ".join(layout.name for layout in fitting)
            raise ConfigError(
                f"{self.path} has the columns of several layouts ({both}); name one (`layout:` in a YAML file)"
            )
        layout = LAYOUTS[name] if name is not None else fitting[0]
        missing = [column for column in layout.needs if column not in self.types]
        if missing:
            raise DataError(
                f"{self.path}: the layout {layout.name} needs {', '.join(missing)}. Columns: {self._said()}"
            )
        wrong = [
            f"{column} is {self.types[column]}, {_WANTED[kind]} is meant"
            for column, kind in layout.columns.items()
            if column in self.types and not _is(self._schema.field(column).type, kind)
        ]
        if wrong:
            raise DataError(
                f"{self.path}: columns of another type than in the layout {layout.name}: {'; '.join(wrong)}"
            )
        return layout

    def _said(self) -> str:
        return printable(", ".join(f"{name} ({type_})" for name, type_ in self.types.items()))[:1000] or "none"

    def values(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any] | Problem]]:
        """The number of each row, from 1, and the columns that the file has of those named; a problem for a bad row."""
        there = [column for column in columns if column in self.types]
        size = _IMAGE_ROWS if "image" in there else _BATCH_ROWS
        before = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            done = 0
            try:
                for batch in self._file.iter_batches(size, row_groups=[group], columns=there, use_threads=False):
                    for values in _decoded(batch):
                        done += 1
                        yield before + done, self._checked(before + done, values)
            except (OSError, ValueError, MemoryError, NotImplementedError, TypeError) as error:
                said = f"it cannot be read from the file: {printable(first_line(error))[:200]}"
                for number in range(before + done + 1, before + rows + 1):
                    yield number, Problem(self.path, f"row {number}", said)
            before += rows

    def _checked(self, number: int, values: Mapping[str, Any] | ValueError) -> Mapping[str, Any] | Problem:
        if isinstance(values, ValueError):
            return Problem(self.path, f"row {number}", f"a value cannot be decoded: {shortly(str(values))}")
        return values


def _decoded(batch: Any) -> Iterator[Mapping[str, Any] | ValueError]:
    """The rows of a batch; an error for one with a text that is not UTF-8."""
    try:
        yield from batch.to_pylist()
    except ValueError:
        for number in range(batch.num_rows):
            try:
                yield batch.slice(number, 1).to_pylist()[0]
            except ValueError as error:
                yield error


_WANTED: dict[Kind, str] = {
    "id": "a text or whole number",
    "text": "a text",
    "texts": "a list of texts",
    "whole": "a whole number",
    "boxes": "a list of numbers (or a text with JSON)",
    "image": "the Hub's image (a struct with bytes) or bytes",
    "flag": "true or false",
}


def _is(type_: Any, kind: Kind) -> bool:
    """Whether a type of pyarrow can hold what a column is for. A column of nothing but nulls can be any."""
    from pyarrow import types as t

    def text(x: Any) -> bool:
        return bool(t.is_string(x) or t.is_large_string(x) or (t.is_dictionary(x) and text(x.value_type)))

    def list_of(x: Any, inner: Callable[[Any], bool]) -> bool:
        return bool(t.is_list(x) or t.is_large_list(x) or t.is_fixed_size_list(x)) and inner(x.value_type)

    def number(x: Any) -> bool:
        return bool(t.is_integer(x) or t.is_floating(x))

    def binary(x: Any) -> bool:
        return bool(t.is_binary(x) or t.is_large_binary(x))

    def picture(x: Any) -> bool:
        return bool(t.is_struct(x)) and any(
            x.field(i).name == "bytes" and binary(x.field(i).type) for i in range(x.num_fields)
        )

    checks: dict[Kind, Callable[[Any], bool]] = {
        "id": lambda x: text(x) or t.is_integer(x),
        "text": text,
        "texts": lambda x: list_of(x, text),
        "whole": t.is_integer,
        "boxes": lambda x: text(x) or list_of(x, lambda y: number(y) or list_of(y, number)),
        "image": lambda x: binary(x) or picture(x),
        "flag": t.is_boolean,
    }
    # `box` of a set without any target, `level` of one without levels.
    return bool(t.is_null(type_) and kind != "image") or checks[kind](type_)

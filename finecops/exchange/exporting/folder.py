"""The folder of an export: what is in it is noted in `export.json`, so that nothing else is ever overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from finecops.errors import DataError
from finecops.paths import name_problem, open_regular
from finecops.runs.jsonl import write_json_atomically
from finecops.strict_json import parse_json
from finecops.version import __version__

EXPORT_JSON: Final = "export.json"


class ExportFolder:
    """A folder that an export is written to. An export of the same format that is there is replaced.

    `export.json` names every file before it is made: what an interrupted export left is known as ours too.
    """

    def __init__(self, out: Path, format_: str) -> None:
        """
        Raises:
            DataError: the folder is a file, or holds an export of another format.
        """
        self.out, self._format = out, format_
        self._entries: list[str] = []
        if out.exists() and not out.is_dir():
            raise DataError(f"{out} is no folder; choose another --out")
        for name in self._of_before():
            path = out / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        out.mkdir(parents=True, exist_ok=True)

    def new(self, name: str) -> Path:
        """The path of a new file, or of a folder that is the export's alone, directly in the folder.

        Raises:
            DataError: something that no export wrote has this name.
        """
        path = self.out / name
        if path.exists() or path.is_symlink():
            raise DataError(f"{path} is there and is not of `finecops export {self._format}`; choose another --out")
        self._entries.append(name)
        self._note("begun", {})
        return path

    def finish(self, about: Mapping[str, object]) -> None:
        """Note that the export is whole, and what it is of."""
        self._note("done", about)

    def _note(self, state: str, about: Mapping[str, object]) -> None:
        head = {"finecops": __version__, "format": self._format, "state": state, "entries": self._entries}
        write_json_atomically(self.out / EXPORT_JSON, head | dict(about))

    def _of_before(self) -> list[str]:
        """What an earlier export wrote into the folder."""
        path = self.out / EXPORT_JSON
        if not path.exists():
            return []
        try:
            with open_regular(path) as file:
                noted = parse_json(file.read())
        except ValueError as error:
            raise DataError(f"{path} is not JSON: {error}; choose another --out") from error
        entries = noted.get("entries") if isinstance(noted, dict) else None
        if not isinstance(entries, list) or noted.get("format") != self._format:
            raise DataError(f"{path} is not of `finecops export {self._format}`; choose another --out")
        # The file may have been edited: only plain names directly in the folder.
        return [name for name in entries if name_problem(name) is None and "/" not in name and name != EXPORT_JSON]

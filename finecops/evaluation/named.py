"""Runs and their methods by what a user types: `RUN`, or `RUN:METHOD`, where a method is a stage that answers."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from finecops.errors import RunError, UsageError
from finecops.evaluation.reading import AnsweringStage, RunData
from finecops.runs.folder import OUTPUTS, run_folder
from finecops.runs.manifest import RUN_JSON
from finecops.text import shortly


@dataclass(frozen=True)
class NamedMethods:
    """A run, and the methods of it that were asked for: at least one."""

    run: RunData
    methods: tuple[AnsweringStage, ...]


def find_methods(name: str) -> NamedMethods:
    """The run and the methods of a name: `RUN:METHOD` is one method, `RUN` is all of them.

    A method is named by its stage (`crs-top5-mllm`), or by its kind (`crs`) where the run has one of it.

    Raises:
        RunError: there is no such run, or it has no answers.
        UsageError: the run has no such method.
    """
    folder, wanted = _divided(name)
    if not (folder / RUN_JSON).is_file():
        raise RunError(f"{folder}/ is no run: it has no {RUN_JSON}{_runs_that_are_there(folder)}")
    run = RunData(folder)
    methods = tuple(run.methods())
    if not methods:
        raise RunError(f"{folder}/ has no answers yet: repeat the command that started it")
    if wanted is None:
        return NamedMethods(run, methods)
    of_kind = [m for m in methods if m.entry.answering is not None and m.entry.answering.method == wanted]
    found = [m for m in methods if m.name == wanted] or of_kind
    if len(found) != 1:
        choices = ", ".join(m.name for m in methods)
        problem = f"has no method {shortly(wanted)}" if not found else f"has {len(found)} methods of kind {wanted}"
        raise UsageError(f"{folder}/ {problem}; there are: {choices}")
    return NamedMethods(run, tuple(found))


def _divided(name: str) -> tuple[Path, str | None]:
    """Folder and method. A folder whose own name has a colon is a run."""
    whole = run_folder(name)
    run, colon, method = name.rpartition(":")
    if not colon or (whole / RUN_JSON).is_file():
        return whole, None
    return run_folder(run), method


def _runs_that_are_there(folder: Path) -> str:
    names = sorted(path.parent.name for path in OUTPUTS.glob(f"*/{RUN_JSON}"))
    if not names:
        return "; `finecops sfa run` makes one"
    close = get_close_matches(folder.name, names, n=3, cutoff=0.5) or names[:3]
    return f"; below {OUTPUTS}/ there are {len(names)}, for example: {', '.join(close)}"

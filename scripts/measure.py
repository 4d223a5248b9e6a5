"""Measure the source code against the limits of this project, and fail where one is broken.

    python scripts/measure.py                # finecops/
    python scripts/measure.py FOLDER --json  # any package or folder of Python files

Prints one line per measure: its value, its limit, and whether it holds. Below the table is the list of breaches, with
file and line. The exit code is 1 if there is a breach. The limits are the constants at the top of this file.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import math
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60
MAX_FUNCTION_LINES_P90 = 24
MAX_PARAMETERS = 12
MAX_UNTYPED_LINES = 30
MIN_DOCSTRINGS_PERCENT = 90.0
MIN_COMMENTS_PERCENT, MAX_COMMENTS_PERCENT = 2.0, 4.0
UNTYPED = "dict[str, " + "Any]"  # Written in two parts, so that this file does not count itself.
PARAMETERS_FREE_FOLDER = "cli"  # The command line declares one parameter per option.

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path, its module name as `a.b.c`, its text and its syntax tree."""

    path: Path
    module: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        """The lines of the file without their ends."""
        return self.text.splitlines()

    def at(self, node: ast.stmt) -> str:
        """Where a statement is, as `path:line`."""
        return f"{self.path}:{node.lineno}"


@dataclass(frozen=True)
class Measure:
    """One measured value with its limit in words, and every place that breaks the limit."""

    name: str
    value: float
    limit: str
    breaches: tuple[str, ...] = ()


def read_sources(folder: Path) -> list[Source]:
    """All Python files below a folder, sorted by path; raises SyntaxError where one is not valid Python."""
    package = package_name(folder)
    sources = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        module = ".".join([package, *(part for part in parts if part != "__init__")])
        text = path.read_text(encoding="utf-8")
        sources.append(Source(path, module, text, ast.parse(text, filename=str(path))))
    return sources


def package_name(folder: Path) -> str:
    """The dotted import name of a folder: its own name behind those of the packages that hold it."""
    folder = folder.resolve()
    names = [folder.name]
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
        names.insert(0, folder.name)
    return ".".join(names)


def functions(source: Source) -> Iterator[Function]:
    """Every function and method of a file, nested ones too."""
    return (node for node in ast.walk(source.tree) if isinstance(node, Function))


def line_count(function: Function) -> int:
    """Lines from `def` to the end of the body; decorators do not count."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def parameter_count(function: Function) -> int:
    """Number of parameters; `self` and `cls` count, `*args` and `**kwargs` count as one each."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len(named) + sum(extra is not None for extra in (arguments.vararg, arguments.kwarg))


def file_lines(sources: Sequence[Source]) -> Measure:
    """The longest file."""
    counts = ((len(source.lines), f"{source.path}:") for source in sources)
    return _largest("lines of the longest file", counts, MAX_FILE_LINES)


def function_lines_p90(sources: Sequence[Source]) -> Measure:
    """The 90th percentile of the functions' lines."""
    counts = sorted(line_count(function) for source in sources for function in functions(source))
    # Nearest rank: the smallest count that nine functions in ten do not exceed.
    value = counts[math.ceil(0.9 * len(counts)) - 1] if counts else 0
    breaches = (f"90th percentile: {value}",) if value > MAX_FUNCTION_LINES_P90 else ()
    return Measure("lines of functions, 90th percentile", value, f"≤ {MAX_FUNCTION_LINES_P90}", breaches)


def function_lines(sources: Sequence[Source]) -> Measure:
    """The longest function."""
    counts = ((line_count(f), f"{s.at(f)} {f.name}:") for s in sources for f in functions(s))
    return _largest("lines of the longest function", counts, MAX_FUNCTION_LINES)


def parameters(sources: Sequence[Source]) -> Measure:
    """The longest signature outside the command line's folder."""
    counted = (source for source in sources if PARAMETERS_FREE_FOLDER not in source.module.split("."))
    counts = ((parameter_count(f), f"{s.at(f)} {f.name}:") for s in counted for f in functions(s))
    return _largest("parameters of the longest signature", counts, MAX_PARAMETERS)


def _largest(name: str, counts: Iterable[tuple[int, str]], limit: int) -> Measure:
    """The largest of some `(count, place)`; every larger one than the limit is a breach."""
    counts = list(counts)
    breaches = tuple(f"{place} {count}" for count, place in counts if count > limit)
    return Measure(name, max((count for count, _ in counts), default=0), f"≤ {limit}", breaches)


def untyped_lines(sources: Sequence[Source]) -> Measure:
    """Lines that name the dictionary of anything, the type that says nothing."""
    found = [f"{s.path}:{n}" for s in sources for n, line in enumerate(s.lines, start=1) if UNTYPED in line]
    breaches = tuple(found) if len(found) > MAX_UNTYPED_LINES else ()
    return Measure(f"lines with {UNTYPED}", len(found), f"≤ {MAX_UNTYPED_LINES}", breaches)


def public_definitions(source: Source) -> Iterator[tuple[str, bool]]:
    """`(place, has a docstring)` of the module and of its public classes, functions and methods.

    A name with a leading underscore is private, with everything in it; so are double-underscore methods.
    """
    yield f"{source.path}:1", ast.get_docstring(source.tree) is not None

    def walk(body: Sequence[ast.stmt]) -> Iterator[tuple[str, bool]]:
        for node in body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                yield f"{source.at(node)} {node.name}", ast.get_docstring(node) is not None
                if isinstance(node, ast.ClassDef):
                    yield from walk(node.body)

    yield from walk(source.tree.body)


def docstrings(sources: Sequence[Source]) -> Measure:
    """The share of public modules, classes, functions and methods with a docstring, in percent."""
    public = [definition for source in sources for definition in public_definitions(source)]
    missing = [f"{place} has no docstring" for place, documented in public if not documented]
    share = 100 * (1 - len(missing) / len(public)) if public else 100.0
    breaches = tuple(missing) if share < MIN_DOCSTRINGS_PERCENT else ()
    return Measure("public docstrings, %", round(share, 2), f"≥ {MIN_DOCSTRINGS_PERCENT:g}", breaches)


def comment_line_count(text: str) -> int:
    """Lines whose first character that is not blank begins a comment; `#` inside a string is not one."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(token.type == tokenize.COMMENT and token.line.lstrip().startswith("#") for token in tokens)


def comments(sources: Sequence[Source]) -> Measure:
    """The share of comment lines among all lines, in percent."""
    total = sum(len(source.lines) for source in sources)
    share = 100 * sum(comment_line_count(source.text) for source in sources) / max(1, total)
    holds = MIN_COMMENTS_PERCENT <= share <= MAX_COMMENTS_PERCENT
    limit = f"{MIN_COMMENTS_PERCENT:g} to {MAX_COMMENTS_PERCENT:g}"
    breaches = () if holds else (f"{share:.2f}% of {total} lines are comments",)
    return Measure("comment lines, %", round(share, 2), limit, breaches)


def statements(source: Source) -> Iterator[ast.AST]:
    """Every statement of a file, also inside others. Expressions, which are most of a tree, hold none."""
    waiting: list[ast.AST] = [*source.tree.body]
    while waiting:
        node = waiting.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, part, ())


def imported_modules(source: Source) -> Iterator[tuple[str, int]]:
    """`(module, line)` of every import of a file, also inside functions and under TYPE_CHECKING.

    `from a import b` gives `a.b`, since `b` may be a module; who looks it up takes the longest part that exists.
    """
    for node in statements(source):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                # One dot is the module's own package; the module of an __init__.py is already that package.
                steps = node.level - (source.path.name == "__init__.py")
                parents = source.module.split(".")
                start = ".".join([*parents[: len(parents) - steps], *([start] if start else [])])
            yield from ((f"{start}.{alias.name}", node.lineno) for alias in node.names)


def room_of(module: str, package: str) -> str | None:
    """The room of a module: the first name below the package; "" for the package itself, None outside of it."""
    if module == package:
        return ""
    return module.removeprefix(f"{package}.").split(".")[0] if module.startswith(f"{package}.") else None


def room_imports(sources: Sequence[Source], package: str) -> dict[str, dict[str, str]]:
    """For each room the rooms it imports, each with the first place that does: `{room: {room: "path:line"}}`.

    A room is a direct child folder of the package or a module directly in it; the package's own `__init__.py` is
    the room "".
    """
    graph: dict[str, dict[str, str]] = {room_of(s.module, package) or "": {} for s in sources}
    for source in sources:
        own = room_of(source.module, package) or ""
        for module, line in imported_modules(source):
            room = room_of(module, package)
            # `from package import name` takes an attribute of the package where no room has that name.
            target = room if room in graph or room is None else ""
            if target is not None and target != own:
                graph[own].setdefault(target, f"{source.path}:{line}")
    return graph


def strong_components(graph: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """The sets of rooms, two or more, that can all be reached from one another; each sorted."""
    # Some dozens of rooms: plain reachability is fast enough, and easier to check than Tarjan's algorithm.
    reachable = {room: _reachable(graph, room) for room in graph}
    components = {
        tuple(sorted(other for other in graph if other in reachable[room] and room in reachable[other]))
        for room in graph
    }
    return sorted(list(component) for component in components if len(component) > 1)


def _reachable(graph: Mapping[str, Mapping[str, str]], start: str) -> set[str]:
    """All rooms that imports lead to from `start`, which is one of them."""
    found, waiting = {start}, [start]
    while waiting:
        fresh = set(graph.get(waiting.pop(), ())) - found
        found |= fresh
        waiting += fresh
    return found


def room_circles(sources: Sequence[Source], package: str) -> list[str]:
    """One line per circle among rooms: its rooms, and every import inside it with its place."""
    graph = room_imports(sources, package)
    circles = []
    for rooms in strong_components(graph):
        inside = [
            f"{room} → {other} ({graph[room][other]})"
            for room in rooms
            for other in sorted(graph[room])
            if other in rooms
        ]
        circles.append(f"{', '.join(rooms)}: {'; '.join(inside)}")
    return circles


def measure(folder: Path) -> list[Measure]:
    """All measures of a folder of Python files."""
    sources = read_sources(folder)
    of_sources = (file_lines, function_lines_p90, function_lines, parameters, untyped_lines, docstrings, comments)
    circles = room_circles(sources, package_name(folder))
    return [*(of(sources) for of in of_sources), Measure("circles among rooms", len(circles), "0", tuple(circles))]


def as_text(measures: Sequence[Measure]) -> str:
    """The table, and the list of breaches below it."""
    width = max(len(m.name) for m in measures)
    lines = [f"{m.name:{width}}  {m.value:>8g}  {m.limit:>8}  {'broken' if m.breaches else 'holds'}" for m in measures]
    for broken in (m for m in measures if m.breaches):
        lines += ["", f"{broken.name} ({broken.limit}):", *(f"  {breach}" for breach in broken.breaches)]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the measures of a folder; 1 if a limit is broken, else 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("finecops"))
    parser.add_argument("--json", action="store_true", help="Print a JSON list of the measures.")
    chosen = parser.parse_args(arguments)
    if not any(chosen.folder.rglob("*.py")):
        parser.error(f"no Python file in {chosen.folder}")
    measures = measure(chosen.folder)
    print(json.dumps([asdict(m) for m in measures], indent=1, ensure_ascii=False) if chosen.json else as_text(measures))
    return int(any(m.breaches for m in measures))


if __name__ == "__main__":
    sys.exit(main())

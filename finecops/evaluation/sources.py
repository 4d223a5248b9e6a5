"""Who is looked at: a text that a user types, as samples and the answers of methods.

`RUN` is every method of a run, `RUN:METHOD` one of them, and `FILE` a prediction file of any program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finecops.errors import RunError, UsageError
from finecops.evaluation.cases import MethodAnswers, file_method, run_methods
from finecops.evaluation.files import read_annotations
from finecops.evaluation.reading import METHODS, RunData
from finecops.evaluation.settings import FileSettings
from finecops.exchange.formats import FORMATS, FileFormat
from finecops.exchange.read import read_answers
from finecops.names import meant, no_such
from finecops.records import Sample
from finecops.runs.folder import OUTPUTS, run_folder
from finecops.runs.manifest import RUN_JSON, StageEntry


@dataclass(frozen=True)
class Source:
    """Samples, and who answered them.

    Attributes:
        place: the run's folder or the prediction file.
        samples: what was asked, in the order of the run or of the annotations.
        methods: who answered, at least one, in the order of results; a file has one.
        named: whether the user named one method of a run.
        run: the run, for routes, targets and candidates; None of a file.
        problems: what was wrong in the files, a sentence each.
    """

    place: Path
    samples: Sequence[Sample]
    methods: tuple[MethodAnswers, ...]
    named: bool = False
    run: RunData | None = None
    problems: tuple[str, ...] = ()

    def title(self, method: MethodAnswers) -> str:
        """A method as a user types it."""
        return str(self.place) if self.run is None else f"{self.place}:{method.key}"


@dataclass(frozen=True)
class _Place:
    """A text taken apart, before anything is read."""

    path: Path
    method: str | None
    is_file: bool


def resolve(text: str, files: FileSettings | None = None) -> Source:
    """One text, `RUN`, `RUN:METHOD` or `FILE`, read.

    A method is the name of its stage (`specialist`, `crs-top5-…`), or a kind (`specialist`, `mllm`, `sfa`, `crs`) of
    which the run has one.

    Args:
        text: what the user typed. A run is a name below `outputs/` or a folder.
        files: how a prediction file is read.

    Raises:
        UsageError: the run has no such method, or `files` does not say how the file is read.
        RunError: it is neither a run nor a file, or nothing was answered yet, or a file of the run was changed.
        DataError: the prediction file or the annotations cannot be read.
    """
    return resolve_all([text], files)[0]


def resolve_all(texts: Sequence[str], files: FileSettings | None = None) -> list[Source]:
    """Several texts, in their order, each as `resolve` reads it; a run is read once.

    Without annotations a prediction file is about the samples of the first run among the texts.
    """
    files = files or FileSettings()
    # Before anything is read: a large run takes seconds.
    places = _places(texts, files)
    formats = _formats([place.path for place in places if place.is_file], files)
    runs = {place.path: RunData(place.path) for place in places if not place.is_file}
    if formats and not files.annotations and not runs:
        raise UsageError("a prediction file needs --annotations, the files that it answers (or a run beside it)")
    samples, problems = _annotations(files, runs)
    found = []
    for place in places:
        if place.is_file:
            answers = read_answers(place.path, formats[place.path], samples, files.ignore_unknown)
            about = (*problems, *answers.problems)
            found.append(Source(place.path, samples, (file_method(place.path.stem, answers),), problems=about))
        else:
            found.append(_of_run(runs[place.path], place.method))
    return found


def whole_runs(texts: Sequence[str], files: FileSettings) -> list[Path] | None:
    """The runs' folders if no text names a method or a file; None if one does.

    Raises:
        UsageError: there is no file, and `files` says how one is read.
        RunError: one is neither a run nor a file.
    """
    places = _places(texts, files)
    whole = all(place.method is None and not place.is_file for place in places)
    return [place.path for place in places] if whole else None


def _places(texts: Sequence[str], files: FileSettings) -> list[_Place]:
    places = [_place(text) for text in texts]
    if files.given and not any(place.is_file for place in places):
        said = ", ".join(texts)
        raise UsageError(f"{files.given[0]} goes with a prediction file, and there is none among {said}")
    return places


def _place(text: str) -> _Place:
    """A text taken apart. What is there wins: a folder or a file may have a colon in its name."""
    for path, method in [(text, None), *([_split(text)] if ":" in text else [])]:
        if Path(path).is_file():
            if method is not None:
                raise UsageError(f"{path} is a prediction file: it is one method, so leave out :{method}")
            return _Place(Path(path), None, is_file=True)
        if (run_folder(path) / RUN_JSON).exists():
            return _Place(run_folder(path), method, is_file=False)
    folder = run_folder(text)
    if folder.is_dir():
        raise RunError(f"{folder}/ is no run: it has no {RUN_JSON}. `finecops sfa run` makes one")
    there = [path.parent.name for path in OUTPUTS.glob(f"*/{RUN_JSON}")]
    hint = meant(text, there)
    raise RunError(f"{text}: there is no such run ({folder}/) and no such prediction file{'; ' + hint if hint else ''}")


def _split(text: str) -> tuple[str, str]:
    path, _, method = text.rpartition(":")
    return path, method


def _formats(paths: Sequence[Path], files: FileSettings) -> dict[Path, FileFormat]:
    """How each prediction file is read. An option is given once for all of the files that use it, or once for each."""
    if not paths:
        return {}
    if not files.format:
        beside = next((path for path in paths if (path.parent / RUN_JSON).is_file()), None)
        hint = f" (a method of a run is {beside.parent}:{beside.stem})" if beside is not None else ""
        raise UsageError(f"a prediction file needs --format; there are: {', '.join(FORMATS)}{hint}")
    names = _each(files.format, paths, "--format")
    texts = [path for path in paths if "box_format" in FORMATS[names[path]].options]
    scored = [path for path in paths if "score" in FORMATS[names[path]].options]
    written = _each(files.box_format, texts, "--box-format")
    scores = _each(files.score, scored, "--score")
    return {path: FileFormat(names[path], written.get(path), scores.get(path)) for path in paths}


def _each(values: Sequence[str], paths: Sequence[Path], option: str) -> Mapping[Path, str]:
    if not values:
        return {}
    if len(values) == 1 and paths:
        return dict.fromkeys(paths, values[0])
    if len(values) != len(paths):
        which = f"the {len(paths)} prediction files that use it" if paths else "no file that uses it"
        raise UsageError(f"{option} is given {len(values)} times for {which}; give it once, or once for each")
    return dict(zip(paths, values, strict=True))


def _annotations(files: FileSettings, runs: Mapping[Path, RunData]) -> tuple[Sequence[Sample], list[str]]:
    """The samples that prediction files are about."""
    if files.annotations:
        samples, problems = read_annotations(files.annotations, files.boxes)
        return list(samples), problems
    first = next(iter(runs.values()), None)
    return (first.samples if first is not None else []), []


def _of_run(run: RunData, name: str | None) -> Source:
    answering = {stage: run.stages[stage] for stage in run.answering()}
    if not answering:
        raise RunError(f"{run.folder}/ has no predictions yet: repeat the command that started it, or name another run")
    key = None if name is None else _stage(run.folder, answering, name)
    methods = run_methods(run, None if key is None else (key,))
    problems = (problem for method in methods for problem in method.answers.problems)
    return Source(run.folder, run.samples, tuple(methods), named=key is not None, run=run, problems=tuple(problems))


def method_key(source: Source, name: str) -> str:
    """The key of the method that a user calls so, in a source with all its methods.

    Raises:
        UsageError: there is none, or there are several of that kind.
    """
    if source.run is None:
        (method,) = source.methods
        if name != method.key:
            raise UsageError(f"{source.place} has no method {name!r}; there is: {method.key}")
        return name
    return _stage(source.place, {stage: source.run.stages[stage] for stage in source.run.answering()}, name)


def _stage(folder: Path, answering: Mapping[str, StageEntry], name: str) -> str:
    """The stage that a user calls so."""
    if name in answering:
        return name
    of = {stage: entry.answering.method for stage, entry in answering.items() if entry.answering is not None}
    same = [stage for stage, method in of.items() if method == name]
    if len(same) == 1:
        return same[0]
    if same:
        raise UsageError(f"{folder}/ has several methods of the kind {name}; there are: {', '.join(same)}")
    kinds = [kind for kind in METHODS if kind not in answering and list(of.values()).count(kind) == 1]
    also = f" (or in short: {', '.join(kinds)})" if kinds else ""
    raise UsageError(no_such(f"{folder}/ has no method {name!r}", name, list(answering)) + also)

"""The layouts of `finecops import`, by name, and the run that files of one layout become.

To add one, write a function from a file to a `Published` in a file of its own, and enter it here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from finecops.errors import DataError
from finecops.exchange.importing import forum, lmms_eval, ref_adv, vlmevalkit
from finecops.exchange.importing.published import ImportOptions, Published
from finecops.records import Sample
from finecops.runs.folder import OUTPUTS
from finecops.runs.imported import ImportedMethod, imported_file, write_imported_run
from finecops.text import shortly

Reader: TypeAlias = Callable[[Path, ImportOptions], Published]


@dataclass(frozen=True)
class ImportFormat:
    """A layout.

    Attributes:
        read: its reader.
        has_replies: whether it has replies, so that the box format must be named.
    """

    read: Reader
    has_replies: bool


IMPORTS: Final[dict[str, ImportFormat]] = {
    "lmms-eval": ImportFormat(lmms_eval.read, has_replies=True),
    "vlmevalkit": ImportFormat(vlmevalkit.read, has_replies=True),
    "ref-adv": ImportFormat(ref_adv.read, has_replies=False),
    "forum": ImportFormat(forum.read, has_replies=False),
}


@dataclass(frozen=True)
class ImportedRun:
    """A run that was imported.

    Attributes:
        folder: where it is.
        dataset: the benchmark's name and split.
        samples: how many.
        methods: stage → how many rows of it have which status.
        notes: what a reader of the numbers should know.
    """

    folder: Path
    dataset: tuple[str, str]
    samples: int
    methods: dict[str, dict[str, int]]
    notes: tuple[str, ...]


def import_files(format_: str, paths: Sequence[Path], out: Path | None, options: ImportOptions) -> ImportedRun:
    """Read files of one layout and one benchmark, and write a run with a method (or two) for each.

    Args:
        format_: a name in `IMPORTS`.
        paths: the files.
        out: the run's folder. None: `outputs/imported-<benchmark>-<split>`.
        options: what the files do not say.

    Raises:
        DataError: a file is of another layout, or they are not about the same samples.
        RunError: the folder is there.
    """
    read = [IMPORTS[format_].read(path, options) for path in paths]
    samples = _joined(read)
    dataset = (read[0].benchmark, read[0].split)
    files = [imported_file(one.path, format_, len(one.samples), one.sizes) for one in read]
    methods = [
        ImportedMethod(
            label=method.label,
            model=method.model,
            settings={"format": format_, "file": one.path.name, "sha256": file.sha256, **method.settings},
            rows=method.rows,
        )
        for one, file in zip(read, files)
        for method in one.methods
    ]
    folder = out or _default_folder(dataset)
    names = write_imported_run(folder, dataset, list(samples.values()), methods, files)
    counts = {name: _counts(method, len(samples)) for name, method in zip(names, methods)}
    return ImportedRun(folder, dataset, len(samples), counts, tuple(note for one in read for note in one.notes))


def _counts(method: ImportedMethod, samples: int) -> dict[str, int]:
    statuses: list[str] = [row.status for row in method.rows.values()]
    statuses += ["missing"] * (samples - len(statuses))
    return {status: statuses.count(status) for status in dict.fromkeys(statuses)}


def _default_folder(dataset: tuple[str, str]) -> Path:
    name = "-".join(dataset).replace("/", "-").strip(".") or "run"
    return OUTPUTS / f"imported-{name}"


def _joined(read: Sequence[Published]) -> dict[str, Sample]:
    """The samples of all files. A sample of several must be the same in each.

    Raises:
        DataError: it is not, or the files are of two benchmarks.
    """
    first = read[0]
    samples: dict[str, Sample] = {}
    for one in read:
        if (one.benchmark, one.split, one.sizes) != (first.benchmark, first.split, first.sizes):
            raise DataError(
                f"{one.path} is of {one.benchmark} {one.split}, {first.path} of {first.benchmark} {first.split}; a run "
                "has one benchmark: import them apart (--name NAME if it is only called differently)"
            )
        for id_, sample in one.samples.items():
            other = samples.setdefault(id_, sample)
            if other != sample:
                what = next(k for k, v in sample.model_dump().items() if v != getattr(other, k))
                raise DataError(
                    f"{one.path}: sample {id_} has another {what} than in the files before: "
                    f"{shortly(getattr(sample, what))} instead of {shortly(getattr(other, what))}"
                )
    return samples

"""`finecops data bias --refine`: the pairs that tell little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from pydantic import JsonValue

    from finecops.construction.bias.pair_files import PairFile
    from finecops.construction.bias.sources import PairSource
    from finecops.report.document import Document


def read_pairs(pairs: Sequence[Path]) -> list[PairFile]:
    """Files of pairs; what is wrong in them is printed."""
    from finecops.cli.printing import warn
    from finecops.construction.bias.pair_files import read_pair_file

    files = [read_pair_file(path) for path in pairs]
    warn([problem for file in files for problem in file.problems])
    return files


def pair_source(names: Sequence[str] | None, pairs: Sequence[Path] | None, out: Path | None) -> PairSource:
    """The pairs of the files, or of the one split that is named."""
    from finecops.construction.bias.sources import source_of_files, source_of_split
    from finecops.datasets.named import named_splits
    from finecops.errors import UsageError

    if pairs:
        source = source_of_files(read_pairs(pairs))
    else:
        splits = [split for name in names or [] for split in named_splits(name)]
        if len(splits) > 1:
            raise UsageError(f"one split is refined at a time; name one of {', '.join(map(str, splits))}")
        source = source_of_split(splits[0].load())
    if out is not None:
        source.check_out(out)
    return source


def refine_by_blind(source: PairSource, given: Mapping[str, Any], out: Path | None) -> tuple[Document, list[str]]:
    """The document, and the types whose target was not reached."""
    from finecops.construction.bias.choosing import BlindSettings
    from finecops.construction.bias.refine_blind import refine_blind
    from finecops.construction.bias.refinement_tables import blind_document
    from finecops.progress import progress

    settings = BlindSettings(**{name: value for name, value in given.items() if value is not None})
    with progress(what="refining", unit="round", leave=False) as bar:

        def show(type_: str, left: int) -> None:
            bar.set_postfix_str(f"{type_}: {left} left", refresh=False)
            bar.update()

        found = refine_blind(source.pairs, settings, show)
    _write(source, found.kept, out, {"refine": "blind", **asdict(found.settings)})
    return blind_document(source.name, found), [one.type for one in found.types if one.reason is not None]


def refine_by_scorers(
    names: Sequence[str] | None,
    pairs: Sequence[Path] | None,
    scorers: Sequence[str],
    machine: tuple[str | None, bool],
    seed: int,
    out: Path | None,
) -> Document:
    """The document; `machine` is the device and the permission for pickles."""
    from finecops.construction.bias.adversarial import refine_adversarial
    from finecops.construction.bias.named_scorers import check_scorers, load_scorers
    from finecops.construction.bias.refinement_tables import adversarial_document

    # Names and files are looked at before a model is loaded.
    checked, source = check_scorers(scorers), pair_source(names, pairs, out)
    found = refine_adversarial(source.pairs, load_scorers(checked, *machine), seed)
    _write(source, found.kept, out, {"refine": "adversarial", "scorers": list(scorers), "seed": seed})
    return adversarial_document(source.name, found)


def _write(source: PairSource, kept: Sequence[int], out: Path | None, about: dict[str, JsonValue]) -> None:
    from finecops.text import printable

    if out is not None:
        for path in source.write_kept(kept, out, about):
            typer.secho(printable(f"wrote {path}"), err=True)

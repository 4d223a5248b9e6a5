"""`finecops data bias`: what can be told of a benchmark without looking, and refinement against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from finecops.cli import options as o
from finecops.cli.data_stats import NAME_HELP
from finecops.cli.eval_options import As, AsCsv, AsJson, refuse_two_outputs

if TYPE_CHECKING:
    from pydantic import JsonValue

    from finecops.construction.bias.audit import Features
    from finecops.construction.bias.pair_files import PairFile
    from finecops.construction.bias.scorers import PairScorer
    from finecops.construction.bias.sources import PairSource
    from finecops.report.document import Document

_AUDIT, _REFINE, _MODELS = "Audit", "Refinement", "Models"
REFINEMENTS: Final = ("blind", "adversarial")
_ALWAYS: Final = ("as_", "as_json", "as_csv")
_REFINED: Final = (*_ALWAYS, "names", "pairs", "refine", "out", "seed")
MODES: Final[Mapping[str, Sequence[str]]] = {
    "an audit of a dataset": (
        *(*_ALWAYS, "names", "no_images", "scene_graphs", "candidates"),
        *("image_model", "device", "allow_pickle"),
    ),
    "an audit of --pairs": (*_ALWAYS, "pairs"),
    "--refine blind": (*_REFINED, "target", "method", "strict", "held_out"),
    "--refine adversarial": (*_REFINED, "scorer", "device", "allow_pickle"),
}
"""What the command does → the parameters that it uses."""


def bias_command(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help=f"What to look at: {NAME_HELP}.")] = None,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(
            "--pairs",
            help="A list of positive and negative texts instead of a dataset: .json, .jsonl, .csv or .tsv, with "
            "positive and negative (or caption and negative_caption), and image, id, type if it has them. Repeatable.",
            rich_help_panel=_AUDIT,
        ),
    ] = None,
    no_images: Annotated[bool, typer.Option("--no-images", help="Open no image.", rich_help_panel=_AUDIT)] = False,
    scene_graphs: Annotated[
        Path | None,
        typer.Option(
            help="Scene graphs in GQA's format: their objects are the boxes of blind guesses. "
            "Default: those in the dataset's folder, else the targets of each image.",
            rich_help_panel=_AUDIT,
        ),
    ] = None,
    candidates: Annotated[
        Path | None,
        typer.Option(help="A run's candidates.jsonl: its boxes are those of blind guesses.", rich_help_panel=_AUDIT),
    ] = None,
    image_model: Annotated[
        str | None,
        typer.Option(
            metavar="WEIGHTS",
            help="Also look at images by a vision model: a folder or Hub id of DINOv2, CLIP or the like.",
            rich_help_panel=_MODELS,
        ),
    ] = None,
    refine: Annotated[
        str | None,
        typer.Option(
            help="Keep those pairs that tell little: 'blind', against classifiers of the words; 'adversarial', as "
            "SugarCrepe, against --scorer.",
            rich_help_panel=_REFINE,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="With --refine: write what is kept: the entries of the file of pairs, or ids of samples (.json).",
            rich_help_panel=_REFINE,
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            help="With --refine blind: the largest upper end of AUROC's 95% interval, in %. Default: 58.",
            rich_help_panel=_REFINE,
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="With --refine blind: what is dropped: 'drop', the pairs told best (the default); 'cells', what "
            "balances score gaps; 'words', what balances words.",
            rich_help_panel=_REFINE,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="With --refine blind: the target holds also for classifiers that learned from the dropped pairs.",
            rich_help_panel=_REFINE,
        ),
    ] = False,
    held_out: Annotated[
        bool,
        typer.Option(
            "--held-out",
            help="With --refine blind: also measure with a half of the images that had no part in the choice; it takes "
            "twice as long.",
            rich_help_panel=_REFINE,
        ),
    ] = False,
    scorer: Annotated[
        list[str] | None,
        typer.Option(
            help="With --refine adversarial: ngram (the default) or words, which need no weights; vera:WEIGHTS, "
            "cola:WEIGHTS or causal:WEIGHTS. Repeatable.",
            rich_help_panel=_REFINE,
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="With --refine: of the draws. Default: 0.", rich_help_panel=_REFINE)
    ] = None,
    device: o.Device = None,
    allow_pickle: o.AllowPickle = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Measure what can be told of a benchmark without looking.

    Blind classifiers see the words alone, the image alone or the box alone, and say whether the target is there: 50% is
    chance. Blind guesses answer without the expression. --refine keeps the pairs that such classifiers cannot tell.
    """
    from finecops.cli.printing import print_document
    from finecops.errors import UsageError
    from finecops.report.writers import OutputSettings

    output = OutputSettings.of({"as_": as_, "as_json": as_json, "as_csv": as_csv})
    refuse_two_outputs(ctx)
    with_weights = image_model if refine is None else next((one for one in scorer or () if ":" in one), None)
    _check(ctx, names, pairs, refine, with_weights)
    if no_images and image_model is not None:
        raise UsageError("--image-model looks at images and --no-images opens none; give one of them")
    missed: list[str] = []
    if refine == "blind":
        settings = {"target": target, "method": method, "seed": seed, "strict": strict, "held_out": held_out}
        document, missed = _refine_blind(_source(names, pairs, out), settings, out)
    elif refine == "adversarial":
        from finecops.construction.bias.named_scorers import check_scorers, load_scorers

        given = check_scorers(scorer or ["ngram"])
        source = _source(names, pairs, out)
        document = _refine_adversarial(source, load_scorers(given, device, allow_pickle), seed or 0, out)
    elif pairs:
        document = _audit_of_files(pairs)
    else:
        features = {} if no_images else _image_features(image_model, device, allow_pickle)
        document = _audit_of_splits(names or [], features, scene_graphs, candidates)
    print_document(document, output.writer)
    if missed:
        raise typer.Exit(1)


def _check(
    ctx: typer.Context,
    names: Sequence[str] | None,
    pairs: Sequence[Path] | None,
    refine: str | None,
    with_weights: str | None,
) -> None:
    """Refuse what does not go together; `with_weights` names a model that is loaded."""
    from finecops.cli.eval_options import given_options, refuse_options_of_other_modes, spelled
    from finecops.errors import UsageError
    from finecops.strategies.options import require_known

    if refine is not None:
        require_known("refinement", refine, REFINEMENTS)
    if not names and not pairs:
        raise UsageError("name a dataset (`finecops data list`), or a list of texts by --pairs")
    if names and pairs:
        raise UsageError("a dataset and --pairs both say what is looked at; give one of them")
    mode = f"--refine {refine}" if refine is not None else "an audit of --pairs" if pairs else "an audit of a dataset"
    refuse_options_of_other_modes(ctx, mode, MODES)
    for name in ("device", "allow_pickle"):
        if with_weights is None and name in given_options(ctx):
            model = "--image-model" if refine is None else "a --scorer with weights"
            raise UsageError(f"{spelled(ctx, name)} is for models, and none is loaded; it goes with {model}")


def _read(pairs: Sequence[Path]) -> list[PairFile]:
    from finecops.cli.printing import warn
    from finecops.construction.bias.pair_files import read_pair_file

    files = [read_pair_file(path) for path in pairs]
    warn([problem for file in files for problem in file.problems])
    return files


def _audit_of_files(pairs: Sequence[Path]) -> Document:
    from finecops.construction.bias.audit import audit_pairs
    from finecops.construction.bias.tables import audit_document
    from finecops.progress import progress

    files = progress(_read(pairs), what="reading words", unit="file", leave=False)
    return audit_document([audit_pairs(str(file.path), file.pairs, file.singles) for file in files])


def _audit_of_splits(
    names: Sequence[str], features: Mapping[str, Features], scene_graphs: Path | None, candidates: Path | None
) -> Document:
    from finecops.cli.printing import warn
    from finecops.construction.bias.audit import audit_dataset
    from finecops.construction.bias.box_sources import find_boxes
    from finecops.construction.bias.tables import audit_document
    from finecops.datasets.named import named_splits
    from finecops.errors import UsageError
    from finecops.progress import progress

    # Every name is looked up before a file is read.
    splits = [split for name in names for split in named_splits(name)]
    if len(splits) > 1 and (scene_graphs or candidates):
        raise UsageError(f"--scene-graphs and --candidates are of one split; name one of {', '.join(map(str, splits))}")
    audits = []
    for split in splits:
        dataset = split.load()
        boxes = find_boxes(dataset, scene_graphs, candidates)
        warn(boxes.problems)

        def bar(things: Sequence[Any], unit: str, named: str = str(split)) -> Iterable[Any]:
            return progress(things, what=named, unit=unit, leave=False)

        audits.append(audit_dataset(dataset, boxes, features, bar))
    return audit_document(audits)


def _image_features(weights: str | None, device: str | None, allow_pickle: bool) -> dict[str, Features]:
    from finecops.construction.bias.image_features import image_features

    found: dict[str, Features] = {"image": image_features}
    if weights is not None:
        from finecops.construction.bias.image_embeddings import ImageEmbedder
        from finecops.models.backends import use_torch

        found["image_model"] = ImageEmbedder(weights, use_torch(device or "auto"), allow_pickle)
    return found


def _source(names: Sequence[str] | None, pairs: Sequence[Path] | None, out: Path | None) -> PairSource:
    from finecops.construction.bias.sources import source_of_files, source_of_split
    from finecops.datasets.named import named_splits
    from finecops.errors import UsageError

    if pairs:
        source = source_of_files(_read(pairs))
    else:
        splits = [split for name in names or [] for split in named_splits(name)]
        if len(splits) > 1:
            raise UsageError(f"one split is refined at a time; name one of {', '.join(map(str, splits))}")
        source = source_of_split(splits[0].load())
    if out is not None:
        source.check_out(out)
    return source


def _refine_blind(source: PairSource, given: Mapping[str, Any], out: Path | None) -> tuple[Document, list[str]]:
    """The document, and the types whose target was not reached."""
    from finecops.construction.bias.refine_blind import BlindSettings, refine_blind
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


def _refine_adversarial(source: PairSource, scorers: Sequence[PairScorer], seed: int, out: Path | None) -> Document:
    from finecops.construction.bias.adversarial import refine_adversarial
    from finecops.construction.bias.refinement_tables import adversarial_document

    found = refine_adversarial(source.pairs, scorers, seed)
    names: list[JsonValue] = [one.name for one in scorers]
    _write(source, found.kept, out, {"refine": "adversarial", "scorers": names, "seed": seed})
    return adversarial_document(source.name, found)


def _write(source: PairSource, kept: Sequence[int], out: Path | None, about: dict[str, JsonValue]) -> None:
    from finecops.text import printable

    if out is not None:
        for path in source.write_kept(kept, out, about):
            typer.secho(printable(f"wrote {path}"), err=True)

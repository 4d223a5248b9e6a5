"""`finecops data bias`: what can be learned about a benchmark without looking, and refinement against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from finecops.cli import data_bias_options as b
from finecops.cli import options as o
from finecops.cli.data_bias_refine import pair_source, read_pairs, refine_by_blind, refine_by_scorers
from finecops.cli.eval_options import As, AsCsv, AsJson, refuse_two_outputs

if TYPE_CHECKING:
    from finecops.construction.bias.audit import Features
    from finecops.report.document import Document

REFINEMENTS: Final = ("blind", "adversarial")
_ALWAYS: Final = ("as_", "as_json", "as_csv")
_REFINED: Final = (*_ALWAYS, "names", "pairs", "refine", "out", "seed")
MODES: Final[Mapping[str, Sequence[str]]] = {
    "an audit of a dataset": (
        *(*_ALWAYS, "names", "no_images", "scene_graphs", "candidates"),
        *("image_model", "device", "allow_pickle"),
    ),
    "an audit of --pairs": (*_ALWAYS, "pairs"),
    "--refine blind": (*_REFINED, "target", "reading", "method", "strict", "held_out"),
    "--refine adversarial": (*_REFINED, "scorer", "device", "allow_pickle"),
}
"""What the command does → the parameters that it uses."""


def bias_command(
    ctx: typer.Context,
    names: b.Names = None,
    pairs: b.Pairs = None,
    no_images: b.NoImages = False,
    scene_graphs: b.SceneGraphs = None,
    candidates: b.Candidates = None,
    image_model: b.ImageModel = None,
    refine: b.Refine = None,
    out: b.Out = None,
    target: b.Target = None,
    reading: b.Reading = None,
    method: b.Method = None,
    strict: b.Strict = False,
    held_out: b.HeldOut = False,
    scorer: b.Scorer = None,
    seed: b.Seed = None,
    device: o.Device = None,
    allow_pickle: o.AllowPickle = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Measure what can be learned about a benchmark without looking.

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
    if refine == "blind":
        settings: dict[str, Any] = {"target": target, "method": method, "seed": seed}
        settings |= {"strict": strict, "held_out": held_out, "readings": tuple(dict.fromkeys(reading or ())) or None}
        document, missed = refine_by_blind(pair_source(names, pairs, out), settings, out)
    elif refine == "adversarial":
        document = refine_by_scorers(names, pairs, scorer or ["ngram"], (device, allow_pickle), seed or 0, out)
    elif pairs:
        document = _audit_of_files(pairs)
    else:
        features = {} if no_images else _image_features(image_model, device, allow_pickle)
        document = _audit_of_splits(names or [], features, scene_graphs, candidates)
    print_document(document, output.writer)
    if refine == "blind" and missed:
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


def _audit_of_files(pairs: Sequence[Path]) -> Document:
    from finecops.construction.bias.audit import audit_pairs
    from finecops.construction.bias.tables import audit_document
    from finecops.progress import progress

    files = progress(read_pairs(pairs), what="reading words", unit="file", leave=False)
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

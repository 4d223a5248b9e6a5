"""`finecops export coco` and `export fiftyone`: what runs answered, for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finecops.evaluation.reading import RunData
    from finecops.evaluation.sources import Source
    from finecops.exchange.exporting.methods import ExportedMethod

RunName = Annotated[str, typer.Argument(metavar="RUN[:METHOD]", help="A run, by name or folder; or one method of it.")]
Out = Annotated[Path, typer.Option(help="The folder to write to. Only an earlier export of this format is replaced.")]


def coco_command(
    name: RunName,
    out: Out,
    check: Annotated[
        bool, typer.Option("--check", help="Read the files with pycocotools, and print its figures beside ours.")
    ] = False,
) -> None:
    """Write a run's truth and answers as COCO files.

    ground_truth.json has all samples in one space of ids (an image of COCO is an image with one expression; a negative
    is one without annotation), results/METHOD.json the boxes of each method: COCO(truth).loadRes(results).
    """
    from finecops.exchange.exporting.coco import export_coco
    from finecops.text import counted

    source, run = _named(name)
    methods = _methods(source)
    written = export_coco(out, run.samples, methods, _about(run, methods))
    typer.echo(f"{written.truth}: {counted(written.positives, 'positive')}, {counted(written.negatives, 'negative')}")
    if written.unknown:
        typer.echo(f"left out: {counted(written.unknown, 'sample')} of unknown truth")
    for method in methods:
        one = written.methods[method.name]
        without = f"; {counted(one.without_box, 'sample')} without a box" if one.without_box else ""
        rank = "; score is 1/rank, since the method has none" if method.score_kind == "rank" else ""
        typer.echo(f"{one.file}: {counted(one.boxes, 'box', 'boxes')}{without}{rank}")
    if check:
        _print_check(written.truth, methods, {m.name: written.methods[m.name].file for m in methods})


def _print_check(truth: Path, methods: list[ExportedMethod], files: dict[str, Path]) -> None:
    """Two figures of pycocotools for each method, and our precision@1 on the same positives."""
    from finecops.exchange.exporting.coco_check import coco_figures
    from finecops.exchange.exporting.methods import MISSING
    from finecops.strict_json import parse_json

    ids = {image["sample_id"]: image["id"] for image in parse_json(truth.read_bytes())["images"]}
    typer.echo("\npycocotools on these files, IoU 0.5       AR@1    AP   finecops P@1   IoU exactly 0.5")
    for method in methods:
        ious = [method.rows.get(s.id, MISSING).iou(s) for s in method.samples if s.positive]
        known = [iou for iou in ious if iou is not None]
        found = coco_figures(truth, files[method.name], [ids[s.id] for s in method.samples if s.id in ids])
        ours = 100 * sum(iou > 0.5 for iou in known) / len(known) if known else None
        if found is None:
            typer.echo(f"{method.name[:38]:38} has no box: pycocotools takes no empty list")
            continue
        ar1, ap50, p1 = ("     –" if v is None else f"{v:6.2f}" for v in (found.ar1, found.ap50, ours))
        typer.echo(f"{method.name[:38]:38} {ar1} {ap50}         {p1}   {sum(iou == 0.5 for iou in known)}")


def fiftyone_command(
    name: RunName,
    out: Out,
    images: Annotated[
        Path | None, typer.Option(help="A folder or zip file of the run's images. Default: those of its dataset.")
    ] = None,
) -> None:
    """Write a run's images, truth and answers for FiftyOne.

    Fields: expression, truth, level, tuple_type, kind, negative_type, negative_level, positive_id, ground_truth; for
    each method its boxes (METHOD), METHOD_outcome and METHOD_iou.
    """
    from finecops.errors import DataError
    from finecops.exchange.exporting.fiftyone import export_fiftyone
    from finecops.runs.folder import images_of_run
    from finecops.text import counted

    source, run = _named(name)
    methods = _methods(source)
    found = images_of_run(run.manifest, images)
    if found is None:
        raise DataError(f"{run.folder}/ does not say where its images are: --images FOLDER_OR_ZIP does")
    written = export_fiftyone(
        out, samples=run.samples, methods=methods, path_of=found.path_of, about=_about(run, methods)
    )
    typer.echo(f"{out}/: {counted(written.samples, 'sample')}, {counted(written.images, 'image')}")
    for method, field in written.fields.items():
        typer.echo(f"{method}: fields {field}, {field}_outcome, {field}_iou")
    typer.secho(f"next: fiftyone.Dataset.from_dir({str(out)!r}, dataset_type=fiftyone.types.FiftyOneDataset)", err=True)


def _named(name: str) -> tuple[Source, RunData]:
    """A run, and the methods of it that were named.

    Raises:
        UsageError: it is a prediction file, which has neither images nor the truth.
    """
    from finecops.errors import UsageError
    from finecops.evaluation.sources import resolve

    if Path(name).is_file():
        raise UsageError(f"{name} is a file; a run is meant, RUN or RUN:METHOD (`finecops import` makes runs of files)")
    source = resolve(name)
    assert source.run is not None
    return source, source.run


def _methods(source: Source) -> list[ExportedMethod]:
    """The methods as exports take them."""
    from finecops.exchange.exporting.methods import ExportedMethod

    found = []
    for method in source.methods:
        share = method.share
        asked = [s for s in source.samples if share is None or s.id in share]
        found.append(ExportedMethod(method.key, method.label, asked, method.answers))
    return found


def _about(run: RunData, methods: list[ExportedMethod]) -> dict[str, object]:
    """What `export.json` says of a run: enough to find it again, and nothing of this machine."""
    return {
        "run": run.folder.resolve().name,
        "dataset": run.manifest.dataset.model_dump(mode="json", include={"name", "split", "sha256", "samples"}),
        "files": {f"{m.name}.jsonl": run.stages[m.name].sha256 for m in methods},
    }

"""`finecops data overlap`: what two datasets share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finecops.cli.data_stats import NAME_HELP
from finecops.cli.eval_options import As, AsCsv, AsJson, refuse_two_outputs


def overlap_command(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help=f"One side, for example the training data: {NAME_HELP}.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other side, for example the test set.")],
    coco_vg: Annotated[
        Path | None,
        typer.Option(
            "--coco-vg",
            help="Visual Genome's image_data.json, which says which images of Visual Genome (and GQA) are COCO's.",
        ),
    ] = None,
    images: Annotated[bool, typer.Option("--images/--no-images", help="Also compare how the images look.")] = True,
    distance: Annotated[
        int | None,
        typer.Option(
            min=0, max=64, help="Images look the same if at most N of 64 bits of their hashes differ. Default: 4."
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="A file that keeps the hashes. Default: one per dataset in the user's folder.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List every shared image and sample.")] = False,
    as_: As = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Count the images and expressions that two datasets share.

    Was the test set in the training data? Images are compared by id (COCO 2014 and 2017 names are one; with --coco-vg
    Visual Genome's too), and by looks: a hash of the picture finds copies with another name, size or compression.
    Expressions are compared by their words, without capitals and punctuation.
    """
    from finecops.cli.printing import print_document
    from finecops.datasets.overlap import DISTANCE, overlap_of, read_coco_of, read_side
    from finecops.errors import UsageError
    from finecops.report.overlap import overlap_document
    from finecops.report.writers import OutputSettings

    output = OutputSettings.of({"as_": as_, "as_json": as_json, "as_csv": as_csv})
    refuse_two_outputs(ctx)
    if not images and (distance is not None or cache is not None):
        raise UsageError("--distance and --cache are for the looks of images, which --no-images leaves out")
    coco_of = read_coco_of(coco_vg) if coco_vg is not None else None
    first, second = (read_side(name, coco_of) for name in (a, b))
    found = overlap_of(first, second, pictures=images, distance=DISTANCE if distance is None else distance, cache=cache)
    print_document(overlap_document(found, list_), output.writer)

"""`finecops merge`: the parts of an array job as one run."""

from __future__ import annotations

from typing import Annotated

import typer


def merge_command(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run: a name below outputs/, or a folder.", show_default=False)
    ],
) -> None:
    """Join the parts of a run that were made with --shard.

    Its files then have the bytes of a run that was not divided. All parts must be done. The parts stay; they can be
    deleted.
    """
    from finecops.runs.folder import run_folder
    from finecops.runs.merging import merge_shards
    from finecops.text import counted

    folder = run_folder(run)
    for stage in merge_shards(folder):
        typer.echo(f"{folder}/{stage.name}.jsonl: {counted(stage.rows, 'row')} ({stage.failed} failed)")

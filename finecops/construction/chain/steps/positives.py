"""Stage `positives`: the chosen paths in words; beside them the graphs of their images and the statistics of all."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from finecops.construction.chain.columns import MOST_POSITIVES
from finecops.construction.chain.context import Context
from finecops.construction.chain.desk import STATISTICS
from finecops.construction.chain.graphs import GRAPHS, graph_row
from finecops.construction.chain.stage import Stage, Whole
from finecops.construction.chain.steps.paths import parsed, read_graph_entries, shown_id
from finecops.construction.chain.worlds import world_lexicon
from finecops.construction.english.realise import sample_wording
from finecops.construction.english.realise import realise
from finecops.construction.samples import PathRow, PathsRow, Phrased, PositiveRow
from finecops.construction.truth.facts import Facts
from finecops.runs.jsonl import append_rows, open_new

NAME: Final = "positives"


def stage(context: Context) -> Stage[PositiveRow]:
    """The stage of a build."""
    asked = context.settings
    settings: dict[str, JsonValue] = {
        "seed": asked.seed,
        "positives": list(asked.positives),
        "per image": asked.per_image,
    }
    make = Whole(lambda: _rows(context))
    return Stage(NAME, PositiveRow, settings, make, reads=("paths",), beside=(GRAPHS, STATISTICS))

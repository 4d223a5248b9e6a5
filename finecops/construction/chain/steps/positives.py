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
from finecops.construction.english.realise import realise, sample_wording
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


def _rows(context: Context) -> Iterator[PositiveRow]:
    """Choose paths, then read the graphs once more: for the words, the statistics, and the graphs that are kept."""
    from finecops.construction.truth.statistics import Statistics

    asked, lexicon = context.settings, world_lexicon(context.settings.words)
    chosen = _choose(context)
    statistics = Statistics()
    number = 0
    part = context.folder.path / f"{GRAPHS}.part"
    with open_new(part) as file:
        for entry in read_graph_entries(context):
            graph = parsed(entry)
            if isinstance(graph, str):
                continue
            statistics.add(graph)
            paths = chosen.pop(shown_id(entry[0]), None)
            if paths is None:
                continue
            append_rows(file, [graph_row(graph)])
            facts = Facts(graph, lexicon)
            for path in paths:
                number += 1
                rng = random.Random(f"{asked.seed}/{graph.image_id}/{number}/wording")
                said = path.said.description()
                wording = sample_wording(rng, said, lexicon)
                definite = [facts.node(node, possible=True).bit_count() == 1 for node in said.nodes]
                text = realise(said, wording, definite, lexicon)
                yield PositiveRow(
                    id=number,
                    image_id=graph.image_id,
                    said=path.said,
                    objects=path.objects,
                    level=path.level,
                    strict=path.strict,
                    template=wording.template,
                    picks=list(wording.picks),
                    definite=definite,
                    expression=Phrased(text=text.text, spans=list(text.spans)),
                )
    part.replace(context.folder.path / GRAPHS)
    statistics.write(context.folder.path / STATISTICS)


def _choose(context: Context) -> dict[str, list[PathRow]]:
    """Image → its chosen paths; the hard levels first."""
    asked = context.settings
    rows = [row for row in context.rows("paths", PathsRow) if row.status == "kept"]
    random.Random(f"{asked.seed}/positives").shuffle(rows)
    found: dict[str, list[PathRow]] = {}
    for level, quota in zip((3, 2, 1), reversed(asked.positives), strict=True):
        left = min(quota, MOST_POSITIVES)
        for row in rows:
            for path in row.paths:
                if left and path.level == level and len(found.get(row.image_id, ())) < asked.per_image:
                    found.setdefault(row.image_id, []).append(path)
                    left -= 1
    return found

"""Stage `positives`: the chosen paths in words; beside them the graphs of their images and the statistics of all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import JsonValue

from finecops.construction.chain.columns import MOST_POSITIVES
from finecops.construction.chain.context import Context
from finecops.construction.chain.desk import STATISTICS
from finecops.construction.chain.graphs import GRAPHS, graph_row
from finecops.construction.chain.outcome import plain_reason
from finecops.construction.chain.photos import Photos
from finecops.construction.chain.stage import Stage, Whole
from finecops.construction.english.realise import realise, sample_wording
from finecops.construction.graph import SceneGraph
from finecops.construction.lexicon import Lexicon
from finecops.construction.samples import PathRow, PathsRow, Phrased, PositiveRow
from finecops.construction.truth.choose import ChoiceOptions, choose_paths
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.statistics import Statistics
from finecops.construction.truth.stream import graph_entries, graphs_of
from finecops.progress import progress
from finecops.runs.jsonl import append_rows, open_new

NAME: Final = "positives"
LEFT_OUT: Final = "positives left out"
"""In a note about images in a zip file, which are opened only here."""


def stage(context: Context) -> Stage[PositiveRow]:
    """The stage of a build."""
    asked = context.settings
    settings: dict[str, JsonValue] = {
        "seed": asked.seed,
        "positives": list(asked.positives),
        "per image": asked.per_image,
        "sides": asked.sides,
    }
    notes: list[str] = []
    make = Whole(lambda: _rows(context, notes), notes=notes)
    return Stage(NAME, PositiveRow, settings, make, reads=("paths",), beside=(GRAPHS, STATISTICS))


def _rows(context: Context, notes: list[str]) -> Iterator[PositiveRow]:
    """Choose paths, then read the graphs once more: for the words, the statistics, and the graphs that are kept."""
    asked = context.settings
    chosen = _chosen(context, notes)
    wrong = Counter[str]()
    number = 0
    part = context.folder.path / f"{GRAPHS}.part"
    with open_new(part) as file:
        graphs = graphs_of(asked.scene_graphs, chosen, asked.limit)
        # The file is read once more, and only these graphs are parsed.
        for graph in progress(graphs, what=NAME, unit="image", total=len(chosen)):
            if context.photos is not None and (problem := _late_problem(graph, context.photos)) is not None:
                wrong[plain_reason(problem)] += len(chosen[graph.image_id])
                continue
            append_rows(file, [graph_row(graph)])
            for row in _worded(graph, chosen.pop(graph.image_id), number, context.desk.lexicon, asked.seed):
                number = row.id
                yield row
    part.replace(context.folder.path / GRAPHS)
    notes += [f"{count} {LEFT_OUT}: {problem}" for problem, count in wrong.most_common()]
    entries = graph_entries(asked.scene_graphs, asked.limit)
    bar = progress(entries, what="statistics", unit="image", total=context.count("paths"), leave=False)
    Statistics.of(bar, asked.workers).write(context.folder.path / STATISTICS)


def _late_problem(graph: SceneGraph, photos: Photos) -> str | None:
    """What is wrong with an image in a zip file, of which nothing but the name was looked at before."""
    photo = photos.find(graph) if photos.is_zip else None
    return None if photo is None else photos.size_problem(graph, photo)


def _chosen(context: Context, notes: list[str]) -> dict[str, list[PathRow]]:
    """Image → its chosen paths, in the order of the graphs; `notes` gets what the quotas lack."""
    asked = context.settings
    # A quota has room for ids that tell positives and negatives apart.
    quotas = {level: min(quota, MOST_POSITIVES // 3) for level, quota in enumerate(asked.positives, start=1)}
    options = ChoiceOptions(quotas=quotas, per_image=asked.per_image, sides=asked.sides, seed=asked.seed)
    rows = progress(_paths(context), what="choosing", unit="image", total=context.count("paths"), leave=False)
    choice = choose_paths(rows, context.desk.lexicon, options)
    notes[:] = [count.unmet for count in choice.levels if count.unmet is not None]
    found: dict[str, list[PathRow]] = {}
    for row, path in choice.paths(_paths(context)):
        found.setdefault(row.image_id, []).append(path)
    return found


def _paths(context: Context) -> Iterable[PathsRow]:
    return context.rows("paths", PathsRow)


def _worded(
    graph: SceneGraph, paths: Iterable[PathRow], number: int, lexicon: Lexicon, seed: int
) -> Iterator[PositiveRow]:
    """The positives of an image; ids count on from `number`."""
    # Once more, as in `paths`: rows keep what was found, not what it was found with.
    facts = Facts(graph, lexicon)
    for id_, path in enumerate(paths, start=number + 1):
        rng = random.Random(f"{seed}/{graph.image_id}/{id_}/wording")
        said = path.said.description()
        wording = sample_wording(rng, said, lexicon)
        definite = [facts.node(node, possible=True).bit_count() == 1 for node in said.nodes]
        text = realise(said, wording, definite, lexicon)
        yield PositiveRow(
            id=id_,
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

"""`forum`: predictions of FORUM (ACCV 2026), `predictions/<benchmark>/<model>.jsonl` of Neurogica/FORUM.

A file has one model and up to two methods: `greedy_box` is its first answer, `zoom_box` its answer to the region
around that box. Boxes are pixels, xyxy. Neither images nor sizes are in the file. Where there is no box, the answer
could not be parsed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from finecops.exchange.importing.published import (
    Collector,
    ImportOptions,
    Published,
    PublishedMethod,
    answer_of_box,
    read_lines,
)
from finecops.exchange.importing.ref_adv import BENCHMARK as REF_ADV
from finecops.exchange.importing.ref_adv import negation_of
from finecops.paths import name_problem
from finecops.text import clean_line

_LAYOUT: Final = "a prediction file of FORUM"
_NEEDS: Final = ("row_idx", "expression", "gt_bbox_xyxy", "greedy_box")
_FOLDERS: Final = {"refadv": (REF_ADV, "test")}
"""Folder → benchmark and split; the others are called `<benchmark>_<split>`."""
NO_GREEDY: Final = "no greedy_box: the reply had no valid box"
NO_ZOOM: Final = "no zoom_box: there was no valid greedy_box to zoom to, or the second reply had no valid box"


def read(path: Path, options: ImportOptions) -> Published:
    """Read the file. Its folder names the benchmark, its own name the model.

    Raises:
        DataError: it has another layout.
    """
    benchmark, split = _about(path, options)
    model = options.label or clean_line(path.stem)
    greedy = PublishedMethod(f"{model} greedy", model, {"field": "greedy_box"})
    zoom = PublishedMethod(f"{model} zoom", model, {"field": "zoom_box"})
    found, zoomed, sampled = Collector(), 0, 0
    for line in read_lines(path, _NEEDS, _LAYOUT):
        kind = negation_of(line) if benchmark == REF_ADV else None
        sample = found.sample(
            line,
            id=line.id("row_idx"),
            dataset=benchmark,
            split=split,
            image="",
            width=0,
            height=0,
            expression=line.text("expression"),
            truth="box",
            box=line.true_box("gt_bbox_xyxy"),
            tuple_type=kind,
        )
        greedy.rows[sample.id] = answer_of_box(sample.id, line.box("greedy_box"), NO_GREEDY)
        box = line.box("zoom_box") if "zoom_box" in line.row else None
        zoomed += box is not None
        sampled += "sample_boxes" in line.row
        zoom.rows[sample.id] = answer_of_box(sample.id, box, NO_ZOOM)
    notes = [f"{path}: sample_boxes of {sampled} rows are left out"] if sampled else []
    if not zoomed:
        return Published(path, benchmark, split, found.samples, (greedy,), "unknown", tuple(notes))
    if zoomed < len(found.samples):
        notes.append(f"{path}: {len(found.samples) - zoomed} of {len(found.samples)} rows have no zoom_box: unparsed")
    return Published(path, benchmark, split, found.samples, (greedy, zoom), "unknown", tuple(notes))


def _about(path: Path, options: ImportOptions) -> tuple[str, str]:
    folder = path.absolute().parent.name
    name, _, split = folder.rpartition("_")
    known = _FOLDERS.get(folder) or ((name, split) if name else (folder, "test"))
    benchmark = options.benchmark or known[0]
    return (benchmark, known[1]) if name_problem(benchmark) is None else ("forum", "test")

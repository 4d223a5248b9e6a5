"""Cops-Ref (CVPR 2020, github zfchenUnique/Cops-Ref): `refGQA_v0.json`, in MattNet's style, with GQA's images.

A sample is one sentence about a referent. Its `neg_img_list` names distractor images by how alike they are
(`catAndcat`, `catAndAttr`, `cat`, `random`; three each): the expression on such an image is a negative image whose type
is the list's name. Referents with `valid_flag` -1 were discarded by the authors and are left out.

The authors' text says that a `box` is [x, y, h, w], which is unusual, and nothing published settles it. So the order is
found on the data: the one in which the boxes are those of GQA's scene graphs. Without the graphs the file is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from finecops.boxes import iou_xyxy
from finecops.datasets.fields import FieldError, as_box, as_expression, as_id, as_image_path, as_object, require_fields
from finecops.datasets.gqa_graphs import GraphBoxes, graph_folders, read_gqa_boxes
from finecops.datasets.problems import Problem, replaced_characters
from finecops.datasets.source import SourceFile
from finecops.datasets.whole_files import described, parsed_file
from finecops.errors import DataError
from finecops.names import no_such
from finecops.records import Negative, Sample
from finecops.text import plain_id, shortly

log = logging.getLogger(__name__)
Order = Literal["xywh", "xyhw"]
LISTS = ("catAndcat", "catAndAttr", "cat", "random")
"""Cops-Ref's lists of distractor images, the most alike first."""
_FIELDS = ("box", "image_id", "sentences")
_COMPARED = 2000
"""Referents that the order is found on."""
_MATCH, _CLEAR, _FEWEST = 0.9, 9, 3
"""IoU of a box that is one of the graph's; how many times more of them the right order has than the other; and how many
at least."""


def read_cops_ref(source: SourceFile) -> Iterator[Sample | Problem]:
    """The samples of the source's split, each positive followed by its negatives; or a problem for an entry that is not
    valid.

    Raises:
        DataError: the file is not Cops-Ref's, has not the split, or the order of its boxes cannot be found.
    """
    raw = parsed_file(source)
    refs = raw.get("refs") if isinstance(raw, dict) else None
    if not isinstance(refs, list) or not any(isinstance(ref, dict) and "box" in ref for ref in refs[:100]):
        raise DataError(f"{source.path} is not Cops-Ref's refGQA_v0.json (key 'refs'): it is {described(raw)}")
    splits = {shortly(ref.get("split")).strip("'") for ref in refs if isinstance(ref, dict)}
    if source.split not in splits:
        raise DataError(no_such(f"{source.path} has no split {source.split!r}", source.split, sorted(splits)))
    graphs = _graphs(source.root)
    order = _order(source.path, refs, graphs)
    discarded = 0
    for number, ref in enumerate(refs, start=1):
        if not isinstance(ref, dict):
            yield Problem(source.path, f"number {number}", f"a referent that is {shortly(ref)}")
        elif ref.get("split") != source.split:
            continue
        elif plain_id(ref.get("valid_flag")) == "-1":
            discarded += 1
        else:
            entry = plain_id(ref.get("ref_id")) or f"number {number}"
            yield from _referent(source, ref, entry=entry, graphs=graphs, order=order)
    if discarded:
        log.info(
            "%s: %d referents of %s have valid_flag -1, discarded by the authors, and are left out",
            source.path.name,
            discarded,
            source.split,
        )


def _graphs(root: Path) -> dict[str, GraphBoxes]:
    graphs = read_gqa_boxes(graph_folders(root))
    if not graphs:
        raise DataError(
            f"Cops-Ref needs GQA's scene graphs, to find out whether its boxes are [x, y, w, h] or [x, y, h, w]: put "
            f"train_sceneGraphs.json and val_sceneGraphs.json (sceneGraphs.zip of GQA's download page, 43 MB) into "
            f"{root}/ or {root.parent / 'gqa'}/"
        )
    return graphs


def _order(path: Path, refs: Sequence[Any], graphs: Mapping[str, GraphBoxes]) -> Order:
    """The order of a box's numbers in which the boxes are those of GQA's graphs."""
    votes: dict[Order, int] = {"xywh": 0, "xyhw": 0}
    compared = 0
    for ref in refs:
        entry: Mapping[str, Any] = ref if isinstance(ref, dict) else {}
        graph = graphs.get(plain_id(entry.get("image_id")) or "")
        box: Any = entry.get("box")
        if graph is None or not graph.xywh or not _four(box) or box[2] == box[3]:
            continue
        compared += 1
        fits = {order: _is_in(_as_xywh(box, order), graph) for order in votes}
        if fits["xywh"] != fits["xyhw"]:
            votes["xywh" if fits["xywh"] else "xyhw"] += 1
        if compared == _COMPARED:
            break
    best: Order = "xywh" if votes["xywh"] >= votes["xyhw"] else "xyhw"
    other = votes["xyhw" if best == "xywh" else "xywh"]
    said = (
        f"of {compared} boxes that could be compared with GQA's scene graphs, {votes['xywh']} are an object's as "
        f"[x, y, w, h] and {votes['xyhw']} as [x, y, h, w]"
    )
    if votes[best] < _FEWEST or votes[best] < _CLEAR * other or 2 * votes[best] < compared:
        raise DataError(f"{path}: the order of h and w in its boxes is not clear: {said}")
    log.info("%s: %s: read as %s", path.name, said, best)
    return best


def _four(box: Any) -> bool:
    return isinstance(box, list) and len(box) == 4 and all(type(v) in (int, float) and abs(v) < 1e6 for v in box)


def _as_xywh(box: Any, order: Order) -> Any:
    # What is no list of four stays, for `as_box` to name it.
    return [box[0], box[1], box[3], box[2]] if order == "xyhw" and _four(box) else box


def _is_in(xywh: Sequence[float], graph: GraphBoxes) -> bool:
    """Whether a box is one of the graph's objects."""
    import numpy as np

    boxes = np.array(graph.xywh, dtype=float)
    boxes[:, 2:] += boxes[:, :2]
    x, y, w, h = xywh
    return w > 0 and h > 0 and bool(iou_xyxy(boxes, np.array([x, y, x + w, y + h], dtype=float)).max() >= _MATCH)


def _referent(
    source: SourceFile, ref: Mapping[str, Any], entry: str, graphs: Mapping[str, GraphBoxes], order: Order
) -> Iterator[Sample | Problem]:
    """The samples of a referent, or a problem; a sentence that is not valid does not harm the others."""
    try:
        as_object(ref, "the referent")
        require_fields(ref, _FIELDS)
        image_id = as_id(ref["image_id"], "image_id")
        image = as_image_path(f"{image_id}.jpg", source)
        image_wh = _wh(graphs, image_id)
        box = as_box(_as_xywh(ref["box"], order), image_wh)
        logic = ref.get("logic")
        if not isinstance(ref["sentences"], list) or not ref["sentences"]:
            raise FieldError(f"sentences is {shortly(ref['sentences'])}; a list of objects is meant")
        common = {"dataset": source.dataset, "split": source.split, "level": None}
        common["tuple_type"] = plain_id(logic)
    except FieldError as error:
        yield Problem(source.path, entry, str(error))
        return
    for raw in ref["sentences"]:
        try:
            sentence = as_object(raw, "a sentence")
            id_ = as_id(sentence.get("sent_id"), "sent_id")
            expression = as_expression(sentence.get("raw") or sentence.get("sent"))
        except FieldError as error:
            yield Problem(source.path, entry, str(error))
            continue
        width, height = image_wh
        yield Sample(
            id=id_, image=image, width=width, height=height, expression=expression, truth="box", box=box, **common
        )
        yield from replaced_characters(source.path, id_, [sentence])
        yield from _negatives(source, ref, positive=(id_, expression), graphs=graphs, common=common)


def _negatives(
    source: SourceFile,
    ref: Mapping[str, Any],
    positive: tuple[str, str],
    graphs: Mapping[str, GraphBoxes],
    common: Mapping[str, Any],
) -> Iterator[Sample | Problem]:
    """The expression on its distractor images: the first ones of each list."""
    lists = ref.get("neg_img_list")
    if lists is None or not source.distractors:
        return
    positive_id, expression = positive
    if not isinstance(lists, dict):
        yield Problem(source.path, positive_id, f"neg_img_list is {shortly(lists)}; an object of lists is meant")
        return
    for name in (*LISTS, *sorted(lists.keys() - set(LISTS))):
        images = lists.get(name, [])
        if not isinstance(images, list):
            yield Problem(source.path, positive_id, f"the distractors {shortly(name)} are {shortly(images)}")
            continue
        for number, raw in enumerate(images[: source.distractors], start=1):
            try:
                image_id = as_id(raw, "a distractor's image id")
                image_wh = _wh(graphs, image_id)
                yield Sample(
                    id=as_id(f"{positive_id}-{name}-{number}", "the id"),
                    image=as_image_path(f"{image_id}.jpg", source),
                    width=image_wh[0],
                    height=image_wh[1],
                    expression=expression,
                    truth="absent",
                    box=None,
                    negative=Negative(kind="image", type=plain_id(name), positive_id=positive_id),
                    **common,
                )
            except FieldError as error:
                yield Problem(source.path, f"{positive_id}-{shortly(name)}-{number}", str(error))


def _wh(graphs: Mapping[str, GraphBoxes], image_id: str) -> tuple[int, int]:
    if image_id not in graphs:
        raise FieldError(f"image {image_id} is in none of GQA's scene graphs that are here, so its size is not known")
    return graphs[image_id].image_wh

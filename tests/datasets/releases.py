"""Small releases of the benchmarks, each in the exact layout in which its authors publish it: six samples."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import load_dataset

PROJECT = Path(__file__).resolve().parents[2]
WH = (140, 120)
EXPRESSIONS = (
    "The red car on the left.",
    "a blue cup next to the plate",
    "balloon far left",
    "The tree that is behind the house.",
    "small green boat under the table",
    "the umbrella",
)
BOXES = [[10 + 7 * i, 12 + 5 * i, 30 + i, 40 - i] for i in range(6)]
"""x, y, w, h of the six targets."""
DISTRACTORS = 2
"""Images of each list of Cops-Ref that exist."""


@cache
def scenes() -> list[Path]:
    """Some of the 2,000 drawn scenes, so that the small models see something."""
    return sorted((PROJECT / "data/finecops-mini/images").iterdir())[:50]


@cache
def scene_file(number: int, wh: tuple[int, int], suffix: str) -> bytes:
    """The upper left part of a scene as a file."""
    file = io.BytesIO()
    with Image.open(scenes()[number]) as scene:
        scene.convert("RGB").crop((0, 0, *wh)).save(file, Image.registered_extensions()[suffix])
    return file.getvalue()


def picture(path: Path, wh: tuple[int, int] = WH) -> Path:
    """An image file; its format is that of its name."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(scene_file(sum(path.name.encode()) % 50, wh, path.suffix.lower()))
    return path


def write(path: Path, content: Any) -> Path:
    """A JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def dataset(name: str, root: Path, **changes: Any) -> DatasetConfig:
    """The committed configuration, with its folder somewhere else and the small models."""
    return load_dataset(name).model_copy(update={"root": root, "preset": "mini", **changes})


def yaml_of(path: Path, name: str, root: Path) -> Path:
    """A committed configuration whose folder is elsewhere."""
    text = (PROJECT / "configs/datasets" / f"{name}.yaml").read_text()
    line = next(line for line in text.splitlines() if line.startswith("root:"))
    path.write_text(text.replace(line, f"root: {root}").replace("preset: paper", "preset: mini"))
    return path


def coco_name(number: int) -> str:
    """The name of an image of COCO 2014."""
    return f"COCO_train2014_{number:012d}.jpg"


def adv_entry(number: int, **changes: Any) -> dict[str, Any]:
    """An entry of refcocog_adv_annotations.json: every value a text, the candidates JSON in JSON. The original's target
    is candidate 1, the adversarial one's candidate 2."""
    return {
        "img_file_name": coco_name(number),
        "imgID": str(number),
        "annID": str(900 + number),
        "refID": str(number),
        "raw_str": "the original expression",
        "GT_bbox_number": "1",
        "bbox_candidates_map": json.dumps({"1": [1, 1, 20, 20], "2": BOXES[number % 6], "3": [3, 3, 50, 50]}),
        "most_confused_bbox_GT_desc": EXPRESSIONS[number % 6],
        "most_confused_bbox_number": "2",
        "shuffle": "expression original the",
        "shuffle_pos": "the expression original",
        "noun": "expression",
        "adj": "original",
        "adj_noun": "",
        "noun_adj": "",
        "must_words": "original,expression",
        "assigns": [{"dropdownselect": "1"}] * 3,
        "hit_id": f"H{number}",
        "hit_type_id": "T",
        "batch_id": "7",
        "stage": "2",
        "bbox_html_dropdown": "<select></select>",
    } | changes


def ref_adv(root: Path, entries: Mapping[str, Any] | None = None) -> DatasetConfig:
    """Ref-Adv with COCO's train2014 images."""
    for number in range(6):
        picture(root / "train2014" / coco_name(number))
    content = {f"H{i}_7": adv_entry(i) for i in range(6)} if entries is None else entries
    write(root / "refcocog_adv_annotations.json", content)
    return dataset("ref-adv", root)


def easy_hard(root: Path) -> DatasetConfig:
    """The file of the unmerged pull request, with its mixed types."""
    ref_adv(root)
    boxes = {"1": [1, 1, 20, 20], "2": BOXES[3]}
    rows = [
        # adv: texts, JSON in JSON, COCO's own file name.
        {"annID": "901", "label": "adv", "gt_bbox": "2", "bboxes": json.dumps(boxes), "expression": EXPRESSIONS[3],
         "img_file_name": coco_name(1)},
        # easy and hard: numbers, an object, RefCOCOg's file name.
        {"annID": 491042, "label": "easy", "gt_bbox": 1, "bboxes": boxes, "expression": "the cat",
         "img_file_name": "COCO_train2014_000000000002_491042.jpg"},
        {"annID": 491043, "label": "hard", "gt_bbox": 2, "bboxes": boxes, "expression": "the cat there",
         "img_file_name": "COCO_train2014_000000000003_491043.jpg"},
    ]  # fmt: skip
    write(root / "adv_easy_hard_annotations.json", {"annotations": rows})
    return dataset("ref-adv", root)


def reasoning_entry(number: int, **changes: Any) -> dict[str, Any]:
    """An entry of test_expressions.json; the last two keys are not in public code, so any names will do."""
    return {
        "image_id": str(2300000 + number),
        "bbox": BOXES[number % 6],
        "expression": EXPRESSIONS[number % 6],
        "referent": "1231",
        "num_nodes": 2,
    } | changes


def ref_reasoning(root: Path, entries: Mapping[str, Any] | None = None) -> DatasetConfig:
    """Ref-Reasoning with GQA's images."""
    for number in range(6):
        picture(root / "images" / f"{2300000 + number}.jpg")
    content = {str(70 + i): reasoning_entry(i) for i in range(6)} if entries is None else entries
    write(root / "test_expressions.json", content)
    return dataset("ref-reasoning", root)


def gqa_graph(boxes: list[list[int]], wh: tuple[int, int] = WH) -> dict[str, Any]:
    """A scene graph as in the real files: relations are a list."""
    objects = {
        str(100 + i): {
            "name": "car",
            **dict(zip("xywh", box, strict=True)),
            "attributes": ["red"],
            "relations": [{"name": "near", "object": "100"}],
        }
        for i, box in enumerate(boxes)
    }
    return {"width": wh[0], "height": wh[1], "location": "street", "objects": objects}


def cops_ref_entry(number: int, order: str = "xyhw", **changes: Any) -> dict[str, Any]:
    """A referent of refGQA_v0.json."""
    x, y, w, h = BOXES[number % 6]
    distractors = {
        name: [str(5000 + k) for k in range(DISTRACTORS)] for name in ("catAndcat", "catAndAttr", "cat", "random")
    }
    return {
        "valid_flag": 1,
        "split": "test",
        "name": "car",
        "box": [x, y, h, w] if order == "xyhw" else [x, y, w, h],
        "ann_id": 100 + number,
        "image_id": str(2300000 + number),
        "logic": "and",
        "ref_id": number,
        "sentences": [
            {"tokens": EXPRESSIONS[number % 6].split(), "sent_id": 40 + number, "sent": EXPRESSIONS[number % 6]}
        ],
        "neg_img_list": distractors,
    } | changes


def cops_ref(
    root: Path, refs: list[Any] | None = None, order: str = "xyhw", graphs: bool = True, **changes: Any
) -> DatasetConfig:
    """Cops-Ref with GQA's images and scene graphs; the sixth referent is one that its authors discarded."""
    for number in range(6):
        picture(root / "images" / f"{2300000 + number}.jpg")
    for number in range(DISTRACTORS):
        picture(root / "images" / f"{5000 + number}.jpg", (100, 90))
    if refs is None:
        refs = [cops_ref_entry(i, order) for i in range(6)]
        refs[5]["valid_flag"] = -1
    others = ("images", "anns", "cat_to_ix", "word_to_ix", "label_length", "sentences", "att_to_ix", "att_to_cnt")
    write(root / "refGQA_v0.json", {"refs": refs} | {key: [] for key in others})
    if graphs:
        train = {str(2300000 + i): gqa_graph([[1, 1, 9, 9], BOXES[i]]) for i in range(6)}
        write(root / "train_sceneGraphs.json", train)
        write(root / "val_sceneGraphs.json", {str(5000 + i): gqa_graph([[1, 1, 9, 9]], (100, 90)) for i in range(9)})
    return dataset("cops-ref", root, **changes)


def mdetr(root: Path) -> DatasetConfig:
    """RefCOCO in MDETR's layout: one file per split."""
    images = [
        {"file_name": coco_name(i), "height": WH[1], "width": WH[0], "id": i, "original_id": i,
         "caption": EXPRESSIONS[i], "dataset_name": "refcoco"}
        for i in range(6)
    ]  # fmt: skip
    annotations = [
        {"area": 1.0, "iscrowd": 0, "image_id": i, "category_id": 1, "id": i, "bbox": BOXES[i],
         "tokens_positive": [[0, 3]], "original_id": i}
        for i in range(6)
    ]  # fmt: skip
    for number in range(6):
        picture(root / "train2014" / coco_name(number))
    content = {"info": "", "licenses": [], "images": images, "annotations": annotations, "categories": []}
    for split in ("val", "testA"):
        write(root / f"finetune_refcoco_{split}.json", content)
    return dataset("refcoco", root)


def refcoco_pickle(root: Path) -> DatasetConfig:
    """RefCOCO in its authors' layout."""
    refs = [
        {"ref_id": i, "ann_id": 10 + i, "image_id": i, "split": "testA", "file_name": f"COCO_train2014_{i:012d}_1.jpg",
         "sentences": [{"raw": EXPRESSIONS[i], "sent": EXPRESSIONS[i], "sent_id": i, "tokens": []}]}
        for i in range(6)
    ]  # fmt: skip
    for number in range(6):
        picture(root / "train2014" / coco_name(number))
    (root / "refs(unc).p").write_bytes(pickle.dumps(refs, 2))
    images = [{"id": i, "file_name": coco_name(i), "width": WH[0], "height": WH[1]} for i in range(6)]
    annotations = [{"id": 10 + i, "image_id": i, "bbox": BOXES[i]} for i in range(6)]
    write(root / "instances.json", {"images": images, "annotations": annotations})
    return dataset("refcoco", root)


def published_coco(name: str, file: str, folder: str) -> Callable[[Path], DatasetConfig]:
    """A benchmark as the paper's scripts read it: converted to COCO's style under its file name there."""

    def make(root: Path) -> DatasetConfig:
        images = [
            {"id": i, "file_name": coco_name(i), "width": WH[0], "height": WH[1], "caption": EXPRESSIONS[i]}
            for i in range(6)
        ]
        annotations = [{"id": i, "image_id": i, "bbox": BOXES[i], "category_id": 1} for i in range(6)]
        for number in range(6):
            picture(root / folder / coco_name(number))
        write(root / file, {"images": images, "annotations": annotations, "categories": []})
        return dataset(name, root)

    return make


RELEASES: dict[str, Callable[[Path], DatasetConfig]] = {
    "ref-adv": ref_adv,
    "ref-reasoning": ref_reasoning,
    "cops-ref": cops_ref,
    "refcoco of MDETR": mdetr,
    "refcoco of its authors": refcoco_pickle,
    "ref_adv_coco.json": published_coco("ref-adv", "ref_adv_coco.json", "train2014"),
    "ref_reasoning_coco.json": published_coco("ref-reasoning", "ref_reasoning_coco.json", "images"),
}
"""Name → a function that makes the release in a folder."""
SPLITS = {"refcoco of MDETR": "testA", "refcoco of its authors": "testA"}
"""The split that a release has, where it is not `test`."""

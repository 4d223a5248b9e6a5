"""The layouts of parquet files: which columns there are, what a row says, how boxes are written, what counts as absent.

A layout is named in a dataset's YAML file (`layout: ref-adv-s`), or is the one whose columns a file has. To add one,
write a function from a row to an `Entry` and enter it in `LAYOUTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from finecops.datasets.fields import FieldError, as_id, as_name, as_whole
from finecops.records import Negative, NegativeKind, Truth
from finecops.strict_json import parse_json
from finecops.text import shortly

Kind = Literal["id", "text", "texts", "whole", "boxes", "image", "flag"]
"""What a column holds: an id (text or whole number), a text, a list of texts, a whole number, numbers of a box, …"""
Values = Mapping[str, Any]
"""A row: column → value, without its image."""

HARD_ABSENCE = "absent_hard"
"""The type of negatives whose expression was written for the image, so that a similar object is there."""
EASY_ABSENCE = "absent_easy"
"""The type of negatives whose expression belongs to another image, so that mostly nothing similar is there."""


@dataclass(frozen=True)
class Entry:
    """What a row says."""

    id: str
    expressions: list[Any]
    """One sample each."""
    box: object
    """As the file has it; None where the target is absent or unknown."""
    truth: Truth = "box"
    level: int | None = None
    tuple_type: str | None = None
    negative: Negative | None = None


@dataclass(frozen=True)
class Layout:
    """The meaning of a file's columns."""

    name: str
    needs: Mapping[str, Kind]
    """Columns that a file must have."""
    read: Callable[[Values], Entry]
    """Raises `FieldError` for a row that cannot be used."""
    boxes: str
    """How boxes are written: a name in `finecops.datasets.conventions`."""
    box_column: str
    may_have: Mapping[str, Kind] = field(default_factory=dict)
    """Columns that are read where they are."""
    several: bool = False
    """Whether a row has several expressions; samples are then called `ID#0`, `ID#1`, …."""

    @property
    def embedded(self) -> bool:
        """Whether the images are in the file."""
        return "image" in self.needs

    @property
    def columns(self) -> dict[str, Kind]:
        """All columns that are read."""
        return {**self.needs, **self.may_have}

    @property
    def sized(self) -> bool:
        """Whether a row states the size of its image."""
        return "width" in self.needs


def _lmms_refcoco(row: Values) -> Entry:
    """lmms-eval's copies of RefCOCO, RefCOCO+ and RefCOCOg: a row is a referent, `answer` its expressions."""
    if not isinstance(row["answer"], list) or not row["answer"]:
        raise FieldError(f"answer is {shortly(row['answer'])}; a list of expressions is meant")
    return Entry(as_id(row["question_id"], "question_id"), row["answer"], one_box(row["bbox"]))


def _ref_adv_s(row: Values) -> Entry:
    """Ref-Adv-s (ICLR 2026): every expression has a box."""
    negated = row.get("use_negation")
    kind = None if negated is None else "negation" if negated else "no_negation"
    return Entry(as_id(row["row_idx"], "row_idx"), [row["normal_caption"]], one_box(row["solution"]), tuple_type=kind)


def _groundingme(row: Values) -> Entry:
    """GroundingME: the rows of its task "Rejection" have no target, whatever their `bbox` says."""
    task = as_name(row["subtask_l1"], "subtask_l1")
    entry, text, kind = as_id(row["id"], "id"), [row["description"]], task.lower()
    if task == "Rejection":
        return Entry(entry, text, None, "absent", tuple_type=kind, negative=Negative(kind="text", type=HARD_ABSENCE))
    return Entry(entry, text, one_box(row["bbox"]), tuple_type=kind)


def _ref_l4(row: Values) -> Entry:
    """Ref-L4: `image_id` says whether an image is from Objects365 or COCO, which models may have seen."""
    source = "objects365" if as_id(row["image_id"], "image_id").startswith("o365") else "coco"
    return Entry(as_id(row["id"], "id"), [row["caption"]], one_box(row["bbox"]), tuple_type=source)


def _finecops(row: Values) -> Entry:
    """What `finecops export hub` writes: a sample's own fields."""
    truth, level, type_ = row["truth"], row.get("level"), row.get("tuple_type")
    if truth not in ("box", "absent", "unknown"):
        raise FieldError(f"truth is {shortly(truth)}; box, absent or unknown is meant")
    if level is not None and level not in (1, 2, 3):
        raise FieldError(f"level is {shortly(level)}; it must be 1, 2 or 3")
    if truth != "box" and row["box"] is not None:
        raise FieldError(f"truth is {truth} and there is a box")
    return Entry(
        id=as_id(row["id"], "id"),
        expressions=[row["expression"]],
        box=one_box(row["box"]) if truth == "box" else None,
        truth=truth,
        level=level,
        tuple_type=None if type_ is None else as_name(type_, "tuple_type"),
        negative=_own_negative(row) if truth == "absent" else None,
    )


def _own_negative(row: Values) -> Negative | None:
    kind, type_, level = (row.get(f"negative_{name}") for name in ("kind", "type", "level"))
    positive = row.get("positive_id")
    if kind is None and type_ is None and level is None and positive is None:
        return None
    kinds: dict[object, NegativeKind] = {"text": "text", "image": "image"}
    if kind is not None and kind not in kinds:
        raise FieldError(f"negative_kind is {shortly(kind)}; text or image is meant")
    return Negative(
        kind=kinds.get(kind),
        type=None if type_ is None else as_name(type_, "negative_type"),
        level=as_whole(level),
        positive_id=None if positive is None else as_id(positive, "positive_id"),
    )


def one_box(value: object) -> list[Any]:
    """The one box of a row: a list of four numbers, a list of one such list, or either of them as JSON.

    Raises:
        FieldError: there is none, or there are several.
    """
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError as error:
            raise FieldError(f"the box is {shortly(value)}; four numbers are meant") from error
    if value is None or value == []:
        raise FieldError("there is no box")
    if isinstance(value, list) and isinstance(value[0], list):
        if len(value) > 1:
            raise FieldError(f"{len(value)} boxes; samples have one target")
        value = value[0]
    if not isinstance(value, list):
        raise FieldError(f"the box is {shortly(value)}; four numbers are meant")
    return value


_EMBEDDED: dict[str, Kind] = {"image": "image"}
_SIZE: dict[str, Kind] = {"width": "whole", "height": "whole"}
_LAYOUTS = (
    Layout(
        name="lmms-refcoco",
        needs={**_EMBEDDED, "question_id": "id", "answer": "texts", "bbox": "boxes", "file_name": "text"},
        read=_lmms_refcoco,
        boxes="xywh",
        box_column="bbox",
        several=True,
    ),
    Layout(
        name="ref-adv-s",
        needs={**_EMBEDDED, **_SIZE, "row_idx": "id", "normal_caption": "text", "solution": "boxes"},
        may_have={"file_name": "text", "use_negation": "flag"},
        read=_ref_adv_s,
        boxes="xyxy",
        box_column="solution",
    ),
    Layout(
        name="groundingme",
        needs={**_EMBEDDED, **_SIZE, "id": "id", "description": "text", "bbox": "boxes", "subtask_l1": "text"},
        read=_groundingme,
        boxes="xyxy",
        box_column="bbox",
    ),
    Layout(
        name="ref-l4",
        needs={**_SIZE, "id": "id", "caption": "text", "bbox": "boxes", "image_id": "id", "file_name": "text"},
        read=_ref_l4,
        boxes="xywh",
        box_column="bbox",
    ),
    Layout(
        name="finecops",
        needs={**_EMBEDDED, **_SIZE, "id": "id", "expression": "text", "truth": "text", "box": "boxes"},
        may_have={
            "file_name": "text",
            "level": "whole",
            "tuple_type": "text",
            "negative_kind": "text",
            "negative_type": "text",
            "negative_level": "whole",
            "positive_id": "id",
        },
        read=_finecops,
        boxes="xyxy",
        box_column="box",
    ),
)
LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in _LAYOUTS}
"""The layouts by name. No file has the columns of two of them."""

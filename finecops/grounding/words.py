"""An answer in words, for a terminal."""

from __future__ import annotations

from pathlib import Path

from finecops.grounding.records import GroundAnswer, Grounding
from finecops.records import Xyxy
from finecops.report.text import text_table
from finecops.text import printable


def as_text(found: Grounding) -> str:
    """An answer in some lines; with `all` a table of everybody's."""
    lines = [f"{printable(found.image)}: {printable(found.sentence)}"]
    if found.by == "all" and found.answers:
        lines.append(_table(found))
    elif found.box is not None:
        lines.append(f"  box      {box_text(found.box)}  (x1 y1 x2 y2, pixels of {found.width} x {found.height})")
        if found.score is not None:
            lines.append(f"  score    {found.score:.3f}  ({printable(found.score_kind or 'meaning not stated')})")
    else:
        lines.append(f"  {found.status:<8} {printable(found.reason or NO_BOX[found.status])}")
    if found.iou is not None and found.by != "all":
        lines.append(f"  IoU      {found.iou:.3f} with the given box")
    who = "SFA: " if found.by == "all" else ""
    lines.append(f"  why      {who}{printable(found.why)}")
    if found.picture is not None:
        lines.append(f"  picture  {printable(found.picture)}")
    return "\n".join(lines)


NO_BOX = {
    "reject": "the model says that this is not in the image",
    "unparsed": "the model's reply could not be read",
    "failed": "no answer",
    "box": "",
}


def as_line(found: Grounding) -> str:
    """An answer in one line: id, image, answer, sentence."""
    if found.box is None:
        said = f"{found.status}: {found.reason}" if found.reason else found.status
    else:
        score = f" {found.score:.2f}" if found.score is not None else ""
        iou = f", IoU {found.iou:.2f}" if found.iou is not None else ""
        said = f"[{box_text(found.box)}]{score} {found.model}{iou}"
    # The id of a folder's image begins with its name.
    name = Path(found.image).name
    id_ = found.id if found.id.startswith(name) or not found.sentence else f"{found.id} {name}"
    return printable(f"{id_}  {said}  {found.sentence}".rstrip())


def box_text(box: Xyxy) -> str:
    """Four numbers of a box, to a tenth of a pixel."""
    return " ".join(f"{value:.1f}" for value in box)


def _table(found: Grounding) -> str:
    rows = [(method, *_cells(answer)) for method, answer in found.answers.items()]
    header = ["", "box", "score", "model", *(["IoU"] if found.truth is not None else [])]
    return text_table("", header, [row[: len(header)] for row in rows], left=True)


def _cells(answer: GroundAnswer) -> tuple[str, str, str, str]:
    said = f"{answer.status}: {answer.row.reason}" if answer.row.reason else answer.status
    box = box_text(answer.box) if answer.box is not None else said
    score, iou = (f"{value:.3f}" if value is not None else "–" for value in (answer.score, answer.iou))
    return box, score, answer.model, iou

"""Tuning data in LLaMA-Factory's layouts, such as the paper's `refcoco_CRS_pos.json` and `refcoco_CRS_neg.json`.

The paper's files could not be seen; its README recommends LLaMA-Factory, whose two layouts are read: sharegpt
(`messages` of role and content, or `conversations` of from and value) and alpaca (`instruction`, `input`, `output`),
each with `images`. An entry is one question about one image and its answer. Anything else is refused with what was
found.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from finecops.datasets.whole_files import described
from finecops.errors import DataError
from finecops.images import stated_size
from finecops.paths import name_problem, safe_path
from finecops.strict_json import parse_marked_json
from finecops.text import shortly
from finecops.tuning.data import TuneRow
from finecops.tuning.exports import TuneAbout

log = logging.getLogger(__name__)
PLACEHOLDER = "<image>"
"""Where LLaMA-Factory puts the image."""
_USER, _ASSISTANT = ("user", "human"), ("assistant", "gpt")
_NAMED = 3
"""Faults that the log names; all are counted."""


class _EntryError(ValueError):
    """An entry cannot be used; the message says why."""


def is_llama_factory(path: Path) -> bool:
    """Whether a file of tuning data is not finecops' own, which has a description beside it."""
    return path.is_file() and not path.with_suffix(".about.json").is_file()


def read_llama_factory(path: Path, image_root: Path | None = None) -> tuple[list[TuneRow], TuneAbout]:
    """The rows of a file, and what is known about them. Entries that cannot be used are left out, counted and named.

    Args:
        path: a JSON list, or JSON Lines.
        image_root: the folder of the images; None: the file's own. The path of an image, absolute ones too, is looked
            up below it: as it is, then without its first folders one by one.

    Raises:
        DataError: the file has another layout, or no entry can be used.
    """
    root = image_root or path.parent
    entries = _entries(path)
    rows: list[TuneRow] = []
    faults: list[str] = []
    for number, entry in enumerate(entries, start=1):
        try:
            rows.append(_row(entry, number, root))
        except _EntryError as error:
            faults.append(f"entry {number}: {error}")
    if not rows:
        raise DataError(f"{path}: no entry can be used; {faults[0]}")
    if faults:
        named = "; ".join(faults[:_NAMED])
        log.warning("%s: %d of %d entries are left out: %s", path, len(faults), len(entries), named)
    return rows, {"dataset": path.name, "image_root": str(root)}


def _entries(path: Path) -> Sequence[Any]:
    content = path.read_bytes()
    try:
        raw = parse_marked_json(content)
    except ValueError as error:
        lines = [line for line in content.split(b"\n") if line.strip()]
        try:
            # JSON Lines; a file of one long line that is cut off is none.
            raw = [parse_marked_json(line) for line in lines] if len(lines) > 1 else None
        except ValueError:
            raw = None
        if raw is None or not all(isinstance(entry, dict) for entry in raw):
            raise DataError(f"{path} is not JSON ({len(content):,} bytes): {error}") from error
    if not isinstance(raw, list) or not any(_layout(entry) for entry in raw[:100]):
        raise DataError(
            f"{path} is not tuning data: it is {described(raw)}. Read are the rows of `finecops crs tune-data` (with "
            f"{path.with_suffix('.about.json').name} beside them), and LLaMA-Factory's layouts: a list of objects with "
            "messages or conversations (sharegpt), or with instruction and output (alpaca)"
        )
    return raw


def _layout(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return None
    if "messages" in entry or "conversations" in entry:
        return "sharegpt"
    return "alpaca" if {"instruction", "output"} <= entry.keys() else None


def _row(entry: Any, number: int, root: Path) -> TuneRow:
    layout = _layout(entry)
    if layout is None:
        raise _EntryError(f"neither sharegpt nor alpaca: {shortly(entry)}")
    prompt, answer = _messages(entry) if layout == "sharegpt" else _instruction(entry)
    if prompt.count(PLACEHOLDER) > 1 or PLACEHOLDER in answer:
        raise _EntryError("more than one place for an image")
    if PLACEHOLDER in prompt and not prompt.lstrip().startswith(PLACEHOLDER):
        raise _EntryError(f"{PLACEHOLDER} stands inside the question; finecops puts the image before it")
    prompt = prompt.replace(PLACEHOLDER, "", 1).lstrip("\n")
    if not prompt.strip() or not answer.strip():
        raise _EntryError("the question or the answer is empty")
    images = entry.get("images", entry.get("image"))
    images = [images] if isinstance(images, str) else images
    if not isinstance(images, list) or len(images) != 1:
        raise _EntryError(f"images is {shortly(images)}; one image is meant")
    image = _image_below(root, images[0])
    try:
        width, height = stated_size(root / image)
    except DataError as error:
        raise _EntryError(str(error)) from error
    id_ = str(number)
    return TuneRow(id=id_, sample_id=id_, image=image, width=width, height=height, prompt=prompt, answer=answer)


def _messages(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Question and answer of a sharegpt entry."""
    turns = entry.get("messages", entry.get("conversations"))
    if not isinstance(turns, list) or len(turns) != 2 or not all(isinstance(turn, dict) for turn in turns):
        raise _EntryError(f"messages is {shortly(turns)}; one question and its answer are meant")
    if entry.get("system"):
        raise _EntryError("a system prompt, which CRS does not send")
    for turn, roles in zip(turns, (_USER, _ASSISTANT), strict=True):
        role = turn.get("role", turn.get("from"))
        if role not in roles:
            raise _EntryError(f"a message of {shortly(role)}; {' or '.join(roles)} is meant")
    question, answer = (turn.get("content", turn.get("value")) for turn in turns)
    return _text(question, "the question"), _text(answer, "the answer")


def _instruction(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Question and answer of an alpaca entry; LLaMA-Factory joins instruction and input with a line end."""
    for key in ("history", "system"):
        if entry.get(key):
            raise _EntryError(f"a {key}, which CRS does not send")
    instruction, more = _text(entry["instruction"], "instruction"), _text(entry.get("input") or "", "input")
    return (f"{instruction}\n{more}" if more else instruction), _text(entry["output"], "output")


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise _EntryError(f"{what} is {shortly(value)}; a text is meant")
    return value


def _image_below(root: Path, name: object) -> str:
    """The image's path below the root."""
    if not isinstance(name, str) or "\0" in name:
        raise _EntryError(f"the image is {shortly(name)}; a path is meant")
    for tail in _tails(name):
        try:
            if name_problem(tail) is None and safe_path(root, tail).is_file():
                return tail
        except DataError as error:
            raise _EntryError(str(error)) from error
    raise _EntryError(f"image {shortly(name)} is not below {root}/ (--image-root names the folder of the images)")


def _tails(name: str) -> Iterator[str]:
    """A path, and the path without its first folders: `a/b/c.jpg`, `b/c.jpg`, `c.jpg`."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..")]
    yield from ("/".join(parts[start:]) for start in range(len(parts)))

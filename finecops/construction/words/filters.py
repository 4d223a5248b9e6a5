"""Which objects may be targets, beside what the graph says of them: by Inst-Inpaint's files, and by names.

The paper takes the objects that Inst-Inpaint's authors could remove from the images (III-A, "Path Generation"). Their
`train_scenes.json` and `test_scenes.json` (GQA-Inpaint, arXiv 2304.03246) are dictionaries from image id to a scene
with `objects`, a dictionary from GQA's object id to an object; `bidirected` is true for those that were removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.graph_file import read_entries
from finecops.construction.lexicon import Lexicon
from finecops.errors import DataError, UsageError
from finecops.names import meant
from finecops.paths import open_regular
from finecops.text import has_odd_characters, plain_id, shortly

MAX_SCENE_OBJECTS: Final = 5000
"""Objects of one scene. GQA's images have up to about a hundred."""
MAX_ID_CHARS: Final = 40
"""An id is not longer. GQA's have up to 10 characters."""
MAX_NAMES_BYTES: Final = 1_000_000
"""A file of names is not larger."""


@dataclass(frozen=True)
class SceneFilter:
    """Objects that scenes files mark as removable; of an image that no file has, none.

    Attributes:
        removable: image id → ids of its objects with a blank around each: a set of sets needs ten times the memory.
        scenes: how many scenes were read.
        bad: how many of them are not in the format, and count as without objects.
    """

    removable: Mapping[str, str] = field(repr=False)
    scenes: int = 0
    bad: int = 0

    def __call__(self, graph: SceneGraph, obj: SceneObject) -> bool:
        """Whether an object may be a target."""
        # With blanks around it: "12" stands in "312" too.
        return f" {obj.id} " in self.removable.get(graph.image_id, "")


@dataclass(frozen=True)
class NameFilter:
    """Objects of some names. Both are all names, not only those that were typed.

    Attributes:
        keep: only these; None: all.
        drop: not these.
    """

    keep: frozenset[str] | None = None
    drop: frozenset[str] = frozenset()

    def __call__(self, graph: SceneGraph, obj: SceneObject) -> bool:
        """Whether an object may be a target."""
        return obj.name not in self.drop and (self.keep is None or obj.name in self.keep)


@dataclass(frozen=True)
class AllFilters:
    """Objects that all of some filters let through."""

    filters: tuple[SceneFilter | NameFilter, ...]

    def __call__(self, graph: SceneGraph, obj: SceneObject) -> bool:
        """Whether an object may be a target."""
        return all(one(graph, obj) for one in self.filters)


def object_filter(
    lexicon: Lexicon, scenes: Sequence[Path] = (), keep: str | None = None, drop: str | None = None
) -> AllFilters | None:
    """The filter that a command's options ask for; None without any.

    Args:
        lexicon: knows the kinds of names.
        scenes: scenes files of Inst-Inpaint.
        keep: targets are of these names only: as `read_names`.
        drop: targets are not of these names: as `read_names`.

    Raises:
        DataError: a file is missing, damaged or empty.
        UsageError: a name is none of the lexicon's, or nothing is left.
    """
    filters: list[SceneFilter | NameFilter] = []
    if scenes:
        filters.append(read_scenes(scenes))
    if keep is not None or drop is not None:
        filters.append(
            name_filter(lexicon, None if keep is None else read_names(keep), () if drop is None else read_names(drop))
        )
    return AllFilters(tuple(filters)) if filters else None


def read_scenes(paths: Iterable[Path]) -> SceneFilter:
    """The removable objects of scenes files; the files are streamed, gzipped or not.

    A scene that is not in the format is counted; an image that two scenes have has the objects of both.

    Raises:
        DataError: a file is missing, damaged, too large, or marks no object as removable.
    """
    removable: dict[str, str] = {}
    scenes = bad = 0
    for path in paths:
        found = 0
        for image_id, scene in read_entries(path):
            scenes += 1
            ids = _removable(scene)
            if ids is None:
                bad += 1
            elif ids:
                found += len(ids)
                # The old text ends in a blank already, so that ids stay apart.
                removable[image_id] = f"{removable.get(image_id, ' ')}{' '.join(ids)} "
        if not found:
            raise DataError(
                f"{path} marks no object with bidirected: true, as Inst-Inpaint's train_scenes.json and "
                "test_scenes.json do"
            )
    return SceneFilter(removable, scenes, bad)


def _removable(scene: object) -> list[str] | None:
    """The ids of a scene's removable objects, or None if it is not in the format."""
    objects = scene.get("objects") if isinstance(scene, dict) else None
    if not isinstance(objects, dict) or len(objects) > MAX_SCENE_OBJECTS:
        return None
    ids = []
    for key, obj in objects.items():
        # Blanks separate the ids of an image: one inside an id would make two of it.
        if not isinstance(obj, dict) or plain_id(key) != key or len(key) > MAX_ID_CHARS or " " in key:
            return None
        # Anything but true is not a promise.
        if obj.get("bidirected") is True:
            ids.append(key)
    return ids


def name_filter(lexicon: Lexicon, keep: Collection[str] | None = None, drop: Collection[str] = ()) -> NameFilter:
    """A filter by names. A name stands for its synonyms and all kinds of it: `animal` for dogs and zebras.

    Raises:
        UsageError: a name is none of the lexicon's, or no name is left.
    """
    kept = None if keep is None else _all_below(lexicon, keep)
    dropped = _all_below(lexicon, drop)
    if kept is not None and not kept - dropped:
        raise UsageError("no name of objects is left: all names to be kept are among those to be dropped")
    return NameFilter(kept, dropped)


def _all_below(lexicon: Lexicon, names: Collection[str]) -> frozenset[str]:
    for name in names:
        if name not in lexicon.nouns:
            hint = meant(name, lexicon.nouns) or f"the world has {len(lexicon.nouns)} names, in the table nouns.tsv"
            raise UsageError(f"unknown name of objects {shortly(name)}; {hint}")
    return frozenset(own for own in lexicon.nouns if any(lexicon.is_a(own, name) for name in names))


def read_names(text: str) -> list[str]:
    """Names of objects: with commas between them, or the lines of a file whose name ends in .txt.

    In a file, "#" begins a comment.

    Raises:
        DataError: the file is missing, too large, or no text.
        UsageError: there is no name.
    """
    if text.endswith(".txt"):
        # No name of GQA's has a "#", so a comment may stand behind one.
        lines = [line.partition("#")[0] for line in _read_text(Path(text)).splitlines()]
    else:
        lines = text.split(",")
    names = list(dict.fromkeys(name for line in lines if (name := " ".join(line.split()))))
    if not names:
        raise UsageError(
            f"{shortly(text)} has no name of objects: words with commas between them, or lines of a .txt file"
        )
    return names


def _read_text(path: Path) -> str:
    try:
        with open_regular(path) as file:
            content = file.read(MAX_NAMES_BYTES + 1)
        # Before it is decoded: what was read may end in the middle of a character.
        if len(content) > MAX_NAMES_BYTES:
            raise DataError(f"{path} has more than {MAX_NAMES_BYTES} bytes; a file of names is far smaller")
        found = content.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"no file of names {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; it has one name of objects a line") from error
    if has_odd_characters(found):
        raise DataError(f"{path} has characters that cannot be shown; it has one name of objects a line")
    return found

"""Datasets named by Hub id (`hf:ID[:split][@revision]`) or by a folder of parquet files.

Nothing is fetched or opened here: `finecops.datasets.places` does that when the dataset is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.fields import is_plain
from finecops.errors import ConfigError, UsageError

PREFIX = "hf:"
"""What a dataset's name begins with where it is an id on the Hub."""
_NAME = re.compile(r"(?P<id>[\w.-]+/[\w.-]+)(?::(?P<split>[^@:]*))?(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_SHARD = re.compile(r"(?P<split>.+)-\d{5}-of-\d{5}")
_SPLITS = ("test", "testA", "testB", "val", "validation", "dev", "train")
"""Names of splits at the end of a file's name, and the order in which a default split is looked for."""
_DEPTHS = ("*.parquet", "*/*.parquet", "*/*/*.parquet")
"""Where a folder's files may be: beside `README.md`, in `data/`, in `CONFIGURATION/` or in `data/CONFIGURATION/`."""
_GET = "Its parquet files are called <split>-00000-of-00001.parquet or <split>.parquet, as on the Hub."


class HubName(NamedTuple):
    """A dataset on the Hub, as the command line names it."""

    id: str
    """`owner/name`."""
    split: str | None
    revision: str | None
    """A branch, a tag or a commit. None: the configuration's, else the main branch."""


def parse_hub_name(name: str) -> HubName:
    """The parts of `hf:ID[:split][@revision]`.

    >>> parse_hub_name("hf:lmms-lab/RefCOCO:testA@main")
    HubName(id='lmms-lab/RefCOCO', split='testA', revision='main')

    Raises:
        UsageError: it is written in another way.
    """
    match = _NAME.fullmatch(name.removeprefix(PREFIX))
    parts = [] if match is None else [*match["id"].split("/"), *(match["revision"] or "").split("/")]
    if match is None or ".." in parts or "." in parts or (match["split"] is not None and not is_plain(match["split"])):
        raise UsageError(f"{name[:200]!r} is no dataset on the Hub: hf:OWNER/NAME[:split][@revision] is meant")
    return HubName(match["id"], match["split"], match["revision"])


def hub_dataset(name: HubName, known: Iterable[DatasetConfig]) -> DatasetConfig:
    """The configuration for a dataset on the Hub: the known one that lists the id, else one without a layout.

    Args:
        name: the dataset.
        known: the configurations among which one may have the id in `hub`.
    """
    config = next((config for config in known if name.id.lower() in map(str.lower, config.hub)), None)
    if config is None:
        config = _parquet(name.id.replace("/", "--")[:100], Path("data") / name.id.replace("/", "--"), {})
    changed = {
        "hub": (name.id,),
        "fetch": True,
        "revision": name.revision or config.revision,
        "named_split": name.split,
    }
    return config.model_copy(update=changed)


def folder_dataset(folder: Path) -> DatasetConfig:
    """The configuration for a folder of parquet files.

    Raises:
        ConfigError: there is none in it.
    """
    try:
        # Not every folder below: somebody may name a disk by mistake.
        paths = [path for depth in _DEPTHS for path in folder.glob(depth) if path.is_file()]
        found = sorted(path.relative_to(folder).as_posix() for path in paths)
    except OSError as error:
        raise ConfigError(f"{folder}/ cannot be read: {error.strerror or error}") from error
    splits = splits_of_files(found)
    if not splits:
        raise ConfigError(f"{folder}/ is no dataset: there is no .parquet file in it. {_GET}")
    return _parquet(_plain(folder.resolve().name), folder, splits)


def splits_of_files(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Parquet files by split, from their names: `data/val-00000-of-00002.parquet`, `val.parquet`, `my-set-val.parquet`.

    A folder other than `data` stands before the name of the split, since the Hub's configurations lie in folders.

    >>> splits_of_files(["data/val-00000-of-00001.parquet", "b/test.parquet"])
    {'val': ('data/val-00000-of-00001.parquet',), 'b-test': ('b/test.parquet',)}
    """
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.suffix == ".parquet":
            folders = [part for part in path.parent.parts if part not in (".", "data")]
            found.setdefault(_plain("-".join([*folders, _split_of(path.stem)])), []).append(name)
    order = {split: number for number, split in enumerate(_SPLITS)}
    in_order = sorted(found, key=lambda split: order.get(split, len(order)))
    return {split: tuple(found[split]) for split in in_order}


def _split_of(stem: str) -> str:
    match = _SHARD.fullmatch(stem)
    if match is not None:
        return match["split"]
    last = stem.rpartition("-")[2]
    return last if last in _SPLITS else stem


def _plain(name: str) -> str:
    """A name that may be part of a file's name, as near to the given one as possible."""
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", name)[:100].lstrip("-.+")
    return plain or "parquet"


def _parquet(name: str, root: Path, splits: dict[str, tuple[str, ...]]) -> DatasetConfig:
    return DatasetConfig(
        name=_plain(name),
        root=root,
        format="parquet",
        image_folders=("images",),
        splits=splits,
        default_split=next(iter(splits), "test"),
        preset="paper",
        get=_GET,
    )

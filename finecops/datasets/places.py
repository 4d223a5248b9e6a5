"""Where the files of a split are: in the dataset's folder, or on the Hub."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import advice_on, resolve
from finecops.config.home import home
from finecops.config.hub import splits_of_files
from finecops.datasets.formats import FORMAT_OF_SUFFIX
from finecops.datasets.hub_files import HubRepository, fetch, find_repository
from finecops.datasets.parquet.table import ParquetTable
from finecops.errors import ConfigError, DataError
from finecops.names import no_such

log = logging.getLogger(__name__)
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.parquet$")


@dataclass(frozen=True)
class Place:
    """The files of a split."""

    split: str
    root: Path
    """A sample's image is a path below it."""
    files: tuple[Path, ...]
    layout: str | None = None
    """Of parquet files: the layout, from the configuration or the columns."""
    origin: str | None = None
    """Of a dataset on the Hub: its id and commit."""


def find_place(config: DatasetConfig, split: str, given: Sequence[Path] = ()) -> Place:
    """The files of a split, fetched from the Hub if the dataset is named by its id.

    Args:
        config: the dataset.
        split: the split. A repository on the Hub with one split only may call it otherwise.
        given: annotation files to use instead; all must exist.

    Raises:
        DataError: the split is unknown, a file is missing or cannot be fetched. The message says what to download and
            where to put it.
        ConfigError: parquet files have a layout that is not known.
    """
    place = _from_hub(config, split) if config.fetch and not given else _local(config, split, given)
    if config.format != "parquet" or place.files[0].suffix.lower() in FORMAT_OF_SUFFIX:
        return place
    _check_shards(place.files)
    layout = ParquetTable(place.files[0]).layout(config.layout)
    if config.layout is None:
        log.info("%s is read in the layout %s, whose columns it has", place.files[0].name, layout.name)
    root = _cache(config, place) if layout.embedded else place.root
    return Place(place.split, root, place.files, layout.name, place.origin)


def splits_here(config: DatasetConfig) -> list[str]:
    """The splits of which a file is on this machine, in the dataset's own folder."""
    root = resolve(config.root)
    return [split for split, names in config.splits.items() if _existing(root, names)]


def chosen_splits(config: DatasetConfig, asked: Sequence[str] = ()) -> list[str]:
    """The splits that a command is about: those asked for, or the one named with the dataset, or all that are here.

    Without any file, it is the default split: reading it gives the message that says what to download. A dataset on
    the Hub is read by split, since all of them may be many gigabytes.
    """
    here = [] if config.fetch else splits_here(config)
    return list(dict.fromkeys(asked)) or here or [config.named_split or config.default_split]


def check_given(annotations: Sequence[Path]) -> None:
    """
    Raises:
        DataError: one of the annotation files of the command line is not there, or is a folder.
    """
    for path in annotations:
        if path.is_dir():
            raise DataError(f"{path} is a folder: --annotations takes the annotation file in it")
        if not path.is_file():
            raise DataError(f"no such file: {path}")


def _local(config: DatasetConfig, split: str, given: Sequence[Path]) -> Place:
    root = resolve(config.root)
    if given:
        check_given(given)
        return Place(split, root, tuple(given))
    names = _names_of(config.name, config.splits, split)
    found = _existing(root, names)
    if not found:
        command = f"\n`finecops data get {config.name}` downloads it." if config.download is not None else ""
        advice = f": {advice}" if not root.is_dir() and (advice := advice_on(config.root)) else ""
        missing = f"dataset {config.name}: none of {', '.join(names)} in {root}/{advice}"
        raise DataError(f"{missing}\n{config.get.rstrip()}{command}")
    return Place(split, root, found[:1] if config.alternatives else found)


def _existing(root: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """The files that exist. In a name, `*` stands for anything: shards have numbers."""
    found: dict[Path, None] = {}
    for name in names:
        try:
            paths = sorted(root.glob(name)) if "*" in name else [root / name]
        except (ValueError, NotImplementedError) as error:
            raise ConfigError(f"{name[:80]!r} is no pattern of file names: {error}") from error
        found.update((path, None) for path in paths if path.is_file())
    return tuple(found)


def _names_of(name: str, splits: Mapping[str, Sequence[str]], split: str) -> Sequence[str]:
    if split not in splits:
        raise DataError(no_such(f"dataset {name} has no split {split!r}", split, splits))
    return splits[split]


def _from_hub(config: DatasetConfig, split: str) -> Place:
    repository = find_repository(config.hub[0], config.revision)
    splits = config.splits or splits_of_files(repository.names)
    if not config.splits and split not in splits and len(splits) == 1:
        split = next(iter(splits))
        log.info("%s has one split, %s", repository.origin, split)
    names = repository.matching(_names_of(f"hf:{repository.id}", splits, split))
    if not names:
        wanted = ", ".join(splits[split])
        raise DataError(f"{repository.origin}: none of {wanted} is there; its files: {_some(repository.names)}")
    beside = repository.matching(config.hub_files)
    folder = fetch(repository, [*names, *beside])
    files = tuple(folder / name for name in names)
    return Place(split, _image_root(config, repository, folder, beside), files, origin=repository.origin)


def _image_root(config: DatasetConfig, repository: HubRepository, folder: Path, beside: Sequence[str]) -> Path:
    """The folder of images that are not in the annotation files: fetched, unpacked, or where the user keeps them."""
    # Imported where it is needed: reading files takes no archives.
    from finecops.datasets.archives import ENDINGS, unpack_images

    archives = [name for name in beside if name.endswith(ENDINGS)]
    if archives:
        root = home() / "hub" / repository.id.replace("/", "--") / repository.commit
        for name in archives:
            unpack_images(folder / name, root / config.image_folders[0], name)
        return root
    fetched = any(name.startswith(f"{inside}/") for inside in config.image_folders for name in beside)
    return folder if fetched else resolve(config.root)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "") if names else "none"


def _check_shards(files: Sequence[Path]) -> None:
    """See whether all shards of a split are there: a part of a split would look like the whole.

    Raises:
        DataError: one is missing.
    """
    of: dict[tuple[Path, str, int], set[int]] = {}
    for path in files:
        match = _SHARD.search(path.name)
        if match is not None:
            of.setdefault((path.parent, path.name[: match.start()], int(match[2])), set()).add(int(match[1]))
    for (folder, stem, count), there in of.items():
        missing = [number for number in range(min(count, 99_999)) if number not in there]
        if missing:
            first = f"{stem}-{missing[0]:05}-of-{count:05}.parquet"
            raise DataError(f"{folder}/: {len(missing)} of {count} files of {stem} are missing, the first: {first}")


def _cache(config: DatasetConfig, place: Place) -> Path:
    """Where the images of parquet files are written to: one folder for a dataset, whatever its split and revision."""
    if place.origin is not None:
        return home() / "hub" / config.hub[0].replace("/", "--")
    # The folder's path tells two datasets of one name apart.
    checksum = hashlib.sha256(str(resolve(config.root).resolve()).encode()).hexdigest()[:12]
    return home() / "parquet" / f"{config.name}-{checksum}"

"""Where a dataset's images are: the folder or zip file that the user names, or `images.zip` in the dataset's folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import load_dataset, resolve
from finecops.config.image_places import remember_place, remembered_place
from finecops.errors import ConfigError, DataError
from finecops.paths import PathsBelow, safe_path

if TYPE_CHECKING:
    from finecops.archives.zip_images import ZipImages

log = logging.getLogger(__name__)

_LOOKED_AT = 200
LISTED = 200
"""Folders that hold more of a run's images than this are listed instead of asked image by image."""
IMAGES_ZIP = "images.zip"
"""What is read without being named, if it lies in the dataset's folder: GQA's archive under its own name."""


@dataclass(frozen=True)
class ImagePlace:
    """A folder or a zip file of images."""

    path: Path

    remembered: bool = False
    """Not named for this run: what lies in the dataset's own folders is read before it."""

    @property
    def is_zip(self) -> bool:
        """Whether it is a zip file."""
        return self.path.is_file()

    @cached_property
    def _zip(self) -> ZipImages:
        # Imported where it is needed: most datasets have their images in folders.
        from finecops.archives.zip_images import ZipImages

        return ZipImages(self.path)

    def find(self, names: tuple[str, ...]) -> Path | None:
        """The path of an image, by the first of some names that is there; None: none is.

        An image in a zip file is unpacked when it is read (`finecops.archives.zip_images`).

        Raises:
            DataError: a name is not plain, a link leads out of the folder, or the zip file is broken.
        """
        for name in names:
            if self.is_zip:
                found = self._zip.image_path(name)
            else:
                path = safe_path(self.path, name)
                found = path if path.is_file() else None
            if found is not None:
                return found
        return None


def image_place(config: DatasetConfig, given: Path | None = None) -> ImagePlace | None:
    """Where a dataset's images are, beside its own folders.

    Args:
        config: the dataset.
        given: a folder or zip file; `remember_images` keeps it for the next time.

    Raises:
        DataError: what is given is neither.
        ConfigError: the file of remembered places is broken.
    """
    if given is not None:
        return check_place(given.expanduser().absolute())
    remembered = remembered_place(place_key(config))
    if remembered is not None:
        if remembered.exists():
            log.info(
                "images that are not in the dataset's own folders: from %s (remembered; --images names another place)",
                remembered,
            )
            return ImagePlace(remembered, remembered=True)
        # Not an error: the images may be in the dataset's own folders again.
        log.warning(
            "the images of %s were in %s, which is not there now: --images says where they are", config.name, remembered
        )
    archive = resolve(config.root) / IMAGES_ZIP
    return ImagePlace(archive) if archive.is_file() else None


def place_key(config: DatasetConfig) -> str:
    """Under which name a dataset's images are remembered: a dataset of one's own may be called as another one is."""
    with suppress(ConfigError):
        if load_dataset(config.name).root == config.root:
            return config.name
    return f"{config.name} in {resolve(config.root).absolute()}"


def remember_images(config: DatasetConfig, place: ImagePlace, images: Iterable[str]) -> None:
    """Keep a place that the user names for the next time, if it holds an image of the dataset.

    Args:
        config: the dataset.
        place: the folder or zip file.
        images: paths of images below the dataset's root.

    Raises:
        DataError: none of the first images is there.
    """
    looked_at = list(dict.fromkeys(islice(images, _LOOKED_AT)))
    folders = ImageFolders(resolve(config.root), config.image_folders, place)
    for image in looked_at:
        with suppress(DataError):
            if folders.is_in_place(image):
                remember_place(place_key(config), place.path)
                return
    first = f"the first {len(looked_at)} images of {config.name}"
    raise DataError(f"--images {place.path}: none of {first} is there: {', '.join(looked_at[:3])}")


def check_place(path: Path) -> ImagePlace:
    """A folder or zip file that the user names.

    Raises:
        DataError: it is neither.
    """
    if path.is_dir():
        return ImagePlace(path)
    if not path.exists():
        raise DataError(f"--images {path}: it does not exist; a folder of images or a zip file is meant")
    if not path.is_file():
        raise DataError(f"--images {path}: it is neither a folder nor a zip file")
    from finecops.archives.zip_images import ZipImages

    # The directory is read now: a wrong file is said before anything else happens.
    ZipImages(path)
    return ImagePlace(path)


def _is_there(path: Path) -> bool:
    from finecops.archives.zip_images import is_zipped

    # What is in a zip file is unpacked when it is read.
    return is_zipped(path) or path.is_file()


def listing(folder: Path) -> tuple[set[str], set[str]]:
    """The names of all that is in a folder, and of those the links. A folder that cannot be read has nothing."""
    names: set[str] = set()
    links: set[str] = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.add(entry.name)
                if entry.is_symlink():
                    links.add(entry.name)
    except OSError:
        pass
    return names, links


class ImageFolders:
    """Where a dataset's images are looked up: in the user's place first, then in the dataset's own folders.

    A place that is only remembered comes last: it may belong to another copy of the dataset.

    Args:
        root: the dataset's folder.
        folders: folders below it, with which the path of an image may begin.
        place: the user's own folder or zip file.
    """

    def __init__(self, root: Path, folders: Sequence[str], place: ImagePlace | None = None) -> None:
        self._root, self._place = root, place
        # The longest folder first: the images' folder may itself be a link to where a cluster keeps them.
        self._folders = sorted(folders, key=len, reverse=True)
        self._found: dict[str, Path] = {}
        self._below: dict[str, PathsBelow] = {}
        self._has_own = cache(lambda folder: (root / folder).is_dir())

    def path_of(self, image: str) -> Path:
        """The path of an image file; `image` is a path below the root.

        Raises:
            DataError: the name is not plain, or a link leads out of the folder of images.
        """
        if self._place is None:
            return self._below_root(image)
        # Stages ask for the same images again and again, and a network disk is slow.
        if image not in self._found:
            self._found[image] = self._look_up(self._place, image)
        return self._found[image]

    def is_in_place(self, image: str) -> bool:
        """Whether an image is in the user's place.

        Raises:
            DataError: as `path_of`.
        """
        return self._place is not None and self._in(self._place, image) is not None

    def _in(self, place: ImagePlace, image: str) -> Path | None:
        folder = self._folder_of(image)
        name = image.removeprefix(f"{folder}/") if folder else image
        # By its name alone, and in the folders that are called as in the dataset.
        return place.find((name, *(f"{inside}/{name}" for inside in self._folders if inside != ".")))

    def _look_up(self, place: ImagePlace, image: str) -> Path:
        folder = self._folder_of(image)
        # A dataset without a folder of its own is not asked image by image.
        if place.remembered and self._has_own(folder):
            own = self._below_root(image)
            if own.is_file():
                return own
        found = self._in(place, image)
        if found is not None:
            return found
        own = self._below_root(image)
        return own if own.is_file() else place.path / (image.removeprefix(f"{folder}/") if folder else image)

    def missing(self, images: Collection[str]) -> list[str]:
        """Which of some images are not there. No file is opened; what is in a zip file is there.

        Raises:
            DataError: as `path_of`.
        """
        if self._place is not None:
            return [image for image in images if not _is_there(self.path_of(image))]
        # Of hundreds of thousands of images a network disk is asked for some folders.
        in_folder: dict[str, list[str]] = {}
        for image in images:
            in_folder.setdefault(image.rpartition("/")[0], []).append(image)
        gone: set[str] = set()
        for folder, members in in_folder.items():
            if len(members) <= LISTED:
                gone.update(image for image in members if not self.path_of(image).is_file())
            else:
                gone.update(self._not_listed(folder, members))
        return [image for image in images if image in gone]

    def _not_listed(self, folder: str, images: Sequence[str]) -> Iterator[str]:
        names, links = listing(self._root / folder)
        asked = False
        for image in images:
            name = image.rpartition("/")[2]
            # A link may lead out of the dataset's folder. So may the folder: any image that is no link shows that.
            if name in links or not asked:
                self.path_of(image)
                asked |= name not in links
            if name not in names:
                yield image

    def _below_root(self, image: str) -> Path:
        folder = self._folder_of(image)
        if folder not in self._below:
            self._below[folder] = PathsBelow(self._root / folder if folder else self._root)
        return self._below[folder](image.removeprefix(f"{folder}/") if folder else image)

    def _folder_of(self, image: str) -> str:
        """The folder of images that an image's path begins with; empty: none."""
        return next((folder for folder in self._folders if image.startswith(f"{folder}/")), "")
